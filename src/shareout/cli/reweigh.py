"""`reweigh [NAME=PERF…]`: other weights or machines for the same jobs, and what is done stays done."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from shareout.cli.inputs.earlier_plans import EarlierPlan, earlier_plans, own_runs
from shareout.cli.inputs.measured import measured_perfs
from shareout.cli.inputs.run_folders import folders_here, kind_here, tell
from shareout.cli.options import Common, add_common, machines_file
from shareout.cli.planning import plan_of
from shareout.config import FILE, load_settings
from shareout.entry import Entry
from shareout.errors import InputErrors, ShareoutError, UsageError, cannot_write, nearest
from shareout.files import replace_file
from shareout.json_places import read_json, read_text
from shareout.machines import Machine
from shareout.plan import fingerprint
from shareout.plan.origin import Move, Origin, is_known, moved, moves, of_these
from shareout.plan.plan import Plan, make_plan
from shareout.ranges import Range, size
from shareout.record.lock import is_locked
from shareout.rewrite import PERF, with_machines, with_setting
from shareout.show.tables import table
from shareout.units import counted

MACHINES = "machines.json"
MUCH = 10
"""Where more than one job in so many moves, of more than so many squared, another way is better and is named."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall be another."""

    perfs: Mapping[str, str]
    added: Mapping[str, tuple[str, str]]
    """Name → performance and cores, as they were typed."""
    removed: Sequence[str]


@dataclass(frozen=True, slots=True)
class Base:
    """The plan that is gone on from."""

    origin: Origin
    before: Mapping[str, Sequence[Range]]
    """What its machines owe; of an earlier plan only those whose runs are here."""
    is_all: bool
    done: Sequence[Range]


