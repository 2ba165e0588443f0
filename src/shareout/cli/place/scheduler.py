"""`--machine auto`: the place in a step or array of Slurm, an array of PBS, SGE or LSF, or an indexed job of
Kubernetes. The k-th place, counted from 0, is the k-th machine of machines.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.names import AUTO
from shareout.plan.plan import Plan
from shareout.units import counted

STEP, TASK = "SLURM_STEP_ID", "SLURM_PROCID"
ARRAY = "SLURM_ARRAY_TASK_ID"
LEAST_OWN_STEP = 0xFFFFFFF0
"""From here on Slurm's numbers of steps are its own: the batch script, what salloc runs. Nobody started tasks there."""
# Variable → its first place; and the value by which a scheduler says that this is no array.
OTHERS = {
    "PBS_ARRAY_INDEX": (0, ""),
    "SGE_TASK_ID": (1, "undefined"),
    "LSB_JOBINDEX": (1, "0"),
    "JOB_COMPLETION_INDEX": (0, ""),
}
WAY_OUT = "Say --machine NAME, or --shard K/N where there is no machines.json."


@dataclass(frozen=True, slots=True)
class Seen:
    """A variable that tells a place."""

    variable: str
    text: str
    first: int

    def __str__(self) -> str:
        return f"{self.variable}={self.text}"

    @property
    def index(self) -> int:
        """From 0. Refused when it is no number."""
        if not re.fullmatch(r"[0-9]{1,18}", self.text):
            raise UsageError(
                f"--machine {AUTO}: {self.variable}={self.text!r} is no place in an array", way_out=WAY_OUT
            )
        return int(self.text) - self.first


def machine_said(said: str | None, plan: Plan, environ: Mapping[str, str]) -> str | None:
    """What `--machine` says; for `auto`, the machine of the place that exactly one scheduler tells."""
    if said != AUTO:
        return said
    found = list(_seen(environ))
    if len(found) > 1:
        listed = " and ".join(map(str, found))
        raise UsageError(f"--machine {AUTO}: {listed} each tell a place, and one must", way_out=WAY_OUT)
    if not found:
        raise UsageError(f"--machine {AUTO}: {_why_none(environ)}", way_out=WAY_OUT)
    place, machines = found[0], plan.machines
    if not 0 <= place.index < len(machines):
        first = place.first
        raise UsageError(
            f"--machine {AUTO}: {place} is place {place.index} counted from 0, and the plan has "
            f"{counted(len(machines), 'machine')}",
            way_out=f"Start it with {place.variable} from {first} to {len(machines) - 1 + first}.",
        )
    return machines[place.index].name


def _seen(environ: Mapping[str, str]) -> Iterator[Seen]:
    if slurm := _slurm(environ):
        yield Seen(slurm, environ[slurm], 0)
    for variable, (first, none) in OTHERS.items():
        if environ.get(variable, none) not in (none, ""):
            yield Seen(variable, environ[variable], first)


def _slurm(environ: Mapping[str, str]) -> str:
    """The variable that tells the place there; empty where none does."""
    step = environ.get(STEP, "")
    is_array = bool(environ.get(ARRAY))
    if re.fullmatch(r"[0-9]{1,10}", step) and int(step) < LEAST_OWN_STEP and TASK in environ:
        # `srun` for a single task, in an element of an array: its number there is 0 in all of them, and to believe it
        # would run the first machine's share in each.
        is_alone = is_array and environ.get("SLURM_STEP_NUM_TASKS") == "1"
        return ARRAY if is_alone else TASK
    return ARRAY if is_array else ""


def _why_none(environ: Mapping[str, str]) -> str:
    if "SLURM_JOB_ID" in environ:
        return f"job {environ['SLURM_JOB_ID']} of Slurm is no array, and this is no step of it: srun has not started it"
    return f"no scheduler tells a place here: none of {TASK} in a step, {', '.join((ARRAY, *OTHERS))} is set"
