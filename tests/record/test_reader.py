"""A damaged journal: whatever happened to its bytes, no job is done that was not, and the undamaged stay."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from kit.journals import attempt, done_positions, header, ids_as_made, last_journal, run_folder
from shareout.record.folder import RunFolder
from shareout.record.journal import Session, attempt_line, closed, parse
from shareout.record.outcome import Attempt, State
from shareout.record.reader import CHUNK, JournalReader, told
from shareout.record.tallies.tally import Tally

FIRST = header().lines()
DONE = {0, 2, 3, 5}
LINES = [attempt_line(attempt(position, State.DONE if position in DONE else State.FAILED)) for position in range(6)]
WHOLE = FIRST + b"".join(LINES)


def test_every_byte_set_to_every_kind_of_byte(tmp_path: Path) -> None:
    """A newline, a quote, a zero, a digit, a flipped bit: exactly the records that were not touched count."""
    folder = RunFolder(tmp_path)
    line = 0
    for at in range(len(FIRST), len(WHOLE)):
        for byte in (10, 34, 0, 48, 125, WHOLE[at] ^ 1, WHOLE[at] ^ 32):
            if byte == WHOLE[at]:
                continue
            last_journal(folder).write_bytes(WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :])
            found = {one.job: one.state for one in JournalReader(last_journal(folder)).attempts()}
            expected = {
                ids_as_made([position])[0]: State.DONE if position in DONE else State.FAILED for position in range(6)
            }
            assert found.items() <= expected.items()
            assert expected.keys() - found.keys() <= set(ids_as_made([line]))
        line += WHOLE[at] == 10


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["set", "cut", "insert", "double"]),
        st.integers(0, len(WHOLE)),
        st.binary(min_size=1, max_size=9),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(EDITS)
def test_no_damage_makes_a_job_done(tmp_path_factory: object, edits: list[tuple[str, int, bytes]]) -> None:
    content = WHOLE
    for kind, at, some in edits:
        at = max(len(FIRST), at)
        if kind == "set":
            content = content[:at] + some + content[at + len(some) :]
        elif kind == "cut":
            content = content[:at] + content[at + 7 * len(some) :]
        elif kind == "insert":
            content = content[:at] + some + content[at:]
        else:
            content = content[:at] + content[at - 60 * len(some) : at] + content[at:]
    folder = RunFolder(tmp_path_factory.mktemp("damaged"))  # type: ignore[attr-defined]
    last_journal(folder).write_bytes(content)
    assert set(done_positions(folder)) <= DONE
    tally = Tally([(0, 20)])
    tally.catch_up(folder.journals())
    untouched = {position for position in DONE if b"\n" + LINES[position] in content}
    assert untouched <= {position for position in range(20) if tally.state(position) == 1} <= DONE


def test_a_result_that_looks_like_a_record_is_never_one(tmp_path: Path) -> None:
    """A job that returns what another's record says, checksum and all: not even damage makes that count."""
    text = closed('{"job":16,"pos":3,"try":1,"state":"done","start":1.5,"end":2.5,"slot":0,"result":1')
    forged = json.loads(text)
    assert json.dumps(forged, separators=(",", ":")).encode() + b"\n" == text
    inner = attempt_line(attempt(3))
    record = attempt_line(attempt(0, result=[forged, {"text": inner.decode()}, {"job": 16, "crc": "89abcdef"}]))
    assert record.count(b'"crc":"') == 1
    back = parse(record[:-1])
    assert isinstance(back, Attempt)
    assert back.result == [forged, {"text": inner.decode()}, {"job": 16, "crc": "89abcdef"}]
    folder = RunFolder(tmp_path)
    for at in range(len(record)):
        last_journal(folder).write_bytes(FIRST + record[:at] + b"\n" + record[at + 1 :])
        assert set(done_positions(folder)) <= {0}


def test_damage_is_told_with_line_and_offset(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    at = WHOLE.index(LINES[2])
    last_journal(folder).write_bytes(WHOLE[: at + 9] + b"?" + WHOLE[at + 10 :])
    reader = JournalReader(last_journal(folder))
    assert len(list(reader.lines())) == 7
    [one] = reader.damage
    assert (one.line, one.offset, one.size) == (5, at, len(LINES[2]) - 1)
    assert told(reader.damage) == [
        f"{last_journal(folder)}:5: {len(LINES[2]) - 1} bytes at offset {at} are damaged (its checksum is wrong); "
        "what they recorded counts as not done"
    ]
    assert len(told(reader.damage * 9)) == 6


def test_every_line_is_found_where_it_is_said_to_be(tmp_path: Path) -> None:
    many = b"".join(attempt_line(attempt(position, jobs=9000)) for position in range(9000))
    content = FIRST + many
    assert len(content) > 2 * CHUNK
    folder = RunFolder(tmp_path)
    for spoiled in (content, content[: CHUNK + 50] + b"!" + content[CHUNK + 51 :], content.replace(b"}\n", b"}?", 3)):
        last_journal(folder).write_bytes(spoiled)
        seen = list(JournalReader(last_journal(folder)).located())
        assert all(spoiled[offset : offset + len(line)] == line for offset, line in seen)
        assert [line for _, line in seen] == list(JournalReader(last_journal(folder)).lines())
        assert len(seen) >= 8999


def test_a_line_longer_than_any_buffer_is_read(tmp_path: Path) -> None:
    long = attempt(3, result="x" * (3 * CHUNK))
    folder = run_folder(tmp_path, [attempt(2), long, attempt(4)])
    assert done_positions(folder) == [2, 3, 4]
    assert [one.result for one in JournalReader(last_journal(folder)).attempts()][1] == long.result


def test_a_line_of_a_kind_that_is_not_known_is_passed_over(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, [attempt(1)])
    strange = [
        closed('{"promise":7,"by":"bob"'),
        Session("start", 1.0, 2, "host", "").line(),
    ]
    with last_journal(folder).open("ab") as file:
        file.write(b"".join(strange) + attempt_line(attempt(2)))
    assert done_positions(folder) == [1, 2]
    tally = Tally([(0, 20)])
    tally.catch_up(folder.journals())
    assert (tally.done, tally.todo, tally.damaged) == (2, 18, 0)


def test_an_integer_of_any_length_comes_back_from_a_record(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, [attempt(1, number=2, result=7**9000)])
    assert [one.result for one in JournalReader(last_journal(folder)).attempts()] == [7**9000]
