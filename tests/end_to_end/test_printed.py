"""What jobs print, stream by stream: a hash in the record, a word in the log, and where `run` was asked to put it."""

from __future__ import annotations

import gzip
import json

import pytest
from blake3 import blake3

from kit.program import Machine

LARGE = "x" * 99_999
PRINTED = [
    (b"both\n", b"on err\n"),
    (b"from C", b"from C too"),
    (b"of a child\n", b"of a child, on err\n"),
    (f"{LARGE}\n".encode(), b"short\n"),
    (b"before it fails\n", b""),
    (b"no end of line", b""),
    (b"", b"only here\n"),
    (b"", b""),
    (b"\xff\x00odd\r\n", b"\x1b[31mred\n"),
]
FAILS = 4
SCRIPT = f"""\
import os, subprocess, sys
from shareout import run

def job(n):
    if n == 0:
        print("both")
        print("on err", file=sys.stderr)
    if n == 1:
        os.write(1, b"from C")
        os.write(2, b"from C too")
    if n == 2:
        subprocess.run(["sh", "-c", "echo of a child; echo of a child, on err >&2"])
    if n == 3:
        print("x" * {len(LARGE)})
        print("short", file=sys.stderr)
    if n == 4:
        print("before it fails")
        raise ValueError(n)
    if n == 5:
        print("no end of line", end="")
    if n == 6:
        os.write(2, b"only here\\n")
    if n == 8:
        sys.stdout.buffer.write(b"\\xff\\0odd\\r\\n")
        sys.stderr.buffer.write(b"\\x1b[31mred\\n")

if __name__ == "__main__":
    run(job)
"""
LINES = (
    "echo both; echo on err >&2",
    "printf 'from C'; printf 'from C too' >&2",
    "sh -c 'echo of a child; echo of a child, on err >&2'",
    f"head -c {len(LARGE)} /dev/zero | tr '\\0' x; echo; echo short >&2",
    "echo before it fails; exit 1",
    "printf 'no end of line'",
    "echo only here >&2",
    "true",
    r"printf '\377\000odd\r\n'; printf '\033[31mred\n' >&2",
)


@pytest.fixture(params=["command", "python"])
def made(here: Machine, request: pytest.FixtureRequest) -> Machine:
    if request.param == "command":
        return here.jobs(*LINES)
    here.write("configs/jobs.grid.json", json.dumps({"n": {"stop": len(PRINTED)}}))
    return here.script(SCRIPT)


def imprint(data: bytes) -> list[object] | None:
    return [len(data), blake3(data).hexdigest()[:32]] if data else None


def test_each_stream_has_its_hash_in_the_record_its_word_in_the_log_and_its_place_on_the_screen(made: Machine) -> None:
    told = made.run("--tagstring", "", "--slots", "1", code=1)
    records = {one["job"]: (one.get("out"), one.get("err")) for one in made.records()}
    assert records == {job: (imprint(out), imprint(err)) for job, (out, err) in enumerate(PRINTED)}
    log = made.log()
    for line in ("job=0 try=1 out both", "job=0 try=1 err on err", "job=1 try=1 err from C too", f"out {LARGE}"):
        assert f"{line}\n" in log
    assert r"job=8 try=1 err \x1b[31mred" in log
    assert {"both", "from C", "of a child", LARGE, "no end of line"} <= set(told.out.splitlines())
    assert {"on err", "of a child, on err", "short", "only here"} <= set(told.err.splitlines())
    assert "err" not in told.out


def test_results_are_a_file_for_each_stream(here: Machine) -> None:
    here.jobs(*LINES).run("--results", "res", "--quiet", code=1)
    files = {path.name: path.read_bytes() for path in (here.folder / "res" / "0").iterdir()}
    wanted = {f"{job}.out": out for job, (out, _) in enumerate(PRINTED)}
    wanted |= {f"{job}.err": err for job, (_, err) in enumerate(PRINTED)}
    assert files == {name: data for name, data in wanted.items() if data}


def test_the_merged_log_gives_one_stream_or_what_was_logged(made: Machine) -> None:
    made.run("--quiet", code=1)
    streams = {
        stream: {line.split(" ", 5)[4] for line in made.call("merge-logs", "--stream", stream).out.splitlines()}
        for stream in ("out", "err")
    }
    assert streams == {"out": {"out"}, "err": {"err"}}
    logged = made.call("merge-logs", "--stream", "log").out
    assert "ERROR" in logged
    assert " out " not in logged
    both = made.call("merge-logs", "--stream", "out", "--stream", "err", "--job", "0", "--level", "INFO").out
    assert [line.split(" ", 4)[4] for line in both.splitlines()] == ["out both", "err on err"]
    assert made.call("merge-logs", "--level", "WARNING", "--job", "0").out == ""


