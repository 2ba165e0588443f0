"""One command: spawned, waited for, and what became of it.

`posix_spawn` shares our memory until the new program starts. A line that is one program is spawned without a shell;
when that fails (unknown program, a script without a `#!`, a file that cannot be opened), the shell gets it after all,
so that message and exit code are the shell's own. Each command leads a session of its own.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from typing import Any

from shareout.environment import as_in_its_file
from shareout.fields import dataclass, replace
from shareout.run.command.shell import Shells
from shareout.run.command.words import Redirection, Simple, simple_of
from shareout.run.processes.signals import RESET
from shareout.world import world

# As POSIX has a shell open them.
_FLAGS = {
    "<": os.O_RDONLY,
    ">": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    ">>": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
}
_NOTHING = b"/dev/null"


@dataclass(frozen=True, slots=True)
class Call:
    """A program and its words, ready to be started."""

    line: str
    program: bytes
    words: Sequence[bytes]
    environment: Mapping[bytes, bytes]
    given: Mapping[bytes, bytes]
    """The environment without what the line makes of it."""
    by_shell: bool = False
    redirections: Sequence[tuple[Any, ...]] = ()
    """As `posix_spawn` wants them."""
    files: Sequence[bytes] = ()
    """What they open, where it has to be looked at."""
    folder: bytes = b""


class CannotSpawn(OSError):
    """Only a shell can do it as it is written."""


class Launch:
    """Starts command lines. They inherit descriptors 0, 1 and 2, and nothing else of ours."""

    def __init__(self, shells: Shells, search_path: str) -> None:
        self._shells = shells
        self._search_path = search_path
        self._programs: dict[bytes, bytes | None] = {}
        self._home = -1

    def call(self, line: str, environment: Mapping[bytes, bytes]) -> Call:
        """What is to be started for a line; nothing is. OSError when there is no shell for it."""
        simple = simple_of(line)
        if simple is None or not (simple.is_bare or self._shells.are_posix):
            return self._by_shell(line, environment)
        program = self._program(as_in_its_file(simple.words[0]))
        words = [as_in_its_file(word) for word in simple.words]
        if not program:
            return self._by_shell(line, environment)
        if simple.is_bare:
            return Call(line, program, words, environment, environment)
        return self._with_more(Call(line, program, words, environment, environment), simple)

    def start(self, call: Call) -> int:
        """The process id of its leader; OSError when not even the shell can be started."""
        try:
            return self._spawn_from(call) if call.files or call.folder else _spawn(call)
        except OSError:
            if call.by_shell:
                raise
            # It may have been moved since it was found: the next line that names it looks again.
            self._programs.pop(call.words[0], None)
        return _spawn(self._by_shell(call.line, call.given))

    def _with_more(self, bare: Call, simple: Simple) -> Call:
        """Variables, redirections and folder; by a shell where they cannot be the same."""
        environment, folder = dict(bare.given), b""
        if simple.folder:
            here = environment.get(b"PWD", b"")
            # From a relative folder of PATH it may be found where it is to begin, and not here.
            is_found_here = not bare.program.startswith(b"/") and b"/" not in bare.words[0]
            if is_found_here or not here.startswith(b"/") or b"CDPATH" in environment:
                return self._by_shell(bare.line, bare.given)
            folder = os.path.join(here, as_in_its_file(simple.folder)).rstrip(b"/")
            environment.update({b"PWD": folder, b"OLDPWD": here})
        environment.update((name.encode("ascii"), as_in_its_file(value)) for name, value in simple.variables.items())
        redirections = [_action(one) for one in simple.redirections]
        # Of /dev/null it is known what it is.
        files = [one[2] for one in redirections if one[0] == os.POSIX_SPAWN_OPEN and one[2] != _NOTHING]
        return replace(bare, environment=environment, redirections=redirections, files=files, folder=folder)

    def _spawn_from(self, call: Call) -> int:
        """In its folder, and with files that may be opened here."""
        if not call.folder:
            _check_files(call.files)
            return _spawn(call)
        if self._home < 0:
            self._home = world.open(".", os.O_PATH | os.O_DIRECTORY)
            # Is there a way back?
            world.enter(self._home)
        world.enter(call.folder)
        try:
            _check_files(call.files)
            return _spawn(call)
        finally:
            self._come_back()

    def _come_back(self) -> None:
        try:
            world.enter(self._home)
        except OSError:
            # Nothing of what follows would be where it is looked for: another worker takes over.
            world.exit(1)

    def _by_shell(self, line: str, environment: Mapping[bytes, bytes]) -> Call:
        # A blank first: a line that begins with `-` is a command, not an option of the shell's.
        script = as_in_its_file(f" {line}" if line.startswith("-") else line)
        shell = os.fsencode(self._shells.of(line))
        return Call(line, shell, (shell, b"-c", script), environment, environment, by_shell=True)

    def _program(self, word: bytes) -> bytes | None:
        if b"/" in word:
            return word
        # Once for each name: to look for it asks every folder of PATH.
        if word not in self._programs:
            self._programs[word] = shutil.which(word, path=self._search_path)
        return self._programs[word]


def _spawn(call: Call) -> int:
    # Not by fork and exec: a fork copies page tables, and takes the longer the more memory a worker holds.
    return world.posix_spawn(
        call.program,
        call.words,
        call.environment,
        setsid=True,
        setsigdef=RESET,
        setsigmask=(),
        file_actions=call.redirections,
    )


def _action(one: Redirection) -> tuple[Any, ...]:
    if one.operator == ">&":
        return os.POSIX_SPAWN_DUP2, int(one.target), one.descriptor
    return os.POSIX_SPAWN_OPEN, one.descriptor, as_in_its_file(one.target), _FLAGS[one.operator], 0o666


def _check_files(files: Sequence[bytes]) -> None:
    """Only plain files are opened here. To open a FIFO may take for ever, and nobody would lead the job meanwhile; a
    terminal would be taken into a session."""
    for file in files:
        try:
            mode = world.stat(file).st_mode
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(mode):
            raise CannotSpawn(f"{file!r} is no plain file")
