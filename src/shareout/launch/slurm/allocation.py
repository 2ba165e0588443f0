"""The nodes of an allocation, and what each has for jobs: by what Slurm has put into the environment of a batch script.
Pure, but for the names of nodes, which are Slurm's own to expand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import ceil

from shareout.errors import UsageError
from shareout.fields import dataclass

NODES, CPUS, TASKS = "SLURM_JOB_NODELIST", "SLURM_JOB_CPUS_PER_NODE", "SLURM_TASKS_PER_NODE"
SAID_TASKS = ("SLURM_NTASKS", "SLURM_NTASKS_PER_NODE")
LEAST_OWN_STEP = 0xFFFFFFF0
"""From here on Slurm's numbers of steps are its own: the batch script, what salloc runs."""


@dataclass(frozen=True, slots=True)
class Node:
    """One of them, and how many of its cores are for jobs."""

    name: str
    cores: int


def is_in_step(environ: Mapping[str, str]) -> bool:
    """Whether `srun` has started this, once or many times; not so in a batch script or a shell of salloc."""
    step = environ.get("SLURM_STEP_ID", "")
    return step.isascii() and step.isdigit() and int(step) < LEAST_OWN_STEP


def count_of(environ: Mapping[str, str]) -> int:
    """How many nodes there are; 0 outside an allocation."""
    found = (environ.get(name, "") for name in ("SLURM_JOB_NUM_NODES", "SLURM_NNODES"))
    return next((int(text) for text in found if text.isascii() and text.isdigit()), 0)


def nodes_of(environ: Mapping[str, str], cores_per_job: float, hostnames: Callable[[str], Sequence[str]]) -> list[Node]:
    """Those with room for a job, in Slurm's order. Who has asked for tasks gets as many jobs at a time; who has asked
    for nodes, all their cores."""
    names = hostnames(environ.get(NODES) or environ.get("SLURM_NODELIST", ""))
    cpus = expanded(environ.get(CPUS, ""))
    tasks = expanded(environ.get(TASKS, ""))
    if len(cpus) != len(names):
        raise UsageError(f"{CPUS}={environ.get(CPUS, '')} does not tell of {len(names)} nodes", way_out=_WAY_OUT)
    if not any(environ.get(name) for name in SAID_TASKS) or len(tasks) != len(names):
        tasks = [has + 1 for has in cpus]
    found = []
    for name, has, asked in zip(names, cpus, tasks, strict=True):
        room = int(has / cores_per_job)
        if room:
            found.append(Node(name, has if asked >= room else ceil(asked * cores_per_job)))
    if not found:
        raise UsageError(
            f"none of {len(names)} nodes has {cores_per_job:g} cores for a job: {environ.get(CPUS, '')}",
            way_out="Ask for more with -c, or say a smaller --cores-per-job.",
        )
    return found


_WAY_OUT = "Start a run on each node: srun --ntasks-per-node=1 … run --machine auto."


def expanded(text: str) -> list[int]:
    """`4(x3),2` is 4, 4, 4, 2; nothing where it is no such text."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"([0-9]{1,9})(?:\(x([0-9]{1,6})\))?", part)
        if match is None:
            return []
        found += [int(match[1])] * int(match[2] or 1)
    return found


# What Slurm signals in a step gets to each process in it, the jobs as well. So the names of signals that are for the
# run alone come by standard input; and the shell outlives all others, for a step is over with its first process.
EARS = """\
trap : TERM INT HUP USR1 USR2 QUIT
exec 3<&0
"$@" </dev/null 3<&- &
run=$!
{ trap '' TERM INT HUP USR1 USR2 QUIT; while read -r name; do kill -s "$name" "$run"; done; } <&3 &
ears=$!
while :; do
  wait "$run"
  code=$?
  kill -0 "$run" 2>/dev/null || break
done
kill -s KILL "$ears" 2>/dev/null
exit "$code"
"""


def step(node: str, words: Sequence[str]) -> list[str]:
    """A call of srun that runs words once on a node, with all that the allocation has there. They are sent the signals
    whose names it reads, a line each."""
    return [
        "srun", "--nodes=1", "--ntasks=1", f"--nodelist={node}", "--cpu-bind=none", "--mpi=none",
        "--kill-on-bad-exit=0", "--unbuffered", "--", "sh", "-c", EARS, "sh", *words,
    ]  # fmt: skip


def step_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Of what the batch script has: without what srun would take for a word about this step."""
    return {name: text for name, text in environ.items() if name not in _OF_THE_BATCH}


# With a number of cores a step of a single task would get no more of its node than these.
_OF_THE_BATCH = frozenset((
    "SLURM_CPUS_PER_TASK", "SRUN_CPUS_PER_TASK", "SLURM_NTASKS", "SLURM_NPROCS", "SLURM_NTASKS_PER_NODE",
    "SLURM_TASKS_PER_NODE", "SLURM_NNODES", "SLURM_JOB_NUM_NODES", "SLURM_NODELIST", "SLURM_DISTRIBUTION",
    "SLURM_EXACT", "SLURM_ARBITRARY_NODELIST",
))  # fmt: skip
