"""What the control groups grant, of whatever kind and however deep: by trees of files, and by the kernel itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shareout.run.host.cgroups import cores_granted, memory_granted
from shareout.run.host.cores import counted_gpus, gpus_at_odds, seen_gpus

V2 = "30 23 0:26 {root} {mount} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "3{n} 31 0:{n} {root} {mount} rw - cgroup cgroup rw,{controller}\n"
GIB = 1 << 30


class Tree:
    """A root with a /proc/self of one process and the files of its groups."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.proc = root / "proc" / "self"
        self.proc.mkdir(parents=True)

    def write(self, path: str, text: str) -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")

    def has(self, membership: str, mounts: str) -> None:
        self.write("/proc/self/cgroup", membership)
        self.write("/proc/self/mountinfo", "22 1 254:0 / / rw - ext4 /dev/vda rw\n" + mounts)

    @property
    def granted(self) -> tuple[int | None, int | None]:
        return cores_granted(self.proc, self.root), memory_granted(self.proc, self.root)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_the_least_limit_of_all_levels_up_counts(tree: Tree) -> None:
    tree.has("0::/user.slice/app.slice/run-7.scope", V2.format(root="/", mount="/sys/fs/cgroup"))
    group = "/sys/fs/cgroup/user.slice/app.slice/run-7.scope"
    tree.write(f"{group}/cpu.max", "800000 100000")
    tree.write(f"{group}/memory.max", str(8 * GIB))
    assert tree.granted == (8, 8 * GIB)
    tree.write("/sys/fs/cgroup/user.slice/app.slice/cpu.max", "300000 100000")
    tree.write("/sys/fs/cgroup/user.slice/memory.max", str(2 * GIB))
    assert tree.granted == (3, 2 * GIB)
    tree.write(f"{group}/memory.high", str(GIB))
    assert tree.granted == (3, GIB), "beyond memory.high a process only crawls"


def test_no_limit_is_none(tree: Tree) -> None:
    tree.has("0::/a", V2.format(root="/", mount="/sys/fs/cgroup"))
    tree.write("/sys/fs/cgroup/a/cpu.max", "max 100000")
    tree.write("/sys/fs/cgroup/a/memory.max", "max")
    assert tree.granted == (None, None)


@pytest.mark.parametrize(("quota", "cores"), [(150_000, 1), (50_000, 1), (299_999, 2), (400_000, 4)])
def test_a_part_of_a_core_is_no_core_but_one_there_is_always(tree: Tree, quota: int, cores: int) -> None:
    tree.has("0::/a", V2.format(root="/", mount="/sys/fs/cgroup"))
    tree.write("/sys/fs/cgroup/a/cpu.max", f"{quota} 100000")
    assert tree.granted[0] == cores


def test_each_controller_of_the_first_kind_has_a_tree_and_a_group_of_its_own(tree: Tree) -> None:
    at = "/sys/fs/cgroup"
    tree.has(
        "5:memory:/batch/job7\n4:cpuacct,cpu:/batch\n1:name=systemd:/init.scope\n0::/init.scope",
        V1.format(n=1, root="/", mount=f"{at}/cpu,cpuacct", controller="cpu,cpuacct")
        + V1.format(n=2, root="/", mount=f"{at}/memory", controller="memory")
        + V1.format(n=3, root="/", mount=f"{at}/systemd", controller="xattr,name=systemd")
        + V2.format(root="/", mount=f"{at}/unified"),
    )
    tree.write(f"{at}/cpu,cpuacct/batch/cpu.cfs_quota_us", "-1")
    tree.write(f"{at}/cpu,cpuacct/batch/cpu.cfs_period_us", "100000")
    tree.write(f"{at}/memory/batch/job7/memory.limit_in_bytes", "9223372036854771712")
    assert tree.granted[0] is None
    tree.write(f"{at}/cpu,cpuacct/batch/cpu.cfs_quota_us", "250000")
    tree.write(f"{at}/memory/batch/memory.limit_in_bytes", str(GIB))
    assert tree.granted == (2, GIB)


def test_a_container_that_sees_the_hosts_names_finds_its_own_group_at_the_mount(tree: Tree) -> None:
    """Without a namespace of its own: what is mounted begins at the container's group."""
    tree.has("4:cpu:/docker/f00\n", V1.format(n=1, root="/docker/f00", mount="/sys/fs/cgroup/cpu", controller="cpu"))
    tree.write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000")
    tree.write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000")
    assert tree.granted == (2, None)


@pytest.mark.parametrize(("own", "root"), [("/", "/"), ("/", "/../.."), ("/../other", "/"), ("/elsewhere", "/docker")])
def test_in_a_namespace_the_mount_itself_counts(tree: Tree, own: str, root: str) -> None:
    """The group may lie beside or above what is mounted, or have no name that is known here."""
    tree.has(f"0::{own}", V2.format(root=root, mount="/sys/fs/cgroup"))
    tree.write("/sys/fs/cgroup/cpu.max", "200000 100000")
    tree.write("/sys/fs/cgroup/memory.max", str(GIB))
    assert tree.granted == (2, GIB)


def test_mounts_and_groups_of_any_name_are_found(tree: Tree) -> None:
    tree.has("0::/a b:c/d", V2.format(root="/", mount=r"/my\040groups"))
    tree.write("/my groups/a b:c/cpu.max", "100000 100000")
    assert tree.granted == (1, None)


