"""What a simple command calls, also by way of `nice` or a variable, and which of its words that reads as code."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shareout.pool.templates.plain_words import UNKNOWN, VALUE, is_known

SHELLS = frozenset(
    "sh bash rbash dash ash ksh ksh93 mksh lksh pdksh oksh yash posh zsh fish csh tcsh nu pwsh".split()  # noqa: SIM905
)
# They take code at any place, several times, or right behind the option.
_LOOSE = frozenset("su runuser sg script flock fish".split())  # noqa: SIM905
_EVAL = frozenset(("eval", "trap"))
_SOURCE = frozenset((".", "source"))

_OPENING = frozenset("if then else elif do while until in time coproc { } ! fi done esac".split())  # noqa: SIM905
_PREFIXES = _OPENING | frozenset("command builtin exec for select function case".split())  # noqa: SIM905
_WRAPPERS = frozenset(
    """
    command builtin exec time env nohup nice sudo doas timeout setsid stdbuf ionice chrt taskset numactl xargs chroot
    unshare nsenter setpriv busybox strace ltrace catchsegv flock
    """.split()  # noqa: SIM905
)
_ASSIGNMENT = re.compile(r"\w+(?:\[[^=]*\])?\+?=")
_VERSION = re.compile(r"(?:-?[0-9][0-9.]*|-static)$")
_FLAGS = re.compile(r"[-+][abcefhiklmnpsuvxBCEH]*|--").fullmatch


def called(words: Sequence[str], texts: Sequence[str]) -> list[int]:
    """The places of all words that may be the command: behind assignments, words of the grammar, `command -p`."""
    found = set()
    for start in _starts(words):
        at, skips = start, False
        while at < len(words):
            if texts[at] in _PREFIXES:
                skips = True
            elif skips and not is_known(texts[at]) and UNKNOWN in texts[at][:1]:
                # An option, or the command?
                found.add(at)
            elif not _ASSIGNMENT.match(words[at]) and not (skips and texts[at].startswith("-")):
                found.add(at)
                break
            at += 1
    return sorted(found)


def _starts(words: Sequence[str]) -> set[int]:
    behind = {at + 1 for at, word in enumerate(words) if word in _OPENING}
    return {0} | behind | {at + 2 for at, word in enumerate(words) if word in ("function", "coproc")}


def code_behind(words: Sequence[str], texts: Sequence[str], raw: str, text: str) -> str:
    """Who reads the word `raw` behind `words` as code; empty: nobody that we know."""
    names = called(words, texts)
    if evaluator := _evaluator([texts[at] for at in names], raw):
        return evaluator
    if UNKNOWN in text and "," in text and called([*words, raw], [*texts, text])[-1:] == [len(words)]:
        return "what the braces make of it"
    return _shell_before(words, texts, names, raw, text)


def _evaluator(names: Sequence[str], raw: str) -> str:
    """Which of the commands evaluates its arguments, or reads the word as a file of code."""
    return next((one for one in names if one in _EVAL or (one in _SOURCE and raw.startswith("<("))), "")


def _shell_before(words: Sequence[str], texts: Sequence[str], names: Sequence[int], raw: str, text: str) -> str:
    """The first shell in front of the word that takes it as code, with its option. Any word may be a shell behind one
    that calls others; of what is called by a value or a variable, nobody knows that it is none."""
    is_wrapped = any(_base(texts[at]) in _WRAPPERS for at in names)
    for at, one in enumerate(texts):
        name = _base(one)
        is_called = at in names or is_wrapped
        may_be_shell = name in SHELLS or (is_called and (name in _LOOSE or not name or VALUE in one))
        if may_be_shell and (option := _code_option(name, texts[at + 1 :], raw, text)):
            return f"{name or words[at]} {option}"
    return ""


def reads_its_input(words: Sequence[str], texts: Sequence[str]) -> str:
    """What takes its standard input for code."""
    names = called(words, texts)
    for at, one in enumerate(texts):
        name = _base(one)
        if at in names and one in _SOURCE:
            return one
        rest = texts[at + 1 :]
        if name in SHELLS and (not rest or (_is_option(rest[0]) and not _has_its_code(name, rest))):
            return name
        if at in names and not name and VALUE not in one and not rest:
            return words[at]
    return ""


def _has_its_code(name: str, rest: Sequence[str]) -> bool:
    """The code stands in the call: so the input is data."""
    coded = [at for at, one in enumerate(rest) if _is_code_option(name, one)]
    return bool(coded) and len(rest) > coded[0] + 1


def _code_option(name: str, behind: Sequence[str], raw: str, text: str) -> str:
    """The option by which a shell takes the next word, or this one, as code."""
    coded = _option_in_force(name, behind)
    if coded is None:
        return ""
    if coded:
        return coded.replace(UNKNOWN, "…").partition("=")[0]
    if name in SHELLS and raw.startswith("<("):
        return "<(…)"
    return text.partition(VALUE)[0].partition("=")[0][:12] if _is_code_option(name, text) else ""


def _option_in_force(name: str, behind: Sequence[str]) -> str | None:
    """The option that makes code of what follows; empty: there was none. None when what follows is arguments."""
    coded, last = "", ""
    for at, one in enumerate(behind):
        if coded:
            if name not in _LOOSE and not _is_option(one) and _FLAGS(last):
                return None
        elif name in SHELLS and name not in _LOOSE and at == 0 and not _is_option(one):
            # A script, and its arguments.
            return None
        elif _is_code_option(name, one):
            coded = one
        last = one
    return coded


def _is_code_option(name: str, text: str) -> bool:
    if text.startswith("--"):
        return text.startswith(("--c", "--init-c", "--session-c")) and (bool(name) or text.startswith("--command"))
    if not name:
        return bool(re.match(rf"-[A-Za-z]*[c{UNKNOWN}]", text))
    if UNKNOWN in text[:1]:
        return _is_option(text)
    return text[:1] in ("-", "+") and any(sign in text for sign in ("c", "C", UNKNOWN, VALUE))


def _is_option(text: str) -> bool:
    """Or may be one."""
    return text[:1] in ("-", "+") or (text[:1] == UNKNOWN and "/" not in text and not text.endswith(".sh"))


def _base(text: str) -> str:
    """The program's name without its folder and version; empty when we cannot know it."""
    name = text.rpartition("/")[2]
    if not is_known(name):
        return ""
    short = _VERSION.sub("", name)
    return short if short in SHELLS else name
