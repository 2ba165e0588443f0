"""The words of one simple command of a template: which of them a program reads as code, whatever their quotes say.

`sh -c 'echo {}'` hands the value to another shell as a part of its code, and bash evaluates once more what stands in
`[[ … -eq … ]]`, in a subscript or after `let`: there no quoting helps. A word that is nothing but the placeholder is
meant as code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "fish", "su", "runuser"})
CODE = "is a part of code for {}", "Give it as an argument, as: sh -c 'echo \"$1\"' sh {}"
EVALUATED = "stands where bash evaluates it once more", "Use [ … ] or expr, which take a value as it is."

_RESERVED = frozenset(
    "if then else elif fi do done case esac while until for select in function time coproc [[ ]]".split()  # noqa: SIM905
)
_PREFIXES = _RESERVED | {"command", "builtin", "exec", "{", "}", "!"}
_ASSIGNMENT = re.compile(r"\w+(?:\[[^=]*\])?\+?=")
_SUBSCRIPT = re.compile(r"\w*\[[^=]*\]\+?=")
_SAFE_WORD = re.compile(r"[A-Za-z0-9_@%+:,./-]+").fullmatch
_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]*").fullmatch
_COMPARISONS = frozenset("-eq -ne -lt -le -gt -ge".split())  # noqa: SIM905


@dataclass(slots=True)
class Command:
    """Filled while a scanner passes over it."""

    words: list[str] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)
    """The number of the first placeholder in or behind each word."""
    start: int = -1
    first: int = 0
    redirected: bool = False
    """The next word is a file's name."""
    compares: bool = False

    @property
    def in_word(self) -> bool:
        return self.start >= 0

    def begin(self, at: int, placeholders: int) -> None:
        """A word begins, unless we are in one."""
        if not self.in_word:
            self.start, self.first = at, placeholders

    def ends(self) -> None:
        """At a `;` and its like, which in bash's `[[ … ]]` end nothing."""
        if "[[" in self.words and "]]" not in self.words:
            return
        self.words.clear()
        self.firsts.clear()
        self.redirected = self.compares = False

    def takes_bare(self, before: str, placeholder: re.Pattern[str]) -> bool:
        """Whether this word is an argument, and there is nothing suspicious in front of the placeholder."""
        if not _SAFE(placeholder.sub("", before)):
            return False
        return self.redirected or (bool(self.words) and _is_ordinary(self.words[0], placeholder))

    def end(self, raw: str, starts: Sequence[int], placeholder: re.Pattern[str]) -> list[tuple[int, tuple[str, str]]]:
        """A word ends: the numbers of the placeholders that can't be filled, and why."""
        mine = range(self.first, len(starts))
        self.start = -1
        if self.redirected:
            self.redirected = False
            return []
        before = self.words[:]
        self.words.append(raw)
        self.firsts.append(self.first)
        if self._evaluates(before, raw):
            return [(number, EVALUATED) for number in mine]
        if raw in _COMPARISONS and "[[" in before and len(self.firsts) > 1:
            self.compares = True
            return [(number, EVALUATED) for number in range(self.firsts[-2], self.first)]
        reader = _reader_of_code(before)
        if not reader or (placeholder.fullmatch(_unquoted(raw)) and before[-1] in (reader, reader.split()[-1])):
            return []
        return [(number, (CODE[0].format(reader), CODE[1])) for number in mine]

    def _evaluates(self, before: Sequence[str], raw: str) -> bool:
        if self.compares:
            self.compares = False
            return True
        name = _name(before)
        if name in ("let", "unset", "read") or _SUBSCRIPT.match(raw):
            return True
        if before[-1:] == ["-v"] and ("[[" in before or name in ("[", "test", "printf")):
            return True
        return name in ("declare", "typeset", "local") and any(re.match(r"-\w*i", word) for word in before)


def _reader_of_code(before: Sequence[str]) -> str:
    """Who reads the next word as code; empty: nobody that we know."""
    name = _name(before)
    if name in ("eval", "trap"):
        return name
    if not before or not re.fullmatch(r"-\w*c", before[-1]):
        return ""
    shells = [shell for word in before if (shell := _unquoted(word).rpartition("/")[2]) in SHELLS]
    return f"{shells[-1]} {before[-1]}" if shells else ""


def _name(words: Sequence[str]) -> str:
    """What is called: the first word that is no assignment and no word of the shell's grammar."""
    return next((_unquoted(word) for word in words if word not in _PREFIXES and not _ASSIGNMENT.match(word)), "")


def _is_ordinary(word: str, placeholder: re.Pattern[str]) -> bool:
    if placeholder.search(word) or word[:1] in "'\"":
        return True
    return bool(_SAFE_WORD(word)) and word not in _RESERVED


def _unquoted(word: str) -> str:
    return word[1:-1] if len(word) > 1 and word[0] in "'\"" and word[0] == word[-1] else word
