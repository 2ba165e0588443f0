"""What `requeue`, `skip` and `release` do where hosts share a run: they ask all of them, while these work or after."""

from __future__ import annotations

import argparse
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.cli.explain import position_of
from shareout.cli.inputs.run_folders import tell
from shareout.cli.list import job_ids
from shareout.cli.options import Common
from shareout.cli.place.inputs_there import plan_meant
from shareout.cli.place.ledger import folders_in, visiting
from shareout.entry import Entry
from shareout.errors import RunDirectoryDamaged, UsageError, nearest
from shareout.fields import dataclass
from shareout.joining.visiting import Visit
from shareout.ledger.asks.ask import MOST_STRETCHES, Stretch
from shareout.ledger.asks.asked import Asked
from shareout.merge.partition import as_ranges
from shareout.merge.proof.complete import ranges_of, told_ranges
from shareout.plan.plan import Plan
from shareout.ranges import Range, is_in, union, without
from shareout.record.belonging import own_ranges
from shareout.record.folder import RunFolder
from shareout.record.reader import incarnations_of
from shareout.record.sources import find_sources
from shareout.record.tallies.saved import tally_of
from shareout.record.tallies.standing import DONE, FAILED, NEW, SKIPPED
from shareout.record.tallies.tally import Tally
from shareout.units import counted, format_duration

if TYPE_CHECKING:
    from shareout.cli.place.ledger import Place

LOOKS = 3
AGAIN = "all hosts have ended: `join`, or `run --join`, on any of them does it"


class Records:
    """What all machines of a ledger have recorded, as far as it has arrived."""

    def __init__(self, folders: Iterable[RunFolder], plan: Plan) -> None:
        found = (_tally(one, plan) for one in folders)
        self._tallies = [one for one in found if one is not None]

    def failed(self) -> list[int]:
        """Positions that failed, and that nobody has done or skipped."""
        found = {at for tally in self._tallies for low, hi in tally.stretches(FAILED) for at in range(low, hi)}
        return sorted(at for at in found if self.outcome(at)[0] == FAILED)

    def ended(self) -> list[Range]:
        """Positions that have any outcome."""
        return union(one for tally in self._tallies for one in tally.stretches(DONE, FAILED, SKIPPED))

    def outcome(self, position: int) -> tuple[int, int]:
        """What became of it, and how often it was tried."""
        states = [tally.state(position) for tally in self._tallies if tally.index(position) >= 0]
        tries = max((one.attempts_of(position) for one in self._tallies if one.index(position) >= 0), default=0)
        # Done beats all; a person's word beats a failure.
        return next((one for one in (DONE, SKIPPED, FAILED) if one in states), NEW), tries


def _tally(folder: RunFolder, plan: Plan) -> Tally | None:
    """None where nothing of this plan was recorded. While hosts work a claim may come between the look at claims and
    the one at its records."""
    for left in reversed(range(LOOKS)):
        starts = [start for start in incarnations_of(folder) if start.header.origin == plan.origin_hex]
        own = own_ranges([start.header for start in starts])
        try:
            return tally_of(folder, starts[-1].header, plan.ids_of(plan.origin_hex), own) if starts else None
        except RunDirectoryDamaged:
            if not left:
                raise
    return None


@dataclass(frozen=True, slots=True)
class Sorted:
    """What of some positions can be asked for."""

    stretches: tuple[Stretch, ...]
    done: tuple[int, ...]
    """Positions that are done, and stay so."""
    running: tuple[int, ...]
    """Those that are not over yet."""


def requeue_shared(place: Place, arguments: argparse.Namespace, common: Common, entry: Entry | None) -> int:
    """0; 1 when a job that was named is not over, or is done."""
    if arguments.all:
        raise UsageError(
            "in a run that hosts share what is done stays done",
            way_out="--failed takes back what failed; a job that is to run anew belongs into a list of its own.",
        )
    if arguments.sources and not arguments.missing:
        raise UsageError(
            f"{arguments.sources[0]}: what hosts share is asked for in their folder, not by run directory",
            way_out="Leave --in out; with --missing it names where journals are as well.",
        )
    plan = plan_meant(place, common, entry)
    with visiting(place, plan) as visit, folders_brought(arguments.sources) as brought:
        visit.read()
        records = Records([*folders_in(place, plan), *brought], plan)
        if arguments.missing:
            sort = Sorted(_lost(visit, records, plan.jobs), (), ())
        else:
            sort = _sorted(visit, records, _positions(plan, arguments, records))
        before = visit.ask("requeue", stretches=sort.stretches) if sort.stretches else visit.state
        where = _where(place, before)
    jobs, done, running = (sorted(map(plan.job_at, some)) for some in (_all(sort.stretches), sort.done, sort.running))
    _tell_requeued(jobs, done, running, common, where)
    return 1 if running or done else 0


@contextmanager
def folders_brought(sources: Sequence[str]) -> Iterator[list[RunFolder]]:
    """Run directories that lie elsewhere than in the folder that hosts share."""
    if not sources:
        yield []
        return
    with find_sources(sources, tell) as found:
        yield found.folders


def _lost(visit: Visit, records: Records, jobs: int) -> tuple[Stretch, ...]:
    """What is over for all hosts, and what no journal at hand has."""
    lost = list(without([(0, jobs)], [*visit.open_ranges(), *records.ended()]))
    # An outcome that was cleared once is cleared again by a later try alone: of these nobody knows how many there were.
    edges = sorted({edge for one in visit.state.cleared for edge in one[:2]})
    found = []
    for start, stop in lost:
        cuts = [start, *edges[bisect_right(edges, start) : bisect_left(edges, stop)], stop]
        for low, hi in pairwise(cuts):
            tries = max((one.tries for one in visit.state.cleared if one.start <= low < one.stop), default=0)
            found.append(Stretch(low, hi, tries + 1))
    return _joined(found)


