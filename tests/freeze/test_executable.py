"""The built file, used where nothing is installed: the same promises as from source."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kit.program import Machine
from kit.wait import processes_with, wait_until

ENTRY = """
import beside
import os
from pathlib import Path
from shareout import run
from shareout.job_splitter import run_jobs

def job(n, *, rng):
    import numpy
    if n == 5: Path("begun").touch()
    while n == 5 and Path("hold").exists(): pass
    return [int(numpy.arange(n + 1).sum()), beside.NAME, (Path(beside.__file__).parent / "note.txt").read_text()]

def split(n, random_obj, config, *, progress):
    return n, n * n

if __name__ == "__main__" and "SPLIT" in os.environ:
    add = lambda so_far, row: so_far + row[1]
    print(run_jobs(split, [(n,) for n in range(5)], reduce_function=add, reduce_start=0))
elif __name__ == "__main__":
    run(job, pool=range(40))
"""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command runner, and an executable of an entry with numpy, a module beside it and a data file."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "main.py").write_text(ENTRY)
    (folder / "beside.py").write_text("NAME = 'beside'\n")
    (folder / "note.txt").write_text("carried along")
    freeze = [sys.executable, "-m", "shareout", "freeze", "-o", "build"]
    subprocess.run(freeze, cwd=folder, check=True, capture_output=True)
    subprocess.run([*freeze, "main.py", "--data", "note.txt:."], cwd=folder, check=True, capture_output=True)
    return folder / "build"


@pytest.fixture
def frozen(built: Path, here: Machine) -> Machine:
    """The command runner, copied into a folder with an awkward name."""
    shutil.copy2(built / "shareout", here.folder / "share out")
    here.program = [str(here.folder / "share out")]
    return here


def test_it_is_small_and_tells_its_version_and_code(frozen: Machine) -> None:
    assert (frozen.folder / "share out").stat().st_size <= 20_000_000
    assert frozen.call("--version").out.startswith("shareout 0.1.0 (code ")


def test_its_help_lists_what_it_has(frozen: Machine) -> None:
    assert "  merge-results " in frozen.call("--help").out
    assert "freeze" not in frozen.call("--help").out
    assert "an executable cannot make another one" in frozen.call("freeze", code=2).err


def test_the_same_sources_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "shareout", "freeze", "-o", str(tmp_path)], check=True, capture_output=True)
    assert (tmp_path / "shareout").read_bytes() == (built / "shareout").read_bytes()


def test_a_share_runs_resumes_and_merges(frozen: Machine) -> None:
    frozen.jobs(*(f"echo {number}" for number in range(30)))
    frozen.run("-n", "10")
    frozen.run()
    told = frozen.call("merge-results", "-o", "all.csv")
    assert "complete: 30 of 30 jobs, each counted once" in told.out
    assert frozen.log().count("INFO") == 32
    assert "its output is the same as in the log" in frozen.call("replay", "29").out
    frozen.call("report")
    assert "echo 29" in (frozen.folder / "report.html").read_text()


def test_source_and_executable_make_the_same_plan_and_table(frozen: Machine) -> None:
    frozen.jobs(*(f"exit {number % 3}" for number in range(9)))
    frozen.run("--retries", "1", code=1)
    source = Machine(frozen.folder)
    assert source.call("plan", "--json").out == frozen.call("plan", "--json").out
    source.call("merge-results", "--partial", "-o", "source.csv", code=1)
    frozen.call("merge-results", "--partial", "-o", "frozen.csv", code=1)
    assert (frozen.folder / "source.csv").read_bytes() == (frozen.folder / "frozen.csv").read_bytes()


def test_commands_see_the_users_own_environment(frozen: Machine) -> None:
    frozen.jobs("env", "python3 -c 'import json, ssl'", "git --version")
    frozen.run()
    log = frozen.log()
    assert not any(word in log for word in ("LD_LIBRARY_PATH", "_MEI", "_PYI_", "PYINSTALLER"))


def test_a_python_job_has_its_modules_and_data_and_outlives_the_unpacked_folder(built: Path, here: Machine) -> None:
    shutil.copy2(built / "main", here.folder / "main")
    here.program = [str(here.folder / "main")]
    here.environ = {"TMPDIR": str(here.folder)}
    here.write("configs/machines.json", '{"alice": [1, 2]}')
    here.run("-n", "3")
    here.run()
    assert [facts["result"][0] for facts in sorted(here.records(), key=lambda facts: facts["job"])] == [
        number * (number + 1) // 2 for number in range(40)
    ]
    assert here.records()[0]["result"][1:] == ["beside", "carried along"]
    assert "complete: 40 of 40" in here.call("merge-results").out
    told = here.call("replay", "7", "--trace")
    assert "alice recorded the same" in told.out
    assert "job(n=7, rng=" in told.err


def test_the_run_goes_on_when_the_unpacked_folder_is_removed(frozen: Machine) -> None:
    frozen.environ = {"TMPDIR": str(frozen.folder)}
    frozen.jobs("touch begun; while [ ! -e go ]; do sleep 0.01; done", *["echo x"] * 20)
    process = frozen.start("-j", "1", env={**os.environ, **frozen.environ})
    wait_until((frozen.folder / "begun").exists)
    for folder in frozen.folder.glob("_MEI*"):
        shutil.rmtree(folder)
    (frozen.folder / "go").touch()
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert len(frozen.records()) == 21


@pytest.mark.parametrize("whom", ["bootloader", "python"])
def test_nothing_survives_a_kill_of_either_process(frozen: Machine, whom: str) -> None:
    word = f"1{os.getpid():07d}"
    frozen.jobs(f"sleep {word}", f"setsid sleep {word} & sleep {word}")
    process = frozen.start()
    wait_until(lambda: len(processes_with(f"sleep\0{word}")) == 3)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(process.pid if whom == "bootloader" else int(children[0]), signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not processes_with(word), 2)
    wait_until(lambda: not processes_with(str(frozen.folder / "share out")), 2)


def test_what_a_killed_program_left_unpacked_is_removed_at_the_next_start(frozen: Machine) -> None:
    frozen.environ = {"TMPDIR": str(frozen.folder)}
    frozen.jobs("touch begun; while [ ! -e go ]; do sleep 0.01; done")
    process = frozen.start(env={**os.environ, **frozen.environ})
    wait_until((frozen.folder / "begun").exists)
    process.kill()
    process.communicate()
    wait_until(lambda: not processes_with(str(frozen.folder / "share out")), 5)
    assert len(list(frozen.folder.glob("_MEI*"))) == 1
    (frozen.folder / "go").touch()
    frozen.run()
    assert not list(frozen.folder.glob("_MEI*"))


def test_one_interrupt_counts_once_although_it_arrives_twice(frozen: Machine) -> None:
    frozen.jobs("touch begun; while [ ! -e go ]; do sleep 0.01; done")
    process = frozen.start(start_new_session=True)
    wait_until((frozen.folder / "begun").exists)
    os.killpg(process.pid, signal.SIGINT)
    assert process.stderr is not None
    said = b""
    while b"stopping" not in said:
        said += os.read(process.stderr.fileno(), 4096)
    (frozen.folder / "go").touch()
    process.communicate()
    assert [facts["state"] for facts in frozen.records()] == ["done"]


def test_it_runs_where_there_is_no_python(built: Path, tmp_path: Path) -> None:
    """A root directory that holds a shell, the C library, and our file; entered with chroot as another user."""
    if os.geteuid() != 0:
        pytest.fail("this test enters a root directory, which needs root")
    root = tmp_path / "root"
    program = root / "work" / "shareout"
    program.parent.mkdir(parents=True)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    shutil.copy2(built / "shareout", program)
    shell = root / "bin" / "sh"
    shell.parent.mkdir()
    shutil.copy2(os.path.realpath("/bin/sh"), shell)
    linked = [
        subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=True).stdout
        for file in (program, shell)
    ]
    names = {word for text in linked for word in text.split() if word.startswith("/")}
    extra = [
        Path(name).parent / more
        for name in names
        for more in (
            "libm.so.6",
            "libpthread.so.0",
            "librt.so.1",
            "libutil.so.1",
            "libdl.so.2",
            "libz.so.1",
            "libgcc_s.so.1",
        )
    ]
    for library in {Path(name) for name in names} | {path for path in extra if path.exists()}:
        target = root / library.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library.resolve(), target)
    os.chown(program.parent, 65534, 65534)
    Machine(program.parent).jobs("echo one", "exit 0")
    for path in program.parent.rglob("*"):
        os.chown(path, 65534, 65534)
    (root / "proc").mkdir()
    (root / "dev").mkdir()
    (root / "dev" / "null").touch()
    (root / "dev" / "null").chmod(0o666)
    for words in (("run", "--machine", "alice", "--yes"), ("merge-results",)):
        done = subprocess.run(
            [str(shutil.which("chroot")), "--userspec=65534:65534", str(root), "/bin/sh", "-c",
             f"cd /work && ./shareout {' '.join(words)}"],
            capture_output=True, text=True, env={"PATH": "/bin", "HOME": "/nowhere"}, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout
    assert "complete: 2 of 2" in done.stdout


def test_a_starter_finds_a_folder_to_unpack_into(built: Path, here: Machine) -> None:
    shutil.copy2(built / "shareout", here.folder / "shareout")
    shutil.copy2(built / "shareout.sh", here.folder / "shareout.sh")
    here.program = [str(here.folder / "shareout.sh")]
    here.environ = {"TMPDIR": "/proc"}
    assert here.call("--version").out.startswith("shareout ")


def test_what_cannot_be_built_is_told_in_words(here: Machine) -> None:
    here.write("broken.py", "def job(:\n")
    assert "broken.py:1:9: is not valid Python" in here.call("freeze", "broken.py", code=2).err
    assert "cannot be read" in here.call("freeze", "nothing.py", code=2).err
    here.write("missing.py", "import no_such_module\nfrom shareout import run\nrun(print, pool=[1])\n")
    assert "no_such_module is imported but was not found" in here.call("freeze", "missing.py").err


def test_an_entry_of_job_splitters_runs_beside_its_files(built: Path, here: Machine) -> None:
    shutil.copy2(built / "main", here.folder / "main")
    here.write("machines.json", '{"alice": [1.0, 2]}')
    here.program, here.environ = [str(here.folder / "main")], {"SPLIT": "yes"}
    assert here.run("--quiet").out == "30\n"
    assert (here.folder / "results.csv").read_text().endswith(",4,16\n")
