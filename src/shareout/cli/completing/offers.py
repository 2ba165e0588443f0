"""What may follow the words of a call that is being typed: commands, flags, and the names that inputs and runs hold.

All is taken from where the program itself takes it: the parsers of the commands, machines.json, the pool, the run
directories. So nothing is offered that would be refused, and a flag that is added is offered at once. What cannot be
read offers nothing: whoever presses Tab is told nothing in the middle of a line.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from shareout.cli import COMMANDS, make_parser
from shareout.cli.options import find_configs
from shareout.errors import ShareoutError
from shareout.fields import dataclass, field
from shareout.names import ALL, AUTO

# A pool is read for its groups, at every Tab: a larger one would keep the shell waiting.
LARGEST_POOL = 4 << 20
FILES, FOLDERS = "files", "folders"
# What a value is, by the word that stands for it in the help.
PATHS = {
    "FILE": FILES, "PATH": FILES, "POOL": FILES, "ENTRY": FILES, "CARD": FILES, "SRC:DEST": FILES, "DIR": FOLDERS,
}  # fmt: skip


@dataclass(slots=True)
class Offer:
    """Words with what they mean, and whether the shell's own `files` or `folders` go on too."""

    words: list[tuple[str, str]] = field(default_factory=list)
    paths: str = ""

    def lines(self, start: str = "") -> Iterator[str]:
        """As scripts read them: a word, a tab, what it means; paths are a line that begins with the tab. Only words
        with that start."""
        for word, meaning in self.words:
            if word.startswith(start):
                yield f"{word}\t{meaning}"
        if self.paths:
            yield f"\t{self.paths}"


def offer(words: Sequence[str]) -> tuple[Offer, str]:
    """For the last of these words, which may be empty or begun, and what of it the answer goes on from."""
    words = _rejoined(words)
    before, current = words[:-1], words[-1]
    command = before[0] if before else ""
    if command == "help":
        return Offer([(name, said) for name, said in COMMANDS.items()] if len(before) == 1 else []), current
    if not before and not current.startswith("-"):
        return Offer([*COMMANDS.items(), ("help", "the flags of a command")]), current
    is_named = command in COMMANDS
    if before and not is_named and not command.startswith("-"):
        return Offer(), current
    call = _Call(make_parser(command if is_named else "run"), before[1:] if is_named else before)
    return call.offer(current), current


def _rejoined(words: Sequence[str]) -> list[str]:
    """bash takes `--machine=alice` for three words; here it is two, as with a blank."""
    made = [word for word in words if word != "="]
    return [*made, ""] if not made or words[-1] == "=" else made


class _Call:
    """A call of one command as far as it is typed."""

    def __init__(self, parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
        self._flags = parser._option_string_actions
        self._places = [one for one in parser._actions if not one.option_strings]
        self._said: dict[str, str] = {}
        self._pending: argparse.Action | None = None
        self._count = 0
        for word in words:
            self._take(word)

    def _take(self, word: str) -> None:
        if word.startswith("-") and word != "-":
            name, has_value, value = word.partition("=")
            action = self._flags.get(name)
            self._pending = action if action is not None and action.nargs != 0 and not has_value else None
            if action is not None and has_value:
                self._said[action.dest] = value
        elif self._pending is not None:
            self._said[self._pending.dest] = word
            if self._pending.nargs not in ("*", "+"):
                self._pending = None
        else:
            self._said.setdefault("", word)
            self._count += 1

    def offer(self, current: str) -> Offer:
        """What may stand where the current word does."""
        name, has_value, _ = current.partition("=")
        if current.startswith("--") and has_value:
            action = self._flags.get(name)
            found = self._values(action) if action is not None and action.nargs != 0 else Offer()
            return Offer([(f"{name}={word}", said) for word, said in found.words], found.paths)
        if self._pending is not None and (self._pending.nargs is None or not current.startswith("-")):
            return self._values(self._pending)
        if current.startswith("-"):
            return Offer(list(self._described_flags()))
        return self._values(self._place())

    def _place(self) -> argparse.Action | None:
        """What the next word without a flag is; the last one may be of many words."""
        if self._count < len(self._places):
            return self._places[self._count]
        return self._places[-1] if self._places and self._places[-1].nargs in ("*", "+") else None

    def _described_flags(self) -> Iterator[tuple[str, str]]:
        for name, action in self._flags.items():
            if action.help != argparse.SUPPRESS:
                yield name, (action.help or "").replace("%%", "%")

    def _values(self, action: argparse.Action | None) -> Offer:
        if action is None:
            return Offer()
        if action.choices:
            return Offer([(str(one), "") for one in action.choices])
        metavar = str(action.metavar or "")
        if metavar in PATHS:
            return Offer(paths=PATHS[metavar])
        return Offer(_read(self._names(action.dest, metavar)))

    def _names(self, dest: str, metavar: str) -> Callable[[], list[tuple[str, str]]]:
        """Who knows what may stand there."""
        if dest == "machine" or metavar == "MACHINE":
            return self._machines
        if dest == "group":
            return self._groups
        if metavar in ("WORDS", "FINGERPRINT", "PLAN", "DIGEST"):
            return self._plans
        if metavar == "HOST":
            return self._hosts
        return list

    @property
    def _configs(self) -> Path:
        return _path(self._said["configs"]) if "configs" in self._said else find_configs()

    @property
    def _runs(self) -> Path:
        return _path(self._said.get("runs", "runs"))

    def _machines(self) -> list[tuple[str, str]]:
        from shareout.machines import load_machines
        from shareout.units import counted

        named = load_machines(self._configs / "machines.json")
        known = [(one.name, counted(one.cores, "core")) for one in named]
        return [*known, (ALL, "this host runs every job"), (AUTO, "by the scheduler that started this")]

    def _groups(self) -> list[tuple[str, str]]:
        from shareout.config import load_settings
        from shareout.pool import open_pool
        from shareout.pool.choose import pool_path

        settings = load_settings(self._configs)
        file = pool_path(self._configs, settings, _path(self._said[""]) if "" in self._said else None)
        if file.stat().st_size > LARGEST_POOL:
            return []
        return [(name, "") for name in open_pool(self._configs, settings, named=file).groups]

    def _plans(self) -> list[tuple[str, str]]:
        from shareout.plan.fingerprint import words

        # By the names of folders alone: to open every journal would keep the shell waiting.
        found = (one.name for one in self._runs.iterdir() if re.fullmatch(r"[0-9a-f]{16}", one.name))
        return [(words(bytes.fromhex(name)), f"{self._runs}/{name}") for name in sorted(found)]

    def _hosts(self) -> list[tuple[str, str]]:
        notes = sorted(self._runs.glob("*/*/owner.json"))
        return [(str(json.loads(note.read_bytes())["host"]), str(note.parent)) for note in notes]


def _path(word: str) -> Path:
    """As the shell hands it over before it has made anything of it."""
    return Path(word.strip("'\"")).expanduser()


def _read(names: Callable[[], list[tuple[str, str]]]) -> list[tuple[str, str]]:
    try:
        return list(dict(names()).items())
    except (ShareoutError, OSError, ValueError, LookupError, TypeError, RuntimeError):
        return []
