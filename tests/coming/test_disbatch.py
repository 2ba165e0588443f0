"""Who comes from disBatch: its task files, its variables, its status file, and going on from one.

`vectors/disbatch-tasks.txt` was run by disBatch 3.0.0rc1; the status file beside it is what that left.
"""

from __future__ import annotations

import re
from ast import literal_eval
from pathlib import Path

import pytest

from kit.program import Machine

VECTORS = Path(__file__).parents[1] / "vectors"
TASKS = (VECTORS / "disbatch-tasks.txt").read_bytes()
STATUS = (VECTORS / "disbatch-3.0.0rc1_status.txt").read_text()
# Of the fifteen fields, those that are the same on any day and host.
LASTING = (1, 2, 3, 6, 10, 12, 14)


def fields(text: str) -> dict[str, list[str]]:
    """By task id, barriers among them; without what PERENGINE ran."""
    rows = [line.split("\t", 14) for line in text.splitlines()]
    return {row[1]: row for row in rows if row[0][3:4] not in ("P", "E")}


def variables(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if line.startswith("DISBATCH_"))


@pytest.fixture
def ran(here: Machine) -> Machine:
    """The task file was run as it is, from its name alone."""
    here.write("Tasks", TASKS)
    here.call("run", "Tasks", "--quiet", code=1)
    return here


def test_the_status_file_says_what_disbatch_says(ran: Machine) -> None:
    ours, theirs = fields(ran.call("status", "--format", "disbatch").out), fields(STATUS.split("\n", 1)[1])
    assert ours.keys() == theirs.keys()
    for task, row in theirs.items():
        assert [ours[task][at] for at in LASTING] == [row[at] for at in LASTING]
        assert ours[task][0].rstrip() == row[0].rstrip()
        assert [literal_eval(ours[task][at]) for at in (11, 13)] == [literal_eval(row[at]) for at in (11, 13)]
        assert float(ours[task][9]) >= float(ours[task][8]) > 1e9


def test_the_status_file_stands_where_the_merge_is_told_to_put_it(ran: Machine) -> None:
    told = ran.call("merge-results", "-o", "x_status.txt", code=1)
    assert "failed: 2" in told.out
    assert (ran.folder / "x_status.txt").read_text() == ran.call("status", "--format", "disbatch").out
    headed = ran.call("export", "--format", "disbatch", "--header").out
    assert headed.split("\n", 1) == [STATUS.split("\n", 1)[0], (ran.folder / "x_status.txt").read_text()]


def test_tasks_and_engines_see_the_variables_of_disbatch(ran: Machine) -> None:
    names = {"CORES_PER_TASK", "CYLINDER_RANK", "ENGINE_RANK", "JOBID", "NAMETASKS"}
    numbers = {f"{name}{more}" for name in ("REPEAT_INDEX", "STREAM_INDEX", "TASKID") for more in ("", "_ZP")}
    task = variables((ran.folder / "Tasks_000000.log").read_text())
    assert task.keys() == {f"DISBATCH_{name}" for name in names | numbers}
    assert (task["DISBATCH_TASKID_ZP"], task["DISBATCH_STREAM_INDEX"], task["DISBATCH_REPEAT_INDEX_ZP"]) == (
        "000000", "7", "-00001",
    )  # fmt: skip
    engine = variables((ran.folder / "engine_start_0.log").read_text())
    assert engine.keys() == task.keys()
    assert (engine["DISBATCH_CYLINDER_RANK"], engine["DISBATCH_STREAM_INDEX"]) == ("-1", "3")
    assert engine["DISBATCH_JOBID"] == task["DISBATCH_JOBID"]


@pytest.mark.parametrize(("words", "cores"), [([], "1"), (["-j", "1"], "4"), (["-c", "3"], "4"), (["-c", "0.5"], "0")])
def test_the_cores_of_a_task_are_the_nodes_by_its_slots(here: Machine, words: list[str], cores: str) -> None:
    """`nproc // cylinders`, as its sources have it, however few tasks there are."""
    here.jobs("echo $DISBATCH_CORES_PER_TASK > cores", machines='{"alice": [1, 4]}')
    here.run("--quiet", *[word.replace("-c", "--cores-per-job") for word in words])
    assert (here.folder / "cores").read_text() == cores + "\n"


