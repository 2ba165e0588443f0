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
    """The variable by which GPUs are named here, and those that it lets programs see; None where none of them is set.
    An empty list, or -1, hides all; what comes after a name that is none is hidden too, as CUDA has it."""
    variable = next((name for name in GPU_VARIABLES if name in environ), None)
    if variable is None:
        return GPU_VARIABLES[0], None
    names = (name.strip() for name in environ[variable].split(","))
    return variable, tuple(dict.fromkeys(takewhile(_GPU.fullmatch, names)))


def counted_gpus(devices: Path = Path("/dev")) -> int:
    """NVIDIA's, as the driver shows them to whoever may use them: what a host has where nobody says it."""
    return sum(re.fullmatch("nvidia[0-9]+", one.name) is not None for one in devices.glob("nvidia*"))


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
