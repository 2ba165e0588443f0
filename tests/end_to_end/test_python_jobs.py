"""Whatever a Python job does, it alone is affected: it is recorded with its cause, and the run goes on."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from kit.program import Machine
from kit.wait import processes_with, wait_until
from shareout.record.folder import RunFolder

NASTY = """
import ctypes, logging, math, os, signal, subprocess, sys, threading, time, warnings
from shareout import run

class Unpicklable(Exception):
    def __reduce__(self):
        raise TypeError("never")

def job(kind, *, rng, info, progress):
    progress.report(1, base=2)
    if kind == "segfault": ctypes.string_at(0)
    if kind == "os._exit": os._exit(3)
    if kind == "oom killer": os.kill(os.getpid(), signal.SIGKILL)
    if kind == "memory":
        hoard = bytearray(400_000_000)
        time.sleep(60)
    if kind == "grandchildren":
        subprocess.Popen(["setsid", "sleep", os.environ["WORD"]])
        os.system("(sleep $WORD &)")
    if kind == "descriptors": os.closerange(3, 256)
    if kind == "stdout": sys.stdout.close()
    if kind == "descriptor 1": os.close(1); os.close(2)
    if kind == "much output": os.write(1, b"")  or [os.write(1, b"y" * 79 + bytes([10])) for _ in range(200_000)]
    if kind == "bad text": os.write(1, bytes([255, 254, 10]))
    if kind == "folder": os.chdir("/")
    if kind == "environment": os.environ["LEFT"] = "behind"
    if kind == "threads": threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    if kind == "sys.exit": sys.exit(7)
    if kind == "unpicklable": raise Unpicklable("gone")
    if kind == "interrupt": raise KeyboardInterrupt
    if kind == "not JSON": return {1, 2}
    if kind == "10 MB": return "z" * 10_000_000
    if kind == "hangs":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    if kind == "recursion": return job(kind, rng=rng, info=info, progress=progress)
    if kind == "says": logging.warning("warned"); warnings.warn("careful"); print("printed")
    return [os.getcwd() == START, "LEFT" in os.environ, os.path.basename(info.directory), rng.random()]

START = os.getcwd()
KINDS = KINDS_GO_HERE
if __name__ == "__main__":
    run(job, pool=[(kind,) for kind in KINDS] + [("fine",)] * 60)
