"""The `Store` contract over a NATS server: keys that only one can put, beats in memory, files piece by piece."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing

from shareout.errors import RunDirectoryDamaged
from shareout.ledger.asks.ask import ASKS
from shareout.ledger.store import COMMON, LONGEST_PIECE, LONGEST_TEXT, Away
from shareout.stores.charter import Charter
from shareout.stores.nats import streams
from shareout.stores.nats.beats import Beats
from shareout.stores.nats.link import Link, Server
from shareout.stores.nats.shelves import Shelves
from shareout.stores.nats.spelling import meant, spelled, subject_of
from shareout.stores.nats.wire import Line

MARK = "ledger"
"""The key that is put first; its text names the charter, which may be longer."""
SLACK_S = 1.0


class Streams:
    """The names of a ledger's, for several may lie on one server."""

    def __init__(self, prefix: str) -> None:
        # Rights of a server that somebody has are given by whole parts between dots.
        then = "." if "." in prefix else "-"
        self.keys = f"{prefix}{then}lanes"
        self.beats = f"{prefix}{then}beats"
        self.files = f"{prefix}{then}files"
        self.pulse = f"{prefix}{then}pulse"

    def key(self, key: str) -> str:
        """Its subject."""
        return f"{self.keys}.{subject_of(key)}"

    def file(self, machine: str, file: str) -> str:
        """Its subject."""
        return f"{self.shelf(machine)}.{spelled(file)}"

    def charter(self, mark: bytes) -> str:
        """The subject of the charter that the mark names."""
        return f"{self.files}.charter.{spelled(mark.decode())}"

    def shelf(self, machine: str) -> str:
        """What its files' subjects begin with."""
        return f"{self.files}.inputs" if machine == COMMON else f"{self.files}.machines.{spelled(machine)}"


