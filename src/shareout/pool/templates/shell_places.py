"""Where the placeholders of a template stand, as a shell reads the text around them: that decides how to quote a value.

A scanner of the lexical rules that POSIX shells and bash share. Where both are sure to read alike, a placeholder is
told with its `Standing`; everywhere else (backticks, here-documents, arithmetic, `${…}`, comments, code for another
shell), and behind whatever the two may read differently, with the reason why no quoting is certain there. Pure.

A template whose quotes do not close is refused as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

from shareout.fields import dataclass, replace
from shareout.pool.templates.code_words import Command

PLACEHOLDER = re.compile(r"\{(%|#|(?:[A-Za-z_]\w*|[1-9]\d*)?(?:\.|//|/\.|/)?)\}")
# Never data, so there is nothing to quote.
NUMBERS = frozenset({"id", "#", "%"})

_VARIABLE = re.compile(r"\$(?:\w+|[@*#?$!-])")
_DOCUMENT = re.compile(r"""<<(-?)[ \t]*(?:'(\w+)'|"(\w+)"|\\?(\w+))(?![^\s;&|<>)])""")
_REST_OF_WORD = re.compile(r"(?:[A-Za-z0-9_@%+=:,./-]|\{[^{}\s]*\})*(?:[\s;|)]|$)")

BACKTICKS = "stands in backticks", "Write $(…) for the backticks."
DOCUMENT = "stands in a here-document", "Write printf '%s\\n' {} | … for the here-document."
ARITHMETIC = "stands in arithmetic, which a shell evaluates once more", "Let expr calculate: expr {} + 1"
BRACES = "stands inside ${…}", 'Give it to a variable before that: x={}; … "$x"'
BACKSLASH = "stands behind a backslash", "Leave that out: a value is quoted for its place. A real backslash is \\\\."
COMMENT = "stands in a comment", "Put it before the #."
DOLLAR = "stands right behind a $", "A real dollar sign is \\$; a variable of the shell's is ${name}."
WAY_OUT = "Put the command into a script that reads $1, and write: sh script {}"


class Standing(Enum):
    """Around a placeholder there is …"""

    BARE = auto()
    """an argument in which a value of unsuspicious signs needs no quotes"""
    OPEN = auto()
    """no quote, and something that even such a value might change"""
    SINGLE = auto()
    DOUBLE = auto()
    ANSI = auto()
    """`$'…'`"""
    NONE = auto()
    """nothing that can be trusted"""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`word` without its braces, at text[start:stop]."""

    word: str
    start: int
    stop: int
    standing: Standing
    joins: bool = False
    """A variable's name right before it would take up what comes."""
    refusal: tuple[str, str] | None = None
    """Why no value can be put here, and what to write instead."""


