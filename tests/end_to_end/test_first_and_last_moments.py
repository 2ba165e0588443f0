"""Stopping signals outside a run: while the program loads, while a command reads its inputs, and after its exit code
is known. A module that Python loads at its start (`sitecustomize`) sends them at a chosen step of the program, so that
each moment is one and the same each time.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
from pathlib import Path

import pytest

from kit.program import Machine
from kit.wait import wait_until

STOPS = [
    signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1,
    signal.SIGUSR2, signal.SIGQUIT, signal.SIGXCPU, signal.SIGALRM,
]  # fmt: skip

# At each import from our entry's first line on until there is a run directory, copies of the process get a signal each:
# all of them, or one of EACH so many. Copied by the C library: Python would tell us of a fork, and no child heeds any.
WHILE_IT_LOADS = """
import ctypes, os, sys
fork = ctypes.PyDLL(None).fork
numbers = [int(word) for word in os.environ["SEND"].split()]
each, survives = int(os.environ["EACH"]), "SURVIVES" in os.environ
step = 0

def look(event, facts):
    global step
    if event != "import" or step < 0 or os.path.exists("runs") or not (step or facts[0] == "shareout.cli"):
        return
    step += 1
    for place, number in enumerate(numbers):
        if (step + place) % each == 0:
            send(number)

def send(number):
    global step
    pid = 0 if survives else fork()
    if pid:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with open("ends", "a") as file:
            file.write(f"{number} {step} {code}\\n")
        return
    if not survives:
        step = -1
        for handle in (1, 2):
            os.dup2(os.open(f"said-{handle}", os.O_WRONLY | os.O_CREAT | os.O_APPEND), handle)
    os.kill(os.getpid(), number)

sys.addaudithook(look)
"""

# At the end nothing of Python's own tells where it is, but for what it calls on its way.
AT_ITS_END = f"""
import atexit, os, threading

def hit(moment, kill=os.kill, pid=os.getpid(), mkdir=os.mkdir, numbers={[int(one) for one in STOPS]!r}):
    mkdir(moment)
    for number in numbers:
        kill(pid, number)

class Last:
    def __del__(self, hit=hit):
        hit("4 modules are taken down")

last = Last()
shutdown = threading._shutdown

def wait_for_threads():
    hit("1 threads are waited for")
    shutdown()
    hit("2 threads were waited for")

threading._shutdown = wait_for_threads
atexit.register(hit, "3 the first of all is called at exit")
"""

# What the user's own code may do to a program that has ended: it is not gone before its threads are.
LINGERING = """
import os, threading, time
from shareout import run

def linger():
    while not os.path.exists("go"):
        time.sleep(0.01)

def job(n):
    return n

def teardown(config):
    threading.Thread(target=linger).start()

if __name__ == "__main__":
    run(job, pool=range(3), teardown=teardown)
