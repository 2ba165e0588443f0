"""{} {1} {name} {id} → a command line. Values are quoted for the shell; what is not a placeholder stays as it is.

`{}` the whole line, `{.}` without its suffix, `{/}` its file name, `{//}` its folder, `{/.}` name without suffix,
`{1}` `{2}` its columns, `{name}` a named field, `{id}` the job. Other braces and `${name}`, as in shell code, are kept.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shareout.errors import UsageError, nearest

_PLACEHOLDER = re.compile(r"\{(|\.|/|//|/\.|(?<!\$\{)[A-Za-z_]\w*|[1-9]\d*)\}")
_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+").fullmatch


@dataclass(frozen=True, slots=True)
class Values:
    """What a template is filled from."""

    id: int
    line: str
    columns: Sequence[str]
    named: Mapping[str, str]


def quote(value: str) -> str:
    """As `shlex.quote`, which takes a byte that is not UTF-8 as well."""
    if not value:
        return "''"
    return value if _SAFE(value) else "'" + value.replace("'", "'\"'\"'") + "'"


class Template:
    """A parsed template; without any placeholder, the line is put after it."""

    def __init__(self, text: str, names: Sequence[str] | None, columns: int | None = None) -> None:
        """`names` are the fields that the pool has (None: it has no named ones); `columns` how many, when known."""
        pieces = _PLACEHOLDER.split(text)
        if len(pieces) == 1:
            pieces = [text + " ", "", ""]
        self._texts = pieces[::2]
        self.columns = max((int(word) for word in pieces[1::2] if word.isdigit()), default=0)
        """How many columns it asks of a row."""
        self._fills = [self._fill(word, text, names, columns) for word in pieces[1::2]]

    def fill(self, values: Values) -> str:
        made = [self._texts[0]]
        for fill, text in zip(self._fills, self._texts[1:], strict=True):
            made.append(fill(values))
            made.append(text)
        return "".join(made)

    def _fill(self, word: str, text: str, names: Sequence[str] | None, columns: int | None) -> Callable[[Values], str]:
        if word in _PARTS:
            part = _PARTS[word]
            return lambda values: quote(part(values.line))
        if word == "id":
            return lambda values: str(values.id)
        if word.isdigit():
            at = int(word) - 1
            if columns is not None and at >= columns:
                raise UsageError(f"the template has {{{word}}}, but a row has {columns} columns: {text}")
            return lambda values: quote(values.columns[at]) if at < len(values.columns) else "''"
        if names is None:
            raise UsageError(
                f"the template has {{{word}}}, but the jobs have no named fields: {text}",
                way_out="{} is the whole line, {1} its first column, {id} the job. "
                f"For a shell that is to see it write ${{{word}}} or {{ {word} }}.",
            )
        if word not in names:
            raise UsageError(
                f"the template has {{{word}}}, which names no field{nearest(word, list(names))}: {text}",
                way_out=(f"Fields are {', '.join(names)}; " if names else "There are no named fields; ")
                + "{} is the whole row, {1} its first column, {id} the job.",
            )
        return lambda values: quote(values.named[word])


def written(value: Any) -> str:
    """How a field of a row stands in a command line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, str | int | float):
        return str(value)
    import json

    return json.dumps(value, separators=(",", ":"))


def _stem(line: str) -> str:
    return os.path.splitext(line)[0]


_PARTS: dict[str, Callable[[str], str]] = {
    "": lambda line: line,
    ".": _stem,
    "/": os.path.basename,
    "//": lambda line: os.path.dirname(line) or ".",
    "/.": lambda line: _stem(os.path.basename(line)),
}
