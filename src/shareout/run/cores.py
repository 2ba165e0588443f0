"""What this host grants: not how many cores it has, but how many this process may use."""

from __future__ import annotations

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def granted_cores() -> int:
    """The least of Slurm's word, the affinity mask and the cgroup's quota."""
    said = [_affinity()]
    for name in ("SLURM_CPUS_ON_NODE", "SLURM_CPUS_PER_TASK"):
        text = os.environ.get(name, "")
        if text.isdigit() and int(text):
            said.append(int(text))
            break
    quota = _quota()
    if quota:
        said.append(quota)
    return max(1, min(said))


def granted_memory() -> int:
    """Bytes of memory that may be used: the machine's, or the cgroup's limit."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in (CGROUP / "memory.max", CGROUP / "memory" / "memory.limit_in_bytes"):
        text = _read(path)
        if text.isdigit():
            total = min(total, int(text))
    return total


def visible_gpus() -> tuple[str, ...]:
    """The GPUs that were given to this process, by the names that CUDA programs use."""
    text = os.environ.get("CUDA_VISIBLE_DEVICES") or os.environ.get("GPU_DEVICE_ORDINAL") or ""
    return tuple(name.strip() for name in text.split(",") if name.strip() and name.strip() != "-1")


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quota() -> int:
    """Whole cores of the cgroup's quota, v2 or v1; 0 when there is none."""
    text = _read(CGROUP / "cpu.max").split()
    if len(text) == 2 and text[0].isdigit():
        return max(1, int(text[0]) // int(text[1]))
    quota, period = _read(CGROUP / "cpu" / "cpu.cfs_quota_us"), _read(CGROUP / "cpu" / "cpu.cfs_period_us")
    return max(1, int(quota) // int(period)) if quota.isdigit() and period.isdigit() and int(period) else 0


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
