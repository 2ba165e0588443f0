"""One command: spawned, waited for, and what became of it.

`posix_spawn` shares our memory until the new program starts. A line without shell syntax is spawned without a
shell; when that fails (unknown program, a script without a `#!`), the shell gets it after all, so that message
and exit code are the shell's own. Each command leads a session of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence

from shareout.environment import as_in_its_file
from shareout.fields import dataclass
from shareout.run.command.shell import Shells
from shareout.run.command.words import words_of
from shareout.run.processes.signals import RESET
from shareout.world import world


@dataclass(frozen=True, slots=True)
class Call:
    """A program and its words, ready to be started."""

    line: str
    program: bytes
    words: Sequence[bytes]
    environment: Mapping[bytes, bytes]
    by_shell: bool


class Launch:
    """Starts command lines. They inherit descriptors 0, 1 and 2, and nothing else of ours."""

    def __init__(self, shells: Shells, search_path: str) -> None:
        self._shells = shells
        self._search_path = search_path
        self._programs: dict[bytes, bytes | None] = {}

    def call(self, line: str, environment: Mapping[bytes, bytes]) -> Call:
        """What is to be started for a line; nothing is. OSError when there is no shell for it."""
        words = [as_in_its_file(word) for word in words_of(line) or ()]
        program = self._program(words[0]) if words else None
        if program:
            return Call(line, program, words, environment, by_shell=False)
        return self._by_shell(line, environment)

    def start(self, call: Call) -> int:
        """The process id of its leader; OSError when not even the shell can be started."""
        try:
            # Not by fork and exec: a fork copies page tables, and takes the longer the more memory a worker holds.
            return world.posix_spawn(
                call.program, call.words, call.environment, setsid=True, setsigdef=RESET, setsigmask=()
            )
        except OSError:
            if call.by_shell:
                raise
            # It may have been moved since it was found: the next line that names it looks again.
            self._programs.pop(call.words[0], None)
        return self.start(self._by_shell(call.line, call.environment))

    def _by_shell(self, line: str, environment: Mapping[bytes, bytes]) -> Call:
        # A blank first: a line that begins with `-` is a command, not an option of the shell's.
        script = as_in_its_file(f" {line}" if line.startswith("-") else line)
        shell = os.fsencode(self._shells.of(line))
        return Call(line, shell, (shell, b"-c", script), environment, by_shell=True)

    def _program(self, word: bytes) -> bytes | None:
        if b"/" in word:
            return word
        # Once for each name: to look for it asks every folder of PATH.
        if word not in self._programs:
            self._programs[word] = shutil.which(word, path=self._search_path)
        return self._programs[word]
