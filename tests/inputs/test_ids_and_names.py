"""Ids, ranges, states, times and names that select: taken as they are told elsewhere, refused when nothing has them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from kit.program import Machine
from shareout.cli.list import job_ids


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """Six jobs, two of which have failed."""
    folder: Path = tmp_path_factory.mktemp("ran") / "some where"
    folder.mkdir()
    here = Machine(folder).jobs("echo 0", "false", "echo 2", "false", "echo 4", "echo 5")
    here.run(code=1)
    return here


def jobs_of(text: str) -> list[int]:
    return [int(line.split()[1]) for line in text.splitlines()]


def test_ids_beyond_the_end_are_told_with_what_there_is(ran: Machine) -> None:
    for words in (["explain", "6"], ["show", "6"], ["skip", "6"], ["requeue", "6"], ["list", "--job", "6"]):
        said = ran.call(*words, code=2).err
        assert 'there is no job "6"' in said
        assert "Ids are 0 to 5." in said


def test_an_empty_pool_has_no_ids(here: Machine) -> None:
    here.jobs()
    assert "There are no jobs: the pool is empty." in here.call("explain", "0", code=2).err


def test_a_job_that_was_settled_before_a_rebalance_is_told_so(here: Machine) -> None:
    here.jobs("echo one", "echo two").run("-n", "1", code=None)
    done = here.records()[0]["job"]
    here.call("rebalance", "-o", "rest")
    said = here.call("explain", str(done), "--configs", "rest", code=2).err
    assert f"job {done} is not among these inputs: it was settled under plan {here.run_folder.parent.name}" in said
    assert 'there is no job "2"' in here.call("explain", "2", "--configs", "rest", code=2).err


def test_ranges_are_taken_as_a_merge_tells_them(ran: Machine) -> None:
    assert jobs_of(ran.call("list", "--job", "0-2,5").out) == [0, 1, 2, 5]
    assert [one["job"] for one in ran.call("show", "1-2", "4", "--json").json] == [1, 2, 4]
    assert '"3-1" is no range' in ran.call("show", "3-1", code=2).err
    assert 'there is no job "9"' in ran.call("show", "3-9", code=2).err
    for half in ("1-", "1--3", "1-2-3", "1-x"):
        assert f'"{half}" is no range' in ran.call("show", half, code=2).err


def test_a_range_of_ten_million_ids_is_not_written_out() -> None:
    ten_million = 10**7
    tracemalloc.start()
    ids = job_ids([f"0-{ten_million - 1}"], ten_million)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(ids), most < 10_000) == (ten_million, True)
    assert list(job_ids(["5,3-6", "4", "1"], 10)) == [5, 3, 4, 6, 1], "each once, as they were said"


def test_run_directories_may_stand_behind_an_id(ran: Machine) -> None:
    for command in ("show", "explain"):
        expected = ran.call(command, "2", "--in", "runs", "--json").json
        assert ran.call(command, "2", "runs", "--json").json == expected
        assert ran.call(command, str(ran.run_folder), "2", "--json").json == expected
    assert ran.call("replay", "2", "runs", "--json").json["same"]
    assert "nowhere/at-all" in ran.call("show", "2", "nowhere/at-all", code=2).err
    assert "one job is asked for, found 1 2" in ran.call("explain", "1", "2", code=2).err


def test_that_nothing_is_to_do_again_is_said_so(here: Machine) -> None:
    here.jobs("true", "true").run()
    assert here.call("requeue", "--failed").out == "nothing is to do again: no job has failed here\n"
    assert here.call("requeue", "1").out == "1 to do again; `run` runs it\n"


def test_a_card_that_is_not_there_is_told_in_words(ran: Machine) -> None:
    said = ran.call("plan", "--compare", "nope", code=2).err
    assert "the card nope cannot be read: no such file or directory" in said
    assert "Errno" not in said
    ran.write("noise", b"\xff\xfe")
    assert "it is no text" in ran.call("plan", "--compare", "noise", code=2).err


def test_a_status_file_of_failures_alone_is_refused(ran: Machine) -> None:
    said = ran.call("merge-results", "--failed", "-o", "f_status.txt", code=2).err
    assert "f_status.txt is the name of a status file" in said
    assert not (ran.folder / "f_status.txt").exists()


def test_a_line_of_the_job_log_has_nine_fields_whatever_the_command(here: Machine) -> None:
    here.jobs("echo a\tb").run()
    (head, line) = here.call("export", "--format", "joblog").out.splitlines()
    assert len(line.split("\t")) == len(head.split("\t"))
    assert line.endswith(r"echo a\tb")


def test_ranges_are_requeued_and_skipped(here: Machine) -> None:
    here.jobs("echo 0", "echo 1", "echo 2", "echo 3").run("-n", "4")
    assert "3 to do again" in here.call("requeue", "0-1, 3").out
    assert "2 skipped" in here.call("skip", "0-1").out


def test_states_are_letters_or_words(ran: Machine) -> None:
    for said in ("failed", "!", "!e", "failed,error", "failed error"):
        assert jobs_of(ran.call("list", "--state", said).out) == [1, 3]
    assert jobs_of(ran.call("list", "--failed").out) == [1, 3]
    assert jobs_of(ran.call("list", "--state", "done").out) == [0, 2, 4, 5]
    told = ran.call("list", "--state", "faild", code=2).err
    assert '"faild" is no state (did you mean "failed"?)' in told
    assert "States are: . new, r running, d done, ! failed, e error, s skipped." in told


def test_names_that_nothing_has_are_refused(ran: Machine) -> None:
    for command in ("list", "merge-logs"):
        assert (
            'no machine here is named "alcie" (did you mean "alice"?)'
            in ran.call(command, "--machine", "alcie", code=2).err
        )
    assert 'there is no job "abc"' in ran.call("merge-logs", "--job", "abc", code=2).err
    assert '--since: "yesterday" is no time' in ran.call("merge-logs", "--since", "yesterday", code=2).err
    for time in ("2026", "2020-01-02", "2020-01-02 03:04", "2020-01-02T03:04:05Z"):
        assert "echo" not in ran.call("merge-logs", "--since", time).err


def test_a_directive_of_ours_is_not_offered_to_itself(here: Machine) -> None:
    here.jobs("#DISBATCH GROUP a", "echo one")
    said = here.call("plan", code=2).err
    assert "GROUP is none of disBatch's" in said
    assert "Write #SHAREOUT GROUP" in said
