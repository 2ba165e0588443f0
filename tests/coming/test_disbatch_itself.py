"""What disBatch 3.0 itself did with small task files, beside what is done here.

`transcripts/disbatch.toml` was recorded from the program of PyPI. Where it is done otherwise here, this file says how.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from kit.program import Machine
from shareout.cli import join
from shareout.cli.options import Parser
from shareout.cli.run_flags import configure
from shareout.errors import UsageError

THEIRS = tomllib.loads((Path(__file__).parent / "transcripts" / "disbatch.toml").read_text())
# What it runs nevertheless, or dies of, is refused here before a task runs.
REFUSED = {
    "unknown directive": "passed over there, with its task",
    "directive alone": "run there as a task: a comment that is done",
    "bad repeat": "a traceback there",
    "negative repeat": "a traceback there",
    "step before start": "run there as a command named start",
    "late perengine": "passed over there",
    "perengine without a command": "passed over there",
}
# There a command of an engine is a task in the status file.
OF_ENGINES = ("perengine fails", "perengine stop fails")
FIELDS = (0, 1, 2, 3, 6, 10, 12, 14)


def named(run: dict[str, Any]) -> str:
    return str(run["name"])


def rows(text: str) -> list[str]:
    """As the transcript has them."""
    split = [line.split("\t", 14) for line in text.splitlines()]
    ordered = sorted(split, key=lambda row: (int(row[1]), row[0]))
    return [" | ".join(row[at] for at in FIELDS) for row in ordered]


@pytest.mark.parametrize("run", THEIRS["runs"], ids=named)
def test_a_task_file_ends_as_with_exit_code_there(here: Machine, run: dict[str, Any]) -> None:
    """Without `-e` it is 0 there, whatever failed: that is not taken over."""
    here.write("Tasks", run["tasks"])
    flags = ["--fail-fast"] if "-f" in run["flags"] else []
    if run["name"] in REFUSED:
        assert "Tasks:" in here.call("run", "Tasks", "--quiet", *flags, code=2).err
        assert not list(here.folder.glob("runs/*"))
        return
    told = here.call("run", "-j", "2", "Tasks", "--quiet", *flags, code=None)
    failed = any(row.split(" | ")[4] != "0" for row in run["rows"])
    if run["name"] not in OF_ENGINES:
        assert told.code == (1 if failed else 0)
        assert run["code"] == (told.code if "-e" in run["flags"] else 0)
    ours = rows(here.call("status", "--format", "disbatch").out)
    assert ours == [row for row in run["rows"] if not row.startswith("R  P")]


@pytest.mark.parametrize("case", THEIRS["cores"], ids=lambda case: case["words"] or "nothing")
def test_the_cores_of_a_task_are_those_that_it_has_there(here: Machine, case: dict[str, Any]) -> None:
    """Of a node with eight; `-t` is obeyed beyond what `-c` leaves room for, as there."""
    here.jobs("#DISBATCH PREFIX echo ", "$DISBATCH_CORES_PER_TASK > cores", machines='{"alice": [1, 8]}')
    words = [{"-c": "--cores-per-job", "-t": "-j"}.get(word, word) for word in case["words"].split()]
    here.run("--quiet", *words)
    assert (here.folder / "cores").read_text() == f"{case['cores']}\n"


@pytest.mark.parametrize("names", THEIRS["options"], ids=lambda names: names[-1])
def test_each_option_is_taken_or_told_what_it_is_called_here(names: list[str]) -> None:
    parser = Parser(prog="shareout run", allow_abbrev=False)
    configure(parser)
    for name in set(names) - {"-h", "--help", "--version"}:
        if name in parser._option_string_actions:
            continue
        with pytest.raises(UsageError) as told:
            parser.parse_args([name, "Tasks"])
        assert re.match(rf"there is no flag {name}(: | \(did you mean )", told.value.what)


def test_a_task_file_that_is_not_there_is_refused_with_2_as_there(here: Machine) -> None:
    codes = {call["name"]: call["code"] for call in THEIRS["calls"]}
    assert here.call("run", "Nothing", code=None).code == codes["no task file"] == 2
    here.write("Tasks", "true\n")
    assert here.call("run", "--nosuch", "Tasks", code=None).code == codes["unknown flag"] == 2


def test_a_file_to_go_on_from_is_refused_with_2_where_it_ends_in_a_traceback_there(here: Machine) -> None:
    codes = {call["name"]: call["code"] for call in THEIRS["calls"]}
    here.write("Tasks", "true\n")
    line = "R   \t0\t1\t-1\tvm\t1\t1\t0\t1\t1\t0\t''\t0\t''\t{}\n"
    here.write("other", line.format("other"))
    here.write("same", line.format("true"))
    assert codes["resume from nothing"] == codes["resume from other"] == 1
    here.call("run", "Tasks", "--resume-from", "none", code=2)
    here.call("run", "Tasks", "--resume-from", "other", code=2)
    here.call("run", "Tasks", "--resume-from", "same", "--quiet", code=codes["resume a failure, -e"])
    here.call("run", "Tasks", "--resume-from", "same", "-R", "--quiet", code=codes["resume a failure, -e -R"])


@pytest.mark.parametrize("flag", ["-s", "-C", "-c", "-t", "-g", "-l", "--fill", "--retire-cmd", "--no-retire"])
def test_each_option_of_its_script_that_adds_hosts_is_told_what_it_is_called_here(flag: str) -> None:
    parser = Parser(prog="shareout join", allow_abbrev=False)
    join.configure(parser)
    with pytest.raises(UsageError, match=rf"there is no flag {flag}(: | \(did you mean )"):
        parser.parse_args(["nats://home", flag, "4"])


def test_a_status_file_may_come_by_a_pipe(here: Machine) -> None:
    """It is read more than once, and a pipe is not."""
    here.write("Tasks", "echo a >> ran\necho b >> ran\n")
    line = "    \t0\t1\t-1\tvm\t1\t0\t0\t1\t1\t0\t''\t0\t''\techo a >> ran\n"
    here.call("run", "Tasks", "--quiet", "--resume-from", "/dev/stdin", stdin=line.encode())
    assert (here.folder / "ran").read_text() == "b\n"
    assert ", from stdin" in here.call("show", "0").out
