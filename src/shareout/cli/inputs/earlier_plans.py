"""What was done below `--runs` of the very jobs that a plan has, under another plan: as a rule by other weights or
machines. It need not run again, if the plan goes on from that one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from glob import escape
from pathlib import Path

from shareout.choices import Order
from shareout.cli.inputs.recorded_call import Call
from shareout.cli.options import Common
from shareout.config import FILE, load_settings
from shareout.errors import ShareoutError, cannot_write
from shareout.fields import dataclass
from shareout.files import replace_file
from shareout.json_places import read_text
from shareout.names import ALL
from shareout.plan import fingerprint
from shareout.plan.ids import ids_as_told
from shareout.plan.origin import Origin
from shareout.plan.plan import Plan
from shareout.ranges import Range, size, union
from shareout.record.folder import RunFolder
from shareout.record.journal import Header
from shareout.record.reader import newest_header
from shareout.record.tallies.saved import tally_of
from shareout.record.tallies.standing import DONE
from shareout.record.tallies.tally import Tally
from shareout.rewrite import with_setting


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """One run directory of them."""

    folder: RunFolder
    header: Header
    tally: Tally

    @property
    def done(self) -> list[Range]:
        """The positions that it proves."""
        return list(self.tally.stretches(DONE))


@dataclass(frozen=True, slots=True)
class EarlierPlan:
    """An origin, and the runs that are here of it."""

    origin: Origin
    runs: Sequence[EarlierRun]

    @property
    def words(self) -> str:
        """As a person names it: the first half of its fingerprint."""
        return "-".join(fingerprint.words(self.origin.digest).split("-")[:2])

    @property
    def done(self) -> list[Range]:
        """What any of its runs proves."""
        return union(one for run in self.runs for one in run.done)

    @property
    def count(self) -> int:
        """How many jobs of it are done."""
        return size(self.done)

    def shares(self) -> dict[str, Sequence[Range]]:
        """What each machine that is here owes by its newest start."""
        return {run.header.machine: run.header.ranges for run in self.runs if run.header.machine != ALL}


def earlier_plans(runs: Path, plan: Plan) -> list[EarlierPlan]:
    """Those of the same work that have done something, the one with the most first; not the plan's own origin, nor
    what it was rebalanced from."""
    found: dict[str, list[EarlierRun]] = {}
    for run in _runs_of_the_work(runs, plan):
        if run.header.origin != plan.origin_hex and run.header.origin not in plan.ancestors:
            found.setdefault(run.header.origin, []).append(run)
    made = [EarlierPlan(Origin(bytes.fromhex(hex_), plan.work, plan.order), its) for hex_, its in found.items()]
    # One that has done nothing is not offered: to go on from it would keep nothing, and name its folder for ever.
    return sorted((one for one in made if one.count), key=lambda one: -one.count)


def own_runs(runs: Path, plan: Plan) -> EarlierPlan:
    """What is here of the plan's own origin."""
    its = [run for run in _runs_of_the_work(runs, plan) if run.header.origin == plan.origin_hex]
    return EarlierPlan(Origin(plan.origin, plan.work, plan.order), its)


def unasked(call: Call, common: Common, plan: Plan, machine: str = "*") -> list[EarlierPlan]:
    """Those that nobody has said anything about: not where the plan goes on from another, or this machine has run by
    it; nor where this host is the only one, whose share nothing can change."""
    # Where it goes on from another, any run of that one shows that it is meant; where there is none, it is a slip.
    name = "*" if plan.since or machine == "*" else escape(machine)
    is_begun = any(common.runs.glob(f"{plan.origin[:8].hex()}/{name}"))
    return [] if call.own is not None or is_begun else earlier_plans(common.runs, plan)


def sentence_of(found: Sequence[EarlierPlan]) -> str:
    """What was done, and as what."""
    said = " and ".join(f"{one.count:,} as {one.words}" for one in found)
    return f"of these jobs are done, by other machines or weights: {said}"


def go_on_from(configs: Path, origin: Origin) -> None:
    """For this machine and, where the configs are copied, for all."""
    path = configs / FILE
    text = read_text(path) if load_settings(configs).path else ""
    fresh = with_setting(text, "run", "since", origin.text)
    try:
        replace_file(path.resolve(), [fresh.encode("utf-8", "surrogateescape")])
    except OSError as error:
        raise cannot_write(path, error, way_out="Make it writable, or say --anew.") from error


def _runs_of_the_work(runs: Path, plan: Plan) -> Iterator[EarlierRun]:
    for path in sorted(runs.glob("*/*")):
        folder = RunFolder(path)
        try:
            header = newest_header(folder)
            if (header.work, Order(header.order), header.jobs) == (plan.work.hex(), plan.order, plan.jobs):
                yield EarlierRun(folder, header, tally_of(folder, header, ids_as_told(header)))
        # Who asks only offers something: what cannot be read is refused by whoever is told to read it.
        except (OSError, ValueError, ShareoutError):
            continue
