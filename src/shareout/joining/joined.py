"""A run that takes part in a ledger: its liaison, what it knows of the others, and the supply that lanes are."""

from __future__ import annotations

import json
import math
import selectors
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from shareout.errors import UsageError
from shareout.events import Counts
from shareout.joining.arrival import answered, number_of_guest, refuse_living
from shareout.joining.elders import Closing, refuse_closed
from shareout.joining.far_side import Doors
from shareout.joining.history import History
from shareout.joining.inputs.parcel import NotToShare
from shareout.joining.inputs.publishing import Publishing
from shareout.joining.inputs.status_files import found, put_by
from shareout.joining.liaison import Liaison
from shareout.joining.member import Member
from shareout.joining.pieces.held import Limits
from shareout.joining.pieces.luck import Luck
from shareout.joining.pieces.picking import Picking
from shareout.joining.pieces.places import Places
from shareout.joining.pieces.taken_back import TakenBack
from shareout.joining.request import JoinRequest, Order, Wishes
from shareout.joining.shipping import Shipping
from shareout.joining.stream import Start, stream_of
from shareout.joining.supply import Elsewhere, LedgerSupply
from shareout.joining.terms import charter_of, checks_of, nonce_of, roots_of
from shareout.ledger.asks.ask import Ask, words
from shareout.ledger.calls import Happened
from shareout.ledger.choose import Pace, Speed
from shareout.ledger.entry import name_of
from shareout.ledger.host import Host
from shareout.ledger.times import LONGEST_S, Times
from shareout.linux import host_name
from shareout.plan.plan import Plan
from shareout.ranges import Range, common, size
from shareout.record.belonging import own_ranges
from shareout.record.folder import RunFolder
from shareout.record.foreign.status_file import StatusFile
from shareout.record.journal import attempt_line, claim_line
from shareout.record.outcome import Attempt, State
from shareout.record.reader import incarnations_of
from shareout.record.tallies.saved import tally_of
from shareout.record.tallies.tally import Tally
from shareout.record.writer import JournalWriter
from shareout.units import counted, format_duration
from shareout.world import world

FAREWELL_S = 60.0
"""So long an end waits for it."""


