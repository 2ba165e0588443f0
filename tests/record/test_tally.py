"""The sums of a journal: the same in bulk, line by line, from a cache, and while the journal grows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.journals import attempt, header, ids_as_made, last_journal, proof_of, run_folder
from shareout.record.folder import RunFolder
from shareout.record.journal import attempt_line, closed
from shareout.record.outcome import State
from shareout.record.reader import incarnations_of
from shareout.record.tallies.cache import TallyKeeper
from shareout.record.tallies.saved import save, tally_of
from shareout.record.tallies.standing import DONE, NEW, STATES, Standing
from shareout.record.tallies.tally import Tally
from shareout.record.writer import JournalWriter

RANGES = ((0, 5), (5, 5), (10, 20), (31, 34))
HISTORY = st.lists(
    st.tuples(
        st.sampled_from([position for start, stop in RANGES for position in range(start, stop)]),
        st.sampled_from([State.DONE] * 6 + [State.FAILED, State.RETRY, State.STOPPED, State.REQUEUED, State.SKIPPED]),
        st.sampled_from([1, 1, 1, 2, 3]),
    ),
    max_size=40,
)


def facts(tally: Tally) -> dict[str, object]:
    """All that two tallies of one journal must agree in."""
    return {
        name: getattr(tally, name)
        for name in (*Standing.__slots__, *Tally.__slots__)
        if name not in ("ranges", "belonging", "former", "parts", "damage")
    } | {
        "damage": [(one.line, one.offset, one.size, one.why) for one in tally.damage],
        "journals": {name: part.facts() for name, part in tally.parts.items()},
    }


@settings(max_examples=150, deadline=None)
@given(HISTORY, st.lists(st.integers(0, 40), max_size=4))
def test_what_is_read_in_steps_or_at_once_or_told_by_the_crew_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[int, State, int]], steps: list[int]
) -> None:
    mine = header(36, RANGES)
    folder = run_folder(tmp_path_factory.mktemp("steps"), made_for=mine)
    writer = JournalWriter(folder, mine)
    stepped, told = Tally(RANGES), Tally(RANGES)
    stepped.catch_up(folder.journals())
    for number, (position, state, tries) in enumerate(history):
        one = attempt(position, state, tries, jobs=36)
        writer.append(attempt_line(one))
        told.apply(one)
        if number in steps:
            stepped.catch_up(folder.journals())
            save(stepped, folder.tally)
    writer.close()
    stepped.catch_up(folder.journals())
    scratch = Tally(RANGES)
    scratch.catch_up(folder.journals())
    cached = tally_of(folder, mine)
    assert facts(stepped) == facts(scratch) == facts(cached)
    assert (told.states, told.counts, told.tries, told.durations) == (
        scratch.states,
        scratch.counts,
        scratch.tries,
        scratch.durations,
    )
    assert scratch.counts == [scratch.states.count(state) for state in range(STATES)]
    assert scratch.parts[writer.path.name].facts() == writer.part().facts()


@pytest.mark.parametrize("extra", ["", "doubled", "failed", "requeued", "damaged"])
def test_reading_in_bulk_and_line_by_line_agree(tmp_path: Path, extra: str) -> None:
    """Thousands of lines, as bulk reading wants them, and each thing that it leaves to reading line by line."""
    jobs = 9000
    mine = header(jobs + 100, ((50, jobs + 50),))
    order = sorted(range(50, jobs + 50), key=lambda position: position ^ 5)
    lines = [attempt_line(attempt(position, jobs=jobs + 100)) for position in order]
    spoil = {
        "doubled": attempt_line(attempt(60, jobs=jobs + 100)),
        "failed": attempt_line(attempt(order[-1], State.FAILED, jobs=jobs + 100)),
        "requeued": attempt_line(attempt(order[3], State.REQUEUED, jobs=jobs + 100)),
        "damaged": b"nothing of ours\n",
    }.get(extra, b"")
    folder = RunFolder(tmp_path / "whole")
    folder.path.mkdir()
    last_journal(folder).write_bytes(mine.lines() + b"".join([*lines[:4000], spoil, *lines[4000:]]))
    bulk = Tally(mine.ranges)
    bulk.catch_up(folder.journals())
    single = Tally(mine.ranges)
    for line in last_journal(folder).read_bytes().splitlines(keepends=True):
        with (tmp_path / last_journal(folder).name).open("ab") as file:
            file.write(line)
        single.catch_up([tmp_path / last_journal(folder).name])
    rounding = bulk.durations.total - single.durations.total
    assert abs(rounding) < 1e-6
    bulk.durations.total, bulk.durations.squares = single.durations.total, single.durations.squares
    assert facts(bulk) == facts(single)
    assert (bulk.doubled, bulk.damaged) == (extra == "doubled", extra == "damaged")
    assert bulk.done == jobs - (extra == "requeued")


def test_a_cache_with_any_byte_flipped_changes_nothing(tmp_path: Path) -> None:
    history = [attempt(1), attempt(2, State.FAILED, 3), attempt(4, State.SKIPPED), attempt(5, State.RETRY)]
    folder = run_folder(tmp_path, history)
    right = tally_of(folder, header(), ids_as_made)
    save(right, folder.tally)
    cache = folder.tally.read_bytes()
    assert proof_of(folder).good == last_journal(folder).stat().st_size
    for at in range(len(cache)):
        folder.tally.write_bytes(cache[:at] + bytes([cache[at] ^ 1]) + cache[at + 1 :])
        assert facts(tally_of(folder, header())) == facts(right)
        assert proof_of(folder).good == 0
        folder.tally.write_bytes(cache[:at])
        assert facts(tally_of(folder, header())) == facts(right)
        assert proof_of(folder).good == 0


def test_a_cache_is_believed_only_while_the_journal_before_it_is_the_same(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, [attempt(position) for position in range(8)])
    tally = tally_of(folder, header())
    save(tally, folder.tally)
    content = last_journal(folder).read_bytes()
    for at in range(incarnations_of(folder)[0].begin, len(content), 7):
        last_journal(folder).write_bytes(content[:at] + bytes([content[at] ^ 2]) + content[at + 1 :])
        found = tally_of(folder, header())
        assert (found.done, found.damaged) == (7 + (content[at] == 10), 1), "neighbours of a lost newline are found"
        assert proof_of(folder).good == 0


def test_another_shares_cache_is_not_believed(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, [attempt(1)])
    tally = tally_of(folder, header())
    save(tally, folder.tally)
    other = tally_of(folder, header(ranges=((0, 15),)))
    assert (other.done, other.todo) == (1, 14)


def test_damage_is_told_again_from_the_cache(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, [attempt(1)])
    with last_journal(folder).open("ab") as file:
        file.write(b"what is this\n" + attempt_line(attempt(2)))
    tally = tally_of(folder, header())
    save(tally, folder.tally)
    again = tally_of(folder, header())
    assert facts(again) == facts(tally)
    assert again.damage == tally.damage
    assert again.damaged == 1
    assert proof_of(folder).good == 0, "it is known to be damaged"


def test_a_live_journal_is_read_from_where_it_was_left(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, [attempt(1)])
    tally = Tally([(0, 20)])
    tally.catch_up(folder.journals())
    line = attempt_line(attempt(2))
    for cut in range(len(line)):
        with last_journal(folder).open("ab") as file:
            file.write(line[cut : cut + 1])
        tally.catch_up(folder.journals())
        assert tally.done == 1 + (cut == len(line) - 1)
    assert not tally.damage
    (part,) = tally.parts.values()
    before = part.offset
    last_journal(folder).write_bytes(last_journal(folder).read_bytes() + attempt_line(attempt(3)))
    tally.catch_up(folder.journals())
    assert (tally.done, part.offset) == (3, before + len(line))


def test_a_journal_that_was_cut_or_replaced_is_read_anew(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, [attempt(1), attempt(2)])
    tally = Tally([(0, 20)])
    tally.catch_up(folder.journals())
    assert tally.done == 2
    os.truncate(last_journal(folder), last_journal(folder).stat().st_size - len(attempt_line(attempt(2))))
    tally.catch_up(folder.journals())
    assert tally.done == 1
    other = run_folder(tmp_path / "other", [attempt(position) for position in range(5, 12)])
    last_journal(other).replace(last_journal(folder))
    tally.catch_up(folder.journals())
    assert (tally.done, tally.state(1), tally.state(5)) == (7, NEW, DONE)


def test_requeued_clears_whatever_was_before_and_numbers_go_on() -> None:
    tally = Tally([(0, 20)])
    for state, number in ((State.DONE, 1), (State.REQUEUED, 1)):
        tally.apply(attempt(4, state, number))
    assert (tally.state(4), tally.attempts_of(4), tally.todo) == (NEW, 1, 20)
    tally.apply(attempt(4, State.DONE, 2))
    assert (tally.done, tally.doubled, tally.attempts_of(4)) == (1, 0, 2)


def test_what_was_stopped_costs_no_attempt() -> None:
    tally = Tally([(0, 20)])
    tally.apply(attempt(4, State.STOPPED))
    assert (tally.state(4), tally.attempts_of(4)) == (NEW, 0)


def test_places_and_positions_are_each_others_inverse() -> None:
    tally = Tally(RANGES)
    own = [position for start, stop in RANGES for position in range(start, stop)]
    assert [tally.position(index) for index in range(len(tally.states))] == own
    assert {position: tally.index(position) for position in own} == {place: at for at, place in enumerate(own)}
    assert all(tally.index(position) == -1 for position in range(-2, 50) if position not in own)


def test_a_stretch_that_the_crew_did_counts_once() -> None:
    tally = Tally([(10, 30)])
    tally.apply(attempt(12, State.FAILED))
    tally.apply(attempt(13))
    tally.did(10, 16)
    tally.did(12, 14)
    assert tally.counts == [14, 6, 0, 0, 0, 0] == [tally.states.count(state) for state in range(STATES)]


def test_durations_of_a_large_stretch_are_sampled_with_their_weight() -> None:
    tally = Tally([(0, 5000)])
    lines = [attempt_line(attempt(position, jobs=5000)) for position in range(5000)]
    tally.took(b"".join(lines), len(lines))
    assert tally.durations.count == 5000
    assert tally.durations.percentile(50) == pytest.approx(1.5, rel=0.07)
    few = Tally([(0, 5000)])
    few.took(b"".join(lines[:50]) + closed('{"strange":1'), 51)
    assert few.durations.count == 50


def test_the_keeper_saves_what_was_appended(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, [attempt(1)])
    tally = tally_of(folder, header(), ids_as_made)
    writer = JournalWriter(folder, header())
    keeper = TallyKeeper(folder, writer, tally)
    keeper.save_if_due()
    assert not folder.tally.exists(), "not at once"
    one = attempt(2)
    writer.append(attempt_line(one))
    tally.apply(one)
    keeper.save()
    content = last_journal(folder).read_bytes()
    assert proof_of(folder).good == len(content)
    assert writer.hasher.digest() == blake3(content).digest()
    assert facts(tally_of(folder, header()))["states"] == tally.states
    (folder.path / ".tally.new").mkdir()
    writer.append(attempt_line(attempt(3)))
    keeper.save()
    writer.close()
    assert tally_of(folder, header()).done == 3
