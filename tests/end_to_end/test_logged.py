"""Whatever a job says is in the log, a line a record, also when it dies; and it reads with zcat at any moment."""

from __future__ import annotations

import os
import re
import signal

import pytest

from kit.program import Machine
from kit.wait import wait_until

RECORD = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z alice job=(-|\d+ try=\d+) (out|err|[A-Z]+) .*")

SAYS = """
import logging, os, subprocess, sys, time, warnings
from shareout import run

def job(kind):
    print("said", kind)
    if kind == "log": logging.getLogger("mine").info("two\\nlines"); logging.debug("too low")
    if kind == "warn": warnings.warn("careful", stacklevel=1)
    if kind == "error": print("to stderr", file=sys.stderr)
    if kind == "child": subprocess.run("echo from a child; echo and its errors >&2", shell=True)
    if kind == "raise": raise ValueError("wrong é")
    if kind == "crash": import ctypes; ctypes.string_at(0)
    if kind == "exit": print("y" * 200_000); os._exit(3)
    if kind == "hang": time.sleep(60)

KINDS = ["log", "warn", "error", "child", "raise", "crash", "exit", "hang"]
if __name__ == "__main__":
    run(job, pool=KINDS)
"""


def test_everything_that_a_job_says_is_logged_with_its_id(here: Machine) -> None:
    here.script(SAYS)
    here.write("configs/runner.config", "[logging]\nper_job = yes\n[limits]\ntimeout = 3s\ngrace = 0.2s\n")
    here.run(code=1)
    log = here.log()
    assert all(RECORD.fullmatch(line) for line in log.splitlines())
    said = {kind: [] for kind in ["log", "warn", "error", "child", "raise", "crash", "exit", "hang"]}
    for line in log.splitlines():
        _, _, rest = line.partition(" job=")
        number, _, text = rest.partition(" try=1 ")
        if number.isdigit():
            said[list(said)[int(number)]].append(text)
    for kind, lines in said.items():
        assert f"out said {kind}" in lines
        own = (here.run_folder / "job-logs" / "0" / f"{list(said).index(kind)}.log").read_text()
        assert f"said {kind}" in own
    assert {"INFO two", "INFO lines"} <= set(said["log"])
    assert "too low" not in log
    assert any("UserWarning: careful" in text for text in said["warn"])
    assert "err to stderr" in said["error"]
    assert {"out from a child", "err and its errors"} <= set(said["child"])
    assert "ERROR ValueError: wrong é" in said["raise"]
    assert any("main.py" in text for text in said["raise"]), "the traceback"
    assert "err Fatal Python error: Segmentation fault" in said["crash"]
    assert f"out {'y' * 200_000}" in said["exit"]
    own = (here.run_folder / "job-logs" / "0" / "0.log").read_text()
    assert "INFO two\nlines" in own


def test_a_log_reads_while_it_is_written_and_after_a_kill(here: Machine) -> None:
    here.jobs("echo early", "#SHAREOUT BARRIER", "echo unfinished; touch begun; while [ ! -e go ]; do sleep 0.01; done")
    process = here.start("-j", "1")
    wait_until((here.folder / "begun").exists)
    wait_until(lambda: "out early" in here.log())
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert "job=0 try=1 out early" in here.log()
    (here.folder / "go").touch()
    here.run()
    assert "job=- out unfinished" in here.log(), "what the killed run had not moved is not lost"
    assert "job=1 try=1 out unfinished" in here.log()


@pytest.mark.module_only("memory of the same code")
def test_memory_does_not_grow_with_the_number_of_jobs(here: Machine) -> None:
    """The parent's peak after 10,000 jobs, and after 120,000."""
    peaks = []
    for count in (10_000, 120_000):
        one = Machine(here.folder / str(count)).script(
            "import resource\nfrom shareout import run\n"
            "def job(n): return n\n"
            "def peak(_): open('peak', 'w').write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))\n"
            f"if __name__ == '__main__':\n    run(job, pool=range({count}), teardown=peak)\n"
        )
        one.run("--quiet")
        peaks.append(int((one.folder / "peak").read_text()))
    assert peaks[1] < peaks[0] + 6_000, "in kilobytes"