def _tell_requeued(
    jobs: Sequence[int], done: Sequence[int], running: Sequence[int], common: Common, where: str
) -> None:
    _tell_of(running, "not over yet: there is nothing to take back")
    _tell_of(done, "done, and stay so", "done, and stays so")
    if common.json:
        ids = ranges_of(as_ranges(jobs))
        print(json.dumps({"count": len(jobs), "requeued": ids, "not_ended": list(running), "done": list(done)}))
    elif not common.quiet:
        print(_told(jobs, "to do again", where))


def _tell_of(jobs: Sequence[int], what: str, of_one: str = "") -> None:
    """In a sentence, of however many."""
    if len(jobs) == 1:
        tell(f"job {jobs[0]} is {of_one or what}")
    elif jobs:
        tell(f"{len(jobs):,} jobs are {what} ({told_ranges(as_ranges(jobs))})")


def skip_shared(place: Place, ids: Sequence[str], common: Common, entry: Entry | None) -> int:
    """0; 1 when one of the jobs is done. Whoever takes one of the others records it so; what runs ends as it ends."""
    plan = plan_meant(place, common, entry)
    with visiting(place, plan) as visit:
        visit.read()
        found = sorted(position_of(plan, job) for job in job_ids(ids, plan.total))
        sort = _to_skip(visit, Records(folders_in(place, plan), plan), found)
        where = _where(place, visit.ask("skip", stretches=sort.stretches) if sort.stretches else visit.state)
    jobs, done = sorted(map(plan.job_at, _all(sort.stretches))), sorted(map(plan.job_at, sort.done))
    _tell_of(done, "done already, and stay so", "done already, and stays so")
    if common.json:
        print(json.dumps({"count": len(jobs), "skipped": jobs, "ended": done}))
    elif not common.quiet:
        back = "; `requeue` takes that back" if jobs else ""
        print(f"{_told(jobs, 'to be skipped', where)}{back}")
    return 1 if done else 0


def _all(stretches: Sequence[Stretch]) -> Iterator[int]:
    return (at for one in stretches for at in range(one.start, one.stop))


def _to_skip(visit: Visit, records: Records, found: Sequence[int]) -> Sorted:
    over, done, stretches = visit.open_ranges(), [], []
    for at in found:
        state, tries = records.outcome(at)
        if state == DONE:
            done.append(at)
        elif state != SKIPPED:
            is_over = not is_in(at, over)
            stretches.append(Stretch(at, at + 1, tries if is_over else 0, int(is_over and state == FAILED)))
    return Sorted(_joined(stretches), tuple(done), ())


def release_shared(place: Place, name: str, common: Common, entry: Entry | None, *, at_once: bool) -> int:
    """0 when nothing is its own any more; 1 when it answered."""
    plan = plan_meant(place, common, entry)
    with visiting(place, plan) as visit:
        visit.read()
        had, owners = visit.owned_by(name), visit.owners()
        if not had:
            listed = f"Those that have: {', '.join(sorted(owners))}." if owners else "None has any now."
            raise UsageError(f"{name} has no work here that could be released{nearest(name, owners)}", way_out=listed)
        if at_once:
            tell(f"what {name} runs now may run twice: it is counted once, and the merge tells it")
        wait = format_duration(visit.times.dead)
        is_dead = visit.release(name, at_once=at_once, told=lambda: tell(f"{name} is asked, and has {wait} to answer"))
    if common.json:
        print(json.dumps({"host": name, "released": had if is_dead else 0, "answered": not is_dead}))
    elif not is_dead:
        tell(f"{name} has answered: it lives, and keeps what it has. `drain {name}` asks it to go")
    elif not common.quiet:
        print(f"{counted(had, 'job')} of {name} {'is' if had == 1 else 'are'} anybody's now")
    return 0 if is_dead else 1


def _told(jobs: Sequence[int], what: str, where: str) -> str:
    return f"{len(jobs):,} {what}; {where}" if jobs else f"nothing is {what}"


def _where(place: Place, before: Asked) -> str:
    """By whom it is done."""
    if not isinstance(place, Path) and place.way_on:
        return place.way_on
    return AGAIN if before.is_ended or before.halt is not None else "the hosts that work see it within seconds"


def _positions(plan: Plan, arguments: argparse.Namespace, records: Records) -> list[int]:
    if arguments.failed:
        return records.failed()
    return sorted(position_of(plan, job) for job in job_ids(arguments.ids, plan.total))


def _sorted(visit: Visit, records: Records, found: Sequence[int]) -> Sorted:
    over, skipped = visit.open_ranges(), visit.state.skipped
    stretches, done, running = [], [], []
    for at in found:
        state, tries = records.outcome(at)
        if is_in(at, over):
            # What is not over can be taken back of a skip alone, which nobody has recorded yet.
            if is_in(at, skipped):
                stretches.append(Stretch(at, at + 1))
            else:
                running.append(at)
        elif state in (FAILED, SKIPPED):
            stretches.append(Stretch(at, at + 1, max(1, tries), int(state == FAILED)))
        else:
            done.append(at)
    return Sorted(_joined(stretches), tuple(done), tuple(running))


def _joined(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    found = tuple(_side_by_side(stretches))
    if len(found) > MOST_STRETCHES:
        raise UsageError(f"that would be {len(found):,} stretches of jobs", way_out="Ask for them in parts.")
    return found


def _side_by_side(stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    held: Stretch | None = None
    for one in stretches:
        if held and held.stop == one.start and held[2:] == one[2:]:
            held = held._replace(stop=one.stop)
            continue
        if held:
            yield held
        held = one
    if held:
        yield held
