"""Does a command line need a shell? When it certainly does not, its words; otherwise None, and a shell reads it.

Spawning a program directly is half the work of spawning a shell that spawns it. What is not understood
without doubt goes to the shell, so both ways have the same outcome.
"""

from __future__ import annotations

import re
import shlex

# Words of unsuspicious signs, and quoted stretches in which a shell would change nothing.
_PLAIN = re.compile(r"""(?:[A-Za-z0-9_@%+:,./=\- \t]|'[^'\x00]*'|"[^"$`\\!\x00]*")+""")
_SIMPLE = re.compile(r"[A-Za-z0-9_@%+:,./=\- \t]+")

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


def words_of(line: str) -> list[str] | None:
    """The words to spawn, or None when a shell must read the line."""
    if _SIMPLE.fullmatch(line):
        words = line.split()
    elif _PLAIN.fullmatch(line):
        words = shlex.split(line)
    else:
        return None
    if not words or not words[0] or "=" in words[0] or words[0] in _OF_SHELLS:
        return None
    return words
