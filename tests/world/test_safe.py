"""What was others' text cannot steer a terminal."""

from __future__ import annotations

import json

import pytest

from kit.program import Machine
from kit.terminal import Terminal
from kit.wait import wait_until
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


@pytest.mark.parametrize(
    "words", ["merge-logs", "export --format joblog", "merge-results -o -", "report -o -", "plan --machine alice --ids"]
)
def test_all_that_goes_to_standard_output_reaches_a_terminal_escaped(here: Machine, words: str) -> None:
    here.jobs("printf '\\033]0;owned\\007 \u202e'; : '\x1b[2J'")
    here.run("-q")
    terminal = Terminal(here, *words.split())
    assert terminal.end() == 0
    assert not set(terminal.seen) & set("\x1b\x07\u202e"), terminal.seen
    assert terminal.seen
    if words == "merge-logs":
        assert "\\x1b]0;owned\\x07 \\u202e" in terminal.seen
        assert "\u202e" in here.call("merge-logs").out


@pytest.mark.parametrize("form", ["table", "tsv", "dkvp", "line", "command"])
@pytest.mark.parametrize("pool", ["csv", "jsonl"])
def test_a_line_of_a_list_is_a_job_whatever_its_text_holds(here: Machine, pool: str, form: str) -> None:
    rows = {"csv": 'a\n"x\ny\rz"\nplain\n', "jsonl": '{"a": "x\\ny\\rz"}\n{"a": "plain"}\n'}
    here.jobs().write(f"configs/jobs.{pool}", rows[pool])
    (here.folder / "configs/jobs.txt").unlink()
    here.write("configs/runner.config", "[commands]\ntemplate = : {a}\n")
    here.run("-q")
    lines = here.call("list", "--format", form).out.split("\n")
    assert len(lines) == (4 if form == "tsv" else 3)
    assert "x\\ny\\rz" in lines[-3]
    assert "plain" in lines[-2]
    if form == "table":
        for words in (["show", "0"], ["explain", "0"]):
            assert here.call(*words).out.split("\n")[0] == "job 0: : 'x\\ny\\rz'"
        assert [one["text"] for one in json.loads(here.call("list", "--json").out)] == [": 'x\ny\rz'", ": plain"]


def test_a_running_job_with_a_newline_is_a_line_of_what_is_active(here: Machine) -> None:
    here.jobs().write("configs/jobs.csv", 'a\n"x\ny"\n')
    (here.folder / "configs/jobs.txt").unlink()
    here.write("configs/runner.config", "[commands]\ntemplate = until test -e go; do sleep 0.05; done; : {a}\n")

    def active() -> list[str]:
        return here.call("status", "--active").out.splitlines()

    terminal = Terminal(here, "run", "--machine", "alice", "--yes", columns=130)
    terminal.wait_for("'x y'")
    # What runs is told to other terminals at most once a second.
    head, row, *rest = wait_until(lambda: lines if len(lines := active()) > 1 else None)
    assert "'x y'" in row
    assert (head.split()[0], rest) == ("job", [])
    here.write("go", "")
    assert terminal.end() == 0


def test_a_dumb_terminal_gets_no_cursor_codes(here: Machine) -> None:
    here.jobs("sleep 0.2", "exit 1", "true")
    for words in ("run --machine alice --yes", "status --watch", "wait --progress", "list", "plan"):
        terminal = Terminal(here, *words.split(), kind="dumb")
        assert terminal.end() in (0, 1)
        assert terminal.seen
        assert "\x1b" not in terminal.seen, words
        assert "\r" not in terminal.seen.replace("\r\n", ""), words


def test_codes_for_a_terminal_do_not_go_to_a_file_beside_it(here: Machine) -> None:
    here.jobs("true")
    here.run("-q")
    here.program = ["bash", "-c", 'exec "$@" 2> said', "bash", *here.program]
    assert Terminal(here, "status", "--watch").end() == 0
    assert (here.folder / "said").read_bytes() == b""


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
    assert terminal.seen.rindex("\x1b[?25h") > terminal.seen.rindex("\x1b[?25l")
    assert terminal.seen.endswith("shareout: interrupted\r\n")
