"""The words of one simple command of a template: which of them a program reads as code, whatever their quotes say.

`sh -c 'echo {}'` hands the value to another shell as a part of its code, and bash evaluates once more what stands in
`[[ … -eq … ]]`, in a subscript or after `let`: there no quoting helps. A word that is nothing but the placeholder is
meant as code. In doubt a word is code: who meant something else has scripts as the way out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from shareout.fields import dataclass, field
from shareout.pool.templates.called import called, code_behind, reads_its_input
from shareout.pool.templates.plain_words import UNKNOWN, VALUE, is_known, plain

Reason = tuple[str, str]

CODE = "is a part of code for {}", "Give it as an argument, as: sh -c 'echo \"$1\"' sh {}"
EVALUATED = "stands where bash evaluates it once more", "Use [ … ] or expr, which take a value as it is."
FORMAT = "stands where bash's printf may take it for its -v, and evaluate a name", "Write a format: printf '%s' {}"
SPOILT = (
    "stands in a template with {}, which makes code of other words",
    "Put the command into a script that reads $1, and write: sh script {}",
)

_RESERVED = frozenset(
    "if then else elif fi do done case esac while until for select in function time coproc [[ ]]".split()  # noqa: SIM905
)
_SUBSCRIPT = re.compile(r"\w*\[[^=]*\]\+?=")
_SAFE_WORD = re.compile(r"[A-Za-z0-9_@%+:,./-]+").fullmatch
_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]*").fullmatch
_COMPARISONS = frozenset("-eq -ne -lt -le -gt -ge".split())  # noqa: SIM905
_DECLARE = frozenset("declare typeset local export readonly".split())  # noqa: SIM905
_NAME_IS_EVALUATED = frozenset(
    "let unset read mapfile readarray getopts wait compgen complete bind fc".split()  # noqa: SIM905
)
_SPOILS = frozenset(("alias", "hash", "enable"))
# bash evaluates what these are given: as arithmetic, or as a prompt with its substitutions.
_OWN_VARIABLES = frozenset(
    "PS0 PS1 PS2 PS4 PROMPT_COMMAND BASH_ENV ENV RANDOM SECONDS OPTIND HISTCMD LINENO".split()  # noqa: SIM905
)


@dataclass(slots=True)
class Command:
    """Filled while a scanner passes over it."""

    words: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """The words without their quotes."""
    firsts: list[int] = field(default_factory=list)
    """The number of the first placeholder in or behind each word."""
    start: int = -1
    first: int = 0
    redirected: str = ""
    """The next word is a file's name, or a here-string."""
    given: list[int] = field(default_factory=list)
    """The placeholders in here-strings."""
    compares: bool = False
    spoils: Reason | None = None
    """Why no placeholder of the whole template can be filled."""

    @property
    def in_word(self) -> bool:
        """Whether a word has begun and not ended."""
        return self.start >= 0

    def begin(self, at: int, placeholders: int) -> None:
        """A word begins, unless we are in one."""
        if not self.in_word:
            self.start, self.first = at, placeholders

    def ends(self) -> None:
        """At a `;` and its like, which in bash's `[[ … ]]` end nothing."""
        if "[[" in self.words and "]]" not in self.words:
            return
        for one in (self.words, self.texts, self.firsts, self.given):
            one.clear()
        self.redirected, self.compares = "", False

    def redirects(self, operator: str, sign_before: str) -> None:
        """A number right before it is a descriptor, and no word."""
        if sign_before.isdigit() and self.words and self.words[-1].isdigit():
            for one in (self.words, self.texts, self.firsts):
                one.pop()
        self.redirected = operator

    def takes_bare(self, before: str, placeholder: re.Pattern[str]) -> bool:
        """Whether this word is an argument, and there is nothing suspicious in front of the placeholder."""
        if not _SAFE(placeholder.sub("", before)):
            return False
        return bool(self.redirected) or (bool(self.words) and _is_ordinary(self.words[0], placeholder))

    def end(self, raw: str, starts: Sequence[int], placeholder: re.Pattern[str]) -> list[tuple[int, Reason]]:
        """A word ends: the numbers of the placeholders that can't be filled, and why."""
        mine = range(self.first, len(starts))
        self.start = -1
        if self.redirected:
            return self._end_of_redirection(mine)
        words, texts = self.words[:], self.texts[:]
        text = plain(raw, placeholder)
        self.words.append(raw)
        self.texts.append(text)
        self.firsts.append(self.first)
        names = called(words, texts)
        calls = [texts[at] for at in names]
        self._look_for_spoilers(names, text)
        if raw in _COMPARISONS and "[[" in words and len(self.firsts) > 1:
            self.compares = True
            return [(number, EVALUATED) for number in range(self.firsts[-2], self.first)]
        if self._evaluates(texts, raw, text, calls, has_value=bool(mine)):
            return [(number, _evaluated_by(calls)) for number in mine]
        reader = code_behind(words, texts, raw, text) if mine else ""
        is_meant = placeholder.fullmatch(_unquoted(raw)) is not None and _is_right_behind(reader, names, texts)
        if not reader or is_meant:
            return self._given_as_code()
        return [(number, (CODE[0].format(reader), CODE[1])) for number in mine]

    def _end_of_redirection(self, mine: Iterable[int]) -> list[tuple[int, Reason]]:
        """Only a here-string is read by the command; of a file's name no program makes code."""
        if self.redirected == "<<<":
            self.given += mine
        self.redirected = ""
        return self._given_as_code()

    def _given_as_code(self) -> list[tuple[int, Reason]]:
        if not self.given:
            return []
        reader = reads_its_input(self.words, self.texts)
        return [(number, (CODE[0].format(reader), CODE[1])) for number in self.given] if reader else []

    def _look_for_spoilers(self, names: Sequence[int], text: str) -> None:
        found = _spoiling_variable(text)
        calls = [self.texts[at] for at in called(self.words, self.texts)]
        found = next((one for one in calls if one in _SPOILS), found)
        for name in (self.texts[at] for at in names):
            if _declares_evaluated(name, text):
                found = f"{name} {text}" if is_known(text) else name
        if found and self.spoils is None:
            self.spoils = SPOILT[0].format(found), SPOILT[1]

    def _evaluates(self, before: Sequence[str], raw: str, text: str, names: Sequence[str], *, has_value: bool) -> bool:
        """Whether bash evaluates this word once more, whatever its quotes say."""
        if self.compares:
            self.compares = False
            return True
        if _SUBSCRIPT.match(raw) or not _NAME_IS_EVALUATED.isdisjoint(names) or _is_asked_for(before, names):
            return True
        if not has_value:
            return _tests_two_values(before, text, names)
        if not _DECLARE.isdisjoint(names) and not is_known(text.partition("=")[0]):
            return True
        return _names_a_variable(before, text) if "printf" in names else _tests_two_values(before, text, names)


