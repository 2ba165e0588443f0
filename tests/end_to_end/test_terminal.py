"""What a person sees on a real pseudo-terminal: nothing wrapped in mid-word, and a frame that stays where it is."""

from __future__ import annotations

import pytest

from kit.program import Machine
from kit.terminal import Terminal
from shareout.show.fold import fold

NARROW = 40
CLEAR = "\x1b[J"


@pytest.fixture
def ran(here: Machine) -> Machine:
    """Two machines, one of which has run; a job's text is wider than the terminal."""
    here.jobs("true", f"false {'word ' * 20}", "true", machines='{"alice": [1, 2], "bob": {"perf": 0.8, "cores": 4}}')
    here.run("--quiet", machine="alice", code=None)
    return here


@pytest.mark.module_only("the lines are the same")
@pytest.mark.parametrize("words", ["plan", "status", "status --active", "list", "run --machine alise", "merge-results"])
def test_what_is_told_fits_a_narrow_terminal_and_goes_whole_elsewhere(ran: Machine, words: str) -> None:
    narrow = Terminal(ran, *words.split(), columns=NARROW)
    narrow.end()
    wide = [line for line in narrow.lines if len(line) > NARROW]
    assert not [line for line in wide if " " in line.strip()], narrow.seen
    piped = ran.call(*words.split(), code=None)
    assert len(max((piped.out + piped.err).splitlines(), key=len)) > NARROW or words == "status --active"


@pytest.mark.module_only("the lines are the same")
def test_a_hash_is_whole_where_there_is_room(ran: Machine) -> None:
    (pool, _) = ran.call("plan", "--json").json["inputs"]
    for columns, shown in ((80, pool["blake3"][:16] + "…"), (130, pool["blake3"])):
        terminal = Terminal(ran, "plan", columns=columns)
        terminal.end()
        assert f"  {shown}\r\n" in terminal.seen


@pytest.mark.module_only("the lines are the same")
def test_folding_parts_between_words_and_keeps_long_words_whole() -> None:
    assert fold("one two three four", 9) == ["one two", "  three", "  four"]
    assert fold("    a  b runs/180bff1c61baaf1c/alice", 10) == ["    a  b", "    runs/180bff1c61baaf1c/alice"]
    assert fold("漢字 漢字 漢字", 10) == ["漢字 漢字", "  漢字"]


def test_a_narrow_prompt_breaks_between_words(here: Machine) -> None:
    here.jobs("true", machines='{"alice": [1, 1], "bob": [1, 1]}')
    terminal = Terminal(here, "run", columns=NARROW)
    terminal.wait_for("all machines")
    terminal.send("\r")
    terminal.wait_for("(y/N)")
    terminal.send("y\r")
    assert terminal.end() == 0
    text = " ".join(" ".join(terminal.lines).split())
    assert "Which machine is this? (arrow keys, Enter)" in text
    assert "Is the digest the same on every machine, and shall it run? (y/N)" in text


def test_yes_is_said_by_y_and_enter_and_the_first_frame_is_replaced(here: Machine) -> None:
    here.jobs("sleep 0.6")
    terminal = Terminal(here, "run", "--machine", "alice")
    terminal.wait_for("(Y/n)")
    terminal.send("y\r")
    assert terminal.end() == 0
    frames = terminal.seen[terminal.seen.index("0 done") :]
    # Nothing but frames: no line of the user's in between, each goes up by the lines of the last.
    assert "0 done" in frames
    assert "\x1b[3F" + CLEAR in frames


def test_leaving_a_question_is_told_once(here: Machine) -> None:
    here.jobs("true")
    for words in (["run"], ["run", "--machine", "alice"]):
        terminal = Terminal(here, *words)
        terminal.wait_for("(arrow keys" if len(words) == 1 else "(Y/n)")
        terminal.send("\x03")
        assert terminal.end() == 130
        assert "Cancelled" not in terminal.seen
        assert "interrupted" not in terminal.seen
        said = terminal.lines[-3:]
        assert said[0].strip(), "no blank line comes before it"
        assert said[1:] == ["nothing was started", ""]


@pytest.mark.module_only("the lines are the same")
def test_a_failure_is_told_above_a_frame_that_is_drawn_in_the_same_write(here: Machine) -> None:
    here.jobs("false", "false", "false", "false", "false", "while [ ! -e go ]; do sleep 0.01; done")
    terminal = Terminal(here, "run", "--machine", "alice", "--yes")
    terminal.wait_for("5 failed")
    for part in terminal.seen.split(CLEAR)[1:]:
        if "failed:" in part:
            assert "to do" in part, "whoever erases the frame draws it again"
    assert terminal.seen.count("failed: exit status 1") <= 5
    (here.folder / "go").touch()
    assert terminal.end() == 1


@pytest.mark.module_only("the lines are the same")
def test_that_jobs_are_tried_again_is_one_figure(here: Machine) -> None:
    here.jobs(*["false"] * 4, "while [ ! -e go ]; do sleep 0.01; done")
    terminal = Terminal(here, "run", "--machine", "alice", "--yes", "--retries", "2")
    terminal.wait_for("4 failed")
    terminal.wait_for("8 tried again")
    assert "will be tried again" not in terminal.seen
    (here.folder / "go").touch()
    assert terminal.end() == 1


@pytest.mark.module_only("the lines are the same")
def test_what_jobs_print_is_shown_to_people_without_lines_for_programs(here: Machine) -> None:
    here.jobs("echo a word", "echo another; false")
    terminal = Terminal(here, "run", "--machine", "alice", "--yes", "--tee")
    assert terminal.end() == 1
    assert {"0: a word", "1: another", "job 1 failed: exit status 1"} <= set(terminal.lines)
    assert "event=" not in terminal.seen
    assert CLEAR not in terminal.seen
