"""Jobs that come while hosts work already: each is done once, whoever gives them dies, and a seal proves it."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.fed import Fed
from kit.wait import wait_until
from shareout.feeding.feed import Feed

pytestmark = pytest.mark.module_only("the plain executable has no part that speaks over a network")

DISBATCHS = [
    "Flags", "TaskId", "TaskStreamIndex", "TaskRepIndex", "Host", "PID", "ReturnCode", "Elapsed", "Start", "End",
    "OutBytes", "OutData", "ErrBytes", "ErrData", "TaskCmd",
]  # fmt: skip
"""The fields of its reports."""
EXAMPLES = Path(__file__).parents[2] / "examples" / "programs"


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[Fed]:
    made = Fed(tmp_path)
    yield made
    made.end_all()


def merged(fed: Fed) -> str:
    return fed.home.call("merge-results", "-o", "all.csv").out


def test_lines_are_run_as_they_come_and_a_killed_serve_goes_on_without_loss_or_doubles(
    fed: Fed, tmp_path: Path
) -> None:
    lines, ran = tmp_path / "lines", tmp_path / "ran"
    lines.write_text("".join(f"echo {number} >> {shlex.quote(str(ran))}\n" for number in range(20)))
    words = ["--stream", "ids", "--from", f"tail -n +1 -f {shlex.quote(str(lines))}"]
    fed.serve(*words)
    fed.join("alice")
    fed.join("bob")
    # Whoever has a journal waits for a server that is away. All runs although more may come.
    wait_until(lambda: all(any(one.folder.glob("runs/*/*/journal.*.jsonl")) for one in fed.hosts.values()), 60)
    wait_until(lambda: fed.done("alice") + fed.done("bob") == 20, 60)
    os.kill(fed.home.python(fed.serving), signal.SIGKILL)
    fed.serving.wait()
    with lines.open("a") as file:
        file.writelines(f"echo {number} >> {shlex.quote(str(ran))}\n" for number in range(20, 40))
    fed.serve("--stream", "ids", "--from", f"cat {shlex.quote(str(lines))}")
    for one in fed.processes.values():
        fed.ended(one)
    assert "40 done, 0 failed, 0 to do" in fed.ended(fed.serving)
    assert sorted(map(int, ran.read_text().split())) == list(range(40))
    told = merged(fed)
    assert "complete: 40 of 40 jobs, each counted once" in told
    assert f"certificate {fed.home.call('report', '--json').json['certificate']}" in told
    # Its journals say how many there are: without them it is not known that nothing is missing.
    journals = [
        one for one in fed.home.folder.glob("runs/*/*/machines/*/journal.*.jsonl") if b'"sealed":40' in one.read_bytes()
    ]
    assert journals
    for one in journals:
        whole = one.read_bytes().splitlines(keepends=True)
        one.write_bytes(b"".join(line for line in whole if not line.startswith(b'{"sealed"')))
    assert "was not closed" in fed.home.call("merge-results", code=1).err


def test_other_lines_in_the_place_of_those_that_have_come_are_refused(fed: Fed) -> None:
    fed.serve("--stream", "ids", "--from", "echo true")
    fed.join("alice")
    fed.ended(fed.processes["alice"])
    fed.ended(fed.serving)
    fed.serving = fed.home.spawn("serve", "--port", "0", "--dead", "6s", "--stream", "ids", "--from", "echo true")
    assert "1 done" in fed.ended(fed.serving)


def test_a_command_that_fails_ends_the_run_and_the_next_call_goes_on(fed: Fed) -> None:
    fed.serve("--stream", "ids", "--from", "echo true; until [ -e go ]; do sleep 0.05; done; exit 3")
    fed.join("alice")
    wait_until(lambda: fed.done("alice") == 1, 30)
    fed.home.write("go", "")
    assert "all hosts halt" in fed.ended(fed.processes["alice"])
    fed.ended(fed.serving, 1)
    fed.serve("--stream", "ids", "--from", "echo true; echo test 1")
    fed.join("bob")
    fed.ended(fed.processes["bob"])
    assert "2 done, 0 failed" in fed.ended(fed.serving)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--stream", "x", "jobs.txt"], "is a list"),
        (["--stream", "a/b"], "has a slash"),
        (["-", "--from", "ls"], "named as well"),
        (["--stream", "x", "-", "-0"], "a job of a stream is a line"),
    ],
)
def test_what_cannot_be_meant_is_refused(fed: Fed, words: list[str], told: str) -> None:
    assert told in fed.home.call("serve", "--port", "0", *words, code=2).err


def test_a_program_submits_and_is_told_what_became_of_each(fed: Fed) -> None:
    fed.serve("--stream", "jobs")
    fed.join("alice")
    with Feed(fed.address, fed.token) as feed:
        futures: list[Any] = feed.map([f"exit {number % 3}" for number in range(30)])
        feed.sync()
        assert [one.result().exit for one in futures] == [number % 3 for number in range(30)]
        assert [one.result().job for one in futures] == list(range(30))
        assert [one.result().given for one in futures[:2]] == ["exit 0", "exit 1"]
        seen = {feed.wait_one() for _ in futures}
        assert seen == set(futures)
        assert feed.wait_one() is None
        with pytest.raises(RuntimeError, match=r"the lines:4: 1 job before this barrier failed"):
            feed.lines(["true", "#SHAREOUT BARRIER CHECK", "false", "#SHAREOUT BARRIER CHECK", "touch behind"])
        feed.end()
        with pytest.raises(RuntimeError, match="has ended"):
            feed.submit("true")
    fed.ended(fed.processes["alice"], 1)
    assert "11 done, 21 failed, 0 to do" in fed.ended(fed.serving, 1)


def test_the_example_has_the_calls_of_disbatch_and_their_reports(fed: Fed) -> None:
    fed.serve("--stream", "tasks")
    fed.join("alice")
    sys.path.insert(0, str(EXAMPLES))
    try:
        from disbatcher import DisBatcher  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(EXAMPLES))
    batcher = DisBatcher(fed.address, str(fed.token))
    # As there, also several lines at once, with directives that hold on.
    assert batcher.submit("exit 0\nexit 1\n#DISBATCH REPEAT 1 start 2 exit $DISBATCH_REPEAT_INDEX") == 3
    batcher.submit("#DISBATCH PREFIX echo out; exit \n0")
    assert [batcher.submit(f"{number}") for number in (1, 2)] == [5, 6]
    reports = batcher.syncTasks(range(6))
    assert [reports[number]["ReturnCode"] for number in range(6)] == [0, 1, 2, 0, 1, 2]
    assert list(reports[4]) == DISBATCHS
    told = {name: reports[4][name] for name in ("Flags", "TaskId", "Host", "OutBytes", "TaskCmd")}
    assert told == {"Flags": "RO  ", "TaskId": 4, "Host": "alice", "OutBytes": 4, "TaskCmd": "echo out; exit 1"}
    assert {batcher.wait_one_task()["TaskId"] for _ in range(6)} == set(range(6))
    assert batcher.wait_one_task() is None
    batcher.done()
    fed.ended(fed.processes["alice"], 1)
    fed.ended(fed.serving, 1)
