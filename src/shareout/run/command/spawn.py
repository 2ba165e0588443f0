"""One command: spawned, waited for, and what became of it.

`posix_spawn` shares our memory until the new program starts. A line without shell syntax is spawned without a
shell; when that fails (unknown program, a script without a `#!`), the shell gets it after all, so that message
and exit code are the shell's own. Each command leads a session of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from shareout.environment import as_in_its_file
from shareout.run.command.shell import Shells
from shareout.run.command.words import words_of
from shareout.run.processes.signals import RESET
from shareout.world import world


class Launch:
    """Starts command lines. They inherit descriptors 0, 1 and 2, and nothing else of ours."""

    def __init__(self, shells: Shells, search_path: str) -> None:
        self._shells = shells
        self._search_path = search_path
        self._programs: dict[bytes, bytes | None] = {}

    def spawn(self, line: str, environment: Mapping[bytes, bytes]) -> int:
        """The process id of the line's leader; OSError when not even the shell can be started."""
        words = [as_in_its_file(word) for word in words_of(line) or ()]
        program = self._program(words[0]) if words else None
        if program:
            try:
                # Not by fork and exec: a fork copies page tables, and takes the longer the more memory a worker holds.
                return world.posix_spawn(program, words, environment, setsid=True, setsigdef=RESET, setsigmask=())
            except OSError:
                # It may have been moved since it was found: the next line that names it looks again.
                self._programs.pop(words[0], None)
        # A blank first: a line that begins with `-` is a command, not an option of the shell's.
        script = as_in_its_file(f" {line}" if line.startswith("-") else line)
        shell = self._shells.of(line)
        call = [os.fsencode(shell), b"-c", script]
        return world.posix_spawn(shell, call, environment, setsid=True, setsigdef=RESET, setsigmask=())

    def _program(self, word: bytes) -> bytes | None:
        if b"/" in word:
            return word
        # Once for each name: to look for it asks every folder of PATH.
        if word not in self._programs:
            self._programs[word] = shutil.which(word, path=self._search_path)
        return self._programs[word]
