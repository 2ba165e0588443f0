"""A run inside a Slurm allocation uses all its nodes: each is a machine, `s0`, `s1` and so on, for what runs on a node
today runs on another tomorrow; with a machines.json each is one of those in the file. Where somebody has started it
several times by srun, which of them it is must be said.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.cli.inputs.recorded_call import Call, is_same_place
from shareout.cli.options import Common
from shareout.config import apply, load_settings
from shareout.environment import user_environment
from shareout.errors import CannotStart, UsageError
from shareout.fields import dataclass, replace
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.units import counted

if TYPE_CHECKING:
    from shareout.launch.slurm.allocation import Node

VARIABLE = "SHAREOUT_NODES"
"""Tells a step the cores of all nodes. Nothing that this process starts gets it."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The nodes of this allocation, where a run is to be made on each."""

    nodes: Sequence[Node]
    has_file: bool = False
    """Whether a machines.json says which machines there are; else each node is one."""

    def called(self, call: Call, flags: Mapping[str, str]) -> Call:
        """With the nodes as its machines, where no file names any."""
        if self.has_file:
            return call
        return replace(call, own=None, nodes=tuple(one.cores for one in self.nodes), flags=flags)

    def placed(self, plan: Plan, file: Path) -> Spread:
        """A node for each machine of the plan, in its order: that of its name where all are named so, else the k-th for
        the k-th, as `--machine auto` has it."""
        machines, by_name = [one.name for one in plan.machines], {one.name: one for one in self.nodes}
        if all(name in by_name for name in machines):
            return replace(self, nodes=[by_name[name] for name in machines])
        if len(machines) > len(self.nodes):
            raise UsageError(
                f"{file} names {counted(len(machines), 'machine')}, and this allocation has "
                f"{counted(len(self.nodes), 'node')} for jobs: {', '.join(by_name)}",
                way_out="Say --machine NAME for one of them; or move the file away, and each node is a machine.",
            )
        return replace(self, nodes=self.nodes[: len(machines)])


def told_cores() -> tuple[int, ...]:
    """In a step that was started for a node: the cores of all."""
    text = os.environ.pop(VARIABLE, "")
    return tuple(int(part) for part in text.split(",") if part.isascii() and part.isdigit())


def text_of(nodes: Sequence[Node]) -> str:
    """As a step reads it."""
    return ",".join(str(one.cores) for one in nodes)


def spread_of(call: Call, common: Common, environ: Mapping[str, str] = os.environ) -> Spread | None:
    """For a run that no machine was named for; None where others are named, or this node is all there is. In a step
    that is refused which srun starts several times: each would run every job."""
    if call.shards or call.nodes:
        return None
    if not any(name.startswith("SLURM_") for name in environ):
        return None
    # Not above: nearly all runs are in no allocation.
    from shareout.launch.slurm.allocation import count_of, is_in_step, nodes_of

    if is_in_step(environ):
        _refuse_many_tasks(environ)
        return None
    count, has_file = count_of(environ), (common.configs / "machines.json").exists()
    # A smaller allocation goes on with what a larger one has begun.
    if count > 1 or (count == 1 and not has_file and _was_spread(call, common.runs)):
        cores_per_job = float(apply(load_settings(common.configs), call.flags).run.cores_per_job)
        return Spread(nodes_of(environ, cores_per_job, _hostnames), has_file)
    return None


def _refuse_many_tasks(environ: Mapping[str, str]) -> None:
    text = environ.get("SLURM_STEP_NUM_TASKS", "")
    if text.isascii() and text.isdigit() and int(text) > 1:
        raise UsageError(
            f"srun starts this {text} times, and each would run every job",
            way_out="Leave srun out: in a batch script or a shell of salloc it runs on all nodes. Or write a "
            "machines.json with a machine for each node: srun --ntasks-per-node=1 shareout run --machine auto --yes. "
            "Or say --machine all: this node runs every job.",
        )


def _was_spread(call: Call, runs: Path) -> bool:
    for path in runs.glob("*/s0"):
        folder = RunFolder(path)
        try:
            if is_same_place(call, folder) and json.loads(folder.call.read_bytes()).get("nodes"):
                return True
        except (OSError, ValueError):
            continue
    return False


def _hostnames(listed: str) -> list[str]:
    import subprocess

    # Slurm's own program, for the names of some clusters have more than one number in them.
    try:
        done = subprocess.run(
            ["scontrol", "show", "hostnames", listed], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env=user_environment(), check=False,
        )  # fmt: skip
    except OSError as error:
        raise CannotStart(f"scontrol cannot be started: {error.strerror}") from error
    if done.returncode or not done.stdout.split():
        raise UsageError(f"scontrol does not tell which nodes {listed!r} are: {done.stderr.strip()}")
    return done.stdout.split()
