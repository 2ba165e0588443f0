"""Rows that a Python function is called with are other jobs than the same rows as command lines: never mixed."""

from __future__ import annotations

import pytest

from kit.program import Machine
from kit.ways import MODULE

SCRIPT = """
from shareout import run

def job(text: str):
    return text.upper()

run(job)
"""
ROWS = {
    "jobs.csv": "alpha,beta\necho,1\n",
    "jobs.jsonl": '["echo", 1]\n',
    "jobs.grid.json": '{"alpha": ["echo"], "beta": [1]}\n',
}


def python_folder(here: Machine) -> Machine:
    return here.jobs("true", "echo two").script(SCRIPT)


def as_commands(here: Machine) -> Machine:
    return Machine(here.folder, MODULE.runner())


def test_the_same_rows_have_another_digest_as_commands_than_as_arguments(here: Machine) -> None:
    python_folder(here)
    ours, theirs = here.call("plan", "--json").json, as_commands(here).call("plan", "--json").json
    assert ours["digest"] != theirs["digest"]
    assert [one["role"] for one in ours["inputs"]] == [*(one["role"] for one in theirs["inputs"]), "kind"]


def test_commands_never_run_into_the_journal_of_python_jobs_and_never_merge_with_them(here: Machine) -> None:
    python_folder(here).run()
    as_commands(here).run()
    assert len(list(here.folder.glob("runs/*/alice/journal.*.jsonl"))) == 2
    said = here.call("merge-results", *map(str, here.folder.glob("runs/*/alice")), code=2).err
    assert "these directories are of 2 plans" in said
    assert "(python jobs)" in said
    assert "(command jobs)" in said


def test_who_looks_at_runs_needs_not_have_the_program_that_ran_them(here: Machine) -> None:
    python_folder(here).run()
    looker = as_commands(here)
    assert "echo two" in looker.call("list").out
    assert "it is done" in looker.call("explain", "1").out
    assert "calls of a Python function" in looker.call("replay", "1", code=2).err


@pytest.mark.parametrize("name", ROWS)
def test_rows_of_several_fields_are_no_commands_without_a_template(here: Machine, name: str) -> None:
    here.write("configs/machines.json", '{"alice": [1, 1]}')
    here.write(f"configs/{name}", ROWS[name])
    for words, code in ((["plan"], 0), (["run", "--machine", "alice", "--yes"], 2)):
        said = here.call(*words, code=code).err
        assert f"configs/{name}: its rows are no command lines" in said
        assert "--template" in said
    assert not (here.folder / "runs").exists()
    here.run("--template", "echo {}")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("jobs.csv", "group,command\na,echo one\n"),
        ("jobs.jsonl", '{"group": "a", "command": "echo one"}\n'),
        ("jobs.jsonl", '"echo one"\n'),
        ("jobs.grid.json", '{"command": ["echo one"]}\n'),
    ],
)
def test_rows_of_one_field_are_commands(here: Machine, name: str, text: str) -> None:
    here.write("configs/machines.json", '{"alice": [1, 1]}')
    here.write(f"configs/{name}", text)
    assert "one" in here.run("--tee").out


def test_plan_tells_that_rows_do_not_fit_the_job_as_run_does(here: Machine) -> None:
    here.script(SCRIPT)
    here.write("configs/jobs.csv", "alpha,beta\n1,2\n")
    for words in (["plan"], ["run", "--machine", "alice", "--yes"]):
        assert "its rows do not fit the job" in here.call(*words, code=2).err
    assert not (here.folder / "runs").exists()
