"""Which jobs of an earlier list are taken over, and what becomes of their records afterwards."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from kit.lists import JOB, ONE, TWO, adopted, certificate, line, listed, ran
from kit.program import Machine
from shareout.record.folder import RunFolder
from shareout.record.reader import JournalReader

pytestmark = pytest.mark.module_only


def test_whence_a_record_is_stands_in_it_and_is_shown(here: Machine) -> None:
    listed(here, "a", "b").run()
    old = next(here.folder.glob("runs/*")).name
    listed(here, "new", "a", "b").run("--adopt")
    assert adopted(here) == {1: f"{old}/alice#0", 2: f"{old}/alice#1"}
    assert f"from {old}/alice#1" in here.call("show", "2").out
    assert here.call("show", "2", "--json").json[0]["attempts"][0]["from"] == f"{old}/alice#1"


def test_the_certificate_is_that_of_a_run_from_nothing(here: Machine, tmp_path: Path) -> None:
    listed(here, *range(10)).run()
    listed(here, "new", *range(10)).run("--adopt")
    alone = listed(Machine(tmp_path / "alone"), "new", *range(10))
    alone.run()
    assert certificate(here) == certificate(alone)


def test_nothing_is_said_where_nothing_could_be_adopted(here: Machine) -> None:
    listed(here, "a").run()
    listed(here, "b")
    assert "--adopt" not in here.run().err


def test_equal_lines_are_matched_by_their_count(here: Machine) -> None:
    listed(here, "a", "b", "a", "a").run("-n", "4")
    ran(here)
    listed(here, "a", "new", "a", "b", "a", "a").run("--adopt")
    assert ran(here) == ["a", "new"]


def test_of_three_equal_lines_of_which_two_are_done_two_are_adopted(here: Machine) -> None:
    listed(here, "a", "a", "a").run("-n", "2")
    ran(here)
    listed(here, "new", "a", "a", "a").run("--adopt")
    assert ran(here) == ["a", "new"]


def test_each_machine_adopts_only_of_its_own_share(here: Machine) -> None:
    listed(here, *range(20), machines=TWO)
    here.run(machine="alice")
    here.run(machine="bob")
    ran(here)
    listed(here, "new", *range(20), machines=TWO)
    here.run("--adopt", machine="alice")
    here.run("--adopt", machine="bob")
    assert ran(here) == ["new"]
    told = here.call("merge-results", "--json").json
    assert (told["done"], told["missing"]) == (21, 0)


def test_one_record_never_stands_for_two_jobs_whoever_has_which_folders(here: Machine) -> None:
    """Equal lines, some done by alice; bob has her folder at hand, or has not."""
    listed(here, *["a"] * 8, machines=TWO)
    here.run("-n", "2", machine="alice")
    shutil.copytree(here.folder / "runs", here.folder / "copied")
    ran(here)
    listed(here, "new", *["a"] * 8, machines=TWO)
    here.run("--adopt", machine="alice")
    here.run("--adopt", "copied", machine="bob")
    assert len(adopted(here)) == len(set(adopted(here).values())) == 2
    assert ran(here) == ["a"] * 6 + ["new"]


def test_failed_jobs_and_other_commands_run(here: Machine) -> None:
    here.jobs("echo {}", "exit 3").run(code=1)
    here.write("configs/runner.config", "[commands]\ntemplate = echo x {}\n")
    told = here.run("--adopt", code=None)
    assert "cannot be adopted from" in told.err
    assert adopted(here) == {}
    (here.folder / "configs/runner.config").unlink()
    here.jobs("echo new", "exit 3").run("--adopt", code=1)
    assert adopted(here) == {}


def test_numbered_lines_are_other_jobs_under_other_numbers(here: Machine) -> None:
    here.jobs("#SHAREOUT REPEAT 3 start 0 echo $SHAREOUT_REPEAT_INDEX >> ran.txt").run()
    ran(here)
    here.jobs("#SHAREOUT REPEAT 3 start 1 echo $SHAREOUT_REPEAT_INDEX >> ran.txt").run("--adopt")
    assert ran(here) == ["3"]


def test_what_requeue_took_back_is_run_and_not_adopted_again(here: Machine) -> None:
    listed(here, *range(5)).run()
    listed(here, "new", *range(5)).run("--adopt")
    ran(here)
    here.call("requeue", "3")
    here.run("--adopt")
    assert ran(here) == ["2"]


def test_what_was_requeued_in_the_earlier_list_is_not_done(here: Machine) -> None:
    listed(here, *range(5)).run()
    here.call("requeue", "3")
    ran(here)
    listed(here, "new", *range(5)).run("--adopt")
    assert ran(here) == ["3", "new"]


def test_a_damaged_record_is_told_and_the_others_are_adopted(here: Machine) -> None:
    listed(here, *range(5)).run()
    data = here.journal.read_bytes()
    at = data.index(b'"state":"done"')
    here.journal.write_bytes(data[:at] + b"#" + data[at + 1 :])
    ran(here)
    listed(here, "new", *range(5))
    assert "damaged" in here.run("--adopt").err
    assert len(ran(here)) == 2


def test_a_list_that_grows_again_and_again(here: Machine) -> None:
    for count in range(1, 5):
        listed(here, *range(count)).run("--adopt")
        assert ran(here) == [str(count - 1)]


def test_a_chain_needs_only_the_last_of_its_folders(here: Machine) -> None:
    listed(here, "a").run()
    first = next(here.folder.glob("runs/*"))
    listed(here, "a", "b").run("--adopt")
    shutil.rmtree(first)
    ran(here)
    listed(here, "a", "b", "c").run("--adopt")
    assert ran(here) == ["c"]


def test_other_code_is_another_job_unless_it_is_said(here: Machine) -> None:
    here.write("configs/jobs.csv", "a,b\n1,2\n")
    here.script(JOB.format(more=""), machines=ONE).run()
    here.write("configs/jobs.csv", "a,b\n1,2\n5,6\n")
    here.script(JOB.format(more="") + "# mended\n", machines=ONE)
    ran(here)
    told = here.run("--adopt", "-n", "1").err
    assert "1 job done by other code; --adopt=any-code takes it over as well" in told
    assert adopted(here) == {}


def test_other_code_is_taken_as_the_same_where_somebody_says_so(here: Machine) -> None:
    here.write("configs/jobs.csv", "a,b\n1,2\n")
    here.script(JOB.format(more=""), machines=ONE).run()
    here.write("configs/jobs.csv", "b,cost,a\n2,7,1\n6,7,5\n")
    here.script(JOB.format(more="") + "# mended\n", machines=ONE)
    ran(here)
    here.run("--adopt=any-code")
    assert ran(here) == ["5"], "columns may stand in another order, and what the job is not given may change"


@pytest.mark.parametrize("given", ["rng", "info", "rng, info"])
def test_a_job_that_is_given_what_is_another_in_each_list_is_not_adopted(here: Machine, given: str) -> None:
    here.write("configs/jobs.csv", "a,b\n1,2\n")
    here.script(JOB.format(more=f", *, {given}"), machines=ONE).run()
    here.write("configs/jobs.csv", "a,b\n1,2\n5,6\n")
    said = here.run("--adopt", code=2).err
    assert all(word in said for word in given.split(", "))
    assert "--adopt" not in here.run("-n", "1").err


def test_an_archive_of_runs_is_adopted_from(here: Machine) -> None:
    listed(here, "a").run()
    shutil.make_archive(str(here.folder / "old"), "gztar", here.folder, "runs")
    shutil.rmtree(here.folder / "runs")
    ran(here)
    listed(here, "a", "b").run("--adopt", "old.tar.gz")
    assert ran(here) == ["b"]


def test_a_kept_list_that_was_changed_is_not_believed(here: Machine) -> None:
    listed(here, "a").run()
    (here.run_folder / "list/jobs.txt").write_text(line("b") + "\n")
    ran(here)
    listed(here, "b", "c")
    assert "cannot be adopted from" in here.run("--adopt").err
    assert ran(here) == ["b", "c"]


def test_a_corrected_weight_keeps_what_was_adopted(here: Machine) -> None:
    listed(here, *range(20), machines=TWO)
    for name in ("alice", "bob"):
        here.run(machine=name)
    listed(here, "new", *range(20), machines=TWO)
    for name in ("alice", "bob"):
        here.run("--adopt", machine=name)
    ran(here)
    here.call("reweigh", "bob=0.3")
    for name in ("alice", "bob"):
        here.run(machine=name)
    assert ran(here) == []
    assert json.loads(here.call("merge-results", "--json").out)["missing"] == 0


def test_an_adoption_that_was_cut_anywhere_is_completed_with_nothing_twice(here: Machine) -> None:
    """As kills leave it: outputs that are copied and not recorded, records up to a torn one."""
    here.jobs(*(f"echo said {word}" for word in range(40))).run("--quiet")
    first = here.run_folder
    here.jobs("echo new", *(f"echo said {word}" for word in range(40))).run("--adopt", "--quiet")
    folder = next(path for path in here.folder.glob("runs/*/alice") if path != first)
    journals = RunFolder(folder).journals()
    whole = journals[0].read_bytes()
    lines = whole.splitlines(keepends=True)
    for kept, log in ((0, 0), (2, 0), (2, 1), (3, 1), (20, 1), (42, 1), (43, 1)):
        for journal in RunFolder(folder).journals():
            journal.unlink()
        journals[0].write_bytes(b"".join(lines[:kept]) + lines[kept][:9] if kept < 43 else whole)
        (folder / "tally").unlink(missing_ok=True)
        if not log:
            (folder / "log-0001.gz").unlink()
        here.run("--adopt", "--quiet")
        attempts = [one for path in RunFolder(folder).journals() for one in JournalReader(path).attempts()]
        assert sorted(one.job for one in attempts) == list(range(41))
        outputs = re.findall(r" job=([0-9]+) try=1 \S+ said ([0-9]+)$", here.call("merge-logs", str(folder)).out, re.M)
        assert sorted(outputs) == sorted((str(word + 1), str(word)) for word in range(40))


def test_what_two_machines_took_over_counts_once(here: Machine) -> None:
    listed(here, *range(20)).run()
    listed(here, "new", *range(20))
    here.run("--adopt")
    new = max(here.folder.glob("runs/*"), key=lambda path: path.stat().st_mtime)
    here.run("--adopt", "runs", "--runs", "others", machine="all")
    told = here.call("merge-results", "--json", str(new), "others").json
    assert (told["done"], told["missing"], told["disagreed"]) == (21, 0, 0)
    assert told["twice"] == 1, "only the new one ran twice"
    assert list(told["adopted"].values()) == [20]


def test_barriers_groups_and_needs_are_no_part_of_a_job(here: Machine) -> None:
    here.jobs(line("a"), "#SHAREOUT BARRIER", line("b"), line("c")).run()
    ran(here)
    head = ["#SHAREOUT GROUP first", "#SHAREOUT NEED cores=2"]
    here.jobs(*head, line("new"), line("c"), "#SHAREOUT BARRIER CHECK", line("b"), line("a")).run("--adopt")
    assert ran(here) == ["new"]


def test_what_a_rebalance_left_is_adopted_from_and_adopts(here: Machine) -> None:
    listed(here, *range(20), machines=TWO).run()
    here.write("new.json", '{"carol": [1, 2]}')
    here.call("rebalance", "--machines", "new.json", "-o", "configs2")
    here.run("--configs", "configs2", machine="carol")
    assert len(ran(here)) == 20
    listed(here, "new", *range(20), machines=TWO).run("--adopt")
    shutil.rmtree(here.folder / "configs2")
    here.call("rebalance", "--machines", "new.json", "-o", "configs2")
    here.run("--configs", "configs2", "--adopt", machine="carol")
    assert ran(here) == ["new"]
    assert here.call("merge-results", "--json", "--configs", "configs2").json["missing"] == 0


def test_adopted_jobs_are_audited_as_others(here: Machine) -> None:
    here.write("configs/runner.config", "[run]\naudit = 100%\n")
    listed(here, *range(20), machines=TWO)
    for name in ("alice", "bob"):
        here.run(machine=name)
    listed(here, "new", *range(20), machines=TWO)
    for name in ("alice", "bob"):
        here.run("--adopt", machine=name)
    told = here.call("merge-results", "--json").json
    assert (told["missing"], told["audit"]["compared"], told["audit"]["disagreed"]) == (0, 21, 0)


@pytest.mark.parametrize("name", ["SHAREOUT_JOB", "SHAREOUT_SEED", "DISBATCH_TASKID_ZP"])
def test_a_line_that_asks_for_its_number_is_another_job_in_another_list(here: Machine, name: str) -> None:
    here.jobs(f"echo ${name} >> ran.txt", line("a")).run()
    ran(here)
    here.jobs(f"echo ${name} >> ran.txt", line("b"), line("a")).run("--adopt")
    assert len(ran(here)) == 2


def test_lists_for_another_shell_are_not_adopted(here: Machine) -> None:
    listed(here, "a").run()
    ran(here)
    here.jobs("#!/bin/bash", line("a"))
    assert "of lines for another shell" in here.run("--adopt").err
    assert ran(here) == ["a"]


def test_a_merge_counts_what_ran_and_what_other_lists_have_done(here: Machine) -> None:
    listed(here, *range(10)).run()
    old = next(here.folder.glob("runs/*")).name
    listed(here, "new", *range(10)).run("-n", "3")
    done = {one["job"] for one in here.records(next(here.folder.glob(f"runs/[!{old[0]}]*/alice")))}
    told = here.call("merge-results", "--json", "--adopt", code=None).json
    assert told["done"] == len({*range(1, 11), *done})
    assert told["adopted"] == {f"{old}/alice": len(set(range(1, 11)) - done)}
    assert told["twice"] == 0


def test_a_merge_with_adopted_jobs_has_the_certificate_of_a_run_from_nothing(here: Machine) -> None:
    listed(here, *range(10)).run()
    listed(here, *range(3, 10))
    merged = certificate(here, "--adopt", "runs")
    shutil.rmtree(here.folder / "runs")
    here.run()
    assert merged == certificate(here)


def test_a_merge_asks_the_program_itself_about_its_code(here: Machine) -> None:
    here.write("configs/jobs.csv", "a,b\n1,2\n3,4\n")
    here.script(JOB.format(more=""), machines=ONE).run()
    here.write("configs/jobs.csv", "a,b\n3,4\n")
    assert here.call("merge-results", "--adopt", "--json").json["done"] == 1
    here.program = here.way.runner()
    assert "Call that program itself" in here.call("merge-results", "--adopt", code=2).err


def test_status_tells_what_was_adopted_and_takes_it_for_no_sample(here: Machine) -> None:
    listed(here, *range(10)).run()
    listed(here, "new", "newer", *range(10)).run("--adopt", "-n", "1")
    assert "adopted 10 jobs that an earlier list had done" in here.call("status").out
    told = here.call("status", "--json").json
    assert (told["adopted"], told["machines"]["alice"]["adopted"]) == (10, 10)
    assert told["failure_rate"] is None
    partial = here.call("merge-results", "--partial", "-o", "x.csv", code=1)
    assert "random sample" not in partial.out + partial.err


def test_jobs_that_ran_in_another_list_are_no_deeds_of_a_machine_and_say_nothing_about_costs(here: Machine) -> None:
    listed(here, *range(10)).run()
    new = listed(here, "new", *range(10))
    new.run("--adopt")
    folder = sorted(here.folder.glob("runs/*/alice"), key=lambda path: path.stat().st_mtime)[-1]
    told = here.call("report", "--json", str(folder)).json
    assert (told["done"], told["missing"], told["machines"][0]["attempts"]) == (11, 0, 1)
    here.call("costs", str(folder))
    rows = (here.folder / "configs/costs.csv").read_text().splitlines()
    assert [re.match(r"\d+", row)[0] for row in rows if re.match(r"\d", row)] == ["0"]
