"""The script of an array, an element a machine: a pure function, so that it can be read before it is submitted.

Two things in it are not for their looks. The program takes the place of the shell by `exec`: a shell would die of the
signal that says that time is nearly up, and the run would not hear of it. And nothing has a host's name: an element
runs here today and there tomorrow, and goes on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil
from shlex import join, quote

from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.plan.plan import Plan

WARNED_S = 120
"""So long before its end a run is told to begin nothing more; with a short time, a quarter of it."""
MIB = 1 << 20
OUTPUT = "launch/slurm-%A_%a.out"
# What `launch` finds an array again by, and what makes an element a machine.
OURS = {
    "--array": "which elements there are is told by the plan: name machines to have fewer",
    "-a": "which elements there are is told by the plan: name machines to have fewer",
    "--job-name": "the name is what a later `launch` finds the array by",
    "-J": "the name is what a later `launch` finds the array by",
    "--output": "what an element says last is looked for where the script leads it",
    "-o": "what an element says last is looked for where the script leads it",
    "--error": "what an element says last is looked for where the script leads it",
    "-e": "what an element says last is looked for where the script leads it",
    "--time": "`launch --time` says it, and the run is told before its end",
    "-t": "`launch --time` says it, and the run is told before its end",
    "--dependency": "`launch --chain` makes arrays that follow each other",
    "-d": "`launch --chain` makes arrays that follow each other",
    "--nodes": "an element is a machine, on one node",
    "-N": "an element is a machine, on one node",
    "--ntasks": "an element is a machine, with one task",
    "-n": "an element is a machine, with one task",
    "--chdir": "it runs in the folder where it is submitted",
    "-D": "it runs in the folder where it is submitted",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person says of it beside the plan."""

    seconds: int | None = None
    lines: tuple[str, ...] = ()
    """As they stand behind `#SBATCH`; of two that say the same Slurm takes the last."""


@dataclass(frozen=True, slots=True)
class Batch:
    """All that stands in a script."""

    name: str
    fingerprint: str
    folder: str
    elements: tuple[int, ...]
    cores: int
    memory: int | None
    gpus: int | None
    words: tuple[str, ...]
    asked: Asked


def batch_of(plan: Plan, machines: Sequence[str], asked: Asked) -> tuple[int, tuple[int, ...], int | None, int | None]:
    """Cores, elements, bytes and GPUs for these machines of a plan: all elements of an array are alike, so each gets
    what the largest needs."""
    chosen = {number: one for number, one in enumerate(plan.machines) if one.name in machines}
    memory = [one.memory for one in chosen.values() if one.memory]
    gpus = [one.gpus for one in chosen.values() if one.gpus]
    cores = max(one.cores for one in chosen.values())
    return cores, tuple(chosen), max(memory, default=None), max(gpus, default=None)


def script(batch: Batch) -> str:
    """What sbatch reads."""
    seconds = batch.asked.seconds
    lines = [
        f"--job-name={batch.name}",
        f"--array={spans(batch.elements)}",
        "--ntasks=1",
        f"--cpus-per-task={batch.cores}",
        *([f"--mem={ceil(batch.memory / MIB)}M"] if batch.memory else []),
        *([f"--gpus-per-node={batch.gpus}"] if batch.gpus else []),
        *([f"--time={as_time(seconds)}"] if seconds else []),
        "--requeue",
        "--open-mode=append",
        f"--output={OUTPUT}",
        f"--signal=B:USR1@{warned_s(seconds)}",
        *batch.asked.lines,
    ]
    told = "\n".join(f"#SBATCH {line}" for line in lines)
    return f"""\
#!/bin/sh
# Of the plan {batch.fingerprint}: element k is its k-th machine, counted from 0. What is done is not done again,
# whichever node an element runs on, and however often it is submitted: sbatch launch/slurm.sh
{told}

cd -- {quote(batch.folder)} || exit 1
{_end(seconds)}exec {join(batch.words)}
"""


def _end(seconds: int | None) -> str:
    if not seconds:
        return ""
    return (
        "# Newer ones say when the time is up. No job begins that would not end before the signal.\n"
        f': "${{SLURM_JOB_END_TIME:=$(($(date +%s) + {seconds - warned_s(seconds)}))}}"\n'
        "export SLURM_JOB_END_TIME\n"
    )


def warned_s(seconds: int | None) -> int:
    """How long before the end the signal comes."""
    return WARNED_S if seconds is None else max(1, min(WARNED_S, seconds // 4))


def spans(numbers: Sequence[int]) -> str:
    """`0-2,5`, as --array reads it."""
    found: list[list[int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][-1] == number - 1:
            found[-1][1:] = [number]
        else:
            found.append([number])
    return ",".join("-".join(map(str, one)) for one in found)


def as_time(seconds: int) -> str:
    """As Slurm reads it, in whole minutes: it knows no others."""
    minutes = ceil(seconds / 60)
    days, rest = divmod(minutes, 24 * 60)
    clock = f"{rest // 60:02d}:{rest % 60:02d}:00"
    return f"{days}-{clock}" if days else clock


def check_lines(lines: Sequence[str]) -> None:
    """Refuses what would break the script, or part it from who follows it."""
    for line in lines:
        flag = re.match(r"--[a-z-]+|-[A-Za-z]", line)
        if flag is None or "\n" in line or "\r" in line:
            raise UsageError(
                f"--sbatch {line!r} is no option of sbatch", way_out="Write --sbatch='--partition=long', one for each."
            )
        # sbatch takes also the beginning of a long word for it.
        begins = next((one for one in OURS if one.startswith(flag[0]) and len(flag[0]) > len("--")), flag[0])
        if why := OURS.get(begins):
            raise UsageError(f"--sbatch {line!r} is not for you: {why}", way_out="Leave it out.")
