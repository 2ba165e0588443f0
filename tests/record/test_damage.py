"""Journals and logs cut or damaged anywhere: what is whole counts, what is not never does."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.journals import last_journal
from shareout.errors import PlanMismatch, RunDirectoryDamaged
from shareout.record.folder import RunFolder
from shareout.record.journal import Header, attempt_line, closed, parse
from shareout.record.lines.claim import Claim, How
from shareout.record.logs.segments import LogWriter, read_segment
from shareout.record.outcome import Attempt, Cause, Imprint, State
from shareout.record.reader import JournalReader, newest_header
from shareout.record.tallies.saved import save, tally_of
from shareout.record.tallies.standing import DONE
from shareout.record.tallies.tally import Tally
from shareout.record.values import NotJson, decode, encode
from shareout.record.writer import JournalWriter

HEADER = Header("ab" * 32, "cd" * 32, "alice", 20, ((0, 20),), (), "0.1.0", "", "python")
VECTORS = Path(__file__).parents[1] / "vectors"


def attempt(job: int, state: State = State.DONE, number: int = 1) -> Attempt:
    error = None if state is State.DONE else "it broke"
    return Attempt(job, 19 - job, number, state, 100.0 + job, 101.5 + job, job % 2, error=error, result=[job, "x"])


def journal_of(folder: Path, count: int) -> RunFolder:
    folder.mkdir(parents=True, exist_ok=True)
    made = RunFolder(folder)
    writer = JournalWriter(made, HEADER)
    for job in range(count):
        writer.append(attempt_line(attempt(job)))
    writer.close()
    return made


def done_jobs(folder: RunFolder) -> list[int]:
    attempts = (one for path in folder.journals() for one in JournalReader(path).attempts())
    return [one.job for one in attempts if one.state is State.DONE]


def read(folder: RunFolder) -> list[JournalReader]:
    readers = [JournalReader(path) for path in folder.journals()]
    for one in readers:
        list(one.lines())
    return readers


def test_a_journal_cut_at_any_byte_loses_the_torn_record_only(tmp_path: Path) -> None:
    """Cut, and gone on with by another start: what was whole stays, and nobody touches the torn end."""
    whole = last_journal(journal_of(tmp_path / "whole", 4)).read_bytes()
    ends = [at + 1 for at, byte in enumerate(whole) if byte == 10]
    for cut in range(len(whole) + 1):
        folder = RunFolder(tmp_path / f"cut-{cut}")
        folder.path.mkdir()
        first = last_journal(folder)
        first.write_bytes(whole[:cut])
        kept = max(0, sum(end <= cut for end in ends) - 2)
        writer = JournalWriter(folder, HEADER)
        writer.append(attempt_line(attempt(9)))
        writer.close()
        assert done_jobs(folder) == [*range(kept), 9], cut
        assert first.read_bytes() == whole[:cut]
        assert not any(reader.damage for reader in read(folder))


def test_any_flipped_byte_is_noticed(tmp_path: Path) -> None:
    """Every byte of the records, flipped: exactly the undamaged outcomes count; a damaged header is told."""
    folder = journal_of(tmp_path, 4)
    whole = last_journal(folder).read_bytes()
    lines = whole.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    generator = random.Random(3)
    for at in range(len(whole)):
        flipped = bytes([whole[at] ^ (1 << generator.randrange(8))])
        last_journal(folder).write_bytes(whole[:at] + flipped + whole[at + 1 :])
        hit = next(number for number in range(len(lines)) if starts[number] <= at < starts[number + 1])
        if hit < 2:
            with pytest.raises(RunDirectoryDamaged):
                newest_header(folder)
            continue
        jobs = done_jobs(folder)
        assert set(jobs) - set(range(4)) == set(), "nothing is done that was not"
        assert len(jobs) == len(set(jobs))
        assert set(range(4)) - set(jobs) <= {hit - 2}, "the others count"


def test_another_plans_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    folder = journal_of(tmp_path, 2)
    before = last_journal(folder).read_bytes()
    other = Header("ef" * 32, "cd" * 32, "alice", 20, ((0, 20),), (), "0.1.0", "", "python")
    with pytest.raises(PlanMismatch):
        JournalWriter(folder, other)
    assert last_journal(folder).read_bytes() == before


@pytest.mark.parametrize(("version", "who"), [(3, "a newer shareout"), (1, "shareout 0.1")])
def test_another_versions_journal_is_refused(tmp_path: Path, version: int, who: str) -> None:
    folder = RunFolder(tmp_path)
    last_journal(folder).write_bytes(closed(f'{{"shareout":{version},"digest":"x"') + closed('{"session":"start"'))
    with pytest.raises(RunDirectoryDamaged, match=who):
        newest_header(folder)


def test_a_line_that_must_be_understood_is_refused_and_others_are_passed_over(tmp_path: Path) -> None:
    folder = journal_of(tmp_path, 2)
    with last_journal(folder).open("ab") as file:
        file.write(closed('{"claim":1,"ranges":[[0,2]]'))
    assert tally_of(folder, HEADER).done == 2
    with last_journal(folder).open("ab") as file:
        file.write(closed('{"swap":1,"must":true'))
    with pytest.raises(RunDirectoryDamaged, match="newer shareout"):
        tally_of(folder, HEADER)


def test_the_journal_and_log_of_version_2_load_for_ever(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    shutil.copy(VECTORS / "journal.1-89abcdef.jsonl", folder.path)
    header = newest_header(folder)
    assert (header.machine, header.ordinal, header.nonce, header.columns) == ("alice", 1, "89abcdef", ("alpha", "β"))
    tally = tally_of(folder, header)
    # Of what it owes: what it has claimed, and done, is its own besides.
    assert (tally.done, tally.failed, tally.todo) == (2, 1, 3)
    said = [parse(line) for line in last_journal(folder).read_bytes().splitlines()[2:]]
    claims = [one for one in said if isinstance(one, Claim)]
    assert claims == [Claim("1.0", 2, ((6, 7),), How.CUT, "bob/2-0a1b2c3d")]
    printed = [(one.job, one.out, one.err) for one in said if isinstance(one, Attempt) and (one.out or one.err)]
    out, err = (Imprint(4, blake3(text).hexdigest(length=16)) for text in (b"one\n", b"bad\n"))
    assert printed == [(0, out, None), (1, None, err), (7, out, err)]
    assert [line.split(b" ", 2)[2] for line in b"".join(read_segment(VECTORS / "log-1.gz")).splitlines()] == [
        b"job=- INFO a run begins", b"job=0 try=1 out one", b"job=1 try=1 err bad", b"job=1 try=2 ERROR two",
    ]  # fmt: skip


STATES = st.sampled_from(
    [State.DONE, State.DONE, State.FAILED, State.RETRY, State.STOPPED, State.REQUEUED, State.SKIPPED]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), STATES, st.integers(1, 3)), max_size=40), st.data())
def test_a_tally_is_the_same_from_cache_and_tail_as_from_scratch(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[int, State, int]], data: st.DataObject
) -> None:
    folder = RunFolder(tmp_path_factory.mktemp("tally"))
    writer = JournalWriter(folder, HEADER)
    cut = data.draw(st.integers(0, len(history)))
    for job, state, number in history[:cut]:
        writer.append(attempt_line(attempt(job, state, number)))
    early = Tally(HEADER.ranges)
    early.catch_up(folder.journals())
    save(early, folder.tally)
    for job, state, number in history[cut:]:
        writer.append(attempt_line(attempt(job, state, number)))
    writer.close()
    scratch = Tally(HEADER.ranges)
    scratch.catch_up(folder.journals())
    cached = tally_of(folder, HEADER)
    assert (cached.states, cached.counts, cached.tries) == (scratch.states, scratch.counts, scratch.tries)
    assert cached.durations == scratch.durations
    assert scratch.counts == [scratch.states.count(state) for state in range(len(scratch.counts))]


def test_a_cache_of_other_bytes_is_not_believed(tmp_path: Path) -> None:
    folder = journal_of(tmp_path, 5)
    tally = tally_of(folder, HEADER)
    content = last_journal(folder).read_bytes()
    save(tally, folder.tally)
    assert tally_of(folder, HEADER).done == 5
    lines = content.splitlines(keepends=True)
    last_journal(folder).write_bytes(b"".join(lines[:4]))
    assert tally_of(folder, HEADER).done == 2
    last_journal(folder).write_bytes(content.replace(b'"job":3', b'"job":2'))
    assert tally_of(folder, HEADER).done == 4
    last_journal(folder).write_bytes(content)
    cache = folder.tally.read_bytes()
    for spoiled in (b"", b"{}\n", cache[:-3], cache[:-1] + bytes([cache[-1] ^ 1]), b"\xff" * 50):
        folder.tally.write_bytes(spoiled)
        tally = tally_of(folder, HEADER)
        assert tally.states.count(DONE) == tally.done == 5


def test_a_log_cut_at_any_byte_keeps_its_whole_members(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    log = LogWriter(folder, "alice", 1 << 30)
    for number in range(3):
        log.record(f"record {number}")
        log.flush()
    log.close()
    whole = folder.log_segment(1).read_bytes()
    for cut in range(len(whole)):
        folder.log_segment(1).write_bytes(whole[:cut])
        again = LogWriter(folder, "alice", 1 << 30)
        again.record("after")
        again.close()
        text = subprocess.run(["zcat", str(folder.log_segment(1))], capture_output=True, check=True).stdout.decode()
        found = [line.rpartition("INFO ")[2] for line in text.splitlines()]
        assert found[-1] == "after"
        assert found[:-1] == [f"record {number}" for number in range(len(found) - 1)]


def test_a_log_rotates_and_keeps_one_record_a_line(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    log = LogWriter(folder, "alice", 200)
    for number in range(5):
        log.output(b"two\nlines \x1b[0m\xff\r\n" + bytes(str(number), "ascii"), number, 1, word="out", when=1.0)
        log.flush()
    log.close()
    segments = folder.log_segments()
    assert len(segments) > 1
    text = b"".join(block for segment in segments for block in read_segment(segment)).decode()
    told = [line for line in text.splitlines() if " RAW " not in line]
    assert len(told) == 15
    assert len(text.splitlines()) == 20, "and what their bytes were, where lines do not tell"
    assert "lines \\x1b[0m\\xff\n" in text
    assert all(line.startswith("1970-01-01T00:00:01.000000Z alice job=") for line in text.splitlines())


# A NUL in a key is refused.
KEYS = st.text(st.characters(exclude_characters="\0"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
)


@settings(deadline=None)
@given(JSON)
def test_values_come_back_exactly(value: object) -> None:
    said = encode(value)
    assert said.isascii()
    assert "\n" not in said
    assert decode(said) == value


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", object(), {(1, 2): 3}, [lambda: 1]])
def test_what_is_not_json_is_refused_in_words(value: object) -> None:
    with pytest.raises(NotJson, match="cannot be recorded"):
        encode(value)


def test_an_attempt_reads_as_it_was_written() -> None:
    one = Attempt(
        314, 7, 2, State.FAILED, 1.25, 2.5, 3, 137, "SIGKILL", Cause.SIGNAL, 'é "quoted"\n', None, 99,
        Imprint(12, "ab"), Imprint(3), 1 << 40,
    )  # fmt: skip
    assert parse(attempt_line(one)[:-1]) == one
    assert json.loads(attempt_line(one))["job"] == 314