@pytest.mark.parametrize(
    "lines",
    [
        ["#!/bin/bash", "test -n \"$BASH_VERSION\" && touch a"],
        ["#!/usr/bin/env bash", "test -n \"$BASH_VERSION\" && touch a"],
        ["#DISBATCH PREFIX true;", "test -n \"$BASH_VERSION\" && touch a"],
        ["test -n \"$BASH_VERSION\" -a $DISBATCH_TASKID = 0 && touch a"],
        ["test \"$(echo 'x\\ty')\" = 'x\\ty' && touch a"],
        ["test $((2**3)) = 8 && touch a"],
        ["time true && touch a"],
    ],
)  # fmt: skip
def test_task_files_that_are_written_for_bash_are_run_by_bash(here: Machine, lines: list[str]) -> None:
    here.write("Tasks", "".join(f"{line}\n" for line in lines))
    here.call("run", "Tasks", "--quiet")
    assert (here.folder / "a").exists()


def test_a_barrier_may_have_a_key(here: Machine) -> None:
    """Which tells a server there; here the barrier is kept, and the key is nobody's."""
    here.write(
        "Tasks", "sleep 0.1; echo a >> x\n#DISBATCH BARRIER done-1\necho b >> x\n#DISBATCH BARRIER CHECK k\nfalse\n"
    )
    here.call("run", "Tasks", "-j", "2", "--quiet", code=1)
    assert (here.folder / "x").read_text() == "a\nb\n"
    assert "#DISBATCH BARRIER done-1" in here.call("status", "--format", "disbatch").out
    here.write("Ours", "true\n#SHAREOUT BARRIER key\ntrue\n")
    assert "Ours:2" in here.call("run", "Ours", code=2).err


def test_a_step_of_several_tasks_is_refused_unless_meant(here: Machine) -> None:
    here.write("Tasks", "true\n")
    here.call("run", "Tasks", "--machine", "all", "--yes", "--quiet")
    here.environ = {"SLURM_JOB_NUM_NODES": "3", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "3"}
    assert "srun starts this 3 times, and each would run every job" in here.call("run", "Tasks", code=2).err
    here.environ = {"SLURM_JOB_NUM_NODES": "3", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "1"}
    here.call("run", "Tasks", "--quiet")
    here.jobs("true", "true", machines='{"n1": [1, 1], "n2": [1, 1]}')
    here.environ = {"SLURM_NNODES": "2"}
    here.run("--quiet", machine="n1")


def test_machines_have_one_job_id_and_ranks_of_their_own(here: Machine) -> None:
    line = 'echo "$DISBATCH_JOBID $DISBATCH_ENGINE_RANK $DISBATCH_NAMETASKS" > $SHAREOUT_MACHINE.txt'
    here.jobs(*[line] * 20, machines='{"alice": [1, 1], "bob": [1, 1]}')
    here.run("--quiet")
    here.run("--quiet", machine="bob")
    alice, bob = ((here.folder / f"{name}.txt").read_text().split() for name in ("alice", "bob"))
    assert (alice[0], alice[1:], bob[1:]) == (bob[0], ["0", "jobs.txt"], ["1", "jobs.txt"])


def test_standard_input_is_named_as_disbatch_names_it(here: Machine) -> None:
    here.call("run", "-", "--quiet", stdin=b"echo $DISBATCH_NAMETASKS > name\n")
    assert (here.folder / "name").read_text() == "stdin\n"
    here.call("run", "-", "--quiet", stdin=b"echo $DISBATCH_NAMETASKS > name\n")
    assert len(here.records()) == 1, "the same input resumes"


@pytest.mark.parametrize("line", ["(echo out; false) &> log", "[[ x == y ]]", "source missing", "cat {a,b}", "((0))"])
def test_lines_that_only_bash_understands_are_run_by_bash(here: Machine, line: str) -> None:
    """Another shell would run the first one in the background, and call it done."""
    here.jobs(line)
    here.run("--quiet", code=1)
    assert here.records()[0]["exit"] == 1


def test_without_bash_such_a_line_fails_and_says_why(here: Machine) -> None:
    here.environ = {"PATH": "/nowhere"}
    here.jobs("echo hello &> log")
    here.run("--quiet", code=1)
    assert "written for bash, and there is no bash here" in here.records()[0]["error"]


def test_a_failed_engine_command_stops_nothing_under_disbatch_and_all_under_ours(here: Machine) -> None:
    here.write("theirs", "#DISBATCH PERENGINE START false\ntrue\n")
    here.write("ours", "#SHAREOUT PERENGINE START false\ntrue\n")
    here.call("run", "theirs", "--quiet")
    assert re.search("PERENGINE START ended with status 1", here.call("run", "ours", "--quiet", code=3).err)


