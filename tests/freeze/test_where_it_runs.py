"""Where nothing is installed, and where /tmp does not serve."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from kit.program import Machine
from kit.tree import children_of
from kit.wait import processes_in, wait_until
from kit.ways import Executable

NOBODY = 65534
TOOLS = ("sh", "chmod", "rm")
# Loaded by name, so that ldd does not tell them.
BY_NAME = ("libm.so.6", "libpthread.so.0", "librt.so.1", "libutil.so.1", "libdl.so.2", "libz.so.1", "libgcc_s.so.1")


class Root:
    """A root directory that holds a shell, the C library, and our file; entered with chroot as another user."""

    def __init__(self, folder: Path, program: Path) -> None:
        if os.geteuid() != 0:
            pytest.fail("this test enters a root directory, which needs root")
        self.folder = folder
        self.work = folder / "work"
        for name in ("work", "proc", "dev", "bin"):
            (folder / name).mkdir(parents=True)
        self.tmp = folder / "tmp"
        self.tmp.mkdir(mode=0o777)
        self.tmp.chmod(0o1777)
        (folder / "dev" / "null").touch()
        (folder / "dev" / "null").chmod(0o666)
        for name in TOOLS:
            shutil.copy2(os.path.realpath(f"/bin/{name}"), folder / "bin" / name)
        for suffix in ("", ".sh"):
            shutil.copy2(f"{program}{suffix}", self.work)
        self._copy_libraries(program, *(folder / "bin").iterdir())
        Machine(self.work).jobs("echo one", "exit 0")
        for path in (self.work, *self.work.rglob("*")):
            os.chown(path, NOBODY, NOBODY)

    def _copy_libraries(self, *programs: Path) -> None:
        told = [subprocess.run(["ldd", one], capture_output=True, text=True, check=True).stdout for one in programs]
        found = {Path(word) for text in told for word in text.split() if word.startswith("/")}
        for library in found | {path.parent / name for path in found for name in BY_NAME}:
            if library.exists():
                target = self.folder / library.relative_to("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(library.resolve(), target)

    def call(self, line: str) -> subprocess.CompletedProcess[str]:
        with self.start(line) as process:
            out, told = process.communicate()
        return subprocess.CompletedProcess(line, process.returncode, out, told)

    def start(self, line: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(shutil.which("chroot")), f"--userspec={NOBODY}:{NOBODY}", str(self.folder), "/bin/sh", "-c", line],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"PATH": "/bin", "HOME": "/nowhere"},
        )  # fmt: skip


def test_it_runs_resumes_and_merges_where_there_is_no_python(executable: Executable, tmp_path: Path) -> None:
    """Not as root, without a home, with no program but a shell, chmod and rm."""
    root = Root(tmp_path / "root", executable.file)
    for words, said in (
        ("run --machine alice --yes -n 1", "todo=1"),
        ("run --machine alice --yes", "todo=0"),
        ("merge-results", "complete: 2 of 2"),
    ):
        done = root.call(f"cd /work && ./shareout {words}")
        assert done.returncode in (0, 3), done.stderr + done.stdout
        assert said in done.stdout + done.stderr


def test_jobs_end_with_a_killed_run_and_are_run_again_where_no_process_can_be_looked_at(
    executable: Executable, tmp_path: Path
) -> None:
    root = Root(tmp_path / "root", executable.file)
    Machine(root.work).jobs("echo > started; while [ ! -e ended ]; do :; done")
    with root.start("cd /work && exec ./shareout run --machine alice --yes") as run:
        wait_until((root.work / "started").exists)
        (program,) = children_of(run.pid)
        os.kill(program, signal.SIGKILL)
    wait_until(lambda: not processes_in(root.work))
    (root.work / "ended").touch()
    again = root.call("cd /work && ./shareout run --machine alice --yes")
    assert (again.returncode, "todo=1" in again.stderr) == (0, True), again.stderr


def test_the_starter_finds_a_folder_or_says_what_is_wanted(executable: Executable, tmp_path: Path) -> None:
    root = Root(tmp_path / "root", executable.file)
    root.tmp.chmod(0o555)
    assert root.call("cd /work && ./shareout.sh --version").stdout.startswith("shareout ")
    (root.folder / "work").chmod(0o555)
    os.chown(root.folder / "work", 0, 0)
    told = root.call("/work/shareout.sh --version")
    assert told.returncode == 2
    assert "TMPDIR=/path/to/folder /work/shareout" in told.stderr


@pytest.mark.parametrize("options", ["noexec", "size=1m"])
def test_the_starter_passes_over_a_tmp_that_does_not_serve(
    executable: Executable, here: Machine, tmp_path: Path, options: str
) -> None:
    """The program alone cannot start there, and cannot say why: it is not even unpacked."""
    (tmp_path / "tmp").mkdir()
    mount = f'mount -t tmpfs -o {options} tmpfs "$TMPDIR" && exec "$0" "$@"'
    inside = ["unshare", "--mount", "sh", "-c", mount]
    here.environ = {"TMPDIR": str(tmp_path / "tmp")}
    if subprocess.run([*inside, "true"], capture_output=True, env={**os.environ, **here.environ}).returncode:
        pytest.skip("nothing may be mounted here, not even in a namespace of one's own")
    here.program = [*inside, str(executable.file)]
    assert "shareout" not in here.call("--version", code=None).out
    here.program = [*inside, f"{executable.file}.sh"]
    assert here.call("--version").out.startswith("shareout ")


def test_it_is_reached_through_a_link_and_runs_twice_at_once(executable: Executable, here: Machine) -> None:
    shutil.copy2(executable.file, here.folder / "share out")
    (here.folder / "elsewhere").mkdir()
    link = here.folder / "elsewhere" / "link"
    link.symlink_to("../share out")
    gate = "touch begun-$SHAREOUT_MACHINE; while [ ! -e go ]; do sleep 0.01; done"
    here.jobs(gate, gate, machines='{"alice": [1, 1], "bob": [1, 1]}')
    here.program = [str(link)]
    both = [here.start(machine=name) for name in ("alice", "bob")]
    wait_until(lambda: len(list(here.folder.glob("begun-*"))) == 2)
    (here.folder / "go").touch()
    assert [process.communicate() and process.returncode for process in both] == [0, 0]
    assert "complete: 2 of 2" in here.call("merge-results").out


def test_the_configs_are_found_beside_the_file_that_a_link_leads_to(executable: Executable, here: Machine) -> None:
    here.jobs("true")
    shutil.copy2(executable.file, here.folder / "shareout")
    elsewhere = Machine(here.folder / "elsewhere", [str(here.folder / "elsewhere" / "link")])
    elsewhere.folder.mkdir()
    (elsewhere.folder / "link").symlink_to("../shareout")
    assert "1 job;" in elsewhere.call("plan").out


def test_a_home_that_cannot_be_written_is_no_obstacle(executable: Executable, here: Machine) -> None:
    here.jobs("true")
    here.program = executable.runner()
    here.environ = {"HOME": "/proc"}
    here.run()
