"""Whether hosts can share a folder: tried by two of them at once, who play ping-pong with names in it.

Each comer takes the next seat, a key like all others, which whoever sits before it sees in time. That one puts a name,
the other looks for it all the while and puts one in answer. What a look did not see is what file systems remember, so
this is the lag that hosts of a ledger meet. No clocks are compared.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from shareout.fields import dataclass
from shareout.linux import host_name
from shareout.stores.charter import Charter
from shareout.stores.folder.opening import open_folder
from shareout.stores.folder.store import FolderStore

ROUNDS = 10
LONGEST_S = 30.0
"""Of measuring: slow folders have fewer rounds."""
PAUSE_S = 0.002
"""Between two looks."""
_NEXT, _LAST = b"next", b"last"


@dataclass(frozen=True, slots=True)
class Calls:
    """What one costs here: medians, in seconds."""

    put_s: float
    look_s: float


@dataclass(frozen=True, slots=True)
class Lag:
    """Times from a name's being put here to the sight of what another host put in answer, in seconds."""

    host: str
    """Its name, as it says."""
    trips: tuple[float, ...]

    @property
    def median_s(self) -> float:
        """Half of them took longer."""
        return _median(self.trips)


def probed(folder: Path) -> FolderStore:
    """A place in the folder for probes. A UsageError where no ledger could be there either."""
    return open_folder(folder, Charter(origin="probe", plan="", group="", machines=(), dead_s=0.0, slack_s=0.0))


class Prober:
    """One host at it."""

    def __init__(self, store: FolderStore) -> None:
        self._store = store
        own = f"{os.urandom(4).hex()} {host_name()}".encode()
        seat = 0
        while store.put(f"seats/{seat}", own) != own:
            seat += 1
        self._seat = seat
        self._sides: tuple[_Side, ...] = (_Before(store, seat - 1), _Behind(store, seat + 1))

    def calls(self) -> Calls:
        """Tried a few times."""
        puts, looks = [], []
        for number in range(ROUNDS):
            began = time.perf_counter()
            self._store.put(f"calls/{self._seat}/{number}", b"here")
            made = time.perf_counter()
            self._store.get(f"calls/{self._seat}/none-{number}")
            puts.append(made - began)
            looks.append(time.perf_counter() - made)
        return Calls(_median(puts), _median(looks))

    def lag(self, patience_s: float) -> Lag | None:
        """Between us and who sits beside us; None when nobody came, or answered, for so long."""
        heard = time.monotonic()
        while not self._is_over():
            if any(side.look() for side in self._sides):
                heard = time.monotonic()
            elif time.monotonic() - heard > patience_s:
                return None
            else:
                time.sleep(PAUSE_S)
        side = next(side for side in self._sides if side.is_over)
        told = self._store.get(f"seats/{side.seat}") or b""
        return Lag(told.decode("utf-8", "replace").partition(" ")[2], tuple(side.trips))

    def _is_over(self) -> bool:
        """One neighbour is enough, but none is left in the middle."""
        return any(side.is_over for side in self._sides) and not any(side.is_on for side in self._sides)


class _Side:
    """What is played with one neighbour."""

    def __init__(self, store: FolderStore, seat: int) -> None:
        self._store, self.seat = store, seat
        self.trips: list[float] = []
        self.is_on = self.is_over = False
        self._put_at = self._began = 0.0
        self._number = 0
        self._is_last = False

    def look(self) -> bool:
        """Whether it had something for us."""
        raise NotImplementedError

    def _put(self, key: str, text: bytes) -> None:
        self._put_at = time.monotonic()
        self._store.put(key, text)
        self.is_on = True

    def _seen(self, key: str) -> bytes | None:
        """A name in answer to ours ends a trip."""
        text = None if self.is_over else self._store.get(key)
        if text is not None and self.is_on:
            self.trips.append(time.monotonic() - self._put_at)
        return text


class _Before(_Side):
    """It came first, and puts; we answer."""

    def look(self) -> bool:
        """One that we have not answered yet."""
        if self.seat < 0 or (text := self._seen(f"pings/{self.seat}/{self._number}")) is None:
            return False
        self._put(f"pongs/{self.seat}/{self._number}", _NEXT)
        self._number += 1
        if text == _LAST:
            self.is_on, self.is_over = False, True
        return True


class _Behind(_Side):
    """It came after us, and answers what we put."""

    def look(self) -> bool:
        """That it is there, and then its answer to the last one."""
        awaited = f"pongs/{self.seat - 1}/{self._number}" if self.is_on else f"seats/{self.seat}"
        if self._seen(awaited) is None:
            return False
        if not self.is_on:
            self._began = time.monotonic()
        elif self._is_last:
            self.is_on, self.is_over = False, True
            return True
        else:
            self._number += 1
        self._is_last = self._number == ROUNDS - 1 or time.monotonic() - self._began > LONGEST_S
        self._put(f"pings/{self.seat - 1}/{self._number}", _LAST if self._is_last else _NEXT)
        return True


def _median(times: tuple[float, ...] | list[float]) -> float:
    return sorted(times)[len(times) // 2]
