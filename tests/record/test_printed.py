"""What a job printed is handed on as it is read: of a hundred megabytes never more than a little is in memory."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from kit.journals import run_folder
from kit.program import Machine
from shareout.record.logs.printed import STEP, printed_by
from shareout.record.tallies.durations import Durations

MEGABYTES = 24
# The program itself takes some 30 MB.
MOST = 80 << 20


@pytest.mark.parametrize("alone", [False, True], ids=["in the log", "in a log of its own"])
def test_showing_a_great_output_takes_little_memory(tmp_path: Path, alone: bool) -> None:
    here = Machine(tmp_path)
    here.jobs(f"yes {'x' * 99} | head -n {(MEGABYTES << 20) // 99}")
    here.write("configs/runner.config", f"[logging]\nper_job = {str(alone).lower()}\n")
    here.run("--quiet")
    # Not by getrusage: what it tells begins with the memory of the process that started this one.
    measured = (
        "import re, runpy, sys; sys.argv = ['shareout', *sys.argv[1:]]\n"
        "try: runpy.run_module('shareout', run_name='__main__')\n"
        "finally: print(re.search('VmHWM:\\\\s+(\\\\d+)', open('/proc/self/status').read())[1], file=sys.stderr)\n"
    )
    here.program = [sys.executable, "-c", measured]
    for form in ([], ["--json"]):
        told = here.call("show", "0", *form)
        assert int(told.err.split()[-1]) << 10 < MOST
        assert told.out.count("x" * 99) >= (MEGABYTES << 20) // 99
    (facts,) = json.loads(told.out)
    assert facts["output"] == facts["outputs"][0]["text"]


def test_a_log_of_its_own_is_given_byte_by_byte_but_for_its_last_newline(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "alice")
    for data in (
        b"",
        b"a",
        b"a\n",
        b"a\n\n",
        "é".encode() * STEP,
        b"\xff\n",
        b"x" * (STEP - 1) + b"\n" + b"y",
        b"\xc3",
    ):
        folder.job_log(3).parent.mkdir(parents=True, exist_ok=True)
        folder.job_log(3).write_bytes(data)
        (one,) = printed_by(3, [folder], print)
        assert "".join(one.pieces) == data.decode("utf-8", "backslashreplace").removesuffix("\n")


def test_no_percentile_is_beyond_what_there_was() -> None:
    durations = Durations()
    for seconds in (1.0, 1.003, 1.006):
        durations.add(seconds)
    for percent in (0, 10, 50, 90, 99, 100):
        assert 1.0 <= durations.percentile(percent) <= 1.006
    other = Durations()
    other.add(7.0)
    durations.merge(other)
    assert 1.006 < durations.percentile(100) <= 7.0
    assert Durations.of(durations.facts()) == durations
