"""What this host grants: not how many cores, GPUs and bytes it has, but how many this process may use."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path

from shareout.run.host.cgroups import cores_granted, memory_granted

# Each names the GPUs that programs may see; jobs are told theirs by the one that was set. NVIDIA's comes first: where a
# scheduler sets several, they say the same.
GPU_VARIABLES = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL")
SLURMS_GPUS = "SLURM_GPUS_ON_NODE"
_GPU = re.compile(r"[0-9]+|(GPU|MIG)-.+")


def granted_cores() -> int:
    """The least of Slurm's word, the affinity mask and the quotas of the control groups."""
    said = [_affinity()]
    for name in ("SLURM_CPUS_ON_NODE", "SLURM_CPUS_PER_TASK"):
        text = os.environ.get(name, "")
        if text.isdigit() and int(text):
            said.append(int(text))
            break
    quota = cores_granted()
    if quota is not None:
        said.append(quota)
    return max(1, min(said))


def granted_memory() -> int:
    """Bytes of memory that may be used: the machine's, or the least limit of the control groups."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = memory_granted()
    return total if limit is None else min(total, limit)


def seen_gpus(environ: Mapping[str, str] = os.environ) -> tuple[str, tuple[str, ...] | None]:
    """The variable by which GPUs are named here, and those that it lets programs see; None where nothing tells.
    An empty list, or -1, hides all; what comes after a name that is none is hidden too, as CUDA has it. Where none is
    set Slurm's count holds: those it grants are then all that can be seen, counted from 0."""
    variable = next((name for name in GPU_VARIABLES if name in environ), None)
    if variable is None:
        granted = _slurms_gpus(environ)
        return GPU_VARIABLES[0], None if granted is None else tuple(map(str, range(granted)))
    names = (name.strip() for name in environ[variable].split(","))
    return variable, tuple(dict.fromkeys(takewhile(_GPU.fullmatch, names)))


def gpus_at_odds(said: int | None, environ: Mapping[str, str] = os.environ) -> str:
    """What machines.json (`said`), Slurm and the variable of programs tell differently of this host's GPUs, as a
    sentence; empty where all agree that say something."""
    variable, seen = seen_gpus(environ)
    if seen is None:
        return ""
    slurms = _slurms_gpus(environ)
    told = {"machines.json": said, SLURMS_GPUS: slurms, variable: len(seen) if variable in environ else None}
    known = {name: count for name, count in told.items() if count is not None}
    if len(set(known.values())) < 2:
        return ""
    listed = ", ".join(f"{name} says {count}" for name, count in known.items())
    return f"of this host's GPUs {listed}: jobs get {len(seen)}"


def _slurms_gpus(environ: Mapping[str, str]) -> int | None:
    text = environ.get(SLURMS_GPUS, "")
    return int(text) if re.fullmatch("[0-9]{1,6}", text) else None


def counted_gpus(devices: Path = Path("/dev")) -> int:
    """NVIDIA's, as the driver shows them to whoever may use them: what a host has where nobody says it."""
    return sum(re.fullmatch("nvidia[0-9]+", one.name) is not None for one in devices.glob("nvidia*"))


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
