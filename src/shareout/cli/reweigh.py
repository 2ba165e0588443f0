"""`reweigh [NAME=PERF…]`: other weights or machines for the same jobs, and what is done stays done."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from shareout.cli.inputs.measured import measured_perfs
from shareout.cli.inputs.moving import (
    MACHINES,
    Base,
    Moving,
    base_of,
    planned,
    shares_of,
    since_text,
    tell_running,
    write_inputs,
)
from shareout.cli.inputs.run_folders import folders_here, kind_here, tell
from shareout.cli.options import Common, add_common, machines_file
from shareout.cli.planning import plan_of
from shareout.config import FILE
from shareout.entry import Entry
from shareout.errors import UsageError, nearest
from shareout.fields import dataclass
from shareout.json_places import read_json
from shareout.plan.origin import moves
from shareout.plan.plan import Plan
from shareout.rewrite import PERF, with_machines


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall be another."""

    perfs: Mapping[str, str]
    added: Mapping[str, tuple[str, str]]
    """Name → performance and cores, as they were typed."""
    removed: Sequence[str]


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
    base = base_of(plan, common, arguments.since)
    texts = _texts(machines, common.configs / FILE, wanted, _since(plan, base, wanted))
    fresh = planned(plan, texts, kind, machines)
    # Of machines that are new it is known that they owed nothing.
    moving = Moving(fresh, base, moves(base.before, shares_of(fresh), [*wanted.added] if base.is_all else []))
    tell_running(common, plan)
    is_written = not arguments.dry_run and write_inputs(common.configs, texts, "reweigh")
    if common.json:
        print(json.dumps({**moving.facts(), "written": is_written}))
    elif not common.quiet:
        print("\n".join(moving.lines()))
        print(f"copy {common.configs} to every machine, and run" if is_written else "nothing was written")
    return 0


def _wanted(arguments: argparse.Namespace, plan: Plan, path: Path) -> Wanted:
    known = {machine.name: machine for machine in plan.machines}
    perfs = dict(map(_perf, arguments.perfs))
    if arguments.measured:
        if perfs:
            raise UsageError("performances are either given or --measured", way_out="Leave one of them out.")
        # Not written by a run itself: who runs a share does not see the others, and weights that follow a night's load
        # would move jobs at each start.
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
    added = [(name, f"[{perf}, {cores}]") for name, (perf, cores) in wanted.added.items()]
    return {
        # In this order, for who is stopped between them: a plan that goes on from another with its old weights is the
        # same plan, while other weights without `since` would be one that starts anew.
        FILE: since_text(config, since),
        MACHINES: (document.text, with_machines(document, wanted.perfs, wanted.removed, added)),
    }
