"""Does a command line need a shell? When it certainly does not, what a shell would make of it; else a shell reads it.

To start a program takes half as long as to start a shell that starts it. So lines that are one program are understood
here: its words, variables before it, where its input comes from and its output goes, and the folder that it begins in
(`cd folder && program …`). What is not understood without doubt goes to the shell, and so does what cannot be done as
it is written, so that both ways have the same outcome, messages and exit codes included.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from shareout.fields import dataclass

# Possessive: a word is taken whole or not at all, however long a line is.
_WORD = r"""(?:[A-Za-z0-9_@%+:,./=\-]++|'[^'\x00]*'|"[^"$`\\!\x00]*")++"""
# Words of unsuspicious signs only, which most lines are.
_SIMPLE = re.compile(r"[A-Za-z0-9_@%+:,./=\- \t]+")
# A word, or where one of the first three descriptors leads. What stands close by a word (`a>b`, `2>&1>x`) is not known.
_TOKEN = re.compile(rf"[ \t]*(?:([012]?)(>>|>&|>|<)[ \t]*)?({_WORD})(?=[ \t]|\Z)")
_FOLDER = re.compile(rf"[ \t]*cd[ \t]+({_WORD})[ \t]*(?:&&|;)")
_QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
# Nothing that a shell would shorten, go up by, or take for an option.
_CLEAR_PATH = re.compile(r"/?(?!\.{1,2}(?:/|\Z))[^/\-][^/]*(?:/(?!\.{1,2}(?:/|\Z))[^/]+)*/?")

# Reserved words and builtins of POSIX shells, dash and bash: they exist in the shell only, or behave otherwise there.
_OF_SHELLS = frozenset(
    """
    . : [ alias bg bind break builtin caller case cd command compgen complete compopt continue declare
    dirs disown do done echo elif else enable esac eval exec exit export false fc fg fi for function
    getopts hash help history if in jobs kill let local logout mapfile popd printf pushd pwd read
    readarray readonly return select set shift shopt source suspend test then time times trap true type
    typeset ulimit umask unalias unset until wait while
    """.split()  # noqa: SIM905
)
# Variables that a shell heeds itself before it starts the program, or does not let anybody set.
_HEEDED = re.compile(
    r"PATH|CDPATH|IFS|OPTIND|OPTARG|LINENO|PPID|E?UID|GROUPS|FUNCNAME|ENV|PWD|OLDPWD|ATTY|_|SHLVL|POSIXLY_CORRECT"
    r"|MAIL\w*|PS\d|HIST\w*|SHELLOPTS|DIRSTACK|RANDOM|SRANDOM|SECONDS|HOSTNAME|HOSTTYPE|MACHTYPE|OSTYPE|TEXTDOMAIN\w*"
    r"|BASH\w*|EPOCH\w*|COMP\w*|GLOBIGNORE|IGNOREEOF|TMOUT|TIMEFORMAT|EXECIGNORE|FIGNORE|COPROC|LINES|COLUMNS"
)
_LOCALE = re.compile(r"LANG|LANGUAGE|LC_\w*")


@dataclass(frozen=True, slots=True)
class Redirection:
    """`2> file`: descriptor 2, `>`, the file. With `>&` the target is a descriptor."""

    descriptor: int
    operator: str
    target: str


@dataclass(frozen=True, slots=True)
class Simple:
    """One program. `variables` and `redirections` stand in the order in which the shell would heed them."""

    words: Sequence[str]
    variables: Mapping[str, str]
    redirections: Sequence[Redirection] = ()
    folder: str = ""
    """Where it begins; empty: where we are."""

    @property
    def is_bare(self) -> bool:
        """Nothing but words: any shell reads them alike."""
        return not (self.variables or self.redirections or self.folder)


def simple_of(line: str) -> Simple | None:
    """What is to be started, or None when a shell must read the line."""
    if _SIMPLE.fullmatch(line):
        words = line.split()
        if words and "=" not in words[0]:
            return None if words[0] in _OF_SHELLS else Simple(words, {})
    folder, place = "", 0
    if found := _FOLDER.match(line):
        folder, place = _unquoted(found[1]), found.end()
        if not _CLEAR_PATH.fullmatch(folder):
            return None
    words, variables, redirections = [], {}, []
    end = len(line.rstrip(" \t"))
    while place < end:
        token = _TOKEN.match(line, place)
        if token is None:
            return None
        place = token.end()
        descriptor, operator, raw = token.groups()
        if operator:
            if (one := _redirection(descriptor, operator, raw)) is None:
                return None
            redirections.append(one)
        elif not words and (named := _VARIABLE.fullmatch(raw)):
            variables[named[1]] = _unquoted(named[2])
        else:
            words.append(_unquoted(raw))
    if not words or not words[0] or "=" in words[0] or words[0] in _OF_SHELLS:
        return None
    if any(_is_heeded(*one) for one in variables.items()):
        return None
    return Simple(words, variables, redirections, folder)


def _unquoted(word: str) -> str:
    return _QUOTED.sub(lambda found: found[1] or found[2] or "", word)


def _redirection(descriptor: str, operator: str, raw: str) -> Redirection | None:
    number = int(descriptor) if descriptor else 0 if operator == "<" else 1
    if operator == ">&":
        return Redirection(number, operator, raw) if raw in ("1", "2") and int(raw) != number else None
    target = _unquoted(raw)
    # What leads to open descriptors leads to others in a shell than here.
    hidden = target.startswith(("/dev/", "/proc/")) and target != "/dev/null"
    return None if hidden or not target else Redirection(number, operator, target)


def _is_heeded(name: str, value: str) -> bool:
    if _LOCALE.fullmatch(name):
        # bash says so when there is no such locale.
        return value not in ("C", "POSIX")
    return _HEEDED.fullmatch(name) is not None
