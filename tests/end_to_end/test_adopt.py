"""A list that has changed: what is done of its lines is not run again, if somebody says so."""

from __future__ import annotations

import signal

from kit.lists import JOB, ONE, adopted, listed, ran
from kit.program import Machine
from kit.wait import wait_until


def test_only_the_line_that_is_new_runs(here: Machine) -> None:
    listed(here, *range(40)).run()
    assert len(ran(here)) == 40
    listed(here, *range(17), "new", *range(17, 40))
    told = here.run("--adopt")
    assert ran(here) == ["new"]
    assert "40 jobs of this share adopted from earlier lists; 1 to do" in told.err
    assert "said 39" in here.call("show", "40").out, "what it printed came along"
    assert sorted(adopted(here)) == [one for one in range(41) if one != 17]


def test_nothing_is_adopted_by_itself_but_told(here: Machine) -> None:
    listed(here, *range(10)).run()
    ran(here)
    listed(here, *range(10), "new")
    said = "an earlier list has 10 of these 11 jobs done: --adopt takes them over"
    assert said in here.call("plan").err
    assert said in here.run().err
    assert len(ran(here)) == 11
    assert "an earlier list" not in here.run().err, "it has begun without"


def test_an_adoption_that_was_killed_goes_on(here: Machine) -> None:
    many = [f"true {number}" for number in range(3000)]
    here.jobs(*many).run("-j", "2", "--quiet")
    here.jobs("echo new >> ran.txt", *many)
    old = here.run_folder
    process = here.start("--adopt")
    folders = lambda: [path for path in here.folder.glob("runs/*/alice") if path != old]  # noqa: E731
    wait_until(lambda: any(len(here.records(path)) >= 1 for path in folders()))
    process.send_signal(signal.SIGKILL)
    process.wait()
    here.run("--adopt")
    records = here.records(folders()[0])
    ids = [one["job"] for one in records if one["state"] == "done"]
    assert sorted(ids) == list(range(3001)), "each once"
    assert [one["job"] for one in records if "from" not in one and one["state"] == "done"] == [0]


def test_results_of_python_rows_come_along(here: Machine) -> None:
    here.write("configs/jobs.csv", "a,b\n1,2\n3,4\n")
    here.script(JOB.format(more=""), machines=ONE).run()
    here.write("configs/jobs.csv", "a,b\n5,6\n1,2\n3,4\n")
    here.run("--adopt")
    assert ran(here) == ["1", "3", "5"]
    assert here.call("show", "2", "--json").json[0]["attempts"][0]["result"] == 7
    here.call("merge-results", "-o", "table.csv")
    assert (here.folder / "table.csv").read_text().split() == ["job,a,b,result", "0,5,6,11", "1,1,2,3", "2,3,4,7"]


def test_results_of_python_jobs_over_lines_come_along(here: Machine) -> None:
    here.jobs(*"abc", machines=ONE)
    here.script("from shareout import run\ndef job(line): return line * 2\nrun(job)\n", machines=ONE).run()
    here.jobs(*"xabbc", machines=ONE)
    here.script("from shareout import run\ndef job(line): return line * 2\nrun(job)\n", machines=ONE)
    told = here.call("run", "--machine", "alice", "--yes", "--adopt")
    assert "3 jobs of this share adopted" in told.err
    assert "complete: 5 of 5" in here.call("merge-results", "-o", "all.csv").out
    assert sorted((here.folder / "all.csv").read_text().split()[1:]) == [
        "0,x,xx",
        "1,a,aa",
        "2,b,bb",
        "3,b,bb",
        "4,c,cc",
    ]


def test_a_merge_counts_what_other_lists_have_done_without_a_run(here: Machine) -> None:
    listed(here, *range(10)).run()
    listed(here, *range(2, 10))
    told = here.call("merge-results", "--adopt")
    assert "complete: 8 of 8 jobs, each counted once" in told.out
    assert "8 jobs adopted from " in told.err
