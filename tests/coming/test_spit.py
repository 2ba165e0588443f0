"""Who comes from spit: its log, as its own server left it for the same lines (`transcripts/spit.toml`)."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

from kit.program import Machine

THEIRS = tomllib.loads((Path(__file__).parent / "transcripts" / "spit.toml").read_text())
EVENTS = ("give", "stats", "mark-done", "mark-failed")


def events(text: str) -> list[dict[str, str]]:
    return [dict(field.split("=", 1) for field in line.split(",")) for line in text.splitlines()]


@pytest.fixture
def ran(here: Machine) -> Machine:
    here.write("infile.txt", THEIRS["infile"])
    here.write("prog", '#!/bin/sh\necho "got $*"; test "$2" != 3\n').chmod(0o755)
    words = ("--template", "./prog given", "--order", "given", "-j", "1", "infile.txt")
    here.call("run", *words, "--quiet", code=1)
    return here


def test_the_log_has_the_events_of_spits_server(ran: Machine) -> None:
    ours = events(ran.call("export", "--format", "spit").out)
    theirs = [one for one in events(THEIRS["server"]) if one["op"] in EVENTS]
    last = ours.pop()
    assert [list(one) for one in ours] == [list(one) for one in theirs], "the same fields in the same order"
    days = ("time", "start", "end")
    assert [{key: one[key] for key in one if key not in days} for one in ours] == [
        {key: one[key] for key in one if key not in days} for one in theirs
    ]
    assert [float(one["time"]) for one in ours] == sorted(float(one["time"]) for one in ours)
    assert last == {**events(THEIRS["server"])[-1], "time": last["time"]}


def test_what_is_done_is_what_its_done_file_has(ran: Machine) -> None:
    assert ran.call("list", "--state", "d", "--format", "line").out == THEIRS["done"]


def test_a_done_file_of_its_own_says_what_is_left(here: Machine) -> None:
    here.write("infile.txt", THEIRS["infile"])
    here.write("done.txt", THEIRS["done"])
    left = [line for line in THEIRS["infile"].splitlines() if line not in THEIRS["done"].splitlines()]
    grep = ["grep", "-vxFf", "done.txt", "infile.txt"]
    todo = subprocess.run(grep, cwd=here.folder, capture_output=True, check=True).stdout
    here.call("run", "-", "--template", "touch", "--quiet", stdin=todo)
    assert [line for line in THEIRS["infile"].splitlines() if (here.folder / line).exists()] == left == ["3"]


def test_jobs_that_run_at_once_are_given_before_they_end(here: Machine) -> None:
    meet = "touch {}; while [ ! -e a -o ! -e b ]; do sleep 0.01; done"
    here.write("infile.txt", "a\nb\n")
    here.call("run", "--template", meet, "-j", "2", "infile.txt", "--quiet")
    told = [one for one in events(here.call("export", "--format", "spit").out) if one["op"] != "stats"]
    assert [(one["op"], one["nassigned"]) for one in told] == [
        ("give", "0"), ("give", "1"), ("mark-done", "1"), ("mark-done", "0"), ("exit", "0"),
    ]  # fmt: skip