class Joined:
    """One run's."""

    def __init__(self, asked: JoinRequest, plan: Plan, machine: str, limits: Limits, *, runs: Path) -> None:
        """Opens the store; refused where it is none, or where nobody can work by its times."""
        before = incarnations_of(RunFolder.of(runs.absolute(), plan.origin, machine))
        is_back = any(one.header.claims for one in before)
        self._plan = plan
        self._machine = machine
        self.place = asked.place
        way = asked.way(charter_of(plan, asked.dead_s, asked.groups), is_back=is_back)
        self.liaison = Liaison(Doors(way.open, way.elders))
        try:
            slack_s, self._dead_s, self._ledger = self._opened()
            self._open_at = refuse_closed(self.liaison, self.place)
        except BaseException:
            self.liaison.close()
            raise
        way.is_open = True
        self.times = Times.of(self._dead_s, slack_s)
        if why := self.times.why_not():
            self.liaison.close()
            raise UsageError(f"{self.place} cannot be joined: {why}", way_out="Say a longer --dead on all hosts.")
        self.luck = Luck(self.times.silent + LONGEST_S, self.times.dead)
        """A listener of the run: whether its jobs end well here."""
        self._limits = limits
        limits.jump_s = self.times.fence / 4
        self.supply: LedgerSupply
        self._asked = asked
        self.files: Sequence[StatusFile] = ()
        """disBatch's, whose tasks all hosts take over; known when it has arrived."""
        self._is_away = False
        self._has_rested = False
        self._odd: list[str] = []
        self._dead: list[str] = []
        """Earlier starts of this machine, on this host."""
        if self._dead_s != asked.dead_s and asked.network is None:
            held, said = format_duration(self._dead_s), format_duration(asked.dead_s)
            self._odd.append(
                f"in this folder a host is dead after {held}, as whoever came first has said, and not {said}"
            )

    def _opened(self) -> tuple[float, float, str]:
        """By how much looks may lag there, after how long silence a host is dead to this ledger, and which it is."""
        slack_s, dead_s, ledger = answered(self.liaison, self.place, "open").told
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
        Closing(self.liaison, self.place, self._plan.hex, self._dead).close_all(folder.elsewhere, said)
        refuse_living(self.liaison, self.place, self._machine, self._dead, self.times)
        asked = partial(answered, self.liaison, self.place)
        put_by(asked, self._asked.files)
        self.files = found(asked, folder.earlier)
        if self._machine in self._plan.guests:
            number = number_of_guest(self.liaison, self.place, self._machine, folder.guest)
            self._plan.admit(self._machine, number)

    def take_part(
        self, folder: RunFolder, writer: JournalWriter, tally: Tally, slots: int, *, wishes: Wishes, start: Start
    ) -> LedgerSupply:
        """The supply of this start, whose journal has begun. `start`: runs what is asked for before the first job."""
        before = tally.durations.count, tally.durations.total
        speed = Speed(slots)

        def pace() -> Pace:
            count, total = tally.durations.count - before[0], tally.durations.total - before[1]
            return speed.pace(count, total, slots - self.supply.in_hand(slots), world.monotonic())

        header = writer.header
        me = f"{self._machine}/{header.ordinal}-{header.nonce}"
        host = Host(me, roots_of(self._plan), self.times, nonce_of(header.nonce), checks_of(self._plan))
        earlier = [one for one in incarnations_of(folder) if one.path != writer.path]
        host.proved_dead(self._dead)
        shipping = Shipping(self._machine, folder, [one.path for one in earlier], writer)
        # By what earlier ledgers of these jobs have, too.
        self._see(folder, tally, [(0, self._plan.jobs)])
        member = Member(
            host,
            self.liaison,
            shipping,
            pace,
            live=partial(_told_in, folder.live),
            luck=self.luck,
            history=History(folder.seen, self._ledger, self.place, self.times),
            open_at=self._open_at,
            publishing=self._publishing(folder),
            stream=stream_of(self._plan.pool, folder.lines, writer, start),
            taken_back=TakenBack(host, tally, self._asked.taken_back, folder.taken_back),
        )
        costs = self._plan.costs_between if self._plan.costs and not wishes.in_place else None
        self.supply = LedgerSupply(
            member,
            tally,
            writer,
            limits=self._limits,
            claim=lambda claim: writer.append(claim_line(claim)),
            elsewhere=Elsewhere(folder.elsewhere, partial(self._see, folder, tally)),
            places=Places(self._plan.jobs, lambda: host.asking.state, tally, partial(self._skip, host, tally, writer)),
            picking=Picking(tally, wishes.wanted, costs, slots),
            ended=wishes.ended,
            most=wishes.most,
            leaves=self._asked.leaves,
            patience_s=self._asked.patience_s,
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

    def _see(self, folder: RunFolder, tally: Tally, ranges: Sequence[Range]) -> None:
        """What others have done of these positions, and how often they have tried them."""
        for path in sorted(folder.elsewhere.glob("*")):
            other = RunFolder(path)
            starts = incarnations_of(other)
            met = common(own_ranges([one.header for one in starts]), ranges)
            if met:
                theirs = tally_of(other, starts[-1].header, self._plan.ids_of(self._plan.origin_hex), met)
                tally.done_elsewhere(theirs, met)
                for position, tries in theirs.tries.items():
                    tally.tries[position] = max(tries, tally.tries.get(position, 0))

    def _skip(self, host: Host, tally: Tally, writer: JournalWriter, positions: list[int]) -> None:
        now, ids = world.time(), map(self._plan.job_at, positions)
        records = [
            Attempt(job, at, tally.attempts_of(at) + 1, state=State.SKIPPED, start=now, end=now, slot=0)
            for job, at in zip(ids, positions, strict=True)
        ]
        writer.append(b"".join(map(attempt_line, records)), len(records))
        for one in records:
            tally.apply(one)

    def asked(self) -> Order | None:
        """What the others, or a person, ask of this run: to end."""
        host = self.supply.member.host
        if not host.asking.is_known:
            # What was asked first may have been taken back since.
            return None
        if halt := host.asking.state.halt:
            why = f": {halt.why}" if halt.why else ""
            told = f"all hosts halt, as {halt.by} has asked{why}; `resume` lets them go on"
            return Order("halt", told, at_once=halt.now)
        if (host.is_drained() or self.luck.better) and not host.leaving:
            host.leave()
        if better := self.luck.better:
            row = f"{self.luck.most} jobs in a row have failed here, and those of {better} end well"
            return Order("black hole", f"{row}: this host takes nothing more, and gives back what has not begun")
        if host.is_drained():
            return Order("drained", "this host is drained: it gives back what has not begun, lets finish what runs")
        return None

    def whole(self, known: Counts) -> Counts:
        """What is done of all."""
        return self.supply.whole(known)

    def rests(self) -> bool:
        """Whether nothing is to begin here for a while."""
        return self.supply.member.host.resting

    def halt(self, why: str, *, at_once: bool) -> None:
        """All hosts are to stop, by a rule that was met here."""
        host = self.supply.member.host
        n = host.asking.state.n + 1
        host.say(Ask("halt", self._machine, host.nonce("halt", n), now=at_once, why=words(why)))

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
                else f"{self.place} answers again"
            )
        if self.luck.rests != self._has_rested:
            self._has_rested = self.luck.rests
            row = f"{self.luck.most} jobs in a row have failed here: none begins until others tell how they fare"
            told.append(row if self._has_rested else "others fail as well, or nobody else is there: this host goes on")
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
