"""What machines that share a ledger owe each other while they work: nobody stands idle beside what it could do, what a
dead one had is soon somebody's, and what stands in the store as done is not done again.

Looked at twice a second, from outside: by the entries and journals of the store, and by which jobs run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple, Protocol

from shareout.ledger.entry import Entry, name_of, parse
from shareout.record.journal import parse as parse_line
from shareout.record.lines.claim import Claim
from shareout.record.outcome import Attempt, State
from simulated.laws import good_lines

LOOKS_S = 0.5
SETTLES_S = 4.0
"""So long after a start, or after anything that befell it, a host may be busy with itself."""
IDLE_S = 10.0
"""So long at most a slot is free while something lies there for it: a few looks, puts that are refused, and a gap."""
KEEPS = 1
"""So many positions beyond its slots a host may keep to itself beside an idle one."""


class Standing(NamedTuple):
    """A lane's newest entry, and since when it stands."""

    lane: str
    entry: Entry
    since: float


class Farm(Protocol):
    """What is looked at."""

    def machines(self) -> list[tuple[str, int]]:
        """Names, and how many slots each has."""

    def rests_since(self, number: int) -> float | None:
        """Since when nothing has befallen a machine; None where it does not work now."""

    def running(self, number: int) -> int:
        """How many jobs it runs."""

    def begun(self, number: int) -> set[int]:
        """Positions that it has begun, or has in the hands of its workers, or that ended well anywhere."""

    def newest(self) -> list[Standing]:
        """Of all lanes that are not final."""

    def dead_since(self, name: str) -> float | None:
        """When it died for good."""


class Watch:
    """Of one farm."""

    def __init__(self, farm: Farm, dead_s: float) -> None:
        self._farm = farm
        self._gone_s = 2 * dead_s + 10
        self._free: dict[int, tuple[float, set[int]]] = {}
        """Of each machine with a free slot and nothing in hand: since when, and what was free for it all the while."""
        self._kept: dict[tuple[int, str], tuple[float, set[int]]] = {}
        """The same of what another one, or it itself, has reserved and not begun."""
        self._able_since: float | None = None

    def look(self, now: float, *, is_quick: bool) -> str:
        """What is broken; empty: nothing. `is_quick`: no host waits long for the store."""
        if not is_quick:
            return ""
        lanes = self._farm.newest()
        return self._idle(now, lanes) or self._gone(now, lanes)

    def _idle(self, now: float, lanes: list[Standing]) -> str:
        machines = self._farm.machines()
        able = self._able(now)
        free = {at for one in lanes for at in range(one.entry.res, one.entry.hi)}
        unbegun = {
            name: {
                at
                for one in lanes
                if one.entry.owner and name_of(one.entry.owner) == name
                for at in range(one.entry.low, one.entry.res)
            }
            - self._farm.begun(number)
            for number, (name, _) in enumerate(machines)
        }
        given = {name: _by_lane(unbegun[name], lanes) for name, _ in machines}
        for number, (name, slots) in enumerate(machines):
            has_slot = number in able and self._farm.running(number) < slots
            for other, (whose, their_slots) in enumerate(machines):
                of_it = unbegun[name] if other == number else given[whose]
                is_kept = has_slot and other in able and (other == number or not unbegun[name])
                left = self._lasting(self._kept, (number, whose), now, of_it if is_kept else set())
                if len(left) > (0 if other == number else their_slots + KEEPS):
                    return f"{name} has a free slot for {IDLE_S} s, and {whose} has reserved and not begun {left}"
            left = self._lasting(self._free, number, now, free if has_slot and not unbegun[name] else set())
            if left:
                return f"{name} has a free slot for {IDLE_S} s, and all the while {left} was free: {lanes}"
        return ""

    def _lasting(self, of: dict, key: object, now: float, there: set[int]) -> list[int]:
        """Those that were there at each look for so long."""
        since, before = of.get(key, (now, there))
        both = before & there
        of[key] = (since, both) if both else (now, there)
        return sorted(both) if now - since > IDLE_S else []

    def _able(self, now: float) -> set[int]:
        """Those who work, and have done so for a while."""
        rests = {number: self._farm.rests_since(number) for number in range(len(self._farm.machines()))}
        return {number for number, since in rests.items() if since is not None and now - since > SETTLES_S}

    def _gone(self, now: float, lanes: list[Standing]) -> str:
        """What a dead one had is another's by then, where one was there all the while."""
        if not self._able(now):
            self._able_since = None
            return ""
        if self._able_since is None:
            self._able_since = now
        for one in lanes:
            died = self._farm.dead_since(name_of(one.entry.owner)) if one.entry.owner else None
            if died is not None and now - max(died, self._able_since) > self._gone_s:
                return f"{one.entry.owner} is dead for {now - died:.1f} s, and {one.lane} is still its own: {one.entry}"
        return ""


def _by_lane(positions: set[int], lanes: list[Standing]) -> set[int]:
    """Those of lanes that have several of them: of each lane an owner keeps one that it has not begun, if asked."""
    inside = [positions & set(range(one.entry.low, one.entry.res)) for one in lanes]
    return {at for some in inside if len(some) > 1 for at in some}


@lru_cache(maxsize=20_000)
def entry_at(lane: str, k: int, text: bytes) -> Entry:
    """What stands there."""
    return parse(lane, k, text)


def records_of(data: bytes) -> Iterator[Attempt | Claim]:
    """Of a journal, in its order: what it claims, and tries."""
    lines = bytes(data[: data.rfind(b"\n") + 1]).split(b"\n")[:-1]
    for record in map(parse_line, good_lines(lines)):
        if isinstance(record, Attempt | Claim):
            yield record


def unclaimed(records: Iterable[Attempt | Claim]) -> str:
    """A try that no claim before it in the same journal covers; empty: there is none."""
    claimed: list[tuple[int, int]] = []
    for one in records:
        if isinstance(one, Claim):
            claimed += one.ranges
        elif one.state is not State.SKIPPED and not any(low <= one.position < hi for low, hi in claimed):
            return f"a try of job {one.job} at {one.position}, of which nothing was claimed before"
    return ""
