"""The # language of a task file → stretches of jobs with their prefix, suffix, group and need. Pure.

`#SHAREOUT` and `#DISBATCH`: PREFIX, SUFFIX, REPEAT, BARRIER, PERENGINE; of ours also GROUP and NEED. A REPEAT is a
stretch without lines: a billion repeats cost nothing. What is odd in disBatch holds for its own word alone: its
barriers count as tasks and end the PERENGINE block, its PERENGINE takes prefix and suffix and may fail, its words
may be written small, and an indented `#DISBATCH` is a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from shareout.errors import InputError, Place, nearest
from shareout.fields import dataclass, field, replace
from shareout.names import twins, why_no_name
from shareout.pool import Barrier, EngineCommand, Need
from shareout.units import parse_amount, parse_filesize

_DIRECTIVE = re.compile(r"(\s*#SHAREOUT|#DISBATCH)(?:\s+(\w+))?(?:\s(.*))?$", re.DOTALL)
_REPEAT = re.compile(
    r"\s*(\S+)(?:\s+start\s+(\S+))?(?:\s+step\s+(\S+))?(?:\s(?!\s*st(?:art|ep)\s)(.*))?$", re.DOTALL | re.IGNORECASE
)
_OF_BASH = re.compile(rb"#!\s*(?:\S*/)?(?:env\s+)?bash(?:\s|$)")
WORDS = ("PREFIX", "SUFFIX", "REPEAT", "BARRIER", "PERENGINE", "GROUP", "NEED")
OURS = ("GROUP", "NEED")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive jobs that are made alike: lines of the file (`first_line` counts kept lines), or repeats."""

    first: int
    count: int
    first_kept: int
    prefix: str = ""
    suffix: str = ""
    group: str | None = None
    need: Need | None = None
    repeat: tuple[int, int, str] | None = None
    """Start, step and command of a REPEAT."""
    line: int = 0
    counted: int = 0
    """How many barriers before it disBatch counts as tasks."""


@dataclass(slots=True)
class TaskFile:
    """What the directives of a file make of it."""

    stretches: list[Stretch] = field(default_factory=list)
    barriers: list[tuple[int, bool]] = field(default_factory=list)
    """Ids before which a barrier stands, and whether it checks."""
    groups: list[str] = field(default_factory=list)
    start_commands: list[EngineCommand] = field(default_factory=list)
    stop_commands: list[EngineCommand] = field(default_factory=list)
    for_bash: bool = False
    """Whether a directive is disBatch's own, or the first line says `#!/bin/bash`."""
    counted: list[Barrier] = field(default_factory=list)
    """Its barriers, which it counts as tasks."""
    mistakes: list[InputError] = field(default_factory=list)
    jobs: int = 0


def read_directives(path: str, comments: Iterable[tuple[int, int, bytes]], kept: int) -> TaskFile:
    """`comments` are the # lines with how many kept lines stand before each; `kept` is their number in the file."""
    reader = DirectiveReader(path)
    for before, number, line in comments:
        if number == 1 and _OF_BASH.match(line):
            reader.file.for_bash = True
        if match := directive_in(line):
            reader.directive(before, number, match)
    reader.lines_up_to(kept)
    return reader.file


def directive_in(line: bytes) -> re.Match[str] | None:
    """Its words, where a # line is one."""
    return _DIRECTIVE.match(line.decode("utf-8", "surrogateescape"))


