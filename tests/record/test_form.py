"""A record that cannot be one, though its checksum is right, is damage: the same for every command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.journals import attempt, header, last_journal, run_folder
from shareout.cli import main
from shareout.errors import RunDirectoryDamaged
from shareout.record.journal import TAIL, BadLine, attempt_line, closed, imprinted, parse, well_ended_line
from shareout.record.lines.common_line import plain_line
from shareout.record.lines.form import is_as_written
from shareout.record.outcome import Attempt, Cause, Imprint, State
from shareout.record.reader import JournalReader, newest_header
from shareout.record.tallies.saved import tally_of

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**31), 10**31)
    | st.integers(-2, 3)
    | st.floats()
    | st.sampled_from(["", "0", "x", "done", "failed", "exit", "given", "ab" * 32]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=5,
)


def changed(line: bytes, key: str, value: Any) -> bytes:
    """The line with one field replaced, and a right checksum."""
    facts = json.loads(line)
    del facts["crc"]
    facts[key] = value
    return closed(json.dumps(facts, separators=(",", ":"))[:-1])


def full(state: State) -> Attempt:
    """With all that an attempt can say."""
    fine = state is State.DONE
    return Attempt(
        3,
        5,
        2,
        state,
        1763666581.25,
        1763666582.5,
        1,
        exit=0 if fine else 1,
        signal=None if fine else "SIGTERM",
        cause=Cause.NONE if fine else Cause.SIGNAL,
        error=None if fine else 'it "broke"\n',
        pid=77,
        out=Imprint(5, "8e4c7c1b99dbfd50e7a95185fead5ee1"),
        err=None if fine else Imprint(7),
        peak_memory=1 << 30,
        origin=None if fine else "log.txt",
    )


ILL = {
    "job": [-1, True, 1.0, "0", None, 10**30],
    "pos": [-1, False, "0", None, [0]],
    "try": [0, -5, "x", True, 1.5],
    "state": ["dome", None, 1, []],
    "start": [None, "x", 1e300, float("nan"), -1.0, True],
    "end": [float("inf"), float("nan"), "1.0", None],
    "slot": [-1, "x", None, False],
    "exit": [None, True, float("inf"), 1, -1, "0"],
    "pid": [-1, 0, "x", None],
    "cause": ["bad luck", None],
    "out": ["1", -1],
    "mem": [1.5, True],
}


@pytest.mark.parametrize("key", ILL)
def test_a_field_of_the_wrong_type_or_range_makes_the_line_a_bad_one(key: str) -> None:
    for value in ILL[key]:
        line = changed(attempt_line(full(State.DONE)), key, value)
        with pytest.raises(BadLine):
            parse(line[:-1])
        assert not is_as_written(line[:-1])
        assert not plain_line(line[:-1])[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("digest", "xy"),
        ("digest", None),
        ("jobs", 10**30),
        ("jobs", -1),
        ("jobs", "20"),
        ("ranges", []),
        ("ranges", [[0, 30]]),
        ("ranges", [[-1, 20]]),
        ("ranges", [[5, 2]]),
        ("ranges", [[0]]),
        ("audit", [[0, 21]]),
        ("kind", "joke"),
        ("order", "sideways"),
        ("phases", [3, 1]),
        ("machine", 1),
        ("columns", "a"),
        ("ancestors", [1]),
        ("pool_jobs", "x"),
        ("work", None),
        ("origin", "xy"),
        ("ordinal", -1),
        ("version", 2),
    ],
)
def test_a_header_of_the_wrong_form_is_a_damaged_one(tmp_path: Path, key: str, value: Any) -> None:
    folder = run_folder(tmp_path / "alice", [attempt(0)])
    lines = last_journal(folder).read_bytes().splitlines(keepends=True)
    at = 1 if key in json.loads(lines[1]) else 0
    lines[at] = changed(lines[at], key, value)
    last_journal(folder).write_bytes(b"".join(lines))
    with pytest.raises(RunDirectoryDamaged, match="header"):
        newest_header(folder)


def test_a_header_of_more_than_any_memory_holds_is_a_damaged_one(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "alice", [], header(10**17))
    with pytest.raises(RunDirectoryDamaged, match="more than any memory holds"):
        newest_header(folder)


@pytest.mark.parametrize("state", list(State))
def test_what_is_written_is_known_without_a_closer_look(state: State) -> None:
    line = attempt_line(full(state))[:-1]
    assert is_as_written(line)
    assert isinstance(parse(line), Attempt)
    short = attempt_line(attempt(4, state))[:-1]
    assert is_as_written(short) == (state is not State.DONE)
    assert bool(plain_line(short)[0]) == (state is State.DONE)
    plain = well_ended_line(
        0, 0, 1763666581.25, 1763666582.5, 0, 9, printed=imprinted(None, Imprint(3, "ab")), peak_memory=1 << 29
    )[:-1]
    assert is_as_written(plain)
    assert plain_line(plain) == (b"0", b"0", b"1763666581.250000", b"1763666582.500000", b"0")


@settings(deadline=None, max_examples=300)
@given(st.sampled_from([*map(full, State), attempt(4)]), st.sampled_from([*ILL, "signal", "error", "from"]), VALUES)
def test_the_quick_look_never_passes_what_the_close_look_does_not(made: Attempt, key: str, value: Any) -> None:
    """What comes behind the key of a result is that result, to either of them."""
    line = attempt_line(made)
    if key in json.loads(line) or made.result is None:
        line = changed(line, key, value)
    line = line[:-1]
    if is_as_written(line) or plain_line(line)[0]:
        assert isinstance(parse(line), Attempt)


@settings(deadline=None, max_examples=500)
@given(st.sampled_from([full(State.DONE), full(State.FAILED)]), st.data())
def test_nor_what_is_no_json(made: Attempt, data: st.DataObject) -> None:
    """A byte in another's place, a number with a zero before it: with a right checksum."""
    body = attempt_line(made)[: -TAIL - 1].decode()
    at = data.draw(st.integers(0, len(body) - 1))
    piece = data.draw(st.sampled_from([*'01-.e"\\{}[]:,x \x00', "", "00", "\\q", "\\u12"]))
    line = closed(body[:at] + piece + body[at + 1 :])[:-1]
    if is_as_written(line) or plain_line(line)[0]:
        assert isinstance(parse(line), Attempt)


