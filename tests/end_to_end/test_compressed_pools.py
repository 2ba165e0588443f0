"""A pool that is compressed half way through its life: the same plan, the same jobs, no job twice."""

from __future__ import annotations

import gzip

from kit.lists import JOB, ONE, line, listed, ran
from kit.program import Machine


def test_a_list_of_commands_may_be_compressed_and_unpacked_between_two_runs(here: Machine) -> None:
    listed(here, "a", "b", "c").run("-n", "1")
    digest = here.call("plan", "--json").json["digest"]
    first = ran(here)
    plain = here.folder / "configs" / "jobs.txt"
    packed = here.write("configs/jobs.txt.gz", gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert here.call("plan", "--json").json["digest"] == digest
    here.run()
    assert sorted(first + ran(here)) == ["a", "b", "c"]
    assert line("c") in here.call("show", "2").out
    assert "is done" in here.call("explain", "1").out
    here.write("new.json", ONE)
    here.call("requeue", "2")
    here.call("rebalance", "runs", "--machines", "new.json", "-o", "rest")
    assert (here.folder / "rest" / packed.name).read_bytes() == packed.read_bytes()
    here.run("--configs", "rest")
    assert ran(here) == ["c"]


def test_python_jobs_of_a_compressed_table_are_the_same_after_it_grew(here: Machine) -> None:
    here.script(JOB.format(more=""), machines=ONE)
    rows = "".join(f"{number},1\n" for number in range(5))
    here.write("configs/jobs.csv.gz", gzip.compress(f"a,b\n{rows}".encode()))
    here.run()
    assert ran(here) == list("01234")
    assert next(here.folder.glob("runs/*/alice/list/*")).name == "jobs.csv.gz"
    here.write("configs/jobs.csv.gz", gzip.compress(f"a,b\n9,1\n{rows}".encode()))
    here.run("--adopt")
    assert ran(here) == ["9"]
    told = here.call("merge-results", "--json", "-o", "all.csv").json
    assert (told["done"], told["missing"]) == (6, 0)


def test_a_compressed_pool_that_is_cut_short_runs_nothing(here: Machine) -> None:
    listed(here)
    (here.folder / "configs" / "jobs.txt").unlink()
    here.write("configs/jobs.txt.gz", gzip.compress(b"echo 1\necho 2\n")[:-3])
    assert "jobs.txt.gz: is cut short: 2 lines of text could be read" in here.run(code=2).err
    assert not (here.folder / "runs").exists()