class DirectiveReader:
    """One directive after the other; what they come to is in `now` and in `file`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.file = TaskFile()
        self.now = Stretch(0, 0, 0)
        self.kept = 0
        self.theirs = False
        """Whether the directive is disBatch's."""

    def lines_up_to(self, kept: int) -> None:
        """The kept lines since the last directive become a stretch."""
        if kept > self.kept:
            self._add(replace(self.now, first=self.file.jobs, count=kept - self.kept, first_kept=self.kept))
            self.kept = kept

    def directive(self, before: int, number: int, match: re.Match[str]) -> None:
        """Of the line `number`, which has `before` kept lines above it; `match` is of its words. Mistakes are noted."""
        self.lines_up_to(before)
        self.theirs = match[1] == "#DISBATCH"
        self.file.for_bash |= self.theirs
        word, rest = match[2] or "", match[3] or ""
        name = word.upper() if self.theirs else word
        place = Place(self.path, number, match.start(2) + 1 if match[2] else 1, match[0])
        if name not in WORDS or (self.theirs and name in OURS):
            what = f'"{word}" is no directive' if word else "a directive is missing"
            if name in OURS:
                self._wrong(
                    place, f"{name} is none of disBatch's", f"Write #SHAREOUT {name}; both may stand in a file."
                )
                return
            self._wrong(place, f"{what}{nearest(word.upper(), WORDS)}", f"Known are {', '.join(WORDS)}.")
            return
        getattr(self, f"_{name.lower()}")(rest, place, number)

    def _prefix(self, rest: str, place: Place, number: int) -> None:
        self.now = replace(self.now, prefix=rest)

    def _suffix(self, rest: str, place: Place, number: int) -> None:
        self.now = replace(self.now, suffix=rest)

    def _group(self, rest: str, place: Place, number: int) -> None:
        name = rest.strip()
        if not name:
            self._wrong(place, "GROUP needs a name")
            return
        if name not in self.file.groups:
            why = why_no_name(name)
            pair = twins([*self.file.groups, name])
            if why:
                self._wrong(place, f"{name!r} cannot name a group: it {why}")
            elif pair:
                self._wrong(place, f'the groups "{pair[0]}" and "{pair[1]}" differ by case only')
            self.file.groups.append(name)
        self.now = replace(self.now, group=name)

    def _barrier(self, rest: str, place: Place, number: int) -> None:
        word, _, key = rest.strip().partition(" ")
        check = word == "CHECK"
        # disBatch may have a key there, which its server is told when the barrier has been reached. There is none here.
        if ((word and not check) or key) and not self.theirs:
            self._wrong(place, f'BARRIER takes nothing or CHECK, found "{rest.strip()}"')
        self.file.barriers.append((self.file.jobs, check))
        if self.theirs:
            task = self.file.jobs + self.now.counted
            text = (place.text or "").strip()
            self.file.counted.append(Barrier(self.file.jobs, task, number, text, check))
            self.now = replace(self.now, counted=self.now.counted + 1)

    def _perengine(self, rest: str, place: Place, number: int) -> None:
        when, _, command = rest.strip().partition(" ")
        if self.theirs:
            # As textual as a task: blanks are kept.
            command = self.now.prefix + rest.lstrip()[len(when) + 1 :] + self.now.suffix
            when = when.upper()
        if when not in ("START", "STOP") or not command.strip():
            self._wrong(place, "PERENGINE takes START or STOP and a command")
        elif self.file.jobs or self.file.counted:
            self._wrong(place, "PERENGINE must come before the first job")
        else:
            commands = self.file.start_commands if when == "START" else self.file.stop_commands
            commands.append(EngineCommand(command if self.theirs else command.strip(), number, self.theirs))

    def _need(self, rest: str, place: Place, number: int) -> None:
        need = Need()
        for word in rest.split():
            key, _, text = word.partition("=")
            try:
                if key == "memory":
                    need = replace(need, memory=parse_filesize(text))
                elif key in ("cores", "gpus"):
                    parse_amount(text)
                    need = replace(need, cores=text) if key == "cores" else replace(need, gpus=text)
                else:
                    raise ValueError(f'"{word}" is no need; write memory=8GiB, cores=2 or gpus=1')
            except ValueError as error:
                self._wrong(place, f"NEED: {error}")
        self.now = replace(self.now, need=None if need == Need() else need)

    def _repeat(self, rest: str, place: Place, number: int) -> None:
        match = _REPEAT.match(rest)
        numbers = [match[1], match[2] or "0", match[3] or "1"] if match else [""]
        if match is None or not all(re.fullmatch(r"-?\d+", text) for text in numbers) or int(numbers[0]) < 0:
            self._wrong(
                place,
                "REPEAT takes a count, and perhaps start N, step N and a command",
                "As: REPEAT 5 start 100 step 50 mycommand",
            )
            return
        count, start, step = map(int, numbers)
        command = (match[4] or "") if match else ""
        self._add(
            replace(
                self.now,
                first=self.file.jobs,
                count=count,
                first_kept=self.kept,
                repeat=(start, step, command),
                line=number,
            )
        )

    def _add(self, stretch: Stretch) -> None:
        if stretch.count:
            self.file.stretches.append(stretch)
            self.file.jobs += stretch.count

    def _wrong(self, place: Place, what: str, way_out: str = "") -> None:
        self.file.mistakes.append(InputError(what, where=place, way_out=way_out))