def test_where_there_are_no_groups_nothing_is_limited(tmp_path: Path, tree: Tree) -> None:
    assert (cores_granted(tmp_path / "none", tmp_path), memory_granted(tmp_path / "none", tmp_path)) == (None, None)
    tree.has("rubbish\n0::/a", "rubbish\n" + V2.format(root="/", mount="/sys/fs/cgroup"))
    tree.write("/sys/fs/cgroup/a/cpu.max", "rubbish")
    tree.write("/sys/fs/cgroup/a/memory.max", "")
    assert tree.granted == (None, None)


@pytest.fixture
def groups() -> Iterator[dict[str, Path]]:
    """A group of each controller with a limit, and an empty one inside it."""
    made: list[Path] = []
    found = {}
    try:
        for controller in ("cpu", "memory"):
            outer = Path("/sys/fs/cgroup") / controller / f"shareout-test-{os.getpid()}"
            for group in (outer, outer / "inner"):
                group.mkdir()
                made.append(group)
            found[controller] = outer
        (found["cpu"] / "cpu.cfs_quota_us").write_text("150000")
        (found["memory"] / "memory.limit_in_bytes").write_text(str(GIB))
    except OSError as error:
        for group in reversed(made):
            group.rmdir()
        pytest.skip(f"here no control groups of the first kind can be made: {error}")
    yield found
    for group in reversed(made):
        group.rmdir()


def test_the_kernels_own_groups_are_seen_from_a_group_inside_them(groups: dict[str, Path]) -> None:
    look = (
        "import os, sys\n"
        "for group in sys.argv[1:]:\n    open(group + '/inner/cgroup.procs', 'w').write(str(os.getpid()))\n"
        "from shareout.run.host.cores import granted_cores, granted_memory\n"
        "print(granted_cores(), granted_memory())\n"
    )
    call = [sys.executable, "-c", look, *map(str, groups.values())]
    assert subprocess.run(call, capture_output=True, text=True, check=True).stdout == f"1 {GIB}\n"


@pytest.mark.parametrize(
    ("environ", "gpus", "variable"),
    [
        ({}, None, "CUDA_VISIBLE_DEVICES"),
        ({"CUDA_VISIBLE_DEVICES": ""}, (), "CUDA_VISIBLE_DEVICES"),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, (), "CUDA_VISIBLE_DEVICES"),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, (), "CUDA_VISIBLE_DEVICES"),
        ({"CUDA_VISIBLE_DEVICES": "0, 1,-1,2"}, ("0", "1"), "CUDA_VISIBLE_DEVICES"),
        ({"CUDA_VISIBLE_DEVICES": "3,3"}, ("3",), "CUDA_VISIBLE_DEVICES"),
        ({"CUDA_VISIBLE_DEVICES": "GPU-8932f937,MIG-GPU-a1/1/0"}, ("GPU-8932f937", "MIG-GPU-a1/1/0"),
         "CUDA_VISIBLE_DEVICES"),
        ({"ROCR_VISIBLE_DEVICES": "4,7"}, ("4", "7"), "ROCR_VISIBLE_DEVICES"),
        ({"HIP_VISIBLE_DEVICES": "-1"}, (), "HIP_VISIBLE_DEVICES"),
        ({"SLURM_GPUS_ON_NODE": "2"}, ("0", "1"), "CUDA_VISIBLE_DEVICES"),
        ({"SLURM_GPUS_ON_NODE": "2", "CUDA_VISIBLE_DEVICES": "3"}, ("3",), "CUDA_VISIBLE_DEVICES"),
        ({"SLURM_GPUS_ON_NODE": "gpu:2"}, None, "CUDA_VISIBLE_DEVICES"),
        ({"GPU_DEVICE_ORDINAL": "2", "CUDA_VISIBLE_DEVICES": "1"}, ("1",), "CUDA_VISIBLE_DEVICES"),
    ],
)  # fmt: skip
def test_gpus_are_those_that_a_program_here_would_see(
    environ: dict[str, str], gpus: tuple[str, ...] | None, variable: str
) -> None:
    assert seen_gpus(environ) == (variable, gpus)


@pytest.mark.parametrize(
    ("said", "environ", "told"),
    [
        (4, {}, ""),
        (2, {"CUDA_VISIBLE_DEVICES": "0,1"}, ""),
        (None, {"SLURM_GPUS_ON_NODE": "2", "CUDA_VISIBLE_DEVICES": "0,1"}, ""),
        (2, {"SLURM_GPUS_ON_NODE": "1"}, "machines.json says 2, SLURM_GPUS_ON_NODE says 1: jobs get 1"),
        (None, {"SLURM_GPUS_ON_NODE": "2", "CUDA_VISIBLE_DEVICES": ""},
         "SLURM_GPUS_ON_NODE says 2, CUDA_VISIBLE_DEVICES says 0: jobs get 0"),
    ],
)  # fmt: skip
def test_what_is_said_otherwise_of_gpus_is_told(said: int | None, environ: dict[str, str], told: str) -> None:
    assert gpus_at_odds(said, environ) == (told and f"of this host's GPUs {told}")


def test_gpus_are_counted_where_nobody_says_how_many(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm", "nvidia-caps", "sda1"):
        (tmp_path / name).touch()
    assert counted_gpus(tmp_path) == 3
    assert counted_gpus(tmp_path / "gone") == 0
