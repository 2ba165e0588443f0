"""The built file does from its unpacked folder what the sources do: jobs, environment, signals, code hash."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PyInstaller.archive.readers import CArchiveReader

from kit.program import Machine
from kit.wait import processes_with, wait_until
from kit.ways import Executable, freeze

ENTRY = """
import os, subprocess
import beside
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from shareout import run
from shareout.job_splitter import run_jobs

def double(n):
    return 2 * n

def numbers(n):
    import numpy
    return numpy.arange(n + 1).sum(), numpy.float64(0.5), numpy.ones(2)

def note(n):
    return [beside.NAME, (Path(beside.__file__).parent / "note.txt").read_text()]

def processes(n):
    with ProcessPoolExecutor(2, get_context(["fork", "spawn"][n % 2])) as pool:
        return list(pool.map(double, range(3)))

def environment(n):
    return subprocess.run(["env"], capture_output=True, text=True).stdout

def by_name(n):
    __import__("no_" + "such")

def job(kind, n):
    return globals()[kind](n)

def split(n, random_obj, config, *, progress):
    return n, n * n

KINDS = "numbers note processes environment by_name".split()
if __name__ == "__main__" and "SPLIT" in os.environ:
    add = lambda so_far, row: so_far + row[1]
    print(run_jobs(split, [(n,) for n in range(5)], reduce_function=add, reduce_start=0))
elif __name__ == "__main__":
    at_start = subprocess.run(["env"], capture_output=True, text=True).stdout
    assert "_PYI" not in at_start and "/_MEI" not in at_start
    run(job, pool=[(kind, n) for kind in KINDS for n in range(2)])
"""
# Only the small parts of Python's library: what it imports is unpacked when it does.
LIGHT_ENTRY = """
import _decimal, ctypes, decimal, inspect, os, sqlite3, sys, unicodedata
from shareout import run

def job(kind):
    return {
        "ctypes": lambda: ctypes.CDLL(None).abs(-3),
        "decimal": lambda: str(decimal.Decimal("0.1") + decimal.Decimal("0.2")) + _decimal.__file__[-3:],
        "inspect": lambda: [os.path.relpath(one, sys._MEIPASS) for one in map(inspect.getsourcefile, (inspect, run))],
        "sqlite3": lambda: sqlite3.connect(":memory:").execute("select 6 * 7").fetchone()[0],
        "unicodedata": lambda: unicodedata.name("é"),
    }[kind]()

if __name__ == "__main__":
    run(job, pool=["ctypes", "decimal", "inspect", "sqlite3", "unicodedata"])
"""
SOURCES = Path(__file__).parents[2] / "src"
# Only an entry script of job-splitter's users imports these.
AT_ITS_START = ("shareout.freeze.first", "shareout.cli.completing.at_once")
OF_ENTRIES = ("shareout.job_splitter", "shareout.merge.share_table")


@pytest.fixture(scope="session")
def of_entry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made of an entry with numpy, a module beside it and a data file."""
    folder = tmp_path_factory.mktemp("entry")
    (folder / "main.py").write_text(ENTRY)
    (folder / "beside.py").write_text("NAME = 'beside'\n")
    (folder / "note.txt").write_text("carried along")
    return freeze(folder, "main.py", "--data", "note.txt:.")


@pytest.fixture
def frozen(executable: Executable, here: Machine) -> Machine:
    """The command runner, copied into a folder with an awkward name."""
    shutil.copy2(executable.file, here.folder / "share out")
    here.program = [str(here.folder / "share out")]
    return here


def test_it_is_small_and_tells_its_version_and_code(frozen: Machine) -> None:
    assert (frozen.folder / "share out").stat().st_size <= 20_000_000
    assert frozen.call("--version").out.startswith("shareout 0.2.0 (code ")
    # Of what it holds, and of nothing else.
    told = frozen.call("--version", "--licences").out.splitlines()[1:]
    names = {line.partition(":")[0] for line in told}
    assert {"Python", "blake3", "prompt_toolkit", "PyInstaller's bootloader"} <= names
    assert not names & {"OpenSSL", "NATS server", "cryptography"}


