"""`costs DIR…`: costs.csv from what was run, so that shares end together; what is done stays done."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from shareout.cli.inputs.moving import (
    Moving,
    base_of,
    planned,
    shares_of,
    since_text,
    tell_running,
    write_inputs,
)
from shareout.cli.inputs.run_folders import add_sources, folders_of, kind_here, tell
from shareout.cli.options import Common, add_common, add_output, machines_file
from shareout.cli.planning import plan_of
from shareout.config import FILE
from shareout.costs.amount import rounded, told_cost
from shareout.costs.file import write_costs_file
from shareout.costs.model import FEWEST, Model, Worth, fit, worth
from shareout.costs.source import OFF
from shareout.entry import Entry
from shareout.errors import UsageError, cannot_write, nearest
from shareout.fields import dataclass, field
from shareout.plan.origin import moves
from shareout.plan.plan import Plan
from shareout.report.timings import CUT_OFF, Timings, perfs_of, timings_of
from shareout.show.tables import table
from shareout.units import counted

RUN, MODEL = "run", "model"
"""Where a cost comes from, as the file says it."""
MOST_FITTED = 200_000
"""Jobs that a model is fitted to; more make it no better."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was measured, and what is worked out from it."""

    timings: Timings
    perfs: Mapping[str, float]
    jobs: int
    measured: int
    cut_off: int
    model: Model | None = None
    worth: Worth | None = None
    columns: Sequence[Sequence[str]] = field(default_factory=tuple)

    @property
    def fitted(self) -> int:
        """Jobs that a model speaks of."""
        return self.jobs - self.measured if self.model else 0

    def cost(self, job: int) -> float:
        """Seconds on a core of performance 1; 0 where it was not measured."""
        timings = self.timings
        return timings.seconds[job] * self.perfs[timings.machines[timings.by[job]].name] if timings.how[job] else 0.0

    def rows(self) -> Iterator[tuple[int, str, str]]:
        """As they stand in the file."""
        for job in range(self.jobs):
            if self.timings.how[job]:
                yield job, told_cost(rounded(self.cost(job))), RUN
            elif self.model is not None:
                yield job, told_cost(rounded(self.model.cost([column[job] for column in self.columns]))), MODEL


