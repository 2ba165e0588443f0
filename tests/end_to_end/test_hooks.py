"""The user's own code around the jobs: when it runs, and what is read when it fails."""

from __future__ import annotations

import os
import signal

import pytest

from kit.program import Machine
from kit.wait import processes_with, wait_until

FAILS = (
    "from shareout import run\n"
    "def job(n): return n\n"
    "def hook(_):\n    print('tried')\n    raise ValueError('no licence')\n"
    "if __name__ == '__main__':\n    run(job, pool=range(5), {name}=hook)\n"
)


def states(here: Machine) -> list[str]:
    return [facts["state"] for facts in here.records()]


def test_a_setup_that_fails_is_told_and_starts_nothing(here: Machine) -> None:
    here.script(FAILS.replace("{name}", "setup"))
    told = here.run(code=3)
    assert "setup failed: ValueError: no licence" in told.err
    assert "No job was started" in told.err
    assert 'ERROR   File "' in here.log(), "the traceback is in the log"
    assert states(here) == []


def test_an_init_worker_that_fails_stops_the_run_and_costs_no_job_an_attempt(here: Machine) -> None:
    here.script(FAILS.replace("{name}", "init_worker"))
    told = here.run(code=3)
    assert told.err.count("init_worker failed: ValueError: no licence") == 1
    assert states(here) == []
    assert "job=- out tried" in here.log()
    assert "ERROR ValueError: no licence" in here.log()
    here.script(FAILS.replace("{name}", "setup").replace("raise", "return"))
    here.run()
    assert states(here) == ["done"] * 5


def test_workers_that_die_before_they_begin_a_job_stop_the_run(here: Machine) -> None:
    here.script(FAILS.replace("{name}", "init_worker").replace("raise ValueError", "import os; os._exit").replace(
        "'no licence'", "9"))  # fmt: skip
    told = here.run(code=3)
    assert "workers die before they begin a job: it ended its process with status 9" in told.err
    assert states(here) == []


def test_a_teardown_that_fails_is_told_after_all_is_recorded(here: Machine) -> None:
    here.script(FAILS.replace("{name}", "teardown"))
    told = here.run(code=3)
    assert "teardown failed: ValueError: no licence" in told.err
    assert states(here) == ["done"] * 5
    here.run(code=3)
    assert states(here) == ["done"] * 5, "only the teardown is tried again"


def test_an_on_result_that_fails_is_told_once_and_harms_nothing(here: Machine) -> None:
    here.script(FAILS.replace("{name}", "on_result"))
    told = here.run()
    assert told.err.count("on_result failed: ValueError: no licence") == 1
    assert states(here) == ["done"] * 5


def test_a_pool_from_code_that_fails_is_told_with_its_row(here: Machine) -> None:
    here.script(
        "from shareout import run\n"
        "def rows():\n    yield 1\n    raise ValueError('no more')\n"
        "def job(n): return n\n"
        "if __name__ == '__main__':\n    run(job, pool=rows())\n"
    )
    assert "making row 1 failed: ValueError: no more" in here.run(code=2).err
    assert list((here.folder / "runs" / "pools").iterdir()) == []


def test_rows_of_every_kind_come_from_code(here: Machine) -> None:
    here.script(
        "from shareout import run\n"
        "def job(*by_place, **by_name): return [list(by_place), by_name]\n"
        "if __name__ == '__main__':\n"
        "    run(job, pool=(row for row in [(1, 'x'), {'a': 1}, 7, 'text', None, [1, [2]], ()]))\n"
    )
    here.run()
    results = {facts["job"]: facts["result"] for facts in here.records()}
    assert [results[number] for number in range(7)] == [
        [[1, "x"], {}], [[], {"a": 1}], [[7], {}], [["text"], {}], [[None], {}], [[1, [2]], {}], [[], {}],
    ]  # fmt: skip


def test_ctrl_c_in_a_setup_ends_it(here: Machine) -> None:
    here.script(
        "import time\nfrom shareout import run\n"
        "def job(n): return n\n"
        "def setup(_):\n    open('begun', 'w').close()\n    time.sleep(60)\n"
        "if __name__ == '__main__':\n    run(job, pool=range(5), setup=setup)\n"
    )
    process = here.start()
    wait_until((here.folder / "begun").exists)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in said


@pytest.mark.parametrize("killed", [False, True])
def test_what_a_task_file_starts_on_each_machine_lives_as_long_as_the_run(here: Machine, killed: bool) -> None:
    word = f"9{os.getpid():07d}"
    here.jobs(
        f"#DISBATCH PERENGINE START echo starting; sleep {word} &",
        "#DISBATCH PERENGINE STOP echo stopping; kill -0 $(cat pid) && echo it lives",
        *["true"] * 5,
        f"pgrep -f '^sleep {word}' > pid; touch begun; {'sleep 60' if killed else 'true'}",
    )
    process = here.start("-j", "1")
    if killed:
        wait_until((here.folder / "begun").exists)
        process.kill()
    process.communicate()
    wait_until(lambda: not processes_with(f"sleep\0{word}"), 5)
    if not killed:
        assert process.returncode == 0
        said = [line.rpartition(" out ")[2] for line in here.log().splitlines() if "job=- " in line]
        assert said[0] == "starting"
        assert said[-2:] == ["stopping", "it lives"]