def test_a_run_goes_on_from_a_status_file_of_disbatch(here: Machine) -> None:
    here.write("Tasks", TASKS)
    here.write("old_status.txt", STATUS)
    here.call("run", "Tasks", "--resume-from", "old_status.txt", "--quiet", code=1)
    assert {facts["from"] for facts in here.records()} == {"old_status.txt"}, "a barrier with CHECK holds as before"
    ours, theirs = fields(here.call("status", "--format", "disbatch").out), fields(STATUS.split("\n", 1)[1])
    assert {row[0][3] for row in ours.values() if row[0][0] not in "BC"} == {"S"}
    assert [ours["6"][at] for at in (5, 6, 8, 9, 10, 11)] == [theirs["6"][at] for at in (5, 6, 8, 9, 10, 11)]
    # Ours is as good a file to go on from.
    again = Machine(here.folder / "again")
    again.write("Tasks", TASKS)
    again.write("x_status.txt", here.call("status", "--format", "disbatch").out)
    again.call("run", "Tasks", "--resume-from", "x_status.txt", "--quiet", code=1)
    assert len(again.records()) == len(here.records()) == 7


def test_what_failed_runs_again_when_asked_and_success_counts_before_failure(here: Machine) -> None:
    here.write("Tasks", "touch a\ntouch b\ntouch c\ntouch d\n")
    line = "{flags}\t{task}\t1\t-1\tnode\t1\t{code}\t1.0\t1.0\t2.0\t0\t''\t0\t''\ttouch {name}\n"
    failed, done = {"flags": "R   ", "code": -9}, {"flags": "    ", "code": 0}
    here.write("one", line.format(task=0, name="a", **failed) + line.format(task=1, name="b", **done))
    here.write("two", line.format(task=0, name="a", **done) + line.format(task=2, name="c", **failed))
    words = ("run", "Tasks", "--resume-from", "one", "--resume-from", "two", "--quiet")
    here.call(*words, code=1)
    assert sorted(path.name for path in here.folder.glob("?")) == ["d"]
    assert {one["job"]: one["state"] for one in here.call("list", "--json").json} == {0: "d", 1: "d", 2: "!", 3: "d"}
    here.call(*words, "-R")
    assert sorted(path.name for path in here.folder.glob("?")) == ["c", "d"]
    here.call("requeue", "0", "--quiet")
    here.call(*words, "-R")
    assert (here.folder / "a").exists(), "what was taken back stays taken back"


def test_a_status_file_of_other_tasks_is_refused_unless_forced(here: Machine) -> None:
    here.write("old_status.txt", STATUS)
    here.write("Tasks", TASKS.replace(b"seq 1 100", b"seq 1 101"))
    told = here.call("run", "Tasks", "--resume-from", "old_status.txt", code=2)
    assert "old_status.txt:10: task 6 is another command here: seq 1 101" in told.err
    assert "--force-resume" in told.err
    here.call("run", "Tasks", "--resume-from", "old_status.txt", "--force-resume", "--quiet", code=1)
    assert len(here.records()) == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\tb\n", ":1: is no line of a status file: 2 fields"),
        (STATUS.replace("\t7422\t0", "\t7422\tzero"), ":4: is no line of a status file: a number is none"),
        (STATUS.replace("'1\\n2", "open('x')  #"), ":10: is no line of a status file"),
    ],
)
def test_what_is_no_status_file_is_refused_with_its_place(here: Machine, text: str, said: str) -> None:
    here.write("Tasks", TASKS)
    here.write("bad", text)
    assert f"bad{said}" in here.call("run", "Tasks", "--resume-from", "bad", code=2).err
    assert "nowhere: cannot be read" in here.call("run", "Tasks", "--resume-from", "nowhere", code=2).err


def test_each_machine_takes_over_what_is_its_own(here: Machine) -> None:
    here.jobs(*["true"] * 8, machines='{"alice": [1, 1], "bob": [1, 1]}')
    line = "    \t{}\t1\t-1\tnode\t1\t0\t1.0\t1.0\t2.0\t0\t''\t0\t''\ttrue\n"
    here.write("x_status.txt", "".join(map(line.format, range(8))))
    for machine in ("alice", "bob"):
        here.run("--resume-from", "x_status.txt", "--quiet", machine=machine)
    told = here.call("merge-results", "--json").json
    assert (told["complete"], told["twice"]) == (True, 0)


def test_a_repeat_of_a_billion_plans_at_once_in_little_memory(here: Machine) -> None:
    here.jobs("#DISBATCH REPEAT 1000000000 start 5 step 2 echo $DISBATCH_REPEAT_INDEX")
    here.program = ["bash", "-c", 'ulimit -v 500000; exec "$@"', "bash", *here.program]
    assert here.call("plan", "--json").json["jobs"] == 10**9
    here.program[2] = here.program[2].replace("exec ", "").replace('"$@"', '"$@" | head -n 3')
    ids = [int(line) for line in here.call("plan", "--machine", "alice", "--ids", code=None).out.split()]
    assert len(set(ids)) == 3
    assert max(ids) > 10**6, "they are from all over the pool"