def _evaluated_by(names: Collection[str]) -> Reason:
    return FORMAT if "printf" in names else EVALUATED


def _spoiling_variable(text: str) -> str:
    """A variable of bash's own that this word gives a value; empty when it is none."""
    variable = re.split(r"\+?=|\[", text, maxsplit=1)[0]
    return variable if variable in _OWN_VARIABLES else ""


def _declares_evaluated(name: str, text: str) -> bool:
    """`declare -i` and `-n` and the like: what is given to that variable is evaluated, wherever that stands."""
    is_option = text[:1] in ("-", "+", UNKNOWN) and "=" not in text
    if name not in _DECLARE or not is_option:
        return False
    return "i" in text or ("n" in text and name != "export") or not is_known(text)


def _is_tested(names: Collection[str]) -> bool:
    return "[" in names or "test" in names


def _is_asked_for(before: Sequence[str], names: Collection[str]) -> bool:
    """Behind the `-v` of a condition: the name of a variable, and its subscript is evaluated."""
    return [*before[-1:]] == ["-v"] and ("[[" in before or _is_tested(names))


def _names_a_variable(before: Sequence[str], text: str) -> bool:
    """Behind printf: its -v, or what may be one. A format that is all a value's might be -v as well."""
    last = before[-1] if before else ""
    if last == "printf":
        return text[:1] in (VALUE, UNKNOWN, "-")
    return before[-2:-1] == ["printf"] and last[:1] in ("-", UNKNOWN) and last not in ("-", "--")


def _tests_two_values(before: Sequence[str], text: str, names: Collection[str]) -> bool:
    """The first of them might be -v."""
    return _is_tested(names) and bool(before) and VALUE in before[-1][:1] and VALUE in text[:1]


def _is_right_behind(reader: str, names: Sequence[int], texts: Sequence[str]) -> bool:
    return " -" in reader or bool(names and names[-1] == len(texts) - 1)


def _is_ordinary(word: str, placeholder: re.Pattern[str]) -> bool:
    if placeholder.search(word) or word[:1] in "'\"":
        return True
    return bool(_SAFE_WORD(word)) and word not in _RESERVED


def _unquoted(word: str) -> str:
    return word[1:-1] if len(word) > 1 and word[0] in "'\"" and word[0] == word[-1] else word