def configure(parser: argparse.ArgumentParser) -> None:
    """Whose weight is what, and who comes and goes."""
    parser.epilog = (
        "examples:\n"
        "  reweigh bob=0.9\n"
        "  reweigh --measured home/runs\n"
        "  reweigh --remove bob --dry-run\n"
        "  reweigh               # where machines.json was changed by hand"
    )
    parser.add_argument("perfs", nargs="*", metavar="NAME=PERF", help="the performance of a machine's core")
    parser.add_argument("--measured", nargs="+", metavar="DIR", help="all performances, as these runs tell them")
    parser.add_argument("--add", action="append", default=[], metavar="NAME=PERFxCORES", help="another machine")
    parser.add_argument("--remove", action="append", default=[], metavar="NAME", help="a machine that runs no more")
    parser.add_argument("--since", metavar="DIGEST", help="which plan to go on from, of several")
    parser.add_argument("--pool", metavar="FILE", help="a pool file (default: the configs')")
    parser.add_argument("--dry-run", action="store_true", help="show what would move, and write nothing")
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0; what is refused is refused before anything is written."""
    common = Common.of(arguments)
    machines = machines_file(common)
    pool_file = Path(arguments.pool) if arguments.pool else None
    kind = kind_here(entry, folders_here(common))
    plan, _ = plan_of(common, entry, pool_file=pool_file, local_barriers=True, kind=kind)
    wanted = _wanted(arguments, plan, machines)
    base = _base(plan, common, arguments.since)
    texts = _texts(machines, common.configs / FILE, wanted, _since(plan, base, wanted))
    fresh = _planned(plan, texts, kind)
    changes = moves(base.before, _shares(fresh), _known(plan, base, wanted))
    _tell_running(common, plan)
    is_written = not arguments.dry_run and _write(common.configs, texts)
    _report(fresh, changes, base, common=common, is_written=is_written)
    return 0


def _wanted(arguments: argparse.Namespace, plan: Plan, path: Path) -> Wanted:
    known = {machine.name: machine for machine in plan.machines}
    perfs = dict(map(_perf, arguments.perfs))
    if arguments.measured:
        if perfs:
            raise UsageError("performances are either given or --measured", way_out="Leave one of them out.")
        perfs = measured_perfs(arguments.measured, plan, tell)
    added = dict(map(_machine, arguments.add))
    said = [*(text.rpartition("=")[0] for text in (*arguments.perfs, *arguments.add)), *arguments.remove]
    if twice := [name for name in said if said.count(name) > 1]:
        raise UsageError(f'"{twice[0]}" is named twice', way_out="Say one thing of each machine.")
    for name in (*perfs, *arguments.remove):
        if name not in known:
            way_out = "A new machine is added by --add NAME=PERFxCORES."
            raise UsageError(f'there is no machine "{name}" in {path}{nearest(name, known)}', way_out=way_out)
    if again := sorted(known.keys() & added.keys()):
        raise UsageError(f'"{again[0]}" is in {path} already', way_out=f"Its performance is set by {again[0]}=PERF.")
    if not (known.keys() - set(arguments.remove)) | added.keys():
        raise UsageError("no machine would be left", way_out="Keep one, or --add one.")
    return Wanted(perfs, added, arguments.remove)


def _tell_running(common: Common, plan: Plan) -> None:
    """They go on with the shares that they began with, while others take what has moved."""
    names = [run.header.machine for run in own_runs(common.runs, plan).runs if is_locked(run.folder)]
    if names:
        tell(f"{', '.join(names)} runs by the old weights: stop it and start it again, or jobs that move run twice")


def _perf(text: str) -> tuple[str, str]:
    name, equals, perf = text.rpartition("=")
    if not equals or not name or not PERF.fullmatch(perf) or not float(perf):
        raise UsageError(f'"{text}" is not NAME=PERF', way_out="Write bob=0.9: a machine, and a number above 0.")
    return name, perf


def _machine(text: str) -> tuple[str, tuple[str, str]]:
    name, _, weight = text.rpartition("=")
    perf, _, cores = weight.partition("x")
    if not name or not PERF.fullmatch(perf) or not float(perf) or not cores.isdecimal() or not int(cores):
        raise UsageError(f'"{text}" is not NAME=PERFxCORES', way_out="Write carol=1.5x8: performance and cores.")
    return name, (perf, cores)


def _base(plan: Plan, common: Common, typed: str | None) -> Base:
    """The plan at hand; or, where it has done nothing, the one that has done something of its jobs."""
    own, earlier = own_runs(common.runs, plan), earlier_plans(common.runs, plan)
    if typed is not None:
        found = [one for one in (own, *earlier) if fingerprint.matches(typed, one.origin.digest) or one.words == typed]
        if not found:
            names = ", ".join(f"{one.words} ({one.origin.digest[:8].hex()})" for one in (own, *earlier))
            raise UsageError(f"no run of these jobs is of a plan {typed}", way_out=f"Here are: {names}.")
        chosen = found[0]
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
        return Base(own.origin, _shares(plan), True, own.done)
    return Base(chosen.origin, _shares_of(chosen), False, chosen.done)


def _shares(plan: Plan) -> dict[str, Sequence[Range]]:
    return {machine.name: plan.share(machine.name).ranges for machine in plan.machines}


def _shares_of(earlier: EarlierPlan) -> dict[str, Sequence[Range]]:
    return earlier.shares()


def _known(plan: Plan, base: Base, wanted: Wanted) -> Sequence[str]:
    """Machines of which it is known that they owed nothing, because they are new."""
    return [*wanted.added] if base.is_all else []


def _since(plan: Plan, base: Base, wanted: Wanted) -> str:
    """What `[run] since` is to say: nothing where nothing else changes, for the plan is then what it was."""
    is_other = _others(wanted, plan) or wanted.added or wanted.removed or base.origin.digest != plan.origin
    return base.origin.text if is_other or plan.since else ""


def _others(wanted: Wanted, plan: Plan) -> bool:
    """Whether any performance is another number than it was."""
    return any(Fraction(wanted.perfs[one.name]) != one.perf for one in plan.machines if one.name in wanted.perfs)


def _texts(machines: Path, config: Path, wanted: Wanted, since: str) -> dict[str, tuple[str, str]]:
    """Name of the file → how it was and how it shall be."""
    document = read_json(machines)
    old = load_settings(config.parent)
    config_text = read_text(config) if old.path else ""
    added = [(name, f"[{perf}, {cores}]") for name, (perf, cores) in wanted.added.items()]
    fresh = with_setting(config_text, "run", "since", since) if since and since != old.run.since else config_text
    return {
        # In this order, for who is stopped between them: a plan that goes on from another with its old weights is the
        # same plan, while other weights without `since` would be one that starts anew.
        FILE: (config_text, fresh),
        MACHINES: (document.text, with_machines(document, wanted.perfs, wanted.removed, added)),
    }


def _planned(plan: Plan, texts: Mapping[str, tuple[str, str]], kind: str) -> Plan:
    """By the files as they would be, so that what every machine would refuse is refused now."""
    with tempfile.TemporaryDirectory(prefix="shareout-") as name:
        folder = Path(name)
        for file, (_, fresh) in texts.items():
            (folder / file).write_text(fresh, "utf-8", errors="surrogateescape", newline="")
        try:
            settings = load_settings(folder)
            return make_plan(plan.pool, folder / MACHINES, settings, kind=kind, local_barriers=True)
        except ShareoutError as error:
            raise _as_it_would_be(error) from error


def _as_it_would_be(error: ShareoutError) -> UsageError:
    """The file that a mistake stands in is nowhere: it is in what was typed."""
    mistakes = error.mistakes if isinstance(error, InputErrors) else [error]
    return UsageError(
        "; ".join(one.what for one in mistakes),
        way_out=next((one.way_out for one in mistakes if one.way_out), "Nothing was written."),
    )


def _write(configs: Path, texts: Mapping[str, tuple[str, str]]) -> bool:
    """Whether anything was."""
    is_written = False
    for name, (old, fresh) in texts.items():
        if fresh != old:
            path = configs / name
            try:
                replace_file(path.resolve(), [fresh.encode("utf-8", "surrogateescape")])
            except OSError as error:
                raise cannot_write(path, error, way_out="Make it writable; `reweigh` can be said again.") from error
            is_written = True
    return is_written


def _report(fresh: Plan, changes: Sequence[Move], base: Base, *, common: Common, is_written: bool) -> None:
    moving = size(moved(changes)) if is_known(changes) else None
    again = of_these(moved(changes), base.done)
    if common.json:
        print(json.dumps(_facts(fresh, changes, base, moving=moving, is_written=is_written)))
        return
    if common.quiet:
        return
    weights = {machine.name: machine for machine in fresh.machines}
    print(table(["machine", "weight", "before", "now", "gets", "done of these"],
                [_row(change, weights, base) for change in changes], right={1, 2, 3, 4, 5}))  # fmt: skip
    print()
    if moving is None:
        print(f"{size(base.done):,} of {counted(fresh.jobs, 'job')} are done; how many move is not known here")
    else:
        percent = _percent(moving, fresh.jobs)
        print(f"{moving:,} of {counted(fresh.jobs, 'job')} move ({percent}); {again:,} of them are done")
    print("what is done is not run again where the journal that has it is in runs")
    print(f"digest  {fresh.fingerprint}  ·  {fresh.short_hex}")
    if fresh.since:
        print(f"since   {fingerprint.words(fresh.origin)}  ·  {fresh.origin[:8].hex()}")
    if moving is not None and fresh.jobs > MUCH * MUCH and moving * MUCH > fresh.jobs:
        print("much moves: `rebalance` writes inputs of what is not done only, in equal shares for all machines")
    written = f"copy {common.configs} to every machine, and run" if is_written else "nothing was written"
    print(written)


def _row(change: Move, weights: Mapping[str, Machine], base: Base) -> list[str]:
    machine = weights.get(change.machine)
    weight = f"{float(machine.weight):g}" if machine else "-"
    before = "?" if change.before is None else f"{size(change.before):,}"
    gets = "?" if change.before is None else f"{size(change.gets):,}"
    done = "?" if change.before is None else f"{of_these(change.gets, base.done):,}"
    return [change.machine, weight, before, f"{size(change.after):,}", gets, done]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.3g}%" if whole else "0%"


def _facts(
    fresh: Plan, changes: Sequence[Move], base: Base, *, moving: int | None, is_written: bool
) -> dict[str, object]:
    return {
        "digest": fresh.hex,
        "fingerprint": fresh.fingerprint,
        "origin": fresh.origin_hex,
        "since": fresh.since.text if fresh.since else None,
        "jobs": fresh.jobs,
        "done": size(base.done),
        "moved": moving,
        "moved_done": of_these(moved(changes), base.done),
        "machines": [
            {
                "name": change.machine,
                "before": None if change.before is None else size(change.before),
                "now": size(change.after),
                "gets": None if change.before is None else size(change.gets),
                "gets_done": None if change.before is None else of_these(change.gets, base.done),
            }
            for change in changes
        ],
        "written": is_written,
    }
