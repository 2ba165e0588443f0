"""From a plan to one that goes on from it: where that begins, what moves, and what is written for it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from shareout.cli.inputs.earlier_plans import earlier_plans, own_runs
from shareout.cli.inputs.run_folders import tell
from shareout.cli.options import Common
from shareout.config import load_settings
from shareout.errors import InputErrors, ShareoutError, UsageError, cannot_write
from shareout.fields import dataclass
from shareout.files import replace_file
from shareout.json_places import read_text
from shareout.plan import fingerprint
from shareout.plan.origin import Move, Origin, is_known, moved, of_these
from shareout.plan.plan import Plan, make_plan
from shareout.ranges import Range, size
from shareout.record.lock import is_locked
from shareout.rewrite import with_setting
from shareout.show.tables import table
from shareout.units import counted

MACHINES = "machines.json"
MUCH = 10
"""Where more than one job in so many moves, of more than so many squared, another way is better and is named."""


@dataclass(frozen=True, slots=True)
class Base:
    """The plan that is gone on from."""

    origin: Origin
    before: Mapping[str, Sequence[Range]]
    """What its machines owe; of an earlier plan only those whose runs are here."""
    is_all: bool
    done: Sequence[Range]


@dataclass(frozen=True, slots=True)
class Moving:
    """From the one plan to the other."""

    fresh: Plan
    base: Base
    changes: Sequence[Move]

    @property
    def jobs(self) -> int | None:
        """How many move; None where nobody here knows what some machine owed."""
        return size(moved(self.changes)) if is_known(self.changes) else None

    @property
    def done(self) -> int:
        """How many of them, as far as is known, are done."""
        return of_these(moved(self.changes), self.base.done)

    def lines(self) -> list[str]:
        """For people."""
        fresh, jobs = self.fresh, self.jobs
        head = ["machine", "weight", "before", "now", "gets", "done of these"]
        lines = [table(head, [self._row(change) for change in self.changes], right={1, 2, 3, 4, 5}), ""]
        if jobs is None:
            lines.append(
                f"{size(self.base.done):,} of {counted(fresh.jobs, 'job')} are done; how many move is not known here"
            )
        else:
            percent = f"{100 * jobs / fresh.jobs:.3g}%" if fresh.jobs else "0%"
            lines.append(f"{jobs:,} of {counted(fresh.jobs, 'job')} move ({percent}); {self.done:,} of them are done")
        lines.append("what is done is not run again where the journal that has it is in runs")
        lines.append(f"digest  {fresh.fingerprint}  ·  {fresh.short_hex}")
        if fresh.since:
            lines.append(f"since   {fingerprint.words(fresh.origin)}  ·  {fresh.origin[:8].hex()}")
        if jobs is not None and fresh.jobs > MUCH * MUCH and jobs * MUCH > fresh.jobs:
            lines.append(
                "much moves: `rebalance` writes inputs of what is not done only, in equal shares for all machines"
            )
        return lines

    def facts(self) -> dict[str, object]:
        """For scripts."""
        return {
            "digest": self.fresh.hex,
            "fingerprint": self.fresh.fingerprint,
            "origin": self.fresh.origin_hex,
            "since": self.fresh.since.text if self.fresh.since else None,
            "jobs": self.fresh.jobs,
            "done": size(self.base.done),
            "moved": self.jobs,
            "moved_done": self.done,
            "machines": [
                {
                    "name": change.machine,
                    "before": None if change.before is None else size(change.before),
                    "now": size(change.after),
                    "gets": None if change.before is None else size(change.gets),
                    "gets_done": None if change.before is None else of_these(change.gets, self.base.done),
                }
                for change in self.changes
            ],
        }

    def _row(self, change: Move) -> list[str]:
        machine = next((one for one in self.fresh.machines if one.name == change.machine), None)
        weight = f"{float(machine.weight):g}" if machine else "-"
        before = "?" if change.before is None else f"{size(change.before):,}"
        gets = "?" if change.before is None else f"{size(change.gets):,}"
        done = "?" if change.before is None else f"{of_these(change.gets, self.base.done):,}"
        return [change.machine, weight, before, f"{size(change.after):,}", gets, done]


def base_of(plan: Plan, common: Common, typed: str | None) -> Base:
    """The plan at hand; or, where it has done nothing, the one that has done something of its jobs."""
    own, earlier = own_runs(common.runs, plan), earlier_plans(common.runs, plan)
    if typed is not None:
        found = [one for one in (own, *earlier) if fingerprint.matches(typed, one.origin.digest) or one.words == typed]
        if not found:
            names = ", ".join(f"{one.words} ({one.origin.digest[:8].hex()})" for one in (own, *earlier))
            raise UsageError(f"no run of these jobs is of a plan {typed}", way_out=f"Here are: {names}.")
        # Its own first: who types the words of the plan at hand means that one, even if an earlier one began alike.
        chosen = found[0]
    # What was done under the plan at hand is nearer than anything older: to leave it would make that work run again.
    elif own.count or plan.since or not earlier:
        chosen = own
    elif len(earlier) == 1:
        chosen = earlier[0]
    else:
        names = ", ".join(f"{one.words} ({one.count:,} done)" for one in earlier)
        raise UsageError(
            f"several earlier plans have done some of these jobs: {names}",
            way_out="Say which to go on from by --since; what the others have done is not counted then.",
        )
    if chosen is own:
        return Base(own.origin, shares_of(plan), True, own.done)
    return Base(chosen.origin, chosen.shares(), False, chosen.done)


def shares_of(plan: Plan) -> dict[str, Sequence[Range]]:
    """What each of its machines owes."""
    return {machine.name: plan.share(machine.name).ranges for machine in plan.machines}


def tell_running(common: Common, plan: Plan) -> None:
    """They go on with the shares that they began with, while others take what has moved."""
    names = [run.header.machine for run in own_runs(common.runs, plan).runs if is_locked(run.folder)]
    if names:
        tell(f"{', '.join(names)} runs by the old shares: stop it and start it again, or jobs that move run twice")


def since_text(config: Path, since: str) -> tuple[str, str]:
    """runner.config as it is, and as it is when it says since when its plan goes on; "": as it does."""
    old = load_settings(config.parent)
    text = read_text(config) if old.path else ""
    return text, with_setting(text, "run", "since", since) if since and since != old.run.since else text


def planned(
    plan: Plan, texts: Mapping[str, tuple[str, str]], kind: str, machines: Path, costs: Path | None = None
) -> Plan:
    """By the files as they would be, so that what every machine would refuse is refused now."""
    with tempfile.TemporaryDirectory(prefix="shareout-") as name:
        folder = Path(name)
        for file, (_, fresh) in texts.items():
            (folder / file).write_text(fresh, "utf-8", errors="surrogateescape", newline="")
        machines = folder / MACHINES if MACHINES in texts else machines
        try:
            settings = load_settings(folder)
            return make_plan(plan.pool, machines, settings, kind=kind, local_barriers=True, costs_file=costs)
        except ShareoutError as error:
            raise _as_it_would_be(error) from error


def _as_it_would_be(error: ShareoutError) -> UsageError:
    """The file that a mistake stands in is nowhere: it is in what was typed."""
    mistakes = error.mistakes if isinstance(error, InputErrors) else [error]
    return UsageError(
        "; ".join(one.what for one in mistakes),
        way_out=next((one.way_out for one in mistakes if one.way_out), "Nothing was written."),
    )


def write_inputs(configs: Path, texts: Mapping[str, tuple[str, str]], command: str) -> bool:
    """Whether anything was: of the files that stand there otherwise. `command`: who asks."""
    is_written = False
    for name, (old, fresh) in texts.items():
        if fresh != old:
            path = configs / name
            try:
                # Through a link, to the file behind it: with a file in place of the link the project's own would stay
                # as it was.
                replace_file(path.resolve(), [fresh.encode("utf-8", "surrogateescape")])
            except OSError as error:
                raise cannot_write(path, error, way_out=f"Make it writable; `{command}` can be said again.") from error
            is_written = True
    return is_written
