"""What disBatch's users say of a run, where several hosts that have no folder in common do it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kit.fed import Fed
from kit.wait import wait_until

TASKS = "echo 0\necho 1; false\necho 2\n#DISBATCH BARRIER\necho 4\necho 5\n"
ROW = "{flags}\t{task}\t1\t-1\tnode7\t41\t{exit}\t1.5\t1700000000\t1700000001.5\t{size}\t{out!r}\t0\t''\t{command}"


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[Fed]:
    made = Fed(tmp_path)
    yield made
    made.end_all()


def row(task: int, command: str, code: int = 0, out: str = "") -> str:
    flags = "R   " if code else "    "
    return ROW.format(flags=flags, task=task, exit=code, size=len(out), out=out, command=command) + "\n"


def ended(fed: Fed, code: int) -> dict[int, Any]:
    """How each job stands in the folder of `serve`."""
    for process in fed.processes.values():
        fed.ended(process, code)
    fed.ended(fed.serving, code)
    return {one["job"]: one for one in fed.home.call("list", "--json", code=None).json}


def served(fed: Fed, *words: str, hosts: Sequence[str] = ("a", "b")) -> None:
    fed.home.write("Tasks", TASKS)
    fed.serve("Tasks", *words)
    for name in hosts:
        fed.join(name)


def test_what_several_status_files_tell_no_host_runs_again(fed: Fed) -> None:
    fed.home.folder.joinpath("one").write_text(row(0, "echo 0", out="zero\n") + row(1, "echo 1; false", code=1))
    fed.home.folder.joinpath("two").write_text(row(3, "Barrier").replace("    ", "B   ", 1) + row(4, "echo 4"))
    served(fed, "--resume-from", "one", "--resume-from", "two")
    jobs = ended(fed, 1)
    assert {job: one["state"] for job, one in jobs.items()} == {0: "d", 1: "!", 2: "d", 3: "d", 4: "d"}
    told = {job: fed.home.call("show", str(job)).out for job in range(5)}
    assert {job for job, text in told.items() if ", from one" in text} == {0, 1}
    assert {job for job, text in told.items() if ", from two" in text} == {3}
    assert "zero" in told[0], "what it printed comes along"
    assert "4 of 5 jobs are done; failed: 1 (1)" in fed.home.call("merge-results", "-o", "all.csv", code=1).err
    # disBatch's own form of it, with its heading.
    lines = fed.home.call("status", "--format", "disbatch").out.splitlines()
    assert sorted(line.split("\t")[1] for line in lines) == ["0", "1", "2", "3", "4", "5"]
    fed.home.call("export", "--format", "disbatch", "--header", "-o", "status.txt")
    assert (fed.home.folder / "status.txt").read_text().startswith("ROE[ PSZ]\tTaskID\t")


def test_what_failed_by_a_status_file_runs_again_where_that_is_asked_and_by_numbers_alone(fed: Fed) -> None:
    fed.home.folder.joinpath("st").write_text(row(0, "another") + row(1, "another", code=1) + row(5, "another", code=2))
    fed.home.write("Tasks", TASKS)
    told = fed.home.call("serve", "Tasks", "--resume-from", "st", code=2).err
    assert "task 0 is another command here: echo 0" in told
    assert "-R is about what --resume-from tells" in fed.home.call("serve", "Tasks", "-R", code=2).err
    served(fed, "--resume-from", "st", "-R", "--force-resume")
    jobs = ended(fed, 1)
    assert {job: one["state"] for job, one in jobs.items()} == {0: "d", 1: "!", 2: "d", 3: "d", 4: "d"}
    assert ", from st" in fed.home.call("show", "0").out
    assert ", from st" not in fed.home.call("show", "1").out + fed.home.call("show", "4").out
    # `-R` of a shared run: all hosts hear of it.
    fed.home.call("requeue", "--failed")
    fed.serve("Tasks")
    fed.join("c")
    assert ended(fed, 1)[1]["attempt"] == 2
    told = fed.home.call("merge-results", "--partial", "-o", "all.csv", code=None).err
    assert "claim" not in told, "what ran once more was given to who ran it"


def test_a_machine_of_the_plan_takes_them_over_for_all_that_share_a_folder(fed: Fed, tmp_path: Path) -> None:
    machines = '{"alice": [1, 2], "bob": [1, 2]}'
    shared, here = tmp_path / "shared", fed.home
    shared.mkdir()
    here.jobs(*(f"echo {number} >> {tmp_path}/ran" for number in range(40)), machines=machines)
    here.write("st", "".join(row(number, f"echo {number} >> {tmp_path}/ran") for number in range(0, 40, 2)))
    first = here.start("--join", str(shared), "--dead", "6s", "--resume-from", "st", machine="alice")
    wait_until(lambda: list(shared.glob("*/*/status")))
    second = here.start("--join", str(shared), "--dead", "6s", machine="bob")
    assert first.wait(timeout=60) == second.wait(timeout=60) == 0
    assert sorted(map(int, (tmp_path / "ran").read_text().split())) == list(range(1, 40, 2))
    assert "complete: 40 of 40 jobs" in here.call("merge-results", str(shared), "-o", "all.csv").out
    # Alone it goes on from its own share, as ever.
    assert (
        "is about one machine's share"
        in here.call("run", "--machine", "bob", "--yes", "--join", str(shared), "--retry-failed", code=2).err
    )


def test_fail_fast_ends_what_runs_on_all_hosts_and_none_ends_well(fed: Fed, tmp_path: Path) -> None:
    fed.home.write("Tasks", f"touch {tmp_path}/$$.runs; exec sleep 600\n" * 4 + "true\n" * 20)
    fed.home.write("configs/runner.config", "[limits]\nhalt = now,fail=1\n[run]\norder = given\n")
    fed.serve("Tasks")
    for name in ("a", "b"):
        fed.join(name)
    wait_until(lambda: len(list(tmp_path.glob("*.runs"))) == 4, 30)
    os.kill(int(next(tmp_path.glob("*.runs")).stem), signal.SIGKILL)
    told = [fed.ended(fed.processes[name], None) for name in ("a", "b")]
    assert all(process.returncode for process in fed.processes.values())
    assert sum("stopping by the halt rule: 1 failed" in one for one in told) == 1
    assert sum("all hosts halt, as" in one for one in told) == 1
    assert not any(Path(f"/proc/{one.stem}").exists() for one in tmp_path.glob("*.runs")), "nothing runs on"
    assert fed.serving.poll() is None, "after `resume` they may come again"


def test_cores_of_a_task_are_those_of_the_host_that_runs_it(fed: Fed, tmp_path: Path) -> None:
    fed.home.write("Tasks", f'echo "$DISBATCH_CORES_PER_TASK $OMP_NUM_THREADS" >> {tmp_path}/cores\n' * 4)
    fed.home.write("configs/runner.config", "[run]\ncores_per_job = 0.5\n")
    fed.serve("Tasks")
    fed.join("a", words=["-j", "2"])
    ended(fed, 0)
    assert len(set((tmp_path / "cores").read_text().splitlines())) == 1


def test_mail_comes_now_and_then_at_a_failure_and_at_the_end_from_who_serves(fed: Fed) -> None:
    """`--mailTo`, `--mailFreq 3`: nothing of it is run by guests."""
    fed.home.write("Tasks", "true\n" * 9 + "exit 3\n")
    fed.home.write(
        "configs/runner.config",
        "[hooks]\nprogress_every = 3\non_progress = echo $$SHAREOUT_DONE of $$SHAREOUT_JOBS >> progress\n"
        "on_failure = echo $$SHAREOUT_JOB $$SHAREOUT_EXIT >> failures\non_finish = cat > finish; exit 7\n",
    )
    fed.serve("Tasks")
    fed.join("a", words=["-j", "1"])
    fed.ended(fed.processes["a"], 1)
    told = fed.ended(fed.serving, 1)
    steps = (fed.home.folder / "progress").read_text().splitlines()
    assert 1 <= len(steps) <= 4
    assert all(step.endswith(" of 10") for step in steps)
    assert (fed.home.folder / "failures").read_text() == "9 3\n"
    facts = json.loads((fed.home.folder / "finish").read_text())
    assert (facts["reason"], facts["jobs"], facts["done"], facts["failed"]) == ("finished", 10, 9, 1)
    assert "the hook on_finish ended with status 7: cat > finish; exit 7" in told
    assert not list(fed.hosts["a"].folder.glob("fin*"))
    # What was told is not told again: all is over, and that is said once more.
    (fed.home.folder / "finish").unlink()
    fed.serve("Tasks")
    fed.ended(fed.serving, 1)
    assert (fed.home.folder / "failures").read_text() == "9 3\n"
    assert (fed.home.folder / "finish").exists()


def test_a_hook_that_is_over_is_not_taken_for_slow_and_a_stop_is_told(fed: Fed, tmp_path: Path) -> None:
    fed.home.write("Tasks", "false\n" * 3 + f"until test -e {tmp_path}/go; do sleep 0.05; done\n")
    fed.home.write(
        "configs/runner.config",
        "[run]\norder = given\n[hooks]\nlimit = 1s\nprogress_every = 1s\non_progress = echo >> steps; exit 5\n"
        "on_failure = true\non_finish = echo $$SHAREOUT_REASON > end\n",
    )
    fed.serve("Tasks", "--work")
    wait_until(lambda: (fed.home.folder / "steps").exists() and len((fed.home.folder / "steps").read_text()) >= 3, 30)
    fed.serving.send_signal(signal.SIGINT)
    (tmp_path / "go").touch()
    told = fed.ended(fed.serving, 130)
    assert "took longer" not in told
    assert "the hook on_progress ended with status 5, " in told, "once for all of them"
    assert (fed.home.folder / "end").read_text() in ("stopped\n", "finished\n")


def test_barriers_hold_over_machines_that_are_served(fed: Fed, tmp_path: Path) -> None:
    fed.home.jobs(
        f"sleep 0.3; touch {tmp_path}/first", "#DISBATCH BARRIER", f"test -e {tmp_path}/first",
        machines='{"alice": [1, 1], "bob": [1, 1]}',
    )  # fmt: skip
    fed.serve()
    for name in ("a", "b"):
        fed.join(name)
    assert {one["state"] for one in ended(fed, 0).values()} == {"d"}