def test_what_is_shown_of_a_job_tells_what_it_printed_by_its_hash(made: Machine) -> None:
    made.run("--quiet", code=1)
    [one] = made.call("show", "0", "--json").json
    assert one["output"] == "both\non err"
    assert one["attempts"][0]["out"] == {"bytes": 5, "blake3": blake3(b"both\n").hexdigest()[:32]}
    [silent] = made.call("show", "7", "--json").json
    assert (silent["attempts"][0]["out"], silent["attempts"][0]["err"]) == (None, None)
    told = made.call("show", "0", "4", "6").out
    assert "  output:\n    both\n  standard error:\n    on err\njob 4" in told
    assert "  output:\n    before it fails\n    ERROR " in told
    assert told.endswith("  standard error:\n    only here\n")


def test_a_later_try_leaves_nothing_of_an_earlier_one_in_its_results(here: Machine) -> None:
    """Neither of its other stream."""
    here.jobs("test -e again || { touch again; echo first; echo first >&2; exit 1; }; echo second >&2")
    here.run("--quiet", "--retries", "1", "--results", "res")
    assert {path.name: path.read_text() for path in (here.folder / "res" / "0").iterdir()} == {"0.err": "second\n"}
    first, second = here.records()
    assert (first["out"], first["err"]) == (imprint(b"first\n"), imprint(b"first\n"))
    assert (second.get("out"), second["err"]) == (None, imprint(b"second\n"))


def test_what_a_job_leaves_running_prints_into_no_other_jobs_hash(here: Machine) -> None:
    """It is ended before its job's record is told, and so before the next job begins."""
    here.write("configs/jobs.grid.json", json.dumps({"n": {"stop": 40}}))
    here.script(
        "import subprocess\nfrom shareout import run\n"
        "def job(n):\n"
        "    subprocess.Popen(['sh', '-c', 'while :; do echo noise >&2; done'])\n"
        "    print(n)\n"
        "if __name__ == '__main__': run(job)\n"
    )
    here.run("--quiet", "--slots", "1")
    assert {one["job"]: one["out"] for one in here.records()} == {n: imprint(b"%d\n" % n) for n in range(40)}


def test_outputs_that_wait_for_their_turn_keep_their_streams(here: Machine) -> None:
    here.jobs(
        "while [ ! -e go ]; do sleep 0.01; done; echo 0; echo zero >&2",
        "echo 1; echo one >&2",
        "echo 2; echo two >&2; touch go",
    )
    told = here.run("configs/jobs.txt", "-j", "2", "-k", "--order", "given", "--tagstring", "", "--quiet")
    assert told.out == "0\n1\n2\n"
    assert told.err == "zero\none\ntwo\n"


def test_what_stood_in_both_files_when_a_run_was_killed_comes_into_the_log_by_streams(here: Machine) -> None:
    here.jobs("true").run("--quiet")
    slots = here.run_folder / "slots"
    for name, text in (("0.out", "left\n"), ("0.err", "left, on err\n"), ("5-2-err-12.aside", "of five\n")):
        (slots / name).write_text(text)
    here.call("requeue", "--all")
    here.run("--quiet")
    log = here.log()
    for line in ("job=- out left", "job=- err left, on err", "job=5 try=2 err of five"):
        assert f"{line}\n" in log
    assert not list(slots.iterdir())


def test_a_replay_knows_the_same_output_again_without_the_log(here: Machine) -> None:
    here.jobs("echo fine; echo also >&2", "date +%N", "cat changing")
    here.write("changing", "one\n")
    here.run("--quiet")
    for segment in here.run_folder.glob("log-*.gz"):
        segment.write_bytes(gzip.compress(b""))
    assert "its output is the same" in here.call("replay", "0").out
    assert "its output is not the same" in here.call("replay", "1").out
    here.write("changing", "two\n")
    assert here.call("replay", "2", "--json").json["output_same"] is False


def test_what_another_tool_tells_of_outputs_is_sizes_without_a_hash(here: Machine) -> None:
    here.write("Tasks", "echo out\necho err >&2\n")
    here.call("run", "Tasks", "--quiet", "--slots", "1")
    status = here.call("export", "--format", "disbatch").out
    assert [line.split("\t")[0] for line in status.splitlines()] == [" O  ", "  E "]
    other = Machine(here.folder / "again", here.program)
    other.write("Tasks", "echo out\necho err >&2\n")
    other.write("x_status.txt", status)
    other.call("run", "Tasks", "--quiet", "--resume-from", "x_status.txt")
    assert [(one.get("out"), one.get("err")) for one in other.records()] == [([4, ""], None), (None, [4, ""])]
    assert "job=1 try=1 err err\n" in other.log()
    assert other.call("replay", "0", "--json").json["output_same"] is None
