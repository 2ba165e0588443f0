"""Which shell reads a line: the one that is set; else /bin/sh, and bash for what only bash understands.

`myprog &> log`, as disBatch's users write it, is no error to another shell: it would run the program in the background
and call the job done. So bash gets every line with syntax of its own, or with the name of a variable of disBatch's, or
with a backslash for `echo`, which /bin/sh prints otherwise from machine to machine; and all lines of a task file that
has directives of disBatch's, or `#!/bin/bash` in its first line. What looks like it in quotes does no harm there.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Mapping
from functools import cache

from shareout.errors import UsageError

SH = "/bin/sh"
_BASH = r"""
    &> | \|& | >&\s*[^\s0-9$&-] | \[\[ | <\( | >\( | <<< | \$['"] | (?<!\$)\(\(
    | \{[\w-]+\.\.[\w-]+ | \{[^\s{}]*,[^\s{}]*\}
    | \$\{! | \$\{\w+(?:[\^,/\[@]|:[0-9\s(])
    | \$\{?(?:S?RANDOM|SECONDS|BASH\w*|EPOCH\w+|HOSTNAME|E?UID|GROUPS|PIPESTATUS)\b
    | \$\(\([^)]*(?:\*\*|\+\+|--) | \bDISBATCH_\w | \becho\b[^;|&\n]*\\ | (?:^|[;&|(]\s*)time\s | \bwait\s+-n\b
    | \bprintf\s(?:\s*-v|[^;|&\n]*%\w?q) | \btrap\b.*\b(?:ERR|DEBUG|RETURN)\b
    | \w\+?=\( | \w\+= | \s==\s | \bpipefail\b | \becho\s+-\w*[eE] | \bread\s+-[a-qs-z]
    | \b(?:source|function|declare|typeset|shopt|pushd|popd|mapfile|readarray|select|coproc|let)\s
    """


@cache
def _bash() -> re.Pattern[str]:
    """Made when a job needs a shell."""
    return re.compile(_BASH, re.VERBOSE)


def check_shell(setting: str) -> None:
    """Refused before any job is started: each would fail."""
    if setting and not (os.path.isfile(setting) and os.access(setting, os.X_OK)):
        found = shutil.which(setting)
        raise UsageError(
            f"{setting} is no program that could be the shell" + (f" (did you mean {found}?)" if found else ""),
            way_out="Name one by its whole path with --shell, or in [commands] shell.",
        )


class Shells:
    """Chooses by the line."""

    def __init__(self, setting: str, environment: Mapping[str, str], *, for_bash: bool) -> None:
        self._always = setting
        self._for_bash = for_bash
        self._options = "SHELLOPTS" in environment
        self._bash = shutil.which("bash", path=environment.get("PATH", os.defpath))

    @property
    def are_posix(self) -> bool:
        """Whether redirections, variables and `cd` mean to them what they mean to POSIX: not so to csh, fish or zsh,
        nor where bash is given options from outside (`noclobber`, say)."""
        return not self._options and os.path.basename(self._always) in ("", "sh", "dash", "ash", "bash")

    def of(self, line: str) -> str:
        """OSError when the line is bash's and there is none: another shell might seem to succeed."""
        if self._always:
            return self._always
        if not self._for_bash and not _bash().search(line):
            return SH
        if self._bash is None:
            raise FileNotFoundError(errno.ENOENT, "the line is written for bash, and there is no bash here")
        return self._bash
