"""What was others' text cannot steer a terminal."""

from __future__ import annotations

from kit.program import Machine
from kit.terminal import Terminal
from shareout.safe import safe

NASTY = "\x1b]0;owned\x07 \x1b[2J \x9b31m \u202eabc"


def test_everything_that_steers_a_terminal_is_shown_escaped_and_the_rest_left_alone() -> None:
    assert safe(NASTY) == "\\x1b]0;owned\\x07 \\x1b[2J \\x9b31m \\u202eabc"
    assert safe("ü — 漢\tx\n") == "ü — 漢\tx\n"


def test_what_a_job_printed_reaches_a_terminal_escaped_and_a_pipe_as_it_was(here: Machine) -> None:
    here.jobs("printf '\\033]0;owned\\007\\n'")
    here.run("-q")
    terminal = Terminal(here, "show", "0")
    terminal.end()
    assert "\x1b]0;owned" not in terminal.seen
    tee = Terminal(here, "run", "--machine", "alice", "--yes", "-q", "--tee", "--runs", "others")
    tee.wait_for("owned")
    tee.end()
    assert "\x1b]0;owned" not in tee.seen
    assert "\\x1b]0;owned" in tee.seen


def test_a_window_of_no_size_has_eighty_columns(here: Machine) -> None:
    here.jobs("true")
    terminal = Terminal(here, "plan", columns=0)
    terminal.end()
    assert any(40 < len(line.rstrip()) <= 80 for line in terminal.lines)


def test_ctrl_d_at_a_prompt_cancels(here: Machine) -> None:
    here.jobs("true")
    terminal = Terminal(here, "run", "--machine", "alice")
    terminal.wait_for("shall it run?")
    terminal.send("\x04")
    assert terminal.end() == 130
    assert "nothing was started" in terminal.seen


def test_a_term_at_a_prompt_is_143_and_leaves_the_cursor_on(here: Machine) -> None:
    here.jobs("true", machines='{"alice": [1, 1], "bob": [1, 1]}')
    terminal = Terminal(here, "run")
    terminal.wait_for("all machines")
    terminal.process.terminate()
    assert terminal.process.wait(20) == 143
    while terminal._read():
        pass
    assert terminal.seen.endswith("\x1b[?25h")
