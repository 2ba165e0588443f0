"""Several machines that never talk: the same digest, disjoint shares, one table whatever their number."""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from kit.program import Machine
from kit.ways import MODULE

SCRIPT = (
    "from shareout import run\n"
    "def job(a, b, *, rng): return {'a': a, 'b': b, 'x': rng.random(), 'text': 'é,\"' + str(a)}\n"
    "def total(so_far, row): return so_far * 31 % 1000003 + row['a']\n"
    "if __name__ == '__main__':\n    run(job, reduce=total, initial=1)\n"
)
GRID = '{"a": {"stop": 30}, "b": [0.5, 1, "two"]}'


def farm(folder: Path, count: int) -> list[Machine]:
    """`count` machines of unequal weight, each with its own copy of the inputs."""
    machines = {f"m{number}": [f"{number + 1}e-1", 1 + number % 3] for number in range(count)}
    text = json.dumps(machines).replace('"', "").replace("m", '"m').replace(":", '":').replace("'", "")
    made = []
    for name in machines:
        machine = Machine(folder / name).script(SCRIPT, text)
        machine.write("configs/jobs.grid.json", GRID)
        made.append(machine)
    return made


def collect(machines: list[Machine], home: Path) -> list[str]:
    return [str(next(machine.folder.glob("runs/*/*"))) for machine in machines]


@pytest.mark.slow
def test_the_merged_table_is_the_same_for_any_number_of_machines(tmp_path: Path) -> None:
    tables, certificates, answers = set(), set(), set()
    # The executable takes its time to start, and splits by the same rules.
    for count in (1, 2, 4, 9) if Machine.way is MODULE else (1, 4):
        machines = farm(tmp_path / str(count), count)
        for number, machine in enumerate(machines):
            if number % 2:
                machine.run("-n", "1", machine=f"m{number}", code=None)
            machine.run(machine=f"m{number}")
        digests = {machine.call("plan", "--json").json["digest"] for machine in machines}
        assert len(digests) == 1
        home = machines[0]
        told = home.call("merge-results", *collect(machines, tmp_path), "-o", "all.csv", "--json").json
        assert (told["done"], told["missing"], told["twice"]) == (90, 0, 0)
        tables.add((home.folder / "all.csv").read_bytes())
        certificates.add(told["certificate"])
        answers.add(told["answer"])
    assert len(tables) == len(certificates) == len(answers) == 1
    rows = tables.pop().decode().splitlines()
    assert rows[0] == "job,a,b,result_a,result_b,x,text"
    assert rows[1].startswith("0,0,0.5,0,0.5,0.")
    assert rows[1].endswith(',"é,""0"')
    assert len(rows) == 91


@pytest.mark.module_only("journals are judged by the same code")
def test_a_missing_machine_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    machines = farm(tmp_path, 3)
    for number in (0, 2):
        machines[number].run(machine=f"m{number}")
    home = machines[0]
    ids = home.call("plan", "--machine", "m1", "--ids").out.split()
    sources = collect([machines[0], machines[2]], tmp_path)
    told = home.call("merge-results", *sources, "-o", "all.csv", code=1)
    assert f"missing: {len(ids)}" in told.err
    assert not (home.folder / "all.csv").exists()
    facts = home.call("merge-results", *sources, "--partial", "-o", "part.csv", "--json", code=1).json
    missing = [job for start, stop in facts["missing_ids"] for job in range(start, stop)]
    assert sorted(map(int, ids)) == missing
    assert facts["certificate"] is None
    assert len((home.folder / "part.csv").read_text().splitlines()) == 1 + facts["done"]


def test_archives_serve_as_sources(tmp_path: Path) -> None:
    machines = farm(tmp_path, 2)
    for number, machine in enumerate(machines):
        machine.run(machine=f"m{number}")
    with tarfile.open(tmp_path / "m0.tar.gz", "w:gz") as tar:
        tar.add(machines[0].folder / "runs", "runs")
    with zipfile.ZipFile(tmp_path / "m1.zip", "w") as archive:
        for path in machines[1].folder.glob("runs/**/*"):
            archive.write(path, path.relative_to(machines[1].folder))
    told = machines[0].call("merge-results", str(tmp_path / "m0.tar.gz"), str(tmp_path / "m1.zip"))
    assert "complete: 90 of 90 jobs, each counted once" in told.out


@pytest.mark.module_only("journals are judged by the same code")
def test_what_does_not_belong_together_is_refused(tmp_path: Path, here: Machine) -> None:
    one, other = (Machine(tmp_path / name).jobs(f"echo {name}") for name in ("one", "other"))
    for machine in (one, other):
        machine.run()
    told = here.call("merge-results", str(one.folder), str(other.folder), code=2)
    assert "Merge the directories of one plan at a time" in told.err
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no run directory" in here.call("merge-results", str(empty), code=2).err
    assert "there is no" in here.call("merge-results", str(tmp_path / "nowhere"), code=2).err
    told = here.call("merge-results", str(one.folder), str(one.folder / "runs"))
    assert "given twice" in told.err
    assert "complete: 1 of 1" in told.out


@pytest.mark.module_only("journals are judged by the same code")
def test_links_that_go_round_and_odd_names_are_no_obstacle(here: Machine) -> None:
    here.jobs("echo 1", "echo 2")
    here.run()
    odd = here.folder / "line\nbreak"
    shutil.copytree(here.folder / "runs", odd)
    (odd / "round").symlink_to(odd)
    assert "complete: 2 of 2" in here.call("merge-results", str(odd)).out


