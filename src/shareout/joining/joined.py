"""A run that takes part in a ledger: its liaison, what it knows of the others, and the supply that lanes are."""

from __future__ import annotations

import json
import math
import selectors
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.joining.arrival import answered, number_of_guest, refuse_living
from shareout.joining.elders import Closing, refuse_closed
from shareout.joining.far_side import Doors
from shareout.joining.history import History
from shareout.joining.liaison import Liaison
from shareout.joining.member import Member
from shareout.joining.parcel import NotToShare, Parcel
from shareout.joining.picking import Picking
from shareout.joining.publishing import Publishing
from shareout.joining.shipping import Shipping
from shareout.joining.supply import Elsewhere, LedgerSupply, Limits
from shareout.ledger.calls import Happened, Root
from shareout.ledger.choose import Pace
from shareout.ledger.entry import name_of
from shareout.ledger.host import Host
from shareout.ledger.store import Store
from shareout.ledger.times import Times
from shareout.linux import host_name
from shareout.names import ANYBODY
from shareout.plan.plan import Plan
from shareout.ranges import common, size
from shareout.record.belonging import own_ranges
from shareout.record.folder import RunFolder
from shareout.record.journal import claim_line
from shareout.record.outcome import Attempt
from shareout.record.reader import incarnations_of
from shareout.record.tallies.saved import tally_of
from shareout.record.tallies.tally import Tally
from shareout.record.writer import JournalWriter
from shareout.stores.charter import Charter, told_groups
from shareout.stores.folder.elders import open_elders
from shareout.stores.folder.opening import open_folder
from shareout.supply.static import Wanted
from shareout.units import counted, format_duration
from shareout.world import world