@pytest.mark.parametrize(
    "body",
    [
        '{"job":3,"pos":3,"try":1,"state":"claimed","start":1.0,"end":2.0,"slot":0',
        '{"job":3,"pos":3',
        '{"pos":3,"job":3,"try":1,"state":"done","start":1.0,"end":2.0,"slot":0,"exit":0',
        '{"job":3,"pos":3,"try":1,"state":"done","start":1.0,"end":2.0,"slot":0',
        "[1,2",
    ],
)
def test_a_record_without_what_it_must_say_is_a_bad_line(body: str) -> None:
    with pytest.raises(BadLine):
        parse(closed(body)[:-1])


def test_a_line_of_the_wrong_form_is_told_with_its_place(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "alice", [attempt(at) for at in range(5)])
    lines = last_journal(folder).read_bytes().splitlines(keepends=True)
    lines[3] = changed(lines[3], "slot", "x")
    last_journal(folder).write_bytes(b"".join(lines))
    reader = JournalReader(last_journal(folder))
    assert [one.position for one in reader.attempts()] == [0, 2, 3, 4]
    assert [(one.line, one.why) for one in reader.damage] == [(4, "its slot cannot be 'x'")]
    tally = tally_of(folder, header())
    assert (tally.done, tally.damaged) == (4, 1)


COMMANDS = {
    "status": ["DIR"],
    "wait": ["DIR"],
    "list": ["DIR"],
    "show": ["0-3", "--in", "DIR"],
    "report": ["DIR", "-o", "page.html"],
    "merge-results": ["DIR", "-o", "all.csv", "--partial"],
    "merge-logs": ["DIR"],
    "requeue": ["0", "--in", "DIR"],
}
# What a result may be that is no JSON: changed by hand, with a right checksum.
TEXTS = st.sampled_from(
    ["", "nonsense", "1,2", "[1", '{"a"}', "01", '"\\q"', "[" * 5000, '1,"slot":"x"', '1,"pos":"x"']
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 5), st.data())
def test_no_value_in_any_field_is_a_fault_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], at: int, data: st.DataObject
) -> None:
    """And who counts jobs judges it as others do: a header is refused by all or by none, a record counts for all or for
    none."""
    monkeypatch.chdir(tmp_path)
    states = State.DONE, State.DONE, State.FAILED, State.DONE
    made = [attempt(position, state) for position, state in enumerate(states)]
    shutil.rmtree("runs", ignore_errors=True)
    journal = last_journal(run_folder(Path("runs") / ("ab" * 8) / "alice", made))
    lines = journal.read_bytes().splitlines(keepends=True)
    key = data.draw(st.sampled_from([key for key in json.loads(lines[at]) if key != "crc"]))
    if key == "result" and data.draw(st.booleans()):
        head = lines[at][: lines[at].index(b'"result":')].decode()
        lines[at] = closed(f'{head}"result":{data.draw(TEXTS)}')
    else:
        lines[at] = changed(lines[at], key, data.draw(VALUES))
    said = {}
    for command, words in COMMANDS.items():
        for left in journal.parent.iterdir():
            left.unlink()
        journal.write_bytes(b"".join(lines))
        said[command] = main([command, *("runs" if word == "DIR" else word for word in words)])
        told = capsys.readouterr().err
        assert said[command] in (0, 1, 3, 4), (command, said, told)
        assert said[command] != 4 or told.startswith("shareout: "), (command, told)
    if key != "result":
        counting = {said[command] == 4 for command in ("status", "wait", "list", "report", "merge-results")}
        assert len(counting) == 1, said