class Unclosed(Exception):
    """A quote that never ends."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.what = what
        self.at = at


class _Lost(Exception):
    """From here on shells may read differently, or we cannot tell."""


def placeholders_of(text: str) -> list[Placeholder]:
    """In their order. Raises Unclosed."""
    return _Scanner(text).placeholders()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: list[Placeholder] = []
        self.barred: tuple[str, str] | None = None
        """Why nothing can be filled in where we are."""
        self.spoilt: tuple[str, str] | None = None
        """Why nothing can be filled in anywhere."""
        self.documents: list[tuple[str, bool]] = []
        """Delimiters of here-documents that begin at the next newline, and whether tabs before them count."""

    def placeholders(self) -> list[Placeholder]:
        """All of the text, in order. Raises Unclosed."""
        try:
            self._code(nested=False)
        except _Lost as lost:
            self.found = [one for one in self.found if one.start < self.at]
            self.barred = f"stands behind {lost}, after which shells differ", WAY_OUT
            self._skip_to(len(self.text))
        return [self._refused(one, self.spoilt) for one in self.found] if self.spoilt else self.found

    def _code(self, *, nested: bool) -> None:
        """Text outside quotes: all of it, or up to the `)` of a `$(`."""
        command, depth = Command(), 0
        while (sign := self.text[self.at : self.at + 1]) and not (sign == ")" and nested and not depth):
            if self.text.startswith(("<(", ">("), self.at):
                command.begin(self.at, len(self.found))
                self._substitution(self.at)
            elif sign in " \t\n;&|()<>":
                self._word_ends(command, nested=nested)
                depth += {"(": 1, ")": -1}.get(sign, 0)
                self._between_words(sign, command)
            elif sign == "#" and not command.in_word:
                self._barred_to("\n", COMMENT)
            else:
                command.begin(self.at, len(self.found))
                self._piece(sign, command)
        self._word_ends(command, nested=nested)
        if nested and self.documents:
            raise _Lost("a here-document in $(…) without a line of its own")

    def _between_words(self, sign: str, command: Command) -> None:
        if sign in "<>":
            self._redirection(command)
        elif self.text.startswith("((", self.at):
            self.at += 2
            self._arithmetic(self.at - 2)
        else:
            self.at += 1
            if sign == "\n":
                self._bodies()
            if sign not in " \t":
                command.ends()

    def _redirection(self, command: Command) -> None:
        if self.text.startswith("<<", self.at) and not self.text.startswith("<<<", self.at):
            match = _DOCUMENT.match(self.text, self.at)
            if match is None:
                raise _Lost("a here-document of an unusual delimiter")
            self.documents.append((match[2] or match[3] or match[4], bool(match[1])))
            self.at = match.end()
            return
        operator = re.compile(r"<<<|[<>][<>&|]*").match(self.text, self.at)
        assert operator is not None
        # With a blank between, a number is a word.
        command.redirects(operator[0], self.text[self.at - 1 : self.at])
        self.at = operator.end()

    def _piece(self, sign: str, command: Command) -> None:
        """A sign of a word, or a quoted stretch of it."""
        start = self.at
        if sign == "\\":
            self._escape()
        elif sign == "'":
            self._single()
        elif sign == '"':
            self._double()
        elif sign == "`":
            self._backticks()
        elif sign == "$":
            self._dollar(quoted=False)
        elif not self._is_placeholder(Standing.OPEN):
            self.at += 1
        elif command.takes_bare(self.text[command.start : start], PLACEHOLDER):
            one = self.found[-1]
            if not one.joins and one.refusal is None and _REST_OF_WORD.match(self.text, one.stop):
                self.found[-1] = replace(one, standing=Standing.BARE)
        if self.documents and "\n" in self.text[start : self.at]:
            self.at = start
            raise _Lost("a here-document whose line goes on in quotes")

    def _word_ends(self, command: Command, *, nested: bool) -> None:
        if not command.in_word:
            return
        refused = command.end(self.text[command.start : self.at], [one.start for one in self.found], PLACEHOLDER)
        self.spoilt = self.spoilt or command.spoils
        if nested and command.words[-1:] == ["case"]:
            raise _Lost("a case inside $(…)")
        for number, reason in refused:
            self.found[number] = self._refused(self.found[number], reason)

    def _escape(self) -> None:
        self.at += 1
        if not self._is_placeholder(Standing.NONE, BACKSLASH):
            self.at += 1

    def _single(self) -> None:
        start = self.at
        self.at += 1
        while (sign := self._sign("this quote is never closed", start)) != "'":
            if not self._is_placeholder(Standing.SINGLE):
                self.at += len(sign)
        self.at += 1

    def _double(self) -> None:
        start = self.at
        self.at += 1
        while (sign := self._sign("this quote is never closed", start)) != '"':
            if sign == "\\":
                self._escape()
            elif sign == "`":
                self._backticks()
            elif sign == "$":
                self._dollar(quoted=True)
            elif not self._is_placeholder(Standing.DOUBLE):
                self.at += 1
        self.at += 1

    def _ansi(self) -> None:
        start = self.at
        self.at += 2
        while (sign := self._sign("this quote is never closed", start)) != "'":
            if self.text.startswith("\\'", self.at):
                raise _Lost("a \\' in $'…'")
            if sign == "\\":
                self._escape()
            elif not self._is_placeholder(Standing.ANSI):
                self.at += 1
        self.at += 1

    def _backticks(self) -> None:
        start = self.at
        self.at += 1
        with self._barring(BACKTICKS):
            while (sign := self._sign("this backtick is never closed", start)) != "`":
                if sign == "\\":
                    self._escape()
                elif not self._is_placeholder(Standing.NONE):
                    self.at += 1
        self.at += 1

    def _dollar(self, *, quoted: bool) -> None:
        start, text = self.at, self.text
        if text.startswith("$((", start):
            self.at += 3
            self._arithmetic(start)
        elif text.startswith("$(", start):
            self._substitution(start)
        elif text.startswith("$[", start):
            raise _Lost("$[…]")
        elif text.startswith("$'", start) and not quoted:
            self._ansi()
        elif text.startswith("${", start):
            self.at += 1
            if not self._is_placeholder(Standing.NONE, DOLLAR):
                self.at += 1
                self._braces(start, quoted=quoted)
        elif match := _VARIABLE.match(text, start):
            self.at = match.end()
            if self._is_placeholder(Standing.DOUBLE if quoted else Standing.OPEN):
                self.found[-1] = replace(self.found[-1], joins=True)
        else:
            self.at += 1

    def _substitution(self, start: int) -> None:
        self.at += 2
        self._code(nested=True)
        self._sign(f"this {self.text[start : self.at][:2]} is never closed", start)
        self.at += 1

    def _braces(self, start: int, *, quoted: bool) -> None:
        with self._barring(BRACES):
            while (sign := self._sign("this ${ is never closed", start)) != "}":
                if sign in "'\"" and quoted:
                    raise _Lost("quotes inside a quoted ${…}")
                if sign == "\\":
                    self._escape()
                elif sign == "'":
                    self._single()
                elif sign == '"':
                    self._double()
                elif sign == "`":
                    self._backticks()
                elif sign == "$":
                    self._dollar(quoted=quoted)
                elif not self._is_placeholder(Standing.NONE):
                    self.at += 1
        self.at += 1

    def _arithmetic(self, start: int) -> None:
        depth = 0
        with self._barring(ARITHMETIC):
            while not self.text.startswith("))", self.at) or depth:
                sign = self._sign("this (( is never closed", start)
                if sign in "'\"`\\" or (sign == ")" and not depth):
                    raise _Lost("an unusual (( … ))")
                depth += {"(": 1, ")": -1}.get(sign, 0)
                if sign == "$":
                    self._dollar(quoted=True)
                elif not self._is_placeholder(Standing.NONE):
                    self.at += 1
        self.at += 2

    def _bodies(self) -> None:
        """The here-documents that begin in this line."""
        for delimiter, tabs in self.documents:
            indent = "\t*" if tabs else ""
            match = re.compile(rf"^{indent}{delimiter}(?:\n|\Z)", re.MULTILINE).search(self.text, self.at)
            with self._barring(DOCUMENT):
                self._skip_to(match.start() if match else len(self.text))
            self.at = match.end() if match else self.at
        self.documents.clear()

    def _barred_to(self, sign: str, reason: tuple[str, str]) -> None:
        end = self.text.find(sign, self.at)
        with self._barring(reason):
            self._skip_to(end if end >= 0 else len(self.text))

    def _skip_to(self, end: int) -> None:
        while self.at < end:
            if not self._is_placeholder(Standing.NONE):
                self.at += 1

    @contextmanager
    def _barring(self, reason: tuple[str, str]) -> Iterator[None]:
        before = self.barred
        self.barred = before or reason
        yield
        self.barred = before

    def _sign(self, unclosed: str, start: int) -> str:
        if self.at >= len(self.text):
            raise Unclosed(unclosed, start)
        return self.text[self.at]

    def _is_placeholder(self, standing: Standing, refusal: tuple[str, str] | None = None) -> bool:
        """Whether one stands here; it is taken then."""
        match = PLACEHOLDER.match(self.text, self.at)
        if match is None:
            return False
        if self.text[self.at - 1 : self.at] == "$" and re.match(r"[\w#]", match[1]):
            # The shell's own.
            return False
        one = Placeholder(match[1], self.at, match.end(), standing)
        reason = self.barred or refusal
        self.found.append(self._refused(one, reason) if reason else one)
        self.at = match.end()
        return True

    def _refused(self, one: Placeholder, reason: tuple[str, str]) -> Placeholder:
        if one.word in NUMBERS and reason is not DOLLAR:
            return one
        return replace(one, standing=Standing.NONE, refusal=reason)
