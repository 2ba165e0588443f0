"""What this host has recorded goes to the store, where a merge and who takes over find it: journals first, as far as
they are safe at home; then the log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shareout.fields import dataclass
from shareout.joining.liaison import Liaison
from shareout.joining.messages import Answer
from shareout.record.folder import RunFolder
from shareout.record.writer import JournalWriter
from shareout.world import world

LOG_S = 5.0
"""Between two looks at the log."""


@dataclass(slots=True)
class Cargo:
    """A file that is to be shipped."""

    path: Path
    length: int
    arrived: int = 0


class Shipping:
    """One call at a time is under way, so that what waits for the store never waits for more than one piece."""

    def __init__(self, machine: str, folder: RunFolder, earlier: Sequence[Path], writer: JournalWriter) -> None:
        """`earlier`: the journals of earlier starts, the oldest first."""
        self._machine = machine
        self._folder = folder
        self._writer = writer
        self._earlier = [Cargo(path, path.stat().st_size) for path in earlier]
        self._own = Cargo(writer.path, 0)
        self._log: dict[Path, Cargo] = {}
        self._looked = -LOG_S
        self._under_way: tuple[int, Cargo] | None = None

    @property
    def arrived(self) -> int:
        """How many bytes of this start's journal have arrived; -1 while one of an earlier start has not."""
        return -1 if self._is_early() else self._own.arrived

    def _is_early(self) -> bool:
        return any(one.arrived < one.length for one in self._earlier)

    def look_again(self) -> None:
        """At the log, now: it has grown for the last time."""
        self._looked = -LOG_S

    def is_home(self) -> bool:
        """All that is safe here has arrived there, the log included."""
        return self._under_way is None and self._next() is None

    def ask(self, liaison: Liaison) -> None:
        """Asks for the next piece, if there is one and nothing is under way."""
        if self._under_way is not None or not liaison.may_ask():
            return
        cargo = self._next()
        if cargo is not None:
            number = liaison.ask("ship", self._machine, cargo.path.name, str(cargo.path), cargo.length)
            self._under_way = number, cargo

    def heard(self, answer: Answer) -> bool:
        """Whether it was an answer to a call of ours. What is lost is asked again."""
        if self._under_way is None or self._under_way[0] != answer.number:
            return False
        _, cargo = self._under_way
        self._under_way = None
        if not answer.away:
            cargo.arrived = min(cargo.length, answer.told)
        return True

    def _next(self) -> Cargo | None:
        self._own.length = self._writer.synced
        for one in (*self._earlier, self._own, *self._segments()):
            if one.arrived < one.length:
                return one
        return None

    def _segments(self) -> Sequence[Cargo]:
        now = world.monotonic()
        if now - self._looked >= LOG_S:
            self._looked = now
            for path in self._folder.log_segments():
                self._log.setdefault(path, Cargo(path, 0)).length = world.stat(path).st_size
        return list(self._log.values())
