"""Who comes from Runmaker4: a runs.txt with its letters is a pool, and can be written back.

`transcripts/runmaker4.toml` is what Runmaker4 itself took for jobs, ran, and left.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from kit.program import Machine
from kit.terminal import Terminal
from kit.wait import wait_until
from shareout.cli.wait import progress_line
from shareout.status.total import Counts

THEIRS = tomllib.loads((Path(__file__).parent / "transcripts" / "runmaker4.toml").read_text())
# So that a few lines are several blocks of the index.
PADDING = "x" * 10_000
RUNS = ". touch new\nr touch killed\nd touch done\n\n! touch failed\ne touch error; exit 1\n"


def made(here: Machine) -> list[str]:
    return sorted(path.name for path in here.folder.iterdir() if path.is_file() and path.name != "runs.txt")


@pytest.fixture
def ran(here: Machine) -> Machine:
    here.write("configs/machines.json", '{"alice": [1, 2]}')
    here.write("configs/runs.txt", RUNS)
    here.run("--quiet", code=1)
    return here


def test_letters_say_what_is_to_run(ran: Machine) -> None:
    assert made(ran) == ["killed", "new"]
    ran.run("--retry-failed", "--quiet", code=1)
    assert made(ran) == ["error", "failed", "killed", "new"]
    ran.call("requeue", "--all", "--quiet")
    ran.run("--quiet", code=1)
    assert made(ran) == ["done", "error", "failed", "killed", "new"]


def test_letters_change_nothing_about_the_plan(ran: Machine) -> None:
    digest = ran.call("plan", "--json").json["digest"]
    ran.call("export", "--format", "runmaker", "-o", "configs/runs.txt")
    text = (ran.folder / "configs" / "runs.txt").read_text()
    assert text == "d touch new\nd touch killed\nd touch done\n\n! touch failed\n! touch error; exit 1\n"
    assert ran.call("plan", "--json").json["digest"] == digest
    ran.write("configs/runs.txt", text.replace("done", "dome"))
    assert ran.call("plan", "--json").json["digest"] != digest


def test_the_hash_of_a_fresh_runs_txt_is_what_b3sum_prints(here: Machine) -> None:
    from blake3 import blake3

    fresh = RUNS.replace("\nr", "\n.").replace("\nd", "\n.").replace("\n!", "\n.").replace("\ne", "\n.")
    here.write("configs/machines.json", '{"alice": [1, 2]}')
    here.write("configs/runs.txt", RUNS)
    pool = here.call("plan", "--json").json["inputs"][0]
    assert (pool["blake3"], pool["bytes"]) == (blake3(fresh.encode()).hexdigest(), len(fresh))


def test_machines_are_told_of_other_commands_not_of_other_letters(here: Machine) -> None:
    for name, text in (("one", RUNS), ("two", RUNS.replace("d ", "r "))):
        here.write(f"{name}/machines.json", '{"alice": [1, 2]}')
        here.write(f"{name}/runs.txt", text)
    here.write("card", here.call("plan", "--configs", "one", "--card").out)
    here.call("plan", "--configs", "two", "--compare", "card")
    here.write("two/runs.txt", RUNS.replace("d ", "r ").replace("error", "terror"))
    told = here.call("plan", "--configs", "two", "--compare", "card", code=None)
    assert "runs.txt differs first in line 6" in told.out + told.err


def test_a_job_that_was_not_run_here_keeps_its_letter(here: Machine) -> None:
    here.write("configs/machines.json", '{"alice": [1, 2], "bob": [1, 2]}')
    here.write("configs/runs.txt", "d true\n" * 10 + "! true\n" * 10)
    here.run("--quiet", code=1)
    assert here.call("export", "--format", "runmaker").out == "d true\n" * 10 + "! true\n" * 10


def test_any_pool_of_commands_becomes_a_runs_txt(here: Machine) -> None:
    here.jobs("true", "false", "true")
    here.run("-1", "--quiet")
    told = here.call("export", "--format", "runmaker").out
    assert sorted(line[2:] for line in told.splitlines()) == ["false", "true", "true"]
    assert sorted(line[:1] for line in told.splitlines())[:2] == [".", "."] or "!" in told
    assert len(here.records()) == 1, "-1 is one job"


def test_a_run_of_a_bare_file_is_known_to_all_that_looks_at_it(here: Machine) -> None:
    here.write("list", "echo one\nfalse\necho two\n")
    here.call("run", "list", "--template", "eval {}", "--quiet", code=1)
    assert "false" in here.call("list", "--state", "!").out
    assert "job 1: eval false" in here.call("show", "1").out
    assert "job 1: eval false" in here.call("explain", "1").out
    here.call("requeue", "1", "--quiet")
    assert here.call("skip", "1").out.startswith("1 skipped")


def test_without_its_inputs_nothing_is_exported(here: Machine) -> None:
    here.write("list", "true\n")
    here.call("run", "list", "--quiet")
    here.write("list", "false\n")
    assert "Name the folder of their inputs" in here.call("export", "--format", "runmaker", code=2).err


def test_waiting_shows_the_bar_of_runmaker(here: Machine) -> None:
    gate = "touch begun-$SHAREOUT_JOB; while [ ! -e go ]; do sleep 0.01; done"
    here.write("configs/machines.json", '{"alice": [1, 1]}')
    here.write("configs/runs.txt", f"d true\nd true\n. {gate}\n. {gate}\n")
    process = here.start("--quiet")
    wait_until(lambda: here.call("status", "--json", code=None).json["running"] == 1 if started(here) else False)
    terminal = Terminal(here, "wait", "--progress")
    terminal.wait_for("progress:   2 of   4 jobs processed, 0 errors [========>>>>    ]")
    (here.folder / "go").touch()
    terminal.wait_for("progress:   4 of   4 jobs processed, 0 errors [================]")
    process.communicate()
    assert terminal.end() == process.returncode == 0


@pytest.mark.parametrize(("letters", "line"), THEIRS["bars"].items())
def test_the_bar_shows_what_runmakers_shows(letters: str, line: str) -> None:
    of = letters.split()
    counts = Counts(jobs=len(of), done=of.count("d"), failed=of.count("!"), running=of.count("r"))
    assert progress_line(counts) == line


def started(here: Machine) -> bool:
    return any(here.folder.glob("begun-*"))


@pytest.fixture
def odd(here: Machine) -> Machine:
    """The file of the transcript, before Runmaker has run it."""
    here.write("configs/machines.json", '{"alice": [1, 1]}')
    here.write("configs/runs.txt", THEIRS["before"])
    return here


def theirs() -> list[tuple[str, str]]:
    """Letters and commands of the jobs, as Runmaker lists them."""
    return [(line[0], line[4:]) for line in (one.partition(": ")[2] for one in THEIRS["listed"].splitlines())]


def test_what_runmaker_takes_for_jobs_are_the_jobs(odd: Machine) -> None:
    ids = sorted(map(int, odd.call("plan", "--machine", "alice", "--ids").out.split()))
    assert ids == list(range(len(theirs())))
    odd.run("--quiet", code=1)
    assert [one["text"].rstrip() for one in odd.call("list", "--json").json] == [command for _, command in theirs()]


def test_what_is_left_of_a_runs_txt_is_what_runmaker_leaves(odd: Machine) -> None:
    odd.run("--quiet", code=1)
    # What runs when it was killed there is nobody's; here it runs again. Any other job that does not run is told.
    expected = THEIRS["after"].replace("\n? ", "\nd ").replace("\nr ", "\nd ").replace("\ne ", "\n! ")
    assert odd.call("export", "--format", "runmaker").out == expected
    odd.run("--quiet", "--retry-failed", code=1)
    expected = THEIRS["retried"].replace("\n? ", "\nd ").replace("\nr ", "\nd ")
    assert odd.call("export", "--format", "runmaker").out == expected


def test_letters_that_nobody_knows_skip_a_job_and_are_told(odd: Machine) -> None:
    told = odd.call("plan").err
    assert "3 jobs with a letter that says nothing to run (' ' 'x' 'D'): skipped" in told
    assert "1 line without a letter and a blank, no job as in Runmaker: the first is line 17" in told
    odd.run("--quiet", code=1)
    skipped = [one["text"] for one in odd.call("list", "--state", "skipped", "--json").json]
    assert skipped == [command for letter, command in theirs() if letter in " xD"]


def test_such_letters_are_not_in_the_digest_either(odd: Machine) -> None:
    digest = odd.call("plan", "--json").json["digest"]
    odd.write("configs/runs.txt", THEIRS["retried"].replace("x echo", ". echo"))
    assert odd.call("plan", "--json").json["digest"] == digest
    odd.write("configs/runs.txt", THEIRS["before"].replace("# comment", "# remark"))
    assert odd.call("plan", "--json").json["digest"] != digest


def test_a_dot_without_a_blank_is_refused_where_runmaker_runs_nothing(here: Machine) -> None:
    here.write("configs/machines.json", '{"alice": [1, 1]}')
    here.write("configs/runs.txt", ". true\n./run.sh\n.\n")
    told = here.call("plan", code=2)
    assert "runs.txt:2:1: a blank is missing between the letter and the command" in told.err


@pytest.mark.parametrize(
    ("name", "edit"), [("runs.txt", ". touch other\n"), ("runs.txt", ""), ("jobs.txt", "#" * 20_000), ("jobs.csv", "")]
)
def test_an_edit_while_it_runs_changes_nothing_of_the_run(here: Machine, name: str, edit: str) -> None:
    """Runmaker looks whether a job still stands where it was; an edit in place may move all of them."""
    gate = "touch begun; while [ ! -e go ]; do sleep 0.01; done"
    jobs = [gate, *(f"touch made-{number} # {PADDING}" for number in range(6))]
    before = {"runs.txt": ". ", "jobs.txt": "", "jobs.csv": ""}[name]
    here.write("configs/machines.json", '{"alice": [1, 1]}')
    pool = here.write(f"configs/{name}", "job\n" * (name == "jobs.csv") + "".join(f"{before}{job}\n" for job in jobs))
    process = here.start("--quiet", "--order", "given")
    wait_until(lambda: (here.folder / "begun").exists())
    with pool.open("r+") as file:
        file.write(edit)
        file.truncate()
    (here.folder / "go").touch()
    process.communicate()
    assert process.returncode == 0
    assert sorted(path.name for path in here.folder.glob("made-*")) == [f"made-{number}" for number in range(6)]
    assert not (here.folder / "other").exists()
