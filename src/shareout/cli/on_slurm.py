"""`launch --slurm`: an array whose elements are the machines of the plan, in the folder that all nodes see. Printed, or
submitted and followed. Nothing has to be copied there or brought home: it is one folder.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from shareout.cli.launch import LaunchArguments, SlurmArguments
from shareout.cli.launching import alone, event, merged, worst
from shareout.cli.options import Common, machines_file
from shareout.cli.planning import check_fits, plan_of, tell_oddities
from shareout.cli.trip import OURS, RUNS, check_results
from shareout.entry import Entry, own_program
from shareout.environment import told_folder
from shareout.errors import UsageError, nearest
from shareout.files import replace_file
from shareout.launch.launcher import Unreached
from shareout.launch.parcel import runnable
from shareout.launch.slurm.queue import Element, Queue, Silent, Unwilling, submission
from shareout.launch.slurm.rows import Recorded, last_words, row, why_again
from shareout.launch.slurm.script import Asked, Batch, batch_of, check_lines, script
from shareout.launch.spread import write_machines
from shareout.launch.standing import Standing, Standings, State, kept
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.show.beside import say
from shareout.show.launch import LaunchView, status_text
from shareout.status.machine import Follower
from shareout.status.total import look
from shareout.units import counted

FILE, STATE = OURS / "slurm.sh", OURS / "slurm.json"
# A look asks the controller of the whole cluster: often where something happens, seldom where nothing does.
SOONEST_S, LATEST_S, SLOWER = 0.5, 10.0, 1.3


def launch_on_slurm(asked: LaunchArguments, slurm: SlurmArguments, common: Common, entry: Entry | None) -> int:
    """The exit code."""
    _check(asked, slurm)
    if slurm.nodes:
        _write_machines(slurm.nodes, common)
    plan, settings = plan_of(common, entry, pool_file=asked.pool)
    check_fits(entry, plan.pool)
    work = _Work(plan, _chosen(asked, plan, common))
    if asked.does in ("launch", "dry_run"):
        _refuse_shared(asked.join, settings.join.at)
        check_results(asked, plan, entry)
        if not common.quiet:
            tell_oddities(plan)
            _tell_unequal(plan, work.machines)
        batch = _batch(work, asked, slurm, common, entry)
        if asked.does == "dry_run":
            return _dry_run(batch, slurm)
        if not slurm.submits:
            print(script(batch), end="")
            return 0
    with alone() if asked.does == "launch" else nullcontext():
        return _Journey(work, asked, common).go(slurm, entry)


def _check(asked: LaunchArguments, slurm: SlurmArguments) -> None:
    there = "All nodes see this folder: what is recorded is in runs/ already, and `merge-results` merges it."
    if asked.does in ("fetch", "clean"):
        raise UsageError(f"--{asked.does} is for hosts that are reached by ssh", way_out=there)
    strange = {"--here": asked.is_here, "--serve": asked.serves, "-s": asked.spread, "--dir": asked.folder,
               "--files": asked.files, "--return": asked.returns}  # fmt: skip
    if said := next((flag for flag, is_given in strange.items() if is_given), None):
        raise UsageError(f"{said} and --slurm exclude each other", way_out=there)
    if asked.output is not None and asked.does == "launch" and not slurm.submits:
        raise UsageError("-o is for what a launch merges", way_out="Add --submit.")
    if slurm.chain > 1 and not (slurm.submits or asked.does == "dry_run"):
        raise UsageError("--chain is about what is submitted", way_out="Add --submit, or --dry-run to see the calls.")
    check_lines(slurm.lines)


def _refuse_shared(flag: str, at: str) -> None:
    """How far an element is, is told by its own share."""
    if flag or at:
        raise UsageError(
            f"{'--join' if flag else '[join] at'} and --slurm exclude each other: in an array each machine runs "
            "its own share",
            way_out=f"The nodes of one allocation share: sbatch -N 3 --exclusive shareout.sh run --join {flag or at}",
        )


def _write_machines(nodes: tuple[int, int], common: Common) -> None:
    count, cores = nodes
    lines = (f'  "s{number}": {{"perf": 1, "cores": {cores}}}' for number in range(count))
    file = common.configs / "machines.json"
    if write_machines(file, "{\n" + ",\n".join(lines) + "\n}\n", "--nodes"):
        say(f"shareout: wrote {file}")


def _chosen(asked: LaunchArguments, plan: Plan, common: Common) -> list[str]:
    known = [one.name for one in plan.machines]
    if strange := [name for name in asked.machines if name not in known]:
        raise UsageError(f'there is no machine "{strange[0]}" in {machines_file(common)}{nearest(strange[0], known)}')
    return [name for name in known if not asked.machines or name in asked.machines]


def _tell_unequal(plan: Plan, machines: Sequence[str]) -> None:
    cores = {one.cores for one in plan.machines if one.name in machines}
    if len(cores) > 1:
        say(f"shareout: all elements of an array are alike: each asks for {max(cores)} cores, also one of {min(cores)}")


def _batch(work: _Work, asked: LaunchArguments, slurm: SlurmArguments, common: Common, entry: Entry | None) -> Batch:
    plan, left = work.plan, work.left() or work.machines
    said = Asked(slurm.seconds, slurm.lines)
    cores, elements, memory, gpus = batch_of(plan, left, said)
    program = [str(runnable(asked.executable).absolute())] if asked.executable else own_program(entry)
    pool = [os.path.relpath(asked.pool)] if asked.pool else []
    # With `./` before it a name that begins with a dash is no option.
    words = (
        *program, "run", *(f"./{one}" if one.startswith("-") else one for one in pool),
        "--machine", "auto", "--yes", "--quiet", "--configs", str(common.configs), "--expect", plan.fingerprint,
        *(["--results", os.path.join(told_folder(), asked.results)] if asked.results is not None else []),
    )  # fmt: skip
    return Batch(
        work.queue.name, plan.fingerprint, told_folder(), elements=elements, cores=cores, memory=memory, gpus=gpus,
        words=words, asked=said,
    )  # fmt: skip


def _dry_run(batch: Batch, slurm: SlurmArguments) -> int:
    text = script(batch)
    print(f"cd -- {shlex.quote(batch.folder)} && mkdir -p {OURS} && printf %s {shlex.quote(text)} >{FILE}")
    for number in range(slurm.chain):
        words = shlex.join(submission(FILE, "$array" if number else None)).replace("'", "")
        print(f"array=$({words}) && array=${{array%%;*}} && echo $array")
    return 0


class _Work:
    """The machines of a call, and how far each is."""

    def __init__(self, plan: Plan, machines: Sequence[str]) -> None:
        self.plan, self.machines = plan, machines
        self.queue = Queue(plan.hex, Path.cwd())
        self._followers: dict[str, Follower] = {}

    def folder(self, machine: str) -> RunFolder:
        """Where it records."""
        return RunFolder.of(RUNS, self.plan.origin, machine)

    def recorded(self) -> dict[str, Recorded]:
        """By machine."""
        for one in self.plan.machines:
            if one.name not in self._followers and self.folder(one.name).journals():
                self._followers[one.name] = Follower(self.folder(one.name), self.plan)
        found = look(list(self._followers.values()), None).machines if self._followers else ()
        told = {one.name: Recorded(one.done, one.failed, one.left) for one in found}
        return {name: told.get(name, Recorded(0, 0, None)) for name in self.machines}

    def left(self) -> list[str]:
        """Those that have something to do, or have recorded nothing."""
        return [name for name, one in self.recorded().items() if one.todo != 0]


class _Journey:
    """From what there is to all done, or a look at it."""

    def __init__(self, work: _Work, asked: LaunchArguments, common: Common) -> None:
        self.work, self.asked, self.common = work, asked, common
        self.view = LaunchView(quiet=common.quiet or common.json or asked.does == "status")
        self.standings = Standings(STATE, work.plan.hex, str(Path.cwd()), event if common.json else self.view.told)
        self.numbers = {one.name: number for number, one in enumerate(work.plan.machines)}
        self._again: dict[tuple[str, int, int], str] = {}
        before = kept(STATE, work.plan.hex)
        for name in work.machines:
            node = before[name].address if name in before else "-"
            self.standings.add(Standing(name, node, jobs=len(work.plan.share(name))))

    def go(self, slurm: SlurmArguments, entry: Entry | None) -> int:
        """All that this call asks for; the exit code."""
        queue, does = self.work.queue, self.asked.does
        queue.check()
        try:
            if does == "stop":
                queue.cancel_waiting()
                queue.signal("USR2" if self.asked.now else "USR1")
            elif does == "launch":
                self._submit(slurm, entry)
            self._follow(once=does == "status")
        except Unreached as error:
            way_out = "What runs goes on, and the same command finds it again."
            raise Silent(f"Slurm does not answer: {error}", way_out=way_out) from error
        finally:
            self.standings.keep()
        rows = self.standings.now()
        self.view.ended(rows)
        if does == "status" and not self.common.json:
            print(status_text(rows, None))
        code = worst(rows)
        if does != "launch" or code not in (0, 1):
            return code
        folders = [self.work.folder(one.name).path for one in self.work.plan.machines]
        found = merged(folders, code, self.asked, self.common, entry)
        return code if found is None else found

    def _submit(self, slurm: SlurmArguments, entry: Entry | None) -> None:
        queue, found = self.work.queue, {one.job for one in self.work.queue.elements() if one.is_active}
        if found:
            self._tell(f"found {'array' if len(found) == 1 else 'arrays'} {', '.join(map(str, sorted(found)))}")
            return
        if not self.work.left():
            return
        batch = _batch(self.work, self.asked, slurm, self.common, entry)
        queue.check_size(batch.elements)
        # An output file that cannot be opened ends an element before it can say anything.
        OURS.mkdir(exist_ok=True)
        replace_file(FILE, [script(batch).encode("utf-8", "surrogateescape")], sync=False)
        after = None
        for number in range(slurm.chain):
            try:
                after = queue.submit(FILE, after, say)
            except Unwilling as error:
                if not number:
                    raise
                say(f"shareout: {number} of {slurm.chain} arrays are submitted: {error.what}")
                return
            of = f" ({number + 1} of {slurm.chain})" if slurm.chain > 1 else ""
            self._tell(f"submitted array {after}{of}: {counted(len(batch.elements), 'machine')}")

    def _tell(self, text: str) -> None:
        if not (self.common.quiet or self.common.json):
            say(text)

    def _elements(self) -> list[Element]:
        """As long as there is patience: a controller that is started anew answers again."""
        since, pause_s = time.monotonic(), SOONEST_S
        while True:
            try:
                return self.work.queue.elements()
            except Unreached as error:
                if time.monotonic() - since >= self.asked.patience_s:
                    raise
                if pause_s == SOONEST_S:
                    say(f"shareout: Slurm does not answer: {error}; trying again")
                pause_s = min(LATEST_S, pause_s * SLOWER)
                time.sleep(pause_s)

    def _follow(self, *, once: bool) -> None:
        pause_s = SOONEST_S
        while True:
            before = self.standings.now()
            elements = self.work.queue.elements() if once else self._elements()
            self._look(elements)
            after = self.standings.now()
            self.standings.keep()
            self.view.shown(after)
            if once or not any(one.is_active for one in elements):
                return
            if all(one.state is State.DONE for one in after):
                # A link of a chain that would find nothing to do.
                self.work.queue.cancel_waiting()
            has_moved = [(one.state, one.why) for one in before] != [(one.state, one.why) for one in after]
            pause_s = SOONEST_S if has_moved else min(LATEST_S, pause_s * SLOWER)
            time.sleep(pause_s)

    def _look(self, elements: Sequence[Element]) -> None:
        recorded = self.work.recorded()
        for name in self.work.machines:
            own = [one for one in elements if one.index == self.numbers[name]]
            said = last_words(OURS, own, self.numbers[name])
            again = self._why_again(name, own, said)
            self.standings.change(name, heard=round(time.time(), 3), **row(own, recorded[name], said, again))

    def _why_again(self, name: str, own: Sequence[Element], said: Sequence[str]) -> str:
        """Asked once for each start: by then the node that it had is known, and later it has another."""
        starts = next(((name, one.job, one.restarts) for one in own if one.is_active and one.restarts), None)
        if starts and starts not in self._again:
            node = self.standings.of(name).address
            lost = node if node != "-" and self.work.queue.is_down(node) else ""
            self._again[starts] = why_again(said, lost)
        return self._again[starts] if starts else ""