def test_its_help_lists_what_it_has(frozen: Machine) -> None:
    assert "  merge-results " in frozen.call("--help").out
    assert "freeze" not in frozen.call("--help").out
    assert "an executable cannot make another one" in frozen.call("freeze", code=2).err


def test_every_module_is_inside(executable: Executable) -> None:
    """So whatever command imports by name, and when, is there."""
    program = CArchiveReader(str(executable.file))
    inside = set(program.open_embedded_archive("PYZ.pyz").toc)
    ours = {".".join(path.relative_to(SOURCES).with_suffix("").parts) for path in SOURCES.glob("shareout/**/*.py")}
    missing = {name.removesuffix(".__init__") for name in ours} - inside
    assert missing == {"shareout.__main__", *AT_ITS_START, "shareout.freeze.packing", *OF_ENTRIES}


def test_nothing_of_a_network_is_inside_and_it_says_what_to_do(executable: Executable, frozen: Machine) -> None:
    program = CArchiveReader(str(executable.file))
    inside = [*program.open_embedded_archive("PYZ.pyz").toc, *program.toc]
    assert not [one for one in inside if re.match(r"_?ssl\b|libssl|libcrypto|cryptography|_?cffi|nats-server", one)]
    frozen.jobs("true")
    frozen.write("token", "A" * 32 + "\n").chmod(0o600)
    for words in (["run", "--machine", "alice", "--yes", "--join", "nats://127.0.0.1:9"], ["serve"]):
        told = frozen.call(*words, *(["--token-file", "token"] if "run" in words else []), code=2).err
        assert "this program has no part that speaks over a network (ssl is missing)" in told
        assert "an executable is made with NETWORK=1" in told


@pytest.mark.slow
def test_one_that_is_made_for_a_network_needs_nothing_but_itself(tmp_path: Path) -> None:
    """Neither a Python nor a server on the PATH: it serves, and is joined by itself."""
    call = [sys.executable, "-m", "shareout", "freeze", "--network", "-o", str(tmp_path)]
    subprocess.run(call, capture_output=True, check=True)
    program = tmp_path / "shareout"
    assert program.stat().st_size <= 40_000_000
    told = subprocess.run([str(program), "--version", "--licences"], capture_output=True, check=True, text=True).stdout
    assert "NATS server: Apache-2.0\n" in told
    assert "OpenSSL: Apache-2.0\n" in told
    alone = {"PATH": "/usr/bin:/bin"}
    home, guest = Machine(tmp_path / "home", [str(program)], alone), Machine(tmp_path / "guest", [str(program)], alone)
    home.jobs("echo 1", "echo 2", "echo 3")
    guest.folder.mkdir()
    serving = home.spawn("serve", "--port", "0")
    try:
        token = wait_until(lambda: next(home.folder.glob("runs/*/*/token"), None), 60)
        port = wait_until(lambda: next(home.folder.glob("runs/*/*/server/port"), None), 60).read_text()
        guest.call("join", f"nats://127.0.0.1:{port}", "--yes", "--token-file", str(token), "--name", "guest")
        assert serving.wait(60) == 0
    finally:
        home.end_all()
    assert "complete: 3 of 3" in home.call("merge-results", "-o", "all.csv").out


def test_the_same_sources_give_the_same_bytes_in_any_folder(executable: Executable, tmp_path: Path) -> None:
    assert freeze(tmp_path).read_bytes() == executable.file.read_bytes()


def test_what_it_writes_to_begin_with_is_planned(frozen: Machine) -> None:
    frozen.call("init")
    assert "configs/jobs.txt" in frozen.call("plan").out


