"""JSON that remembers where everything stands: for inputs whose mistakes must be told with line and column.

Numbers are read exactly (int or Fraction), NaN and infinities are refused, doubled keys are kept so that a
reader can tell them. Python's own scanner reads the leaves.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from pathlib import Path
from typing import TypeAlias

from shareout.errors import InputError, Place, cannot_read
from shareout.fields import dataclass

# Numbers are exact: 1e400 has 400 digits, and 1e999999999 would fill the memory.
LARGEST_EXPONENT = 400
LARGEST = int(sys.float_info.max)
SMALLEST = Fraction(math.ulp(0.0))  # The smallest number that is not shown as 0.
MOST_DIGITS = 1000
_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE]([-+]?\d+))?")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_NON_FINITE = re.compile(r"-?(?:NaN|Infinity|nan|inf)\b")

Value: TypeAlias = "bool | int | Fraction | str | list[Node] | list[tuple[Node, Node]] | None"


@dataclass(frozen=True, slots=True)
class Node:
    """One value; an object is a list of (key, value) pairs, and `is_object` tells it from an array."""

    value: Value
    at: int
    is_object: bool = False

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """Of an object, doubled keys included; of anything else none."""
        if self.is_object and isinstance(self.value, list):
            for pair in self.value:
                assert isinstance(pair, tuple)
                yield pair

    def items(self) -> list[Node]:
        """Of an array; ask `is_array` first."""
        assert isinstance(self.value, list)
        return [one for one in self.value if isinstance(one, Node)]

    @property
    def is_array(self) -> bool:
        """Objects are lists of pairs, and are none."""
        return isinstance(self.value, list) and not self.is_object

    def kind(self) -> str:
        """What was found, in a user's words."""
        if self.is_object:
            return "an object"
        names = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}
        return names.get(type(self.value), "a number")


# Python's own parser tells no places once it is done, drops doubled keys, and makes 0.1 a float, with which two
# machines could reckon two shares. So the structure is walked here; it is for files of kilobytes.
class PlacedJson:
    """A parsed text; `root` is the whole, `place` turns a node into a file:line:column."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text.removeprefix("\ufeff")
        self.root, end = self._value(self._skip(0))
        rest = self._skip(end)
        if rest < len(self.text):
            raise self._error("unexpected text after the end of the document", rest)

    def place(self, at: int) -> Place:
        """Of an offset in the text: line and column, and the line itself for the picture."""
        at = min(at, len(self.text))
        start = self.text.rfind("\n", 0, at) + 1
        end = self.text.find("\n", at)
        line = self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")
        return Place(str(self.path), self.text.count("\n", 0, at) + 1, at - start + 1, line)

    def written(self, node: Node) -> str:
        """A number as it stands in the text; what another value is, in words."""
        match = _NUMBER.match(self.text, node.at)
        return match[0] if match else node.kind()

    def end(self, node: Node) -> int:
        """Where a value ends in the text."""
        return self._value(node.at)[1]

    def mistake(self, node: Node, what: str, way_out: str = "") -> InputError:
        """Made, not raised: readers collect all of a file's."""
        return InputError(what, where=self.place(node.at), way_out=way_out)

    def _error(self, what: str, at: int) -> InputError:
        return InputError(what, where=self.place(at))

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def _value(self, at: int) -> tuple[Node, int]:
        first = self.text[at : at + 1]
        if first == "{":
            return self._object(at)
        if first == "[":
            return self._array(at)
        if first == '"':
            value, end = self._string(at)
            return Node(value, at), end
        for word, meaning in _WORDS.items():
            if self.text.startswith(word, at):
                return Node(meaning, at), at + len(word)
        return self._number(at)

    def _number(self, at: int) -> tuple[Node, int]:
        if _NON_FINITE.match(self.text, at):
            raise self._error("a number must be finite; NaN and Infinity are not JSON", at)
        match = _NUMBER.match(self.text, at)
        if match is None:
            raise self._error(f"a value is missing here: found {self._found(at)}", at)
        text = match[0]
        # Python itself refuses to read thousands of digits, and so an exponent's length is judged before its value.
        if len(text) > MOST_DIGITS:
            raise self._error(f"{text[:20]}… is a number of more than {MOST_DIGITS} digits", at)
        if match[1] and abs(int(match[1])) > LARGEST_EXPONENT:
            raise self._error(f"{text} is too large or too small a number", at)
        value: int | Fraction = Fraction(text) if match[1] or "." in text else int(text)
        if not -LARGEST <= value <= LARGEST:
            raise self._error(f"{text[:20]} is too large a number", at)
        if 0 < value < SMALLEST or -SMALLEST < value < 0:
            raise self._error(f"{text[:20]} is too small a number", at)
        return Node(value, at), match.end()

    def _string(self, at: int) -> tuple[str, int]:
        try:
            value, end = scanstring(self.text, at + 1, True)
        except JSONDecodeError as error:
            raise self._error(f"a string is broken: {error.msg.lower()}", error.pos) from None
        return str(value), int(end)

    def _array(self, at: int) -> tuple[Node, int]:
        items: list[Node] = []
        here = self._skip(at + 1)
        if self.text[here : here + 1] == "]":
            return Node(items, at), here + 1
        while True:
            item, here = self._value(here)
            items.append(item)
            here = self._skip(here)
            if self.text[here : here + 1] == "]":
                return Node(items, at), here + 1
            here = self._skip(self._expect(",", "a comma or ]", here))

    def _object(self, at: int) -> tuple[Node, int]:
        pairs: list[tuple[Node, Node]] = []
        here = self._skip(at + 1)
        if self.text[here : here + 1] == "}":
            return Node(pairs, at, True), here + 1
        while True:
            if self.text[here : here + 1] != '"':
                raise self._error(f'a key in "double quotes" is missing here: found {self._found(here)}', here)
            key, end = self._string(here)
            node = Node(key, here)
            value, here = self._value(self._skip(self._expect(":", "a colon", self._skip(end))))
            pairs.append((node, value))
            here = self._skip(here)
            if self.text[here : here + 1] == "}":
                return Node(pairs, at, True), here + 1
            here = self._skip(self._expect(",", "a comma or }", here))

    def _expect(self, sign: str, name: str, at: int) -> int:
        if self.text[at : at + 1] != sign:
            raise self._error(f"{name} is missing here: found {self._found(at)}", at)
        return at + 1

    def _found(self, at: int) -> str:
        return repr(self.text[at]) if at < len(self.text) else "the end of the file"


def read_json(path: Path) -> PlacedJson:
    """A file's document, or the refusal that says where and why."""
    try:
        return PlacedJson(path, read_text(path))
    except RecursionError:
        raise InputError("is nested too deeply", where=Place(str(path))) from None


def read_text(path: Path) -> str:
    """UTF-8 text of an input that must be text; what it is instead is told."""
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        raise InputError("is a directory, not a file", where=Place(str(path))) from None
    except OSError as error:
        raise cannot_read(path, error) from error
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        where = Place(str(path), line, column)
        raise InputError(f"is not UTF-8 text: byte 0x{content[error.start]:02x}", where=where) from None