def configure(parser: argparse.ArgumentParser) -> None:
    """Which runs, and what speaks for jobs that never ran."""
    parser.epilog = (
        "examples:\n"
        "  costs                            # from ./runs into configs/costs.csv\n"
        "  costs home/*/runs --by size,method --dry-run"
    )
    add_sources(parser)
    add_output(parser, "the file to write (default: costs.csv by the pool)")
    parser.add_argument("--by", metavar="COLUMN,…", help="fields that tell how long other jobs take")
    parser.add_argument("--since", metavar="DIGEST", help="which plan to go on from, of several")
    parser.add_argument("--pool", metavar="FILE", help="a pool file (default: the configs')")
    parser.add_argument("--dry-run", action="store_true", help="show what would be known and move, and write nothing")
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0; what is refused is refused before anything is written."""
    common = Common.of(arguments)
    machines = machines_file(common)
    with folders_of(arguments.sources, common) as folders:
        kind = kind_here(entry, folders)
        pool_file = Path(arguments.pool) if arguments.pool else None
        plan, settings = plan_of(common, entry, pool_file=pool_file, local_barriers=True, kind=kind)
        if settings.run.cost == OFF:
            raise UsageError(f"costs do not count here: [run] cost = {OFF}", way_out="Take that out of runner.config.")
        known = _known(timings_of(folders, plan), plan, arguments.by)
    _tell(known)
    target = arguments.output or plan.pool.costs_file
    if target.resolve() != plan.pool.costs_file.resolve():
        return _write_elsewhere(known, target, common, is_dry=arguments.dry_run)
    with tempfile.TemporaryDirectory(prefix="shareout-") as name:
        fresh_file = Path(name) / "costs.csv"
        write_costs_file(fresh_file, known.rows())
        base = base_of(plan, common, arguments.since)
        texts = {FILE: since_text(common.configs / FILE, base.origin.text)}
        fresh = planned(plan, texts, kind, machines, fresh_file)
        moving = Moving(fresh, base, moves(base.before, shares_of(fresh)))
        tell_running(common, plan)
        if not arguments.dry_run:
            # In this order, for who is stopped between them: with `since` and the old costs it is the same shares.
            write_inputs(common.configs, texts, "costs")
            _put(known, target)
    _report(known, moving, target, common, is_written=not arguments.dry_run)
    return 0


def _known(timings: Timings, plan: Plan, by: str | None) -> Known:
    cut_off = timings.how.count(CUT_OFF)
    measured = len(timings.how) - timings.how.count(0)
    known = Known(timings, perfs_of(timings, plan), len(timings.how), measured, cut_off)
    for folder in timings.strangers:
        tell(f"{folder.path} is of other work: it says nothing of these jobs")
    if not measured:
        raise UsageError(
            "none of these jobs was done in these runs",
            way_out="Run some first (`run -n 100`), or name the runs that did.",
        )
    return _modelled(known, plan, by) if by else known


def _modelled(known: Known, plan: Plan, by: str) -> Known:
    """With what speaks for jobs that never ran. Refused where it says nothing."""
    names = [name.strip() for name in by.split(",") if name.strip()]
    columns = [_column(plan, name) for name in names]
    jobs = [job for job in range(known.jobs) if known.timings.how[job]]
    if len(jobs) < FEWEST:
        raise UsageError(
            f"{counted(len(jobs), 'job')} of these were measured, and a model takes {FEWEST}",
            way_out="Run some more first, or leave out --by: jobs that are not known then count as the median.",
        )
    # In shuffled order, so that each part is a sample; as far as they are needed.
    # By a hash and not by `random`: the same runs give the same file, on whichever machine it is made.
    jobs = sorted(jobs, key=lambda job: (job * 0x9E3779B97F4A7C15) & (1 << 64) - 1)[:MOST_FITTED]
    rows = [[column[job] for column in columns] for job in jobs]
    costs = [known.cost(job) for job in jobs]
    judged = worth(rows, costs)
    if not judged.explains:
        raise UsageError(
            f"{', '.join(names)} explains nothing: single jobs are off by ×/÷{judged.error:.3g} with it, and by "
            f"×/÷{judged.without:.3g} without",
            way_out="Name other columns, or leave out --by: jobs that are not known then count as the median.",
        )
    return Known(
        known.timings,
        known.perfs,
        known.jobs,
        known.measured,
        known.cut_off,
        model=fit(rows, costs),
        worth=judged,
        columns=columns,
    )


def _column(plan: Plan, name: str) -> list[str]:
    blocks = plan.pool.field(name)
    if blocks is None:
        names: Sequence[str] = getattr(getattr(plan.pool, "whole", plan.pool), "names", None) or ()
        raise UsageError(
            f'no row has a field "{name}"{nearest(name, names)}',
            way_out=f"Its fields are {', '.join(names)}." if names else "Lines have no fields: leave out --by.",
        )
    return ["" if one is None else str(one) for block in blocks for one in block]


def _tell(known: Known) -> None:
    """What is not as one would think."""
    if known.timings.failed:
        tell(f"{counted(len(known.timings.failed), 'job')} failed: how long they take is not known")
    if known.cut_off:
        jobs = counted(known.cut_off, "job")
        # Counted all the same: they are the longest there are, and without them the model and the median would know
        # none of that kind.
        tell(f"{jobs} ran into a time limit: they count as what they were let run, and take more")
    for one in known.timings.machines:
        if one.speed is None:
            tell(f"{one.name} ran {counted(one.jobs, 'job')}, too few to tell its speed: machines.json's counts")


def _put(known: Known, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_costs_file(target, known.rows())
    except OSError as error:
        raise cannot_write(target, error, way_out="Make it writable; `costs` can be said again.") from error


def _write_elsewhere(known: Known, target: Path, common: Common, *, is_dry: bool) -> int:
    """Only the file: what no plan looks at moves nothing."""
    if not is_dry:
        _put(known, target)
    _report(known, None, target, common, is_written=not is_dry)
    return 0


def _report(known: Known, moving: Moving | None, target: Path, common: Common, *, is_written: bool) -> None:
    if common.json:
        moves_ = moving.facts() if moving else {}
        print(json.dumps({**_facts(known), **moves_, "file": str(target), "written": is_written}))
        return
    if common.quiet:
        return
    rows = [
        [one.name, f"{one.jobs:,}", f"{one.seconds / max(1, one.jobs):.3g}", f"{known.perfs[one.name]:.3g}"]
        for one in known.timings.machines
    ]
    print(table(["ran on", "jobs", "seconds a job", "speed"], rows, right={1, 2, 3}))
    print()
    print(_known_line(known))
    if known.worth:
        error, without = known.worth.error, known.worth.without
        print(f"the model is off by ×/÷{error:.3g} for a single job; without it, by ×/÷{without:.3g}")
    if moving is not None:
        print()
        print("\n".join(moving.lines()))
    if not is_written:
        print("nothing was written")
    else:
        print(f"wrote {target}" + (f"; copy {common.configs} to every machine, and run" if moving else ""))


def _known_line(known: Known) -> str:
    unknown = known.jobs - known.measured - known.fitted
    said = f"of {counted(known.jobs, 'job')} {known.measured:,} were measured"
    said += f", {known.fitted:,} are told by a model" if known.fitted else ""
    return said + (f"; {unknown:,} are not known and count as the median" if unknown else "")


def _facts(known: Known) -> dict[str, object]:
    return {
        "measured": known.measured,
        "fitted": known.fitted,
        "unknown": known.jobs - known.measured - known.fitted,
        "failed": len(known.timings.failed),
        "cut_off": known.cut_off,
        "error": known.worth.error if known.worth else None,
        "error_without": known.worth.without if known.worth else None,
        "speeds": [
            {"machine": one.name, "jobs": one.jobs, "seconds": one.seconds, "perf": known.perfs[one.name],
             "is_measured": one.speed is not None}
            for one in known.timings.machines
        ],
    }  # fmt: skip