@pytest.mark.module_only("journals are judged by the same code")
def test_a_damaged_journal_never_counts_what_was_not_done(here: Machine) -> None:
    here.jobs(*(f"true {number}" for number in range(10)))
    here.run()
    journal = here.journal
    content = journal.read_bytes()
    lines = content.splitlines(keepends=True)
    at = content.index(lines[5]) + 8
    journal.write_bytes(content[:at] + (b"9" if content[at : at + 1] != b"9" else b"8") + content[at + 1 :])
    told = here.call("merge-results", code=1)
    assert "damaged" in told.err
    assert "9 of 10" in told.err
    resumed = here.run()
    assert "counts as not done" in resumed.err
    assert "complete: 10 of 10" in here.call("merge-results").out


def test_logs_of_machines_are_merged_by_time(tmp_path: Path) -> None:
    machines = [
        Machine(tmp_path / name).jobs(*["echo said"] * 20, machines='{"a": [1, 1], "b": [1, 1]}') for name in "ab"
    ]
    for machine, name in zip(machines, "ab", strict=True):
        machine.run(machine=name)
    lines = machines[0].call("merge-logs", *collect(machines, tmp_path)).out.splitlines()
    assert len(lines) == 24
    assert [line[:27] for line in lines] == sorted(line[:27] for line in lines)
    only = machines[0].call("merge-logs", *collect(machines, tmp_path), "--machine", "b", "--grep", "said").out
    assert only.count(" b job=") == len(only.splitlines()) == 10


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "jsonl"])
def test_the_same_rows_give_the_same_bytes(here: Machine, ending: str) -> None:
    here.jobs("true", "exit 0")
    here.run()
    for name in "12":
        here.call("merge-results", "-o", f"{name}.{ending}")
    assert (here.folder / f"1.{ending}").read_bytes() == (here.folder / f"2.{ending}").read_bytes()


@pytest.mark.module_only("journals are judged by the same code")
def test_a_job_that_was_done_requeued_and_done_again_counts_once_with_its_last_result(here: Machine) -> None:
    here.script(
        "import os\nfrom shareout import run\n"
        "def job(n): return os.environ.get('WORD', 'first') + str(n)\n"
        "if __name__ == '__main__':\n    run(job, pool=range(50))\n"
    )
    here.run("--quiet")
    here.call("requeue", "7", "11")
    here.environ = {"WORD": "second"}
    assert "missing: 2 (7, 11)" in here.call("merge-results", code=1).err
    here.run("--quiet")
    told = here.call("merge-results", "--columns", "result", "-o", "all.csv", "--json").json
    assert (told["done"], told["twice"]) == (50, 0)
    rows = (here.folder / "all.csv").read_text().splitlines()[1:]
    words = {7: "second", 11: "second"}
    assert rows == [f"{n},{words.get(n, 'first')}{n}" for n in range(50)]


@pytest.mark.module_only("journals are judged by the same code")
def test_jobs_that_two_machines_ran_are_told_and_count_once(here: Machine) -> None:
    here.script(
        "from shareout import run\ndef job(n): return n\nif __name__ == '__main__':\n    run(job, pool=range(40))\n",
        '{"alice": [1, 1], "bob": [1, 1]}',
    )
    here.run("--quiet")
    # In a place of its own, where the journals of the other are not at hand.
    here.run("--quiet", "--runs", "elsewhere", machine="all")
    told = here.call("merge-results", "runs", "elsewhere", "--columns", "result", "-o", "all.csv")
    assert "20 jobs ran twice" in told.err
    assert "complete: 40 of 40" in told.out
    assert (here.folder / "all.csv").read_text().splitlines()[1:] == [f"{n},{n}" for n in range(40)]


def test_a_table_of_failures_holds_who_and_why(here: Machine) -> None:
    here.jobs(*(f"exit {number % 2 * 4}" for number in range(8)))
    here.run(code=1)
    rows = here.call("merge-results", "--failed", code=1).out.splitlines()
    assert rows[0] == "job,machine,attempt,cause,exit,signal,error,start,duration"
    assert [row.split(",")[:5] for row in rows[1:]] == [[str(n), "alice", "1", "exit", "4"] for n in (1, 3, 5, 7)]
    told = here.call("merge-results", "--failed", "-o", "failed.csv.gz", code=1)
    assert told.out == "4 jobs failed; they are in failed.csv.gz\n"
    assert gzip.decompress((here.folder / "failed.csv.gz").read_bytes()).decode().splitlines() == rows
    here.call("merge-results", "--failed", "-o", "failed.sqlite", code=1)
    assert (here.folder / "failed.sqlite").read_bytes().startswith(b"SQLite format 3")


def test_a_reduce_that_fails_is_told_as_the_users_own(here: Machine) -> None:
    here.script(
        "from shareout import run\ndef total(so_far, row): return so_far + row\n"
        "if __name__ == '__main__': run(lambda n: str(n), pool=range(3), reduce=total, initial=0)\n"
    )
    here.run()
    told = here.call("merge-results", "-o", "all.csv", code=2)
    assert "`reduce` failed at the result of job 0 (" in told.err
    assert "main.py:2): TypeError: " in told.err
    assert (here.folder / "all.csv").exists()
