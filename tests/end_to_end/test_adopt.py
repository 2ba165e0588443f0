"""A list that has changed: what is done of its lines is not run again, if somebody says so."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

from kit.program import Machine
from kit.wait import wait_until

ONE = '{"alice": [1, 2]}'
TWO = '{"alice": [1, 2], "bob": [1, 2]}'


def ran(here: Machine) -> list[str]:
    """What the jobs say that ran, in order of their words; forgotten by the next call."""
    path = here.folder / "ran.txt"
    words = sorted(path.read_text().split()) if path.exists() else []
    path.unlink(missing_ok=True)
    return words


def line(word: object) -> str:
    return f"echo said {word}; echo {word} >> ran.txt"


def listed(here: Machine, *words: object, machines: str = ONE) -> Machine:
    return here.jobs(*map(line, words), machines=machines)


def adopted(here: Machine) -> dict[int, str]:
    """By id in the newest plan's folders, whence each is that was taken over."""
    folders = sorted(here.folder.glob("runs/*/*"), key=lambda path: path.stat().st_mtime)
    newest = folders[-1].parent
    records = [one for folder in newest.iterdir() for one in here.records(folder)]
    return {one["job"]: one["from"] for one in records if "from" in one}


def certificate(here: Machine, *words: str) -> str:
    told = here.call("merge-results", "--json", *words).json
    assert told["missing"] == 0
    return str(told["certificate"])


def test_only_the_line_that_is_new_runs(here: Machine) -> None:
    listed(here, *range(40)).run()
    assert len(ran(here)) == 40
    listed(here, *range(17), "new", *range(17, 40))
    told = here.run("--adopt")
    assert ran(here) == ["new"]
    assert "40 jobs of this share adopted from earlier lists; 1 to do" in told.err
    assert "said 39" in here.call("show", "40").out, "what it printed came along"
    assert sorted(adopted(here)) == [one for one in range(41) if one != 17]


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


def test_nothing_is_adopted_by_itself_but_told(here: Machine) -> None:
    listed(here, *range(10)).run()
    ran(here)
    listed(here, *range(10), "new")
    said = "an earlier list has 10 of these 11 jobs done: --adopt takes them over"
    assert said in here.call("plan").err
    assert said in here.run().err
    assert len(ran(here)) == 11
    assert "an earlier list" not in here.run().err, "it has begun without"


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
    assert (here.folder / "table.csv").read_text().split() == ["job,result", "0,11", "1,3", "2,7"]


def test_other_code_is_another_job_unless_it_is_said(here: Machine) -> None:
    here.write("configs/jobs.csv", "a,b\n1,2\n")
    here.script(JOB.format(more=""), machines=ONE).run()
    here.write("configs/jobs.csv", "a,b\n1,2\n5,6\n")
    here.script(JOB.format(more="") + "# mended\n", machines=ONE)
    ran(here)
    here.run("--adopt", "-n", "0", code=None)
    here.run("--adopt=any-code")
    assert ran(here) == ["5"]


def test_a_job_with_random_numbers_of_its_own_is_not_adopted(here: Machine) -> None:
    here.write("configs/jobs.csv", "a,b\n1,2\n")
    here.script(JOB.format(more=", *, rng"), machines=ONE).run()
    here.write("configs/jobs.csv", "a,b\n1,2\n5,6\n")
    assert "the job takes rng" in here.run("--adopt", code=2).err


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


JOB = """\
from shareout import run


def job(a: int, b: int{more}):
    with open("ran.txt", "a") as file:
        file.write(f"{{a}}\\n")
    return a + b


if __name__ == "__main__":
    run(job)
"""
