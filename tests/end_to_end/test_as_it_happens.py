"""What jobs print, seen while they run: line by line on the screen, and the last line in the live table."""

from __future__ import annotations

import subprocess

import pytest

from kit.program import Machine
from kit.terminal import Terminal

UNTIL_GO = "for turn in $(seq 2000); do [ -e go ] && break; sleep 0.01; done; [ -e go ] || echo late"


def test_lines_are_shown_as_they_come_and_each_once(here: Machine) -> None:
    """Also of a try that fails, of a large output, and of what is no whole line."""
    here.write(
        "job",
        f"echo first; echo aside >&2; {UNTIL_GO}; seq 20000; printf rest; [ $SHAREOUT_ATTEMPT = 2 ] || exit 1",
    )
    words = ["run", "--template", "sh job {}", "--line-buffer", "--quiet", "--retries", "1", "--arg", "x"]
    run = subprocess.Popen(
        [*here.program, *words], cwd=here.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "0: first\n"
    (here.folder / "go").touch()
    out, err = run.communicate()
    assert run.returncode == 0
    whole = ["0: first", *(f"0: {number}" for number in range(1, 20001)), "0: rest"]
    assert ["0: first", *out.splitlines()] == [*whole, *whole]
    assert err.splitlines() == ["0: aside"] * 2


@pytest.mark.module_only("the lines are the same")
def test_in_order_the_job_whose_turn_it_is_is_shown_as_it_comes(here: Machine) -> None:
    script = f"if [ {{}} = 0 ]; then echo one; {UNTIL_GO}; echo two; else echo {{}}; fi"
    words = ["run", "--template", script, "--line-buffer", "-k", "--quiet", "-j", "2", "--arg", "0", "1", "2"]
    run = subprocess.Popen([*here.program, *words], cwd=here.folder, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert run.stdout.readline() == "0: one\n"
    (here.folder / "go").touch()
    assert run.communicate()[0].splitlines() == ["0: two", "1: 1", "2: 2"]


@pytest.mark.module_only("the lines are the same")
def test_a_python_job_is_shown_as_it_comes(here: Machine) -> None:
    here.write(
        "main.py",
        "import subprocess\nfrom shareout import run\n\ndef job(n):\n    print('one')\n"
        f"    subprocess.run({UNTIL_GO!r}, shell=True, check=True)\n    print('two')\n\n"
        "if __name__ == '__main__':\n    run(job, pool=[(1,)])\n",
    )
    here.program = [here.program[0], "main.py"]
    words = ["run", "--line-buffer", "--quiet", "--machine", "all", "--yes"]
    run = subprocess.Popen([*here.program, *words], cwd=here.folder, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert run.stdout.readline() == "0: one\n"
    (here.folder / "go").touch()
    assert run.communicate()[0].splitlines() == ["0: two"]


@pytest.mark.module_only("the lines are the same")
def test_the_live_table_shows_what_a_running_job_printed_last(here: Machine) -> None:
    long = "true " + "long " * 40
    here.jobs(f"echo before; printf 'step 1\\rstep \\0337 2\\r'; {UNTIL_GO}; {long}", f"echo said >&2; {UNTIL_GO}")
    terminal = Terminal(here, "run", "--machine", "alice", "--yes", columns=60)
    terminal.wait_for("… · step  7 2\r\n")
    terminal.wait_for(" · said\r\n")
    (here.folder / "go").touch()
    assert terminal.end() == 0
    assert all(len(line) < 60 for line in terminal.lines)
