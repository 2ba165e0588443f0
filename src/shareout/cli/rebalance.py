"""`rebalance DIR… -o configs2`: new inputs that hold only what is not done; old results still count in the merge."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from shareout.cli.inputs.run_folders import folders_of, kind_here, tell
from shareout.cli.options import Common, add_common
from shareout.cli.planning import plan_of
from shareout.config import FILE, load_settings
from shareout.entry import Entry
from shareout.errors import PlanMismatch, UsageError, cannot_write
from shareout.fields import replace
from shareout.json_places import read_text
from shareout.machines import load_machines
from shareout.merge.rebalance import left_positions
from shareout.names import ALL
from shareout.plan.plan import Plan
from shareout.plan.rest import NAME, SelectedPool, Step, write_rest
from shareout.record.folder import RunFolder
from shareout.record.headers import check_folders
from shareout.record.journal import Header
from shareout.record.reader import newest_header
from shareout.rewrite import without_setting
from shareout.status.plans import is_live
from shareout.units import counted

COPIED = ("runner.config", "header.csv")


def configure(parser: argparse.ArgumentParser) -> None:
    """What was done, who shall do the rest, and the folder for the new inputs."""
    parser.epilog = "example:\n  rebalance home/*/runs --machines new-machines.json -o configs2"
    parser.add_argument("sources", nargs="*", metavar="DIR", help="run directories of all machines (default: --runs)")
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="the folder to write; it must be new")
    parser.add_argument("--machines", metavar="FILE", help="who runs the rest (default: the same machines.json)")
    parser.add_argument("--failed", action="store_true", help="run again what has failed, as well")
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0, also when nothing is left to do and nothing was written. The new inputs are made whole or not at all."""
    common = Common.of(arguments)
    target = Path(arguments.output)
    machines = Path(arguments.machines) if arguments.machines else common.configs / "machines.json"
    if arguments.machines:
        # Told now and by the name that was typed, not as a copy of it.
        load_machines(machines)
    if target.exists():
        raise UsageError(f"{target} is there already", way_out="Name a new folder after -o; nothing is overwritten.")
    with folders_of(arguments.sources, common) as folders:
        kind = kind_here(entry, folders)
        plan, _ = plan_of(common, entry, local_barriers=True, kind=kind)
        journals = _of_plan(folders, plan, strict=bool(arguments.sources))
        _tell_absent(plan, journals)
        _tell_running(journals)
        left = left_positions(plan.jobs, journals, tell, failed=arguments.failed)
        failed = _size(left_positions(plan.jobs, journals, lambda _: None, failed=True)) - _size(left)
    if failed:
        tell(f"{failed:,} jobs have failed, and stay so; --failed gives them away as well")
    if not _size(left):
        tell("nothing is left to do: no inputs were written")
        return 0
    _write(target, plan, left, common, machines)
    try:
        # Planned at once from the copy: what every machine would refuse is refused here, and no half-made folder
        # stays.
        fresh, _ = plan_of(replace(common, configs=target), entry, local_barriers=True, kind=kind)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    _report(fresh, plan, target, common)
    return 0


def _size(ranges: Sequence[tuple[int, int]]) -> int:
    return sum(stop - start for start, stop in ranges)


def _of_plan(folders: Sequence[RunFolder], plan: Plan, *, strict: bool) -> list[tuple[RunFolder, Header]]:
    """The directories of this plan. Those of plans that it was rebalanced from are not asked any more."""
    found = [(folder, newest_header(folder)) for folder in folders]
    for folder, header in found:
        # Who names a directory means it, so that one of another plan is a slip. Below --runs older plans may stand,
        # and are passed over: else each look would need a flag.
        if strict and header.origin != plan.origin_hex and header.origin not in plan.ancestors:
            raise PlanMismatch(
                f"{folder.path} is of plan {header.origin[:16]}, the inputs are of plan {plan.short_hex}",
                way_out="Name the inputs that it ran with by --configs DIR.",
            )
    check_folders([folder for folder, _ in found], plan)
    return [(folder, header) for folder, header in found if header.origin == plan.origin_hex]


def _tell_absent(plan: Plan, journals: Sequence[tuple[RunFolder, Header]]) -> None:
    here = {header.machine for _, header in journals}
    if ALL in here:
        return
    for machine in plan.machines:
        jobs = len(plan.share(machine.name))
        if jobs and machine.name not in here:
            its = counted(jobs, "job")
            tell(f"no run directory of {machine.name} is here: its {its} count as not done, and will run again")


def _tell_running(journals: Sequence[tuple[RunFolder, Header]]) -> None:
    if names := [header.machine for folder, header in journals if is_live(folder)]:
        tell(f"at work still: {', '.join(names)}. Stop that first, or what is done there from now on is done once more")


def _write(target: Path, plan: Plan, left: Sequence[tuple[int, int]], common: Common, machines: Path) -> None:
    earlier = plan.pool.steps if isinstance(plan.pool, SelectedPool) else ()
    step = Step(plan.origin_hex, tuple(plan.pool.phases), tuple(left), plan.order)
    try:
        target.mkdir(parents=True)
        # Bytes and not what was understood of them: digests are over bytes, and a person finds comments and order
        # again.
        shutil.copyfile(machines, target / "machines.json")
        for name in COPIED:
            if (common.configs / name).is_file():
                shutil.copyfile(common.configs / name, target / name)
        for path in _files_of(plan):
            if path.resolve().is_relative_to(common.configs.resolve()):
                place = target / path.resolve().relative_to(common.configs.resolve())
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)
        _begin_anew(target / FILE)
        write_rest(target, plan.work.hex(), plan.total, [*earlier, step])
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise cannot_write(
            error.filename2 or error.filename or target, error, way_out="Name another folder after -o."
        ) from error


def _files_of(plan: Plan) -> list[Path]:
    """The pool's, and what its jobs cost: by their ids, which stay."""
    costs = plan.cost_source
    files = [one.path for one in plan.pool.inputs if one.role.startswith("pool")]
    return [*files, costs.path] if costs and costs.is_file else files


def _begin_anew(config: Path) -> None:
    """Positions of the rest are other jobs than those of the plan that is gone on from: this goes on from none."""
    if config.exists() and load_settings(config.parent).run.since:
        text = without_setting(read_text(config), "run", "since")
        config.write_text(text, "utf-8", errors="surrogateescape", newline="")


def _report(fresh: Plan, plan: Plan, target: Path, common: Common) -> None:
    shares = {machine.name: len(fresh.share(machine.name)) for machine in fresh.machines}
    if common.json:
        facts = {"digest": fresh.hex, "fingerprint": fresh.fingerprint, "jobs": fresh.jobs, "total": fresh.total,
                 "configs": str(target), "machines": shares, "rest": str(target / NAME)}  # fmt: skip
        print(json.dumps(facts))
        return
    print(f"{fresh.jobs:,} of {counted(fresh.total, 'job')} are left; {target} has the inputs for them")
    print(f"digest  {fresh.fingerprint}  ·  {fresh.short_hex}")
    for name, jobs in shares.items():
        print(f"  {name}  {counted(jobs, 'job')}")
    print(f"copy {target} to every machine and run with --configs {target};")
    print("merge the old run directories and the new ones together")
