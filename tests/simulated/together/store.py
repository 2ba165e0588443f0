"""The simulated store: calls take a while, are refused, and are refused after they have taken effect."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from random import Random
from typing import NamedTuple

from shareout.ledger.store import Away
from simulated.stand_in import CALLS

_DONE = re.compile(rb'^\{"job":(\d+),[^\n]*"state":"done"', re.MULTILINE)


class Stands(NamedTuple):
    """A text, and since when it stands there."""

    text: bytes
    since: float


class Shelves:
    """What all hosts see."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.keys: dict[str, Stands] = {}
        self.beats: dict[str, bytes] = {}
        self.files: dict[tuple[str, str], bytearray] = defaultdict(bytearray)
        self.refuses = 0.0
        """Of all calls so many."""
        self.away_until: dict[str, float] = {}
        self.done: dict[int, float] = {}
        """Since when a job stands in a journal here as done."""
        self.began: dict[str, float] = {}
        """Since when the newest start of each machine speaks to the store."""
        self.dead_s, self.slack_s = 8.0, 0.0
        self.longest_s = 0.02

    @property
    def is_quick(self) -> bool:
        """Whether what is asked is answered soon: a host's beats alone, as often as they come with so short a time,
        fill a slow one."""
        return self.longest_s < 0.1 and self.refuses < 0.1


class SimStore:
    """One machine's."""

    def __init__(self, shelves: Shelves, machine: str) -> None:
        self._of, self._machine = shelves, machine
        self.slack_s, self.dead_s = shelves.slack_s, shelves.dead_s

    def _begin(self) -> bool:
        """The call is on its way. Whether it takes effect, and its answer is lost."""
        of = self._of
        CALLS.sleep(of.random.random() * of.longest_s)
        if CALLS.kernel.now < of.away_until.get(self._machine, -math.inf):
            CALLS.sleep(0.2)
            raise Away("the store is away")
        if of.random.random() < of.refuses:
            if of.random.random() < 0.5:
                return True
            raise Away("the store refuses this one")
        return False

    def put(self, key: str, text: bytes) -> bytes:
        is_lost = self._begin()
        found = self._of.keys.setdefault(key, Stands(text, CALLS.kernel.now))
        _answer(is_lost)
        CALLS.sleep(self._of.random.random() * self._of.longest_s)
        return found.text

    def get(self, key: str) -> bytes | None:
        _answer(self._begin())
        found = self._of.keys.get(key)
        CALLS.sleep(self._of.random.random() * self._of.longest_s)
        return found.text if found else None

    def beat(self, name: str, text: bytes) -> None:
        is_lost = self._begin()
        if json.loads(text)["owner"] != json.loads(self._of.beats.get(name, b'{"owner": ""}'))["owner"]:
            self._of.began[name] = CALLS.kernel.now
        self._of.beats[name] = text
        _answer(is_lost)

    def beats(self, most: int) -> dict[str, bytes]:
        _answer(self._begin())
        return {name: text for name, text in self._of.beats.items() if name != self._machine}

    def length(self, machine: str, file: str) -> int:
        _answer(self._begin())
        return len(self._of.files[machine, file]) if (machine, file) in self._of.files else 0

    def ship(self, machine: str, file: str, offset: int, data: bytes) -> int:
        is_lost = self._begin()
        found = self._of.files[machine, file]
        if len(found) >= offset:
            known = len(found)
            found[offset : offset + len(data)] = data
            if file.startswith("journal") and len(found) > known:
                for one in _DONE.finditer(found, found.rfind(b"\n", 0, known) + 1, found.rfind(b"\n") + 1):
                    self._of.done.setdefault(int(one[1]), CALLS.kernel.now)
        _answer(is_lost)
        return len(found)

    def fetch(self, machine: str, file: str, offset: int, most: int) -> bytes:
        _answer(self._begin())
        return bytes(self._of.files.get((machine, file), bytearray())[offset : offset + most])

    def files(self, machine: str) -> list[str]:
        _answer(self._begin())
        return [file for one, file in self._of.files if one == machine]

    def machines(self) -> list[str]:
        _answer(self._begin())
        return sorted({machine for machine, _ in self._of.files})

    def close(self) -> None:
        return


def _answer(is_lost: bool) -> None:
    if is_lost:
        raise Away("no answer came")
