"""`--shard K/N`: equal machines that stand in no file. All have one digest, and together they run the pool."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from kit.program import Machine

CODE = """import os
from shareout import run
def square(n): return [n * n, os.environ.get("SHAREOUT_SHARD", "")]
if __name__ == "__main__":
    run(square, pool=range(10))
"""


def shards(here: Machine, *words: str, of: int = 3) -> set[str]:
    """The digests of all, when all have run."""
    told = [here.call("run", *words, "--shard", f"{k}/{of}", "--json", "--quiet").json for k in range(1, of + 1)]
    assert [one["machine"] for one in told] == [f"{k}-of-{of}" for k in range(1, of + 1)]
    return {one["digest"] for one in told}


def test_shards_share_a_digest_and_together_they_are_the_pool(here: Machine) -> None:
    here.write("configs/jobs.txt", "".join(f"echo {n}\n" for n in range(20)))
    (digest,) = shards(here)
    assert here.call("plan", "--shard", "2/3", "--json").json["digest"] == digest
    ids = [here.call("plan", "--shard", f"{k}/3", "--ids").out.split() for k in (1, 2, 3)]
    assert sorted(int(job) for one in ids for job in one) == list(range(20))
    assert sorted(map(len, ids)) == [6, 7, 7]
    assert "complete: 20 of 20 jobs, each counted once" in here.call("merge-results").out
    status = here.call("status", "--json").json
    assert (status["done"], status["jobs"]) == (20, 20)
    assert "echo 7" in here.call("list").out
    assert "1-of-3" in here.call("explain", ids[0][0]).out


def test_a_file_with_these_machines_is_the_same_plan(here: Machine) -> None:
    here.write("configs/jobs.txt", "true\n" * 9)
    digest = here.call("plan", "--shard", "1/3", "--json").json["digest"]
    here.write("configs/machines.json", json.dumps({f"{k}-of-3": [1, 1] for k in (1, 2, 3)}) + "\n")
    assert here.call("plan", "--json").json["digest"] == digest


def test_the_variable_says_the_same_and_no_job_gets_it(here: Machine) -> None:
    here.script(CODE)
    (here.folder / "configs" / "machines.json").unlink()
    for k in (1, 2):
        here.environ = {"SHAREOUT_SHARD": f"{k}/2"}
        here.call("run", "--quiet")
    # The flag is nearer.
    assert here.call("plan", "--shard", "1/2", "--json").json["machines"][0]["name"] == "1-of-2"
    here.environ = {}
    assert "complete: 10 of 10" in here.call("merge-results", "--columns", "result", "-o", "all.csv").out
    assert (here.folder / "all.csv").read_text().splitlines()[1:] == [f"{n},{n * n}," for n in range(10)]


def test_runs_of_hosts_that_share_nothing_are_merged(tmp_path: Path) -> None:
    hosts = [Machine(tmp_path / f"host{k}") for k in (1, 2)]
    for k, host in enumerate(hosts, 1):
        host.write("tasks", "true\n" * 8)
        host.call("run", "tasks", "--shard", f"{k}/2", "--quiet")
    shutil.copytree(hosts[1].folder / "runs", hosts[0].folder / "runs", dirs_exist_ok=True)
    assert "complete: 8 of 8 jobs" in hosts[0].call("merge-results").out
    assert hosts[0].call("status", "--json").json["done"] == 8


def test_a_shard_that_was_killed_goes_on(here: Machine) -> None:
    here.write("tasks", "true\n" * 8)
    here.call("run", "tasks", "--shard", "1/2", "-n", "2", "--quiet")
    assert here.call("run", "tasks", "--shard", "1/2", "--json", "--quiet").json["done"] == 4
    assert len(here.records()) == 4


@pytest.mark.module_only("refused before anything is made")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--shard", "0/3"], "there is no shard 0 of 3; they count from 1"),
        (["--shard", "4/3"], "there is no shard 4 of 3"),
        (["--shard", "1"], '--shard: "1" is no shard'),
        (["--shard", "1/0"], "there is no shard 1 of 0"),
        (["--shard", "-1/2"], "expected one argument"),
        (["--shard=-1/2"], '"-1/2" is no shard'),
        (["--shard", "1/100001"], "100,001 shards are more than 100,000"),
        (["--shard", ""], '--shard: "" says nothing'),
        (["--shard", "1/2", "--machine", "all"], "--shard 1/2 and --machine all each say which machine this is"),
    ],
)
def test_what_is_no_shard_is_refused(here: Machine, words: list[str], told: str) -> None:
    here.write("configs/jobs.txt", "true\n")
    for command in ("run", "plan"):
        assert told in here.call(command, *words, code=2).err
    assert not (here.folder / "runs").exists()


@pytest.mark.module_only("refused before anything is made")
def test_beside_a_machines_json_neither_wins(here: Machine) -> None:
    here.jobs("true", "true")
    told = here.call("run", "--shard", "1/2", code=2).err
    assert "--shard 1/2 is a plan of 2 equal machines, and configs/machines.json is another one" in told
    here.environ = {"SHAREOUT_SHARD": "1/2"}
    assert "SHAREOUT_SHARD 1/2 is a plan of 2 equal machines" in here.call("plan", code=2).err
    here.environ = {"SHAREOUT_SHARD": ""}
    assert 'SHAREOUT_SHARD: "" is no shard' in here.call("plan", code=2).err


@pytest.mark.module_only("the plan is judged by the same code")
def test_another_number_of_shards_keeps_what_is_done_when_told_so(here: Machine) -> None:
    here.write("tasks", "true\n" * 8)
    here.call("run", "tasks", "--shard", "1/2", "--quiet")
    told = here.call("run", "tasks", "--shard", "1/4", code=2).err
    assert "of these jobs are done, by other machines or weights: 4 as " in told
    since = told.partition("--since ")[2].split()[0]
    for k in (1, 2, 3, 4):
        here.call("run", "tasks", "--shard", f"{k}/4", "--since", since, "--quiet")
    assert "complete: 8 of 8 jobs, each counted once" in here.call("merge-results").out
    assert len([1 for folder in here.folder.glob("runs/*/*") for _ in here.records(folder)]) == 8