"""


def with_start(here: Machine, text: str, **environ: str) -> None:
    here.write("start/sitecustomize.py", text)
    here.environ = {"PYTHONPATH": str(here.folder / "start"), **environ}


def exit_code(number: int) -> int:
    return 143 if number == signal.SIGTERM else 130


@pytest.mark.module_only("an executable loads no module of a test's")
@pytest.mark.parametrize(("words", "each"), [("--version", 1), ("run --machine alice --yes", len(STOPS))])
def test_a_signal_while_it_loads_ends_it_with_its_code_and_no_traceback(here: Machine, words: str, each: int) -> None:
    here.jobs("true")
    with_start(here, WHILE_IT_LOADS, SEND=" ".join(str(int(one)) for one in STOPS), EACH=str(each))
    here.call(*words.split())
    ends = [[int(word) for word in line.split()] for line in (here.folder / "ends").read_text().splitlines()]
    assert {number for number, _, _ in ends} == set(STOPS)
    wrong = [f"{number} at step {step}: exit {code}" for number, step, code in ends if code != exit_code(number)]
    assert not wrong
    assert set((here.folder / "said-2").read_text().splitlines()) <= {"", "shareout: interrupted"}
    assert not (here.folder / "said-1").read_bytes()


@pytest.mark.module_only("an executable loads no module of a test's")
def test_what_is_ignored_at_the_start_stays_so_while_it_loads_and_at_its_end(here: Machine) -> None:
    here.jobs("true")
    here.program = ["sh", "-c", 'trap "" HUP; exec "$0" "$@"', *here.program]
    with_start(here, WHILE_IT_LOADS, SEND=str(int(signal.SIGHUP)), EACH="1", SURVIVES="yes")
    here.run()
    assert len(here.records()) == 1


@pytest.mark.module_only("an executable loads no module of a test's")
@pytest.mark.parametrize(
    ("words", "code"), [("--version", 0), ("run --machine alice --yes -R", 1), ("plan x", 2)], ids=["0", "1", "2"]
)
def test_signals_after_the_last_word_change_neither_the_code_nor_what_was_said(
    here: Machine, words: str, code: int
) -> None:
    here.jobs("true", "false")
    here.run(code=1)
    assert_quiet_end(here, words, code)


@pytest.mark.module_only("an executable loads no module of a test's")
def test_nor_do_they_where_the_modules_of_a_script_are_taken_down(here: Machine) -> None:
    here.script(
        "from shareout import run\ndef job(n): return 1 // n\nif __name__ == '__main__': run(job, pool=range(3))\n"
    )
    here.run(code=1)
    assert_quiet_end(here, "run --machine alice --yes -R", 1)


def assert_quiet_end(here: Machine, words: str, code: int) -> None:
    """Python is made to take all down, by a function that was registered before any of ours."""
    before = here.call(*words.split(), code=code)
    with_start(here, AT_ITS_END)
    told = here.call(*words.split(), code=None)
    seen = sorted(path.name for path in here.folder.glob("[1-4] *"))
    assert told.code == code, f"{seen}\n{told.err}"
    assert len(seen) >= 3
    assert told.out == before.out
    assert told.err.splitlines()[-2:] == before.err.splitlines()[-2:]


@pytest.mark.parametrize("number", STOPS)
def test_a_command_that_waits_for_its_input_is_interrupted(here: Machine, number: signal.Signals) -> None:
    here.jobs("true")
    os.mkfifo(here.folder / "pool.txt")
    process = subprocess.Popen(
        [*here.program, "plan", "pool.txt"], cwd=here.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    here.started.append(process)
    # It has been opened for reading.
    with (here.folder / "pool.txt").open("wb"):
        process.send_signal(number)
        out, told = process.communicate(timeout=20)
    assert process.returncode == exit_code(number), told.decode()
    assert told == b"\nshareout: interrupted\n"
    assert not out


@pytest.mark.parametrize("pause", [0.0, 0.6], ids=["at once", "after a moment"])
def test_what_keeps_a_program_that_has_ended_does_not_change_its_code(here: Machine, pause: float) -> None:
    """Within half a second nothing is heeded; later the program is left, with the same code."""
    here.script(LINGERING)
    process = here.start()
    assert process.stderr is not None
    lines: list[bytes] = []
    while b"3 done" not in b"".join(lines[-1:]) or b"runs/" not in lines[-1]:
        line = process.stderr.readline()
        assert line, b"".join(lines).decode()
        lines.append(line)
    if pause:
        select.select([], [], [], pause)
    python = here.python(process)
    wait_until(lambda: handles_late(python))
    for number in STOPS:
        process.send_signal(number)
        if pause:
            break
    if not pause:
        assert process.poll() is None
        (here.folder / "go").touch()
    _, told = process.communicate(timeout=20)
    assert process.returncode == 0
    assert not told


def handles_late(pid: int) -> bool:
    """Its main thread waits for another one."""
    return len(list(Path(f"/proc/{pid}/task").iterdir())) > 1


def test_what_a_script_has_not_written_yet_when_it_ends_is_written(here: Machine) -> None:
    here.script(
        "from shareout import run\n"
        "notes = open('notes.txt', 'w')\n"
        "def job(n): return n\n"
        "if __name__ == '__main__':\n"
        "    run(job, pool=range(3), on_result=lambda one: notes.write(f'{one.job}\\n'))\n"
    )
    here.run()
    assert sorted((here.folder / "notes.txt").read_text().split()) == ["0", "1", "2"]


def test_a_script_whose_files_are_closed_is_not_taken_down_object_by_object(here: Machine) -> None:
    """Functions that it has registered for its end are called, as they always were."""
    here.script(
        "import atexit, os\n"
        "from shareout import run\n"
        "class Last:\n"
        "    def __del__(self, mkdir=os.mkdir): mkdir('taken down')\n"
        "last = Last()\n"
        "def job(n): return n\n"
        "def rows():\n"
        "    atexit.register(os.mkdir, 'called at exit')\n"
        "    yield 1\n"
        "if __name__ == '__main__': run(job, pool=rows())\n"
    )
    here.call("plan")
    assert (here.folder / "called at exit").is_dir()
    assert not (here.folder / "taken down").is_dir()


def test_a_script_that_goes_on_after_the_command_line_ends_with_its_own_code(here: Machine) -> None:
    here.script(
        "import sys\n"
        "from shareout import run\n"
        "def job(n): return n\n"
        "if __name__ == '__main__':\n"
        "    try:\n"
        "        run(job, pool=range(3))\n"
        "    except SystemExit as end:\n"
        "        print('and after', end.code, file=sys.stderr)\n"
        "        sys.exit(9)\n"
    )
    assert here.call("plan", code=9).err.splitlines()[-1] == "and after 0"


def test_what_a_script_says_as_it_is_left_is_told(here: Machine) -> None:
    here.script(
        "from shareout import run\n"
        "def job(n): return n\n"
        "if __name__ == '__main__':\n"
        "    try:\n"
        "        run(job, pool=range(3))\n"
        "    finally:\n"
        "        raise SystemExit('mine')\n"
    )
    assert here.call("plan", code=1).err.splitlines()[-1] == "mine"
