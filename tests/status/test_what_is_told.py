"""What commands tell of jobs that ran, run or will not run, in words that are true and lead on."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from kit.program import Machine
from kit.wait import processes_with, wait_until
from shareout.record.sample import wilson
from shareout.record.tallies.durations import Durations
from shareout.show.pace import Pace, told_rate
from shareout.show.status import status_lines
from shareout.status.machine import MachineStatus, _rate
from shareout.status.total import Counts, Status


def test_a_failure_rate_is_exact_when_all_jobs_have_run(here: Machine) -> None:
    here.jobs("false", "true", "true", "true").run(code=1)
    assert "fails  25% of all jobs\n" in here.call("status").out
    rate = here.call("status", "--json").json["failure_rate"]
    assert rate == {"share": 0.25, "low": 0.25, "high": 0.25}


def test_a_range_holds_only_shares_that_the_rest_can_still_make() -> None:
    found = wilson(1, 99, 100)
    assert found is not None
    _, low, high = found
    assert 0.01 <= low <= high <= 0.02


def test_after_failures_the_commands_that_tell_more_are_named(here: Machine) -> None:
    said = here.jobs("false").run(code=1).err
    assert "`list --failed` names them, `show ID` tells why; --retry-failed runs them again" in said


def test_show_says_which_try_printed_what(here: Machine) -> None:
    here.jobs('echo "this is $SHAREOUT_ATTEMPT"; test $SHAREOUT_ATTEMPT = 2').run("--retries", "1")
    told = here.call("show", "0").out
    assert "  output of try 1 on alice:\n    this is 1\n" in told
    assert "  output of try 2 on alice:\n    this is 2\n" in told
    outputs = here.call("show", "0", "--json").json[0]["outputs"]
    assert [(one["machine"], one["attempt"], one["text"].split("\n")[0]) for one in outputs] == [
        ("alice", 1, "this is 1"),
        ("alice", 2, "this is 2"),
    ]


def test_list_tells_the_try_that_runs_and_numbers_as_numbers(here: Machine) -> None:
    here.jobs("exit 3", "kill -9 $$", "while [ ! -e end ]; do sleep 0.05; done")
    process = here.start()
    wait_until(lambda: list(here.folder.glob("runs/*/*/live.json")))
    wait_until(lambda: [one["job"] for one in here.call("list", "--state", "running", "--json").json] == [2])
    (running,) = here.call("list", "--state", "running", "--json").json
    assert running["attempt"] == 1
    here.write("end", "")
    process.communicate()
    first, second, third = here.call("list", "--json").json
    assert (first["exit"], first["signal"]) == (3, None)
    assert (second["exit"], second["signal"]) == (None, "SIGKILL")
    assert (third["exit"], third["signal"]) == (0, None)


def test_an_empty_pool_is_told_by_plan_and_by_run(here: Machine) -> None:
    here.jobs("# nothing yet")
    for words in (["plan"], ["run", "--machine", "alice", "--yes"]):
        assert "the pool is empty, there is nothing to run: configs/jobs.txt" in here.call(*words).err


def test_a_run_of_at_most_so_many_jobs_ends_as_limited(here: Machine) -> None:
    told = here.jobs("true", "true").run("-n", "1").err
    assert "event=limited percent=50.0" in told
    assert "event=finished percent=100.0" in here.run("-n", "1").err


def test_a_rate_of_less_than_a_second_is_told_as_such() -> None:
    pace = Pace()
    pace.add(10.0, 0)
    told = [told_rate(pace.rate(now, jobs), pace.over_s(now)) for now, jobs in ((10.0, 0), (10.125, 5), (12.0, 50))]
    assert told == ["0/s", "40/s (of 125ms)", "25/s"]


@pytest.mark.parametrize(("ago_s", "said"), [(0.5, "4 jobs a second (of 500ms)"), (2.0, "1 jobs a second  ETA")])
def test_so_is_that_of_a_run_that_is_looked_at(ago_s: float, said: str) -> None:
    rate, over_s = _rate([99.9, 99.95], 100 - ago_s, 100.0, Durations(), 1)
    one = MachineStatus(
        "a", "ab", jobs=9, done=2, failed=0, skipped=0, running=1, is_live=True, rate=rate, forecast=None, active=(),
        durations=Durations(), arrivals=(), recent=(), first_start=None, last_end=None, damaged=0, path=Path(),
        audits=0, audited=0, rate_over_s=over_s,
    )  # fmt: skip
    status = Status(
        "ab", Counts(jobs=9), (one,), {}, rate, None, Durations(), (), earlier=0, earlier_absent=0, is_sample=True
    )
    assert said in "\n".join(status_lines(status, {}, 100.0))


def test_a_hook_that_fails_is_named_with_its_command(here: Machine) -> None:
    here.jobs("false", "false")
    here.write("configs/runner.config", "[hooks]\non_failure = exit 7\non_finish = no-such-mailer\n")
    said = here.run(code=1).err
    assert "the hook on_failure ended with status 7, 2 times: exit 7" in said
    assert "the hook on_finish ended with status 127: no-such-mailer" in said


def test_a_hook_that_holds_the_end_is_named(here: Machine) -> None:
    here.jobs("true")
    here.write("configs/runner.config", "[hooks]\non_finish = sleep 1.5\n")
    assert "waiting for the hook on_finish to end: sleep 1.5" in here.run().err


def test_a_hook_that_hangs_is_ended_with_its_group_and_told(here: Machine) -> None:
    """The run ends, and its run directory is free."""
    word, stubborn = f"7{os.getpid():07d}", f"8{os.getpid():07d}"
    here.jobs("false")
    here.write(
        "configs/runner.config",
        f"[hooks]\nlimit = 200ms\non_failure = sleep {word} & wait\n"
        f"on_finish = trap '' TERM; while :; do sleep {stubborn}; done\n[limits]\ngrace = 200ms\n",
    )
    said = here.run(code=1).err
    assert f"the hook on_failure was ended, for it took longer than [hooks] limit, 200ms: sleep {word} & wait" in said
    assert "the hook on_finish was ended" in said
    assert not processes_with(f"sleep\0{word}")
    assert not processes_with(f"sleep\0{stubborn}")
    assert "the hook on_failure is ended" in here.log()
    assert not (here.run_folder / "owner.json").exists()


def test_another_ctrl_c_ends_the_hook_that_the_run_waits_for(here: Machine) -> None:
    here.jobs("true")
    here.write("configs/runner.config", "[hooks]\non_finish = touch begun; sleep 60\n")
    for number in (signal.SIGINT, signal.SIGTERM):
        process = here.start()
        wait_until((here.folder / "begun").exists)
        process.send_signal(number)
        _, said = process.communicate()
        assert process.returncode == 0, "the jobs were done"
        assert b"the hook on_finish was ended, as the run was told to end" in said
        (here.folder / "begun").unlink()


def test_a_signal_that_comes_with_the_last_hook_changes_no_exit_code(here: Machine) -> None:
    here.jobs("true")
    here.write("configs/runner.config", "[hooks]\non_finish = kill -INT $$PPID; sleep 60\n")
    for _ in range(4):
        assert "the hook on_finish was ended, as the run was told to end" in here.run().err


@pytest.mark.parametrize(("every", "times"), [("10%", 10), ("5", 4), ("50%", 2), ("7", 2), ("1h", 0)])
def test_progress_is_told_as_often_as_was_asked(here: Machine, every: str, times: int) -> None:
    here.jobs(*["true"] * 20)
    here.write(
        "configs/runner.config", f"[hooks]\non_progress = echo $$SHAREOUT_DONE >> told\nprogress_every = {every}\n"
    )
    here.run("-j", "1", "--halt", "now,fail=1")
    told = (here.folder / "told").read_text().split() if times else []
    assert len(told) == times


GUESSES = [
    (["run", "--jobs", "4"], "there is no flag --jobs (did you mean -j N?)"),
    (["run", "--parallel=4"], "there is no flag --parallel=4 (did you mean -j N?)"),
    (["run", "--resume"], "there is no flag --resume: the same command again goes on where it stopped"),
    (["run", "-m", "alice"], "there is no flag -m (did you mean --machine NAME?)"),
    (["run", "--force"], "there is no flag --force: nothing is in the way of a run"),
    (["status", "--in", "x"], "there is no flag --in: run directories are named without a flag here"),
    (["run", "-j", "x"], '--slots: "x" is no number of jobs at once; write 8, or 50%'),
    (["show", "runs/x"], '"runs/x" is no job'),
    (["jobs.txt"], "To run a pool file: shareout run jobs.txt"),
    (["merge"], "`shareout merge-results` makes the table, `shareout merge-logs` one log."),
    (["merge-results", "nowhere"], "there is no file or folder nowhere"),
]


@pytest.mark.parametrize(("words", "said"), GUESSES, ids=lambda one: one[0] if isinstance(one, list) else "")
def test_what_one_would_guess_is_answered_with_what_it_is_called_here(
    here: Machine, words: list[str], said: str
) -> None:
    here.jobs("true").run()
    assert said in here.call(*words, code=2).err


def test_help_and_version_are_found_where_they_are_looked_for(here: Machine) -> None:
    assert here.call("version").out == here.call("--version").out
    assert here.call("help", "plan").out == here.call("plan", "--help").out
    assert here.jobs("true").run("-q").err == ""


def test_explain_looks_at_runs_that_were_brought_home(here: Machine) -> None:
    here.jobs("true").run()
    (here.folder / "runs").rename(here.folder / "home")
    assert "it is done, by alice" in here.call("explain", "0", "--in", "home").out


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("echo {foo}", "the template has {foo}, but the jobs have no named fields"),
        ("echo {1} {2}", "jobs.txt:3: has 1 column, and the template asks for {2}"),
    ],
)
def test_templates_that_lines_cannot_fill_are_refused(here: Machine, template: str, said: str) -> None:
    here.jobs("# rows", "one two", "three")
    assert said in here.call("run", "--machine", "alice", "--yes", "--template", template, code=2).err
    assert not (here.folder / "runs").exists()


def test_braces_that_name_nothing_stay_as_they_are_where_that_is_said(here: Machine) -> None:
    lines = here.write("lines.txt", "a b\nc\n").name
    words = ("--template", "awk '{print}' {1} {2} {x.}", "--literal", "--order", "given", "--dry-run")
    assert here.call("run", *words, lines).out.splitlines() == [
        "awk '{print}' a b {x.}",
        "awk '{print}' c {2} {x.}",
    ]
    table = here.write("table.csv", "name,size\nx,1\n").name
    told = here.call("run", "--template", "echo {nmae} {name} {3} {2}", "--literal", "--dry-run", table)
    assert told.out == "echo {nmae} x {3} 1\n"
    assert "--literal leaves it" in here.call("run", "--template", "echo {3}", "--dry-run", table, code=2).err
    # It decides what a job is: said in a file, it is in the digest.
    here.jobs("a")
    digests = set()
    for text in ("[commands]\ntemplate = echo {}\n", "[commands]\ntemplate = echo {}\nliteral = yes\n"):
        here.write("configs/runner.config", text)
        digests.add(here.call("plan", "--json").json["digest"])
    assert len(digests) == 2
    (here.folder / "configs" / "runner.config").unlink()
    here.write("braces", "echo {}\n")
    told = here.run("--literal", "--tee", "braces")
    assert (told.out, "which nothing fills" in told.err) == ("0: {}\n", False)


def test_braces_of_a_shell_are_its_own(here: Machine) -> None:
    here.jobs("one")
    assert "alice: one" in here.run("--tee", "--template", "echo ${SHAREOUT_MACHINE}: {}").out


def test_what_is_ended_by_a_limit_says_by_which(here: Machine) -> None:
    here.jobs("sleep 60").run("--timeout", "0.2s", code=1)
    assert "its time was up (timeout 200ms)" in here.records()[0]["error"]


def test_a_retry_with_more_memory_may_also_take_more(here: Machine) -> None:
    """The limit that ends a job grows with what it is counted with."""
    eats = f"exec {sys.executable} -c 'import time; x = bytearray(200_000_000); time.sleep(2)'"
    here.jobs(eats)
    here.write("configs/runner.config", "[limits]\nretry_memory_factor = 4\nretries = 1\nmemory = 64MiB\n")
    here.run()
    first, second = here.records()
    assert (first["state"], first["cause"], second["state"]) == ("retry", "memory", "done")
    assert first["error"] == "ended: it took more memory than it may (memory 64MiB)"
