"""Who comes from swarm: its two reports, as swarm itself printed them (`transcripts/swarm.toml`)."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from kit.program import Machine
from kit.wait import wait_until
from shareout.show.swarm import report_lines, told_time
from shareout.status.groups import GroupStatus
from shareout.status.total import Counts

THEIRS = tomllib.loads((Path(__file__).parent / "transcripts" / "swarm.toml").read_text())
GATE = "test {} -lt 3 || { touch begun-{}; while [ ! -e go ]; do sleep 0.01; done; }"


def masked(text: str) -> str:
    """Times are those of the day; which units wait at the gate, of the order in which slots take them."""
    text = re.sub("to_avi / [3-6]", "to_avi / UNIT", text)
    return re.sub(r"(ETA|Started: |Activity:) [0-9dhms ]+( ago)?", r"\1 TIME", text.replace("HOST", "alice"))


@pytest.fixture
def here_as_there(here: Machine) -> Machine:
    groups = {"to_avi": [GATE, *map(str, range(7))], "to_mp4": ["true {}", "a", "b"]}
    document = {name: {"template": words[0], "units": words[1:]} for name, words in groups.items()}
    here.write("configs/jobs.groups.json", json.dumps({"groups": document}))
    here.write("configs/machines.json", '{"alice": [1, 2]}')
    return here


def test_its_reports_are_printed_while_it_runs_and_after(here_as_there: Machine) -> None:
    here = here_as_there
    process = here.start("--quiet", "--order", "given")
    wait_until(lambda: len(list(here.folder.glob("begun-*"))) == 2)

    def report(*words: str) -> str:
        return masked(here.call("status", "--format", "swarm", *words).out)

    # A second worker of swarm's starts a little later, and the last ends are seen a moment after they were.
    wait_until(lambda: report() == masked(THEIRS["while"]["report"]))
    # Which jobs run is told a moment later than how many.
    wait_until(lambda: report("--active") == masked(THEIRS["while"]["active"]))
    (here.folder / "go").touch()
    process.communicate()
    assert report() == THEIRS["after"]["report"]
    assert report("--active") == "No active workers.\n"


def test_a_task_that_nobody_has_begun_is_not_started() -> None:
    found = {name: GroupStatus(Counts(jobs=jobs), None, {}) for name, jobs in (("to_avi", 7), ("to_mp4", 2))}
    assert report_lines(found) == THEIRS["before"]["report"].splitlines()


def test_failures_are_marked_in_the_bar_where_swarm_has_them_run_for_ever() -> None:
    one = GroupStatus(Counts(jobs=50, done=10, failed=5, running=2), 75.0, {"alice": 2})
    assert report_lines({"x": one})[2:5] == [
        "Task: x                                20.00%  10/50", "[" + "=" * 10 + "!" * 5 + ",," + "." * 33 + "]",
        "ETA 1m 15s",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0s"), (59, "59s"), (60, "1m 0s"), (6981, "1h 56m 21s"), (90061, "1d 1h 1m 1s")]
)
def test_times_are_told_as_swarm_tells_them(seconds: float, said: str) -> None:
    assert told_time(seconds) == said


def test_its_reports_need_groups(here: Machine) -> None:
    here.jobs("true")
    here.run("--quiet")
    assert "no groups are known here" in here.call("status", "--format", "swarm", code=2).err