def test_a_share_runs_resumes_and_merges(frozen: Machine) -> None:
    frozen.jobs(*(f"echo {number}" for number in range(30)))
    frozen.run("-n", "10")
    frozen.run()
    told = frozen.call("merge-results", "-o", "all.csv")
    assert "complete: 30 of 30 jobs, each counted once" in told.out
    assert frozen.log().count(" out ") == 30
    assert frozen.log().count(" INFO ") == 2 * 2, "of each start that it begins, and on what"
    assert "its output is the same" in frozen.call("replay", "29").out
    assert len(frozen.call("status", "--format", "disbatch").out.splitlines()) == 30
    assert frozen.call("export", "--format", "runmaker").out.startswith("d echo 0\nd echo 1\n")
    frozen.call("report")
    assert "alice" in (frozen.folder / "report.html").read_text()


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


def test_a_python_job_has_its_modules_data_processes_and_the_users_environment(of_entry: Path, here: Machine) -> None:
    here.program, here.environ = [str(of_entry)], {"LD_LIBRARY_PATH": "/opt/mine", "MINE": "too"}
    here.write("configs/machines.json", '{"alice": [1, 2]}')
    here.run("-n", "3", code=None)
    here.run(code=1)
    of = {facts["job"]: facts for facts in here.records()}
    assert [of[n].get("result") for n in range(2)] == [[n * (n + 1) // 2, 0.5, [1.0, 1.0]] for n in range(2)]
    assert of[2]["result"] == ["beside", "carried along"]
    assert of[4]["result"] == of[5]["result"] == [0, 2, 4]
    seen = of[6]["result"].splitlines()
    assert {"LD_LIBRARY_PATH=/opt/mine", "MINE=too"} <= set(seen)
    assert not any(word in of[6]["result"] for word in ("_MEI", "_PYI_", "PYINSTALLER"))
    assert "build it again with --with no_such" in of[8]["error"]


def test_what_is_unpacked_only_for_who_imports_it_is_there_and_goes_with_the_rest(here: Machine) -> None:
    here.write("main.py", LIGHT_ENTRY)
    here.write("configs/machines.json", '{"alice": [1, 2]}')
    here.program, here.environ = [str(freeze(here.folder, "main.py"))], {"TMPDIR": str(here.folder)}
    here.run()
    found = [facts["result"] for facts in sorted(here.records(), key=lambda facts: facts["job"])]
    assert found == [3, "0.3.so", ["inspect.py", "shareout/__init__.py"], 42, "LATIN SMALL LETTER E WITH ACUTE"]
    assert not list(here.folder.glob("_MEI*"))


def test_what_is_imported_late_is_found_also_without_the_unpacked_folder(here: Machine) -> None:
    here.write(
        "main.py",
        "import os, time\nfrom shareout import run\n"
        "def job(n):\n"
        "    open('begun', 'w').close()\n"
        "    while not os.path.exists('go'): time.sleep(0.01)\n"
        "    import csv, random\n"
        "    return [next(csv.reader(['a,b'])), random.Random(1).random() < 1]\n"
        "if __name__ == '__main__': run(job, pool=[0])\n",
    )
    here.write("configs/machines.json", '{"alice": [1, 1]}')
    here.program, here.environ = [str(freeze(here.folder, "main.py"))], {"TMPDIR": str(here.folder)}
    process = here.start(env={**os.environ, **here.environ})
    wait_until((here.folder / "begun").exists)
    for folder in here.folder.glob("_MEI*"):
        shutil.rmtree(folder)
    (here.folder / "go").touch()
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert [facts["result"] for facts in here.records()] == [[["a", "b"], True]]


def test_an_entry_of_job_splitters_runs_beside_its_files(of_entry: Path, here: Machine) -> None:
    here.write("machines.json", '{"alice": [1.0, 2]}')
    shutil.copy2(of_entry, here.folder / "main")
    here.program, here.environ = [str(here.folder / "main")], {"SPLIT": "yes"}
    assert here.run("--quiet").out == "30\n"
    assert (here.folder / "results.csv").read_text().endswith(",4,16\n")


def test_machines_that_ran_different_code_are_told(of_entry: Path, executable: Executable, here: Machine) -> None:
    here.jobs("true", "true", machines='{"alice": [1, 1], "bob": [1, 1]}')
    here.program = executable.runner()
    here.run()
    Machine(here.folder).run(machine="bob")
    assert "not all results are of the same code: " in here.call("merge-results").err


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
