"""Programs in any language: rows of JSON to `serve`, and a line of JSON from it as each job ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.fed import Fed
from kit.program import Machine
from kit.wait import wait_until
from shareout.feeding.feed import Feed

pytestmark = pytest.mark.module_only("the plain executable has no part that speaks over a network")

EXAMPLES = Path(__file__).parents[2] / "examples" / "programs"
ROWS = ["serve", "-", "--as", "jsonl", "--port", "0", "--quiet"]
SQUARES = """
from shareout import run

def job(n: int, of: str = "one", *, info):
    return {"of": of, "square": n * n}

if __name__ == "__main__":
    run(job)
"""


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[Fed]:
    made = Fed(tmp_path)
    yield made
    made.end_all()


def give(fed: Fed, *rows: Any) -> None:
    assert fed.serving.stdin is not None
    fed.serving.stdin.write(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    fed.serving.stdin.flush()


def take(fed: Fed, count: int) -> list[dict[str, Any]]:
    assert fed.serving.stdout is not None
    lines = []
    for _ in range(count):
        lines.append(fed.serving.stdout.readline())
        assert lines[-1], fed.ended(fed.serving)
    return sorted(map(json.loads, lines), key=lambda one: one["job"])


def test_a_program_gives_rows_reads_what_became_of_them_and_a_killed_serve_tells_it_all_again(fed: Fed) -> None:
    words = [
        "-",
        "--as",
        "jsonl",
        "--stream",
        "rows",
        "--template",
        "test {size} -lt 3 -a {name} = 'a b'",
        "--outcomes",
    ]
    rows = [{"size": size, "name": "a b"} for size in (1, 5, 2)]
    fed.serve(*words, stdin=subprocess.PIPE)
    fed.join("alice")
    give(fed, *rows)
    first = take(fed, 3)
    assert [one["given"] for one in first] == rows
    assert [(one["state"], one["exit"], one["machine"]) for one in first] == [
        ("done", 0, "alice"), ("failed", 1, "alice"), ("done", 0, "alice"),
    ]  # fmt: skip
    assert all(one["start"] < one["end"] for one in first)
    os.kill(fed.home.python(fed.serving), signal.SIGKILL)
    fed.serving.wait()
    fed.serve(*words, stdin=subprocess.PIPE)
    # Its lines come again, and it is told of them again, by the same times: none of them has run twice.
    give(fed, *rows, {"size": 0, "name": "a b"})
    assert take(fed, 4)[:3] == first
    assert fed.serving.stdin is not None
    fed.serving.stdin.close()
    fed.serving.stdin = None
    fed.ended(fed.processes["alice"], 1)
    assert "3 done, 1 failed, 0 to do" in fed.ended(fed.serving, 1)


def test_who_does_not_read_holds_nothing_up(fed: Fed) -> None:
    count = 600
    fed.serve("--from", f"seq -f true\\ %g {count}", "--outcomes")
    fed.join("alice")
    # More than a pipe has room for: nobody has read yet.
    wait_until(lambda: fed.done("alice") == count, 60)
    told = take(fed, count)
    assert [one["given"] for one in told] == [f"true {number}" for number in range(1, count + 1)]
    fed.ended(fed.processes["alice"])
    fed.ended(fed.serving)


def test_a_list_is_told_of_as_well_and_its_reader_may_leave(fed: Fed) -> None:
    fed.home.write("list", "true\nfalse\n")
    fed.serve("list", "--outcomes")
    fed.join("alice")
    assert [(one["given"], one["state"]) for one in take(fed, 2)] == [("true", "done"), ("false", "failed")]
    fed.ended(fed.processes["alice"], 1)
    fed.ended(fed.serving, 1)
    left = fed.home.spawn("serve", "list", "--outcomes", "--port", "0", "--quiet")
    assert left.stdout is not None
    left.stdout.close()
    left.stdout = None
    assert left.communicate(timeout=60)[1] == b""
    assert left.returncode == 74


def test_a_function_of_ours_is_called_by_rows_of_a_pipe_and_of_a_feed(fed: Fed) -> None:
    fed.program(fed.home, SQUARES)
    fed.serve("-", "--as", "jsonl", "--outcomes", stdin=subprocess.PIPE)
    fed.join("alice", SQUARES)
    give(fed, [3], {"n": 4, "of": "two"}, 5)
    told = take(fed, 3)
    assert [one["result"] for one in told] == [
        {"of": "one", "square": 9}, {"of": "two", "square": 16}, {"of": "one", "square": 25},
    ]  # fmt: skip
    with Feed(fed.address, fed.token) as feed:
        given: list[Any] = [feed.submit({"n": 6}), feed.submit([7, "three"]), feed.submit("no row"), feed.submit([])]
        feed.sync()
        assert [one.result().state for one in given] == ["done", "done", "failed", "failed"]
        assert given[1].result().result == {"of": "three", "square": 49}
        assert given[1].result().machine == "alice"
        assert "is not JSON" in str(given[2].result().error)
        feed.end()
    fed.ended(fed.processes["alice"], 1)
    fed.ended(fed.serving, 1)


def test_a_line_is_the_one_argument_of_a_function(fed: Fed) -> None:
    fed.program(fed.home, SQUARES)
    fed.serve("--from", "seq 3; echo four", "--outcomes")
    fed.join("alice", SQUARES)
    told = take(fed, 4)
    assert [one["result"] and one["result"]["square"] for one in told] == [1, 4, 9, None]
    assert '"four" is not' in told[3]["error"]
    fed.ended(fed.processes["alice"], 1)
    fed.ended(fed.serving, 1)


@pytest.mark.parametrize(
    ("line", "words", "told"),
    [
        ("{no", ["--template", "true {a}"], "standard input:2: is not JSON"),
        ('{"a": 1, "a": 2}', ["--template", "true {a}"], 'standard input:2: the key "a" is given twice'),
        ("[NaN]", ["--template", "true {1}"], "standard input:2: NaN is not JSON"),
        ('{"b": 1}', ["--template", "true {a}"], "standard input:2: has no field a"),
        ("[1, 2]", [], "standard input:2: is a row of several values, and no --template"),
        ("[" * 100_000, [], "standard input:2: brackets are nested too deeply"),
    ],
)
def test_a_line_that_can_be_no_job_is_refused_with_its_number(
    here: Machine, line: str, words: list[str], told: str
) -> None:
    first = '{"a": 1}' if words else "1"
    told_all = here.call(*ROWS, *words, code=2, stdin=f"{first}\n{line}\n".encode()).err
    assert told in told_all
    assert "Mend it, and serve again." in told_all


def test_the_example_decides_by_what_it_is_told(here: Machine) -> None:
    beside = here.folder / "bin" / "shareout"
    beside.parent.mkdir()
    beside.write_text(f'#!/bin/sh\nexec {" ".join(here.program)} "$@"\n')
    beside.chmod(0o755)
    done = subprocess.run(
        ["node", str(EXAMPLES / "pipe.mjs"), "--port", "0"],
        env={**os.environ, "PATH": f"{beside.parent}:{os.environ['PATH']}"},
        cwd=here.folder,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert sorted(done.stdout.splitlines()) == ["0 1 done", "1 2 done", "2 9 failed", "3 4 failed", "4 2 done"]
    assert done.returncode == 0