AHEAD_S = 1.0
"""So much work is kept reserved."""
FAREWELL_S = 60.0
"""So long an end waits for it."""


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What `--join` asked for."""

    folder: Path
    dead_s: float
    leaves: bool = False
    """Goes when there is nothing to take, and does not wait for the others."""
    groups: tuple[str, ...] = ()
    """Only of jobs of these; none: of all."""
    parcel: Callable[[Path], Parcel] | None = None
    """The inputs of this run, for hosts that have none; drafts go into the folder that it is given."""


class Wishes(NamedTuple):
    """Which of the jobs that fall to a run it runs."""

    most: int | None
    wanted: Wanted | None
    in_place: bool
    """Each in its place, whatever it is known to take."""
    ended: Callable[[Sequence[int]], list[Attempt]] | None = None
    """Of positions, what the list of jobs says has ended."""


class Joined:
    """One run's."""

    def __init__(self, asked: JoinRequest, plan: Plan, machine: str, limits: Limits) -> None:
        """Opens the store; refused where it is none, or where nobody can work by its times."""
        self._plan = plan
        self._machine = machine
        charter = charter_of(plan, asked.dead_s, asked.groups)
        folder = asked.folder.absolute()

        def open_store() -> Store:
            return open_folder(folder, charter)

        self.liaison = Liaison(Doors(open_store, partial(open_elders, folder, charter)))
        try:
            slack_s, self._dead_s, self._ledger = self._opened(folder)
            self._open_at = refuse_closed(self.liaison, folder)
        except BaseException:
            self.liaison.close()
            raise
        self.times = Times.of(self._dead_s, slack_s)
        if why := self.times.why_not():
            self.liaison.close()
            raise UsageError(f"{folder} cannot be joined: {why}", way_out="Say a longer --dead on all hosts.")
        self._limits = limits
        limits.jump_s = self.times.fence / 4
        self.supply: LedgerSupply
        self._asked = asked
        self._is_away = False
        self._odd: list[str] = []
        self._dead: list[str] = []
        """Earlier starts of this machine, on this host."""
        if self._dead_s != asked.dead_s:
            held, said = format_duration(self._dead_s), format_duration(asked.dead_s)
            self._odd.append(
                f"in this folder a host is dead after {held}, as whoever came first has said, and not {said}"
            )

    def _opened(self, folder: Path) -> tuple[float, float, str]:
        """By how much looks may lag there, after how long silence a host is dead to this ledger, and which it is."""
        slack_s, dead_s, ledger = answered(self.liaison, folder, "open").told
        return math.inf if slack_s is None else float(slack_s), float(dead_s), str(ledger)

    def arrive(self, folder: RunFolder, said: Callable[[str], None]) -> None:
        """When the run directory is ours, and before anything is made for its jobs: refused where one of the same name
        goes on elsewhere; a guest is given its number."""
        # We hold the lock of the folder that these journals lie in. One that came with a copy of it from another host
        # proves nothing of that host.
        here = host_name()
        self._dead = [
            f"{self._machine}/{one.header.ordinal}-{one.header.nonce}"
            for one in incarnations_of(folder)
            if one.header.start.host == here and one.header.claims
        ]
        there = self._asked.folder
        Closing(self.liaison, there, self._plan.hex, self._dead).close_all(folder.elsewhere, said)
        refuse_living(self.liaison, there, self._machine, self._dead, self.times)
        if self._machine in self._plan.guests:
            number = number_of_guest(self.liaison, there, self._machine, folder.guest)
            self._plan.admit(self._machine, number)

    def take_part(
        self, folder: RunFolder, writer: JournalWriter, tally: Tally, slots: int, wishes: Wishes
    ) -> LedgerSupply:
        """The supply of this start, whose journal has begun."""
        before = tally.durations.count, tally.durations.total

        def pace() -> Pace:
            count, total = tally.durations.count - before[0], tally.durations.total - before[1]
            # So much ahead that no slot waits for the store; of long jobs one a slot, for what is reserved nobody else
            # can have.
            rate = slots * count / total if count and total else 0.0
            return Pace(max(slots - self.supply.in_hand(slots), math.ceil(AHEAD_S * rate)), rate)

        header = writer.header
        me = f"{self._machine}/{header.ordinal}-{header.nonce}"
        host = Host(me, roots_of(self._plan), self.times, _nonce_of(header.nonce))
        earlier = [one for one in incarnations_of(folder) if one.path != writer.path]
        host.proved_dead(self._dead)
        shipping = Shipping(self._machine, folder, [one.path for one in earlier], writer)
        # By what earlier ledgers of these jobs have, too.
        self._see(folder, tally, 0, self._plan.jobs)
        member = Member(
            host,
            self.liaison,
            shipping,
            pace,
            live=partial(_told_in, folder.live),
            history=History(folder.seen, self._ledger, self._asked.folder, self.times),
            open_at=self._open_at,
            publishing=self._publishing(folder),
        )
        costs = self._plan.costs_between if self._plan.costs and not wishes.in_place else None
        self.supply = LedgerSupply(
            member,
            tally,
            writer,
            limits=self._limits,
            claim=lambda claim: writer.append(claim_line(claim)),
            elsewhere=Elsewhere(folder.elsewhere, partial(self._see, folder, tally)),
            picking=Picking(tally, wishes.wanted, costs, slots),
            ended=wishes.ended,
            most=wishes.most,
            leaves=self._asked.leaves,
        )
        return self.supply

    def _publishing(self, folder: RunFolder) -> Publishing | None:
        if self._asked.parcel is None:
            return None
        try:
            return Publishing(self._asked.parcel(folder.path), folder.inputs)
        except NotToShare as error:
            self._odd.append(f"hosts without inputs cannot join: {error}")
            return None

    def _see(self, folder: RunFolder, tally: Tally, low: int, hi: int) -> None:
        """What others have done between these positions."""
        for path in sorted(folder.elsewhere.iterdir()) if folder.elsewhere.is_dir() else ():
            other = RunFolder(path)
            starts = incarnations_of(other)
            met = common(own_ranges([one.header for one in starts]), [(low, hi)])
            if met:
                tally.done_elsewhere(
                    tally_of(other, starts[-1].header, self._plan.ids_of(self._plan.origin_hex), met), met
                )

    def watch(self, selector: selectors.BaseSelector, born: Callable[[int], None]) -> None:
        """Its answers wake the crew; `born` is told the number of the process, which is no orphan of a job's."""
        self.liaison.when_born(born)
        selector.register(self.liaison.fileno(), selectors.EVENT_READ)

        def moved(old: int, new: int) -> None:
            selector.unregister(old)
            selector.register(new, selectors.EVENT_READ)

        self.liaison.when_moved(moved)

    def fence(self, position: int) -> int:
        """By which fence a position is held."""
        return self._limits.number(self.supply.fence_lane(position))

    def news(self) -> list[str]:
        """What a person should hear, once."""
        member, told = self.supply.member, self._odd
        self._odd = []
        if bool(member.away) != self._is_away:
            self._is_away = bool(member.away)
            told.append(
                f"{member.away}: what is reserved here goes on for a while, then nothing new is started"
                if member.away
                else f"{self._asked.folder} answers again"
            )
        told += map(self._sentence, member.events)
        member.events.clear()
        return told

    def _sentence(self, one: Happened) -> str:
        jobs = counted(size(one.ranges), "job")
        if name_of(one.by) == self._machine:
            return f"took over {jobs} from {name_of(one.whom)}, of which nothing was heard for {self._dead_s:g} s"
        return (
            f"{name_of(one.by)} has taken over {jobs} of {name_of(one.whom)}, which was not heard of for "
            f"{self._dead_s:g} s: what runs is recorded, what had not begun is not started here"
        )

    def leave(self) -> bool:
        """At the end; whether the store knows all of it."""
        # It was waited for already, as long as it was of use.
        patience_s = 2.0 if self.supply.member.away else FAREWELL_S
        return self.supply.leave(world.since_boot() + patience_s)


def _told_in(path: Path) -> dict[str, Any]:
    """What the run has written down of itself for `status`."""
    try:
        found = json.loads(world.path(str(path)).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def charter_of(plan: Plan, dead_s: float, groups: Sequence[str] = ()) -> Charter:
    """What all hosts of the ledger must agree in."""
    names = tuple(machine.name for machine in plan.machines)
    return Charter(plan.origin_hex, plan.hex, told_groups(groups), names, dead_s=dead_s, slack_s=0.0)


def roots_of(plan: Plan) -> Sequence[Root]:
    """Each machine's share of each phase."""
    return [
        Root(f"{place}.{phase}", machine.name if machine.name != ANYBODY else "", phase, start, stop)
        for place, machine in enumerate(plan.machines)
        for phase, (start, stop) in enumerate(plan.share(machine.name).ranges)
    ]


def _nonce_of(start: str) -> Callable[[str, int], str]:
    """Names of entries: of this start, and of the place that it is meant for."""
    from blake3 import blake3

    return lambda lane, k: blake3(f"{start} {lane} {k}".encode()).digest(8).hex()
