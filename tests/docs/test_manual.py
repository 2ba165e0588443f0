"""Commands, flags and exit codes as pages: made from the program's own tables, and found by a word."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

from kit.program import Machine
from shareout.cli import BUG, COMMANDS, manual
from shareout.edges import code_after
from shareout.errors import ShareoutError

DOCS = Path(__file__).parents[2] / "docs"
MAKE = "write them anew: .venv/bin/python -m shareout.cli.manual"


def test_the_pages_are_current() -> None:
    assert (DOCS / "commands.md").read_text() == manual.page(), MAKE
    assert (DOCS / "shareout.1").read_text() == manual.man_page(), MAKE


def test_every_exit_code_is_told() -> None:
    of_errors = {kind.exit_code for kind in ShareoutError.__subclasses__()}
    assert set(manual.EXIT_CODES) == {0, *of_errors, BUG, code_after(signal.SIGINT), code_after(signal.SIGTERM)}


def test_man_shows_its_page_without_a_complaint() -> None:
    call = ["groff", "-Kutf8", "-man", "-Tutf8", "-wall", str(DOCS / "shareout.1")]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    # A hyphen that is to be copied is shown as a minus, where nothing says otherwise.
    shown = re.sub(r".\x08|\x1b\[[\d;]*m", "", done.stdout).replace("\u2212", "-")
    assert all(f"   {command}\n" in shown for command in COMMANDS)
    assert "--keep-order" in shown


def test_help_finds_what_is_about_a_word(here: Machine) -> None:
    told = here.call("help", "timeout").out
    assert "run --timeout TIME: a job's time" in told
    assert "[limits] timeout = " in told
    assert here.call("help", "--timeout").out == told
    assert "exit code 74" in here.call("help", "74").out
    assert here.call("help", "plan").out == here.call("plan", "--help").out
    assert '(did you mean "merge"?)' in here.call("help", "mergee", code=2).err
