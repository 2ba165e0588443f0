"""A merged table has what people ran for: a job's inputs, what it printed, when and where it ran, and who failed."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kit.program import Machine

TWO = '{"alice": [1, 2], "bob": [1, 1]}'
SCRIPT = """
from shareout import run
def job(alpha: float, n: int):
    print("at", alpha)
    return alpha * n
if __name__ == "__main__":
    run(job)
"""


def table(here: Machine, *words: str, code: int | None = 0) -> list[list[str]]:
    """What `-o -` prints, as rows."""
    told = here.call("merge-results", "-o", "-", *words, code=code)
    return list(csv.reader(io.StringIO(told.out, newline=""), strict=True))


def whole(here: Machine, *machines: str) -> Machine:
    for name in machines or ("alice",):
        here.run("--quiet", machine=name, code=None)
    return here


def test_of_commands_the_line_and_what_it_printed_come_by_themselves(here: Machine) -> None:
    whole(here.jobs("echo one", "echo two; echo no >&2", "true", machines=TWO), "alice", "bob")
    head, *rows = table(here)
    assert head == ["job", "line", "exit", "stdout"]
    assert rows == [["0", "echo one", "0", "one"], ["1", "echo two; echo no >&2", "0", "two"], ["2", "true", "0", ""]]


def test_of_a_python_job_its_inputs_come_by_themselves(here: Machine) -> None:
    here.write("configs/jobs.csv", "alpha,n\n0.5,3\n2,4\n")
    whole(here.script(SCRIPT))
    assert table(here) == [["job", "alpha", "n", "result"], ["0", "0.5", "3", "1.5"], ["1", "2.0", "4", "8.0"]]
    assert table(here, "--columns", "stdout,n") == [["job", "stdout", "n"], ["0", "at 0.5", "3"], ["1", "at 2.0", "4"]]
    assert table(here, "--columns", "result") == [["job", "result"], ["0", "1.5"], ["1", "8.0"]]


@pytest.mark.module_only("which columns are asked for is decided by the same code")
def test_groups_add_and_names_pick(here: Machine) -> None:
    whole(here.jobs("echo one"))
    times = ["run_start", "start", "duration", "end"]
    printed, where = ["stdout", "stderr"], ["machine", "attempt", "slot"]
    assert table(here, "--columns", "all")[0] == ["job", "line", "exit", *printed, *where, *times]
    assert table(here, "--columns", "times")[0] == ["job", "exit", *times]
    assert table(here, "--columns", "duration", "--columns", "line")[0] == ["job", "duration", "line"]
    told = here.call("merge-results", "-o", "t.csv", "--columns", "stdot", code=2)
    assert 'there is no column "stdot" (did you mean "stdout"?)' in told.err
    assert not (here.folder / "t.csv").exists()
    assert "twice" in here.call("merge-results", "-o", "-", "--columns", "line,line", code=2).err


@pytest.mark.module_only("a setting is read by the same code")
def test_the_settings_say_what_the_table_has(here: Machine) -> None:
    whole(here.jobs("echo one"))
    proof = here.call("merge-results", "--json").json
    here.write("configs/runner.config", "[results]\ntable = stdout, machine\n")
    assert table(here) == [["job", "stdout", "machine"], ["0", "one", "alice"]]
    assert table(here, "--columns", "result") == [["job", "exit"], ["0", "0"]]
    assert here.call("merge-results", "--json").json["certificate"] == proof["certificate"], "it is no part of the work"


def test_what_was_printed_is_there_byte_for_byte(here: Machine) -> None:
    """Also what the log does not show as it is: control characters, CRLF, a line without an end, backslashes."""
    texts = ["a\tb", "x\n\n", "10%\r50%\rdone\n", "\x1b[1mbold\x1b[0m\r\n", "\\x1b and \\\\", "é\u0085", "no end", "\n"]
    here.write("print.py", "import sys; sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))")
    lines = [f"python3 print.py {text.encode().hex()}" for text in texts]
    whole(here.jobs(*lines, "python3 print.py fffe00"))
    rows = table(here)
    assert rows[0] == ["job", "line", "exit", "stdout", "stdout_base64"]
    for row, text in zip(rows[1:], texts, strict=False):
        assert row[3] == text.removesuffix("\n").removesuffix("\r")
    assert base64.b64decode(rows[-1][4]) == b"\xff\xfe\0"
    assert rows[-1][3] == ""
    told = here.call("merge-results", "-o", "t.jsonl")
    assert "stdout is no UTF-8, and stands as base64 in stdout_base64: 1 job (8)" in told.err


@pytest.mark.module_only("what is large is decided by the same code")
def test_large_outputs_are_there_for_who_asks(here: Machine) -> None:
    """Also larger than what is held in memory at once, among others, and packed."""
    whole(here.jobs("echo small", "seq 1 400000", "head -c 3000000 /dev/zero | tr '\\0' x", "echo last"))
    told = here.call("merge-results", "-o", "t.csv")
    assert "some jobs printed more than 64 KiB: `--columns inputs,outputs` has what they printed" in told.err
    assert (here.folder / "t.csv").read_text().splitlines()[:2] == ["job,line,exit", "0,echo small,0"]
    here.call("merge-results", "-o", "t.jsonl.gz", "--columns", "inputs,outputs")
    with gzip.open(here.folder / "t.jsonl.gz") as file:
        rows = [json.loads(line) for line in file]
    assert [len(row["stdout"]) for row in rows] == [5, 2688894, 3000000, 4]
    assert rows[1]["stdout"] == "\n".join(map(str, range(1, 400001)))
    told = here.call("merge-results", "-o", "t.jsonl", "--stdout", "number")
    assert "64 KiB" not in told.err, "who says how it is read wants it"
    assert "stdout is no number, and stands as text: 4 jobs (0, 1, 2, 3)" in told.err
    assert (here.folder / "t.jsonl").read_text().splitlines()[0].endswith('"exit":0,"stdout":"small"}')


@pytest.mark.module_only("what a text is read as is decided by the same code")
def test_what_was_printed_becomes_columns(here: Machine) -> None:
    whole(here.jobs('echo \'{"a": 1, "b": [1, 2.5]}\'', "echo '[3, 4]'", "echo 7", "echo none"))
    told = here.call("merge-results", "-o", "t.jsonl", "--stdout", "json", "--columns", "stdout")
    assert "stdout is no JSON, and stands as text: 1 job (3)" in told.err
    assert [json.loads(line) for line in (here.folder / "t.jsonl").read_text().splitlines()] == [
        {"job": 0, "a": 1, "b": [1, 2.5]},
        {"job": 1, "stdout": 3, "stdout_2": 4},
        {"job": 2, "stdout": 7, "stdout_2": None},
        {"job": 3, "stdout": "none", "stdout_2": None},
    ]
    here.call("merge-results", "-o", "n.jsonl", "--stdout", "number", "--columns", "stdout")
    assert '{"job":2,"stdout":7}' in (here.folder / "n.jsonl").read_text()


@pytest.mark.module_only("what a text is read as is decided by the same code")
def test_lines_of_csv_become_columns_with_the_names_that_stand_before_them(here: Machine) -> None:
    whole(here.jobs("echo 1,x", "echo 2.5,y", "printf 'p,q\\n007,4\\n'"))
    assert table(here, "--stdout", "csv", "--columns", "stdout") == [
        ["job", "stdout", "stdout_2", "p", "q"], ["0", "1", "x", "", ""], ["1", "2.5", "y", "", ""],
        ["2", "", "", "007", "4"],
    ]  # fmt: skip


def test_rows_of_jobs_that_failed_or_are_missing(here: Machine) -> None:
    whole(here.jobs("echo a", "echo b; exit 3", "echo c", "kill -9 $$", machines=TWO))
    ended = {str(record["job"]): record["state"] for record in here.records()}
    head, *rows = table(here, "--rows", "done,failed,missing", code=1)
    assert head == ["job", "line", "exit", "state", "error", "stdout"]
    assert [row[0] for row in rows] == ["0", "1", "2", "3"]
    for row in rows:
        state = ended.get(row[0], "missing")
        assert row[3] == state
        if state == "failed":
            assert row[4]
            assert row[2] == ("3" if row[0] == "1" else "137")
    failed = [row for row in rows if row[3] == "failed"]
    assert table(here, "--rows", "failed", code=1)[1:] == failed
    assert table(here, "--rows", "missing", code=1)[1:] == [row for row in rows if row[3] == "missing"]
    assert (
        'no rows "faild" (did you mean "failed"?)'
        in here.call("merge-results", "-o", "-", "--rows", "faild", code=2).err
    )


@pytest.mark.module_only("the same code")
def test_missing_jobs_of_a_great_pool_come_one_after_the_other(here: Machine) -> None:
    here.write("configs/jobs.grid.json", '{"n": {"stop": 200000}}')
    here.script("from shareout import run\ndef job(n):\n    return n\nif __name__ == '__main__':\n    run(job)\n")
    here.run("--quiet", "-n", "50", code=None)
    rows = table(here, "--rows", "done,missing", code=1)
    assert rows[0] == ["job", "n", "result", "state", "error"]
    assert [row[0] for row in rows[1:]] == [str(job) for job in range(200000)]
    assert sum(row[3] == "done" for row in rows) == 50


def test_two_hashes_that_do_not_depend_on_the_machines(here: Machine, tmp_path: Path) -> None:
    def hashes(name: str, machines: str, *lines: str) -> tuple[str, str]:
        there = Machine(tmp_path / name, program=here.program)
        whole(there.jobs(*lines, machines=machines), *json.loads(machines))
        facts = there.call("merge-results", "--json").json
        return facts["certificate"], facts["outputs"]

    lines = ["echo one", "echo two >&2", "true"]
    alone, both = hashes("a", '{"alice": [1, 1]}', *lines), hashes("b", TWO, *lines)
    assert alone == both
    told = Machine(tmp_path / "a", program=here.program).call("merge-results").out
    assert f"certificate {alone[0]}\noutputs     {alone[1]}\n" in told


@pytest.mark.module_only("which record counts is decided by the same code")
def test_two_records_that_printed_different_things_are_told_and_do_not_disagree(here: Machine) -> None:
    here.write("configs/runner.config", "[run]\naudit = 100%\n")
    whole(here.jobs("echo $SHAREOUT_MACHINE", "echo same", machines=TWO), "alice", "bob")
    told = here.call("merge-results")
    assert (
        "what 1 job printed differs from one time to the other (0); that of the first that finished counts" in told.err
    )
    assert here.call("merge-results", "--json").json["outputs_differ"] == 1


@pytest.mark.module_only("a form of table is the same code")
def test_types_stay_and_excel_finds_its_mark(here: Machine) -> None:
    here.write("configs/jobs.csv", "alpha,n\n0.5,3\n2,4\n")
    whole(here.script(SCRIPT))
    here.call("merge-results", "-o", "t.sqlite", "--columns", "inputs,times")
    with closing(sqlite3.connect(here.folder / "t.sqlite")) as base:
        types = {name: kind.lower() for _, name, kind, *_ in base.execute("pragma table_info(results)")}
        rows: list[Any] = base.execute("select alpha, n, result from results").fetchall()
    assert (types["alpha"], types["n"], types["start"]) == ("real", "integer", "text")
    assert rows == [(0.5, 3, 1.5), (2.0, 4, 8.0)]
    here.call("merge-results", "-o", "t.csv", "--bom")
    assert (here.folder / "t.csv").read_bytes().startswith(b"\xef\xbb\xbfjob,alpha")
    assert "--bom is for a CSV" in here.call("merge-results", "-o", "t.jsonl", "--bom", code=2).err


@pytest.mark.module_only("the inputs are found by the same code")
def test_without_the_inputs_the_table_says_so(here: Machine, tmp_path: Path) -> None:
    whole(here.jobs("echo one"))
    there = Machine(tmp_path / "home", program=here.program)
    there.folder.mkdir()
    for one in here.folder.glob("runs/*/*/call.json"):
        one.unlink()
    (here.folder / "runs").rename(there.folder / "runs")
    told = there.call("merge-results", "-o", "t.csv")
    assert "the inputs are not at hand" in told.err
    assert (there.folder / "t.csv").read_text() == "job,exit,stdout\n0,0,one\n"
    there.call("merge-results", "-o", "t.csv", "--columns", "inputs", code=2)
    there.call("merge-results", "-o", "t.csv", "--configs", str(here.folder / "configs"))
    assert (there.folder / "t.csv").read_text() == "job,line,exit,stdout\n0,echo one,0,one\n"


@pytest.mark.module_only("columns of a line are the same code")
def test_a_line_that_is_taken_apart_has_its_columns(here: Machine) -> None:
    here.write("configs/runner.config", "[commands]\ntemplate = echo {2}\ncolsep = ,\n")
    whole(here.jobs("a,b", "c,d,e"))
    assert table(here) == [
        ["job", "line", "column_1", "column_2", "column_3", "exit", "stdout"],
        ["0", "a,b", "a", "b", "", "0", "b"], ["1", "c,d,e", "c", "d", "e", "0", "d"],
    ]  # fmt: skip


@pytest.mark.module_only("a form of table is the same code")
def test_inputs_before_simple_results_are_the_cells_that_they_are_one_by_one(here: Machine) -> None:
    """Put together as text, or cell by cell: the same bytes."""
    texts = ['"a,b"', "plain", '"quo""ted"', "é", '"two\nlines"', '""']
    here.write("configs/jobs.csv", "text,n\n" + "".join(f"{text},{n}\n" for n, text in enumerate(texts)))
    here.script(
        "from shareout import run\ndef job(text: str, n: int):\n    return n / 4, 'word', None\n"
        "if __name__ == '__main__':\n    run(job)\n"
    )
    here.run("--quiet")
    fast = here.call("merge-results", "-o", "-").out
    names = ["text", "n", "result", "result_2", "result_3"]
    # By names it goes cell by cell.
    assert fast == here.call("merge-results", "-o", "-", "--columns", "text,n,result").out
    rows = list(csv.reader(io.StringIO(fast, newline=""), strict=True))
    assert rows[0] == ["job", *names]
    assert [row[1] for row in rows[1:]] == ["a,b", "plain", 'quo"ted', "é", "two\nlines", ""]
    assert rows[3][2:] == ["2", "0.5", "word", ""]