"""
# What each kind is recorded with; None: it is done.
CAUSES: dict[str, str | None] = {
    "segfault": "signal", "os._exit": "lost worker", "oom killer": "signal", "memory": "memory",
    "grandchildren": None, "descriptors": None, "stdout": None, "descriptor 1": None, "much output": None,
    "bad text": None, "folder": None, "environment": None, "threads": None, "sys.exit": "exception",
    "unpicklable": "exception", "interrupt": "exception", "not JSON": "bad result", "10 MB": None,
    "hangs": "timeout", "recursion": "exception", "says": None,
}  # fmt: skip


def test_a_nasty_job_harms_nobody_else(here: Machine) -> None:
    word = f"5{os.getpid():07d}"
    here.environ = {"WORD": word}
    here.script(NASTY.replace("KINDS_GO_HERE", repr(list(CAUSES))))
    here.run("--timeout", "3s", "--memory", "300MB", "--grace", "500ms", code=1)
    by_job = {facts["job"]: facts for facts in here.records()}
    found = {kind: by_job[number].get("cause") for number, kind in enumerate(CAUSES)}
    assert found == CAUSES
    fine = [by_job[number]["result"] for number in range(len(CAUSES), len(CAUSES) + 60)]
    assert all(result[:2] == [True, False] for result in fine), "folder and environment are each job's own"
    assert len(by_job[list(CAUSES).index("10 MB")]["result"]) == 10_000_000
    wait_until(lambda: not processes_with(word), 2)
    log = here.log()
    number = list(CAUSES).index("says")
    assert f"job={number} try=1 WARNING warned" in log
    assert f"job={number} try=1 out printed" in log
    assert "careful" in log
    assert f"job={list(CAUSES).index('bad text')} try=1 out \\xff\\xfe" in log
    assert log.count("y" * 79) == 200_000
    assert "gone" in log


@pytest.mark.parametrize(
    "end", ["sys.stdout.close()", "sys.stderr.close()", "sys.stdout.detach()", "sys.stdout.buffer.close()"]
)
def test_a_job_that_closes_its_output_loses_nothing_and_costs_no_other_its_worker(here: Machine, end: str) -> None:
    here.script(
        "import os, sys\nfrom shareout import run\n"
        f"def job(n):\n    print('told', n)\n    sys.stderr.write('said')\n    if n % 3 == 0:\n        {end}\n"
        "    return os.getpid()\n"
        "if __name__ == '__main__':\n    run(job, pool=range(9))\n",
        machines='{"alice": [1, 1]}',
    )
    here.run()
    assert len({record["result"] for record in here.records()}) == 1
    assert [record["out"][0] for record in here.records()] == [7] * 9
    assert [record["err"][0] for record in here.records()] == [4] * 9


def numbers(here: Machine) -> dict[int, Any]:
    return {facts["job"]: facts["result"] for facts in here.records() if facts["state"] == "done"}


RNG = (
    "import os\nfrom shareout import run\n"
    "def job(n, *, rng, info):\n"
    "    if n == 3 and info.attempt == 1: os._exit(1)\n"
    "    return [rng.random(), rng.getrandbits(64), info.seed, info.id]\n"
    "if __name__ == '__main__':\n    run(job, pool=range(40))\n"
)


def test_the_same_job_gives_the_same_numbers_anywhere(here: Machine) -> None:
    """Whatever the machine, the slot, the order or the attempt."""
    seen = []
    for number, machines in enumerate(('{"alice": [1, 1]}', '{"alice": [3, 2], "bob": [1, 1]}')):
        one = Machine(here.folder / str(number)).script(RNG, machines)
        for machine in json.loads(machines):
            one.run("--retries", "1", machine=machine)
        results: dict[int, Any] = {}
        for folder in one.folder.glob("runs/*/*"):
            if RunFolder(folder).journals():
                done = [facts for facts in one.records(folder) if facts["state"] == "done"]
                results |= {facts["job"]: facts["result"] for facts in done}
        seen.append(results)
    assert len(seen[0]) == 40
    assert seen[0] == seen[1]


@pytest.mark.module_only("an executable with numpy is big: tests/freeze has one")
def test_results_come_back_exactly(here: Machine) -> None:
    here.script(
        "import numpy\nfrom shareout import run\n"
        "VALUES = [1, -0.1, True, None, 'é\\n\\ud800 \\x00', [1, [2, {'a': 3}]], {'b': 1, 'a': 2}, 10**5000,\n"
        "  float('nan'), float('inf'), numpy.float64(0.1), numpy.int32(7), numpy.arange(3), {'x': numpy.ones(2)}]\n"
        "def job(n): return VALUES[n]\n"
        "if __name__ == '__main__':\n    run(job, pool=range(len(VALUES)))\n"
    )
    here.run()
    import sys

    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        got = numbers(here)
    finally:
        sys.set_int_max_str_digits(before)
    assert [got[number] for number in range(8)] == [
        1, -0.1, True, None, "é\n\ud800 \x00", [1, [2, {"a": 3}]], {"b": 1, "a": 2}, 10**5000,
    ]  # fmt: skip
    assert got[8] != got[8]
    assert [got[number] for number in range(9, 14)] == [float("inf"), 0.1, 7, [0, 1, 2], {"x": [1.0, 1.0]}]


def test_uneven_jobs_start_at_once_on_free_slots(here: Machine) -> None:
    """Ten jobs that all wait for each other: none may stand behind another in a batch."""
    here.script(
        "import os, time\nfrom shareout import run\n"
        "def job(n):\n"
        "    open(f'here-{n}', 'w').close()\n"
        "    while not all(os.path.exists(f'here-{k}') for k in range(10)): time.sleep(0.001)\n"
        "if __name__ == '__main__':\n    run(job, pool=range(10))\n",
        '{"alice": [1, 10]}',
    )
    here.run("--timeout", "20s")


def test_what_waits_behind_a_long_job_goes_to_a_free_slot(here: Machine) -> None:
    """The long job ends only when every other job has ended."""
    here.script(
        "import os, time\nfrom shareout import run\n"
        "def job(n):\n"
        "    if n == 77:\n"
        "        while len(os.listdir('ended')) < 4999: time.sleep(0.001)\n"
        "    open(f'ended/{n}', 'w').close()\n"
        "if __name__ == '__main__':\n    run(job, pool=range(5000))\n"
    )
    (here.folder / "ended").mkdir()
    here.run("--timeout", "30s")


@pytest.mark.parametrize(
    ("signature", "sentence"),
    [
        ("a, c", "its rows do not fit the job"),
        ("a", "its rows do not fit the job"),
        ("a, b, c", "its rows do not fit the job"),
        ("bb, a", 'missing a required argument: \'bb\'; "b" is none of its parameters (did you mean "bb"?)'),
    ],
)
def test_rows_that_do_not_fit_the_job_are_refused_before_it_starts(
    here: Machine, signature: str, sentence: str
) -> None:
    here.script(
        f"from shareout import run\ndef job({signature}): open('started', 'w')\n"
        "if __name__ == '__main__':\n    run(job, pool=[{'a': 1, 'b': 2}])\n"
    )
    told = here.run(code=2)
    assert sentence in told.err
    assert not (here.folder / "started").exists()


@pytest.mark.parametrize("rows", ["[{'x': 1}]", "[1]"])
def test_what_we_give_asked_for_by_place_is_told_where_it_goes(here: Machine, rows: str) -> None:
    here.script(
        "from shareout import run\ndef walk(x, rng, *, info): return x\n"
        f"if __name__ == '__main__':\n    run(walk, pool={rows})\n"
    )
    assert "write def walk(x, *, rng, info)" in here.run(code=2).err


def test_progress_asked_for_in_another_way_says_how(here: Machine) -> None:
    here.script(
        "from shareout import run\n"
        "WAYS = [lambda p: p.report(3, base=10), lambda p: p(3, 10), lambda p: p.report(3, 10),\n"
        "        lambda p: p.report(30), lambda p: p.update(3), lambda p: p.report(3, total=10),\n"
        "        lambda p: p.report('30%')]\n"
        "def job(way, *, progress): WAYS[way](progress)\n"
        "if __name__ == '__main__':\n    run(job, pool=range(len(WAYS)))\n"
    )
    here.run(code=1)
    errors = {facts["job"]: facts.get("error") for facts in here.records()}
    assert [errors[way] for way in range(4)] == [None] * 4
    assert all("progress.report(value, base=total)" in errors[way] for way in range(4, 7))


def test_csv_fields_become_what_the_annotations_say(here: Machine) -> None:
    here.script(
        "from __future__ import annotations\nfrom shareout import run\n"
        "def job(a: int, b: float, c: bool, d: str, e: int | None): return [a, b, c, d, e]\n"
        "if __name__ == '__main__':\n    run(job)\n"
    )
    here.write("configs/jobs.csv", 'a,b,c,d,e\n1,2.5,yes,"x, y",\nno,1,no,,3\n')
    assert 'configs/jobs.csv:3:1: a: "no" is not int' in here.run(code=2).err
    here.write("configs/jobs.csv", 'a,b,c,d,e\n1,2.5,yes,"x, y",\n')
    here.run()
    assert here.records()[0]["result"] == [1, 2.5, True, "x, y", None]


def test_hooks_run_where_they_should(here: Machine) -> None:
    here.script(
        "import os\nfrom shareout import run\n"
        "def note(text): open('notes', 'a').write(f'{text}\\n')\n"
        "def job(n, *, config): return n + config.getint('mine', 'offset')\n"
        "if __name__ == '__main__':\n"
        "    run(job, pool=range(20), setup=lambda c: note('setup'), teardown=lambda c: note('teardown'),\n"
        "        init_worker=lambda c: note('worker'), on_result=lambda o: note(f'result {o.job}'),\n"
        "        reduce=lambda so_far, row: so_far + row, initial=0)\n"
    )
    here.write("configs/runner.config", "[mine]\noffset = 100\n")
    here.run()
    notes = (here.folder / "notes").read_text().splitlines()
    assert notes[0] == "setup"
    assert notes[-1] == "teardown"
    assert notes.count("worker") == 2
    assert sum(note.startswith("result ") for note in notes) == 20
    assert here.call("merge-results").out.splitlines()[0] == str(sum(range(100, 120)))
