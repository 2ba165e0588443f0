"""What the kernel's control groups grant a process: the least limit of its own group and of every one above it.

Both kinds are read, also beside each other: `cgroup2` has one tree for everything, the first kind one for each
controller. /proc/self/cgroup says in which group the process is, /proc/self/mountinfo where the trees are. A tree may
be mounted from somewhere below its root (a container); then the group is looked for from there on, and where its name
leads out of what is mounted, the mount's own top is all that can be seen. CPU sets are in the affinity mask already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from shareout.fields import dataclass

PROC = Path("/proc/self")
ROOT = Path("/")


def cores_granted(proc: Path = PROC, root: Path = ROOT) -> int | None:
    """Whole cores of the least quota, and at least one; None when there is no quota."""
    # Rounded down: what a quota does not pay for is held back, and with it all others of the group.
    return min((max(1, quota // period) for quota, period in _quotas(proc, root)), default=None)


def memory_granted(proc: Path = PROC, root: Path = ROOT) -> int | None:
    """Bytes of the least limit. From memory.high on, processes are held back until they hardly move."""
    names = ("memory.max", "memory.high", "memory.limit_in_bytes")
    texts = (_read(level / name) for level in _levels("memory", proc, root) for name in names)
    return min((int(text) for text in texts if text.isdigit()), default=None)


def _quotas(proc: Path, root: Path) -> Iterator[tuple[int, int]]:
    for level in _levels("cpu", proc, root):
        first = (_read(level / "cpu.cfs_quota_us"), _read(level / "cpu.cfs_period_us"))
        for said in (tuple(_read(level / "cpu.max").split()), first):
            if len(said) == 2 and said[0].isdigit() and said[1].isdigit() and int(said[1]):
                yield int(said[0]), int(said[1])


@dataclass(frozen=True, slots=True)
class _Tree:
    """Where a tree is mounted, and which of its groups is at the mount; no controllers: one tree for all."""

    top: Path
    group: PurePosixPath
    controllers: frozenset[str]


def _levels(controller: str, proc: Path, root: Path) -> Iterator[Path]:
    """The folders of the process's group and of all above it, in each tree that has to do with the controller."""
    groups = _groups(proc)
    for tree in _trees(proc, root):
        if tree.controllers and controller not in tree.controllers:
            continue
        own = groups.get(controller if tree.controllers else "")
        if own is None:
            continue
        below = own.relative_to(tree.group) if own.is_relative_to(tree.group) else PurePosixPath()
        if ".." in below.parts:
            below = PurePosixPath()
        for level in (below, *below.parents) if below.parts else (below,):
            yield tree.top / level


def _groups(proc: Path) -> dict[str, PurePosixPath]:
    """controller → the process's group in that tree; the one tree for all has no name."""
    found = {}
    for line in _read(proc / "cgroup").split("\n"):
        number, colon, rest = line.partition(":")
        controllers, second, group = rest.partition(":")
        if colon and second and number.isdigit():
            found.update(dict.fromkeys(controllers.split(","), PurePosixPath(group)))
    return found


def _trees(proc: Path, root: Path) -> Iterator[_Tree]:
    """Of lines as `35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory`."""
    for line in _read(proc / "mountinfo").split("\n"):
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if len(fields) > 4 and kind[0] in ("cgroup", "cgroup2"):
            top = root / _unescaped(fields[4]).lstrip("/")
            controllers = frozenset(kind[-1].split(",") if kind[0] == "cgroup" else ())
            yield _Tree(top, PurePosixPath(_unescaped(fields[3])), controllers)


def _unescaped(path: str) -> str:
    """Blanks and backslashes stand there as `\\040`."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "surrogateescape").strip("\n")
    except OSError:
        return ""