class NatsStore:
    """One ledger, opened by one host."""

    def __init__(self, server: Server, line: Line, names: Streams, charter: Charter, mark: bytes) -> None:
        self._names = names
        self._mark = mark
        self.charter = charter
        self.dead_s = charter.dead_s
        self.identity = charter.nonce
        # Of several servers the leader of a stream may be deposed and not know it: a look there proves nothing.
        self.slack_s = math.inf if "cluster" in line.about else max(SLACK_S, charter.slack_s)
        self.copies = 1
        """In how many servers what is told lies, as far as it was asked."""
        self._shelves = Shelves(names.files)
        self._beats = Beats(names.beats)
        self._seen = 0
        """The highest number of an entry that was seen: a server that has fewer has lost some."""
        self._listens_to = ""
        self._link = Link(server, line, self._prove, self._shelves.forget)

    @property
    def place(self) -> str:
        """For people."""
        return self._link.place

    def _prove(self, line: Line) -> None:
        """That a new line leads to this ledger, with all that was seen in it."""
        found = streams.last(line, self._names.keys, self._names.key(MARK))
        if found is None or found.data != self._mark:
            raise Away(f"{self.place} cannot be used: another ledger is in this one's place")
        end = streams.end_of(line, self._names.keys)
        if end < self._seen:
            raise RunDirectoryDamaged(
                f"{self.place} has gone back: its entry {self._seen} was seen, and now {end} is its last one",
                way_out="Its disk was set back, or has lost what was safe. Journals at home are whole: merge them.",
            )
        if self._listens_to:
            line.listen(self._listens_to)

    def put(self, key: str, text: bytes) -> bytes:
        """Two calls: created, and then looked at, whatever the answer was."""
        if not _fits(text):
            raise ValueError(f"{key} cannot have the text {text[:80]!r}")
        subject = self._names.key(key)

        def created(line: Line) -> bytes:
            streams.put(line, subject, text, behind=0)
            return self._seen_at(line, subject) or b""

        stands = self._link.asked(created)
        if not stands:
            raise Away(f"{self.place} does not show what stands at {key}")
        return stands

    def get(self, key: str) -> bytes | None:
        """One call."""
        subject = self._names.key(key)
        return self._link.asked(lambda line: self._seen_at(line, subject))

    def _seen_at(self, line: Line, subject: str) -> bytes | None:
        found = streams.last(line, self._names.keys, subject)
        if found is None:
            return None
        self._seen = max(self._seen, found.number)
        return found.data

    def beat(self, name: str, text: bytes) -> None:
        """One call."""
        self._link.asked(lambda line: self._beats.write(line, name, text))

    def beats(self, most: int) -> dict[str, bytes]:
        """One call, and one for each."""
        return self._link.asked(lambda line: self._beats.read(line, most))

    def length(self, machine: str, file: str) -> int:
        """One call."""
        subject = self._names.file(machine, file)
        return self._link.asked(lambda line: self._shelves.length(line, subject))

    def ship(self, machine: str, file: str, offset: int, data: bytes) -> int:
        """A call for each message of it."""
        if len(data) > LONGEST_PIECE or offset < 0:
            raise ValueError(f"a piece of {len(data)} bytes at {offset}")
        subject = self._names.file(machine, file)
        return self._link.asked(lambda line: self._shelves.grow(line, subject, offset, data))

    def fetch(self, machine: str, file: str, offset: int, most: int) -> bytes:
        """A call for each message of it; some more where it was not read before."""
        subject = self._names.file(machine, file)
        return self._link.asked(lambda line: self._shelves.piece(line, subject, offset, min(most, LONGEST_PIECE)))

    def files(self, machine: str) -> list[str]:
        """One call."""
        start = f"{self._names.shelf(machine)}."
        listed = self._link.asked(lambda line: streams.subjects(line, self._names.files, f"{start}*"))
        return sorted(name for one in listed if (name := meant(one.removeprefix(start))) is not None)

    def machines(self) -> list[str]:
        """One call."""
        start = f"{self._names.files}.machines."
        listed = self._link.asked(lambda line: streams.subjects(line, self._names.files, f"{start}*.*"))
        named = {meant(one.removeprefix(start).partition(".")[0]) for one in listed}
        return sorted(name for name in named if name is not None)

    # For who serves it, beside the contract.

    def entry_from(self, number: int) -> tuple[int, str, bytes] | None:
        """The first key that was put as the so-manieth or later, of all: its number, itself, and what stands there."""
        whole = f"{self._names.keys}."
        found = self._link.asked(lambda line: streams.following(line, self._names.keys, f"{whole}>", number))
        if found is None:
            return None
        parts = [meant(one) for one in found.subject.removeprefix(whole).split(".")]
        return found.number, "/".join(one or "" for one in parts), found.data

    def listen(self, *, files: bool = False) -> None:
        """What is asked of all hosts is news from now on; or what hosts ship."""
        self._listens_to = f"{self._names.files}.machines.>" if files else f"{self._names.keys}.{ASKS}.*"
        self._link.asked(lambda line: line.listen(self._listens_to))

    def news(self, seconds: float, also: Sequence[int] = ()) -> list[tuple[tuple[str, str], int, bytes]]:
        """What was told since, waited for so long, or until one of these handles is readable: a hint, which may be
        lost. Of a file which one, where in it, and the bytes."""
        start = f"{self._names.files}.machines."
        found = []
        for one in self._link.news(seconds, also):
            machine, _, file = one.subject.removeprefix(start).partition(".")
            at = one.headers.get("at", "0")
            found.append(((meant(machine) or "", meant(file) or ""), int(at) if at.isdecimal() else 0, one.data))
        return found

    def arrived(self) -> int:
        """Changes whenever something of a file has arrived."""
        return self._link.asked(lambda line: streams.end_of(line, self._names.files))

    def growing(self) -> dict[tuple[str, str], int]:
        """All files of machines, each with a number that changes whenever it grows."""
        start = f"{self._names.files}.machines."
        listed = self._link.asked(lambda line: streams.subjects(line, self._names.files, f"{start}*.*"))
        named = {tuple(map(meant, one.removeprefix(start).split("."))): count for one, count in listed.items()}
        return {(one[0], one[1]): count for one, count in named.items() if one[0] is not None and one[1] is not None}

    def pulse(self) -> None:
        """Writes to its disk, where that can be done."""
        self._link.asked(lambda line: streams.put(line, self._names.pulse, b"", behind=-1))

    def close(self) -> None:
        """The next call would connect again."""
        self._link.close()

    def closing(self) -> closing[NatsStore]:
        """For a `with`."""
        return closing(self)


def _fits(text: bytes) -> bool:
    return 0 < len(text) <= LONGEST_TEXT and text[:1] != b"." and min(text) >= 0x20
