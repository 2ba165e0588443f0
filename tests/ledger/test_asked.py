"""Asks as texts, what they come to for whoever has read them, and where stand the positions that they are about."""

from __future__ import annotations

import random

import pytest
from blake3 import blake3

from shareout.errors import RunDirectoryDamaged
from shareout.ledger.asks.ask import VERBS, WITH_LIST, Ask, Stretch, feed_of, list_text, parse_ask, parse_list, words
from shareout.ledger.asks.asked import Asked, Phases, asked
from shareout.ledger.store import LONGEST_TEXT

PLAN = Phases((0, 10, 10, 30), 40, frozenset([3]))
"""Three phases of jobs, and one of none."""


def after(*asks: Ask) -> Asked:
    state = Asked()
    for one in asks:
        state = asked(state, one, PLAN)
    return state


def ask(verb: str, *stretches: Stretch, **more: int) -> Ask:
    return Ask(verb, "ann", "aaaa", stretches=stretches, **more)  # type: ignore[arg-type]


def test_what_was_written_is_read_again_and_nothing_else_is() -> None:
    chance = random.Random(7)
    for verb in VERBS:
        listed = list_text((Stretch(3, 9, 1, 1), Stretch(9, 10)))
        brings_lines = verb in ("feed", "engine")
        if brings_lines:
            listed = b"true\n" * (7 if verb == "feed" else 1)
        made = Ask(verb, "ann at n7", "9f3c", now=True, phase=1 << 40, failed=3, why=words("x\n" * 300))
        if verb == "drain":
            made = made._replace(whom=f"{'n' * 255}/123-0f0f0f0f")
        if verb in WITH_LIST:
            made = made._replace(list=blake3(listed).hexdigest(), jobs=7, why="" if brings_lines else made.why)
        text = made.text()
        assert len(text) <= LONGEST_TEXT
        assert parse_ask(4, text) == made
        if verb in WITH_LIST:
            stretches = () if brings_lines else (Stretch(3, 9, 1, 1), Stretch(9, 10))
            assert parse_list(4, made, listed).stretches == stretches
            assert parse_list(4, made, listed).lines == (listed if brings_lines else b"")
            with pytest.raises(RunDirectoryDamaged, match="ask 4 of the ledger is none: its list is another"):
                parse_list(4, made, listed[:-2])
        for _ in range(200):
            at = chance.randrange(len(text))
            changed = text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :]
            assert same_or_damage(changed)


def same_or_damage(text: bytes) -> bool:
    try:
        return parse_ask(4, text).text() == text
    except RunDirectoryDamaged as damage:
        return damage.what.startswith("ask 4 of the ledger is none: ") and damage.what.isprintable()


NO_LISTS = [[[5, 5, 0, 0]], [[5, 9, 0, 0], [8, 9, 0, 0]], [[1, 2, 0, 2]], [[-1, 2, 0, 0]], [[1, 2]], 7, [[1, 99, 1, 0]]]


@pytest.mark.parametrize("stretches", NO_LISTS)
def test_a_list_that_is_none_is_told(stretches: object) -> None:
    text = list_text(stretches)  # type: ignore[arg-type]
    with pytest.raises(RunDirectoryDamaged, match="ask 1 of the ledger is none"):
        parse_list(1, Ask("requeue", "ann", "aaaa", list=blake3(text).hexdigest(), jobs=1), text)


def test_what_is_asked_for_again_is_one_stretch_of_places_in_each_phase() -> None:
    state = after(ask("requeue", Stretch(3, 5, 1, 1), Stretch(8, 14, 2, 1), Stretch(39, 40, 1)))
    lanes = [(one.lane, one.phase, one.low, one.hi) for one in state.again]
    assert lanes == [("1.0.again", 0, 40, 44), ("1.2.again", 2, 44, 48), ("1.3.again", 3, 48, 49)]
    places = [real for one in state.again for real in one.real(one.low, one.hi)]
    assert [at for one in places for at in range(one.start, one.stop)] == [3, 4, 8, 9, 10, 11, 12, 13, 39]
    assert list(state.again[0].real(41, 43)) == [Stretch(4, 5, 1, 1), Stretch(8, 9, 2, 1)]
    assert state.added == 9


def test_an_outcome_is_cleared_once_and_the_next_one_again() -> None:
    once = ask("requeue", Stretch(3, 5, 1, 1))
    state = after(once, once, ask("requeue", Stretch(4, 7, 1, 1)), ask("requeue", Stretch(3, 4, 2, 1)))
    asked_for = [(one.start, one.stop, one.tries) for lane in state.again for one in lane.stretches]
    assert asked_for == [(3, 5, 1), (5, 7, 1), (3, 4, 2)]


def test_a_skip_is_taken_back_by_a_requeue_also_before_anybody_has_heeded_it() -> None:
    state = after(ask("skip", Stretch(3, 9)), ask("requeue", Stretch(5, 6)))
    assert state.skipped == ((3, 5), (6, 9))
    assert not state.again


def test_phases_begin_in_their_order_and_check_holds_back_until_failures_are_asked_for() -> None:
    phases = [ask("phase", phase=number) for number in range(2)]
    assert after(*phases).phase == 2
    assert after(phases[1]).phase == 0
    shut = [*phases, ask("phase", phase=2, failed=2)]
    assert (after(*shut).phase, after(*shut).blocked) == (2, 2)
    opening = [*shut, ask("requeue", Stretch(20, 22, 1, 1))]
    assert (after(*opening).phase, after(*opening).blocked) == (2, 0)
    assert after(*opening, ask("phase", phase=2)).phase == 3


def test_a_halt_stands_until_it_is_resumed_and_the_end_until_more_is_asked_for() -> None:
    state = after(ask("halt"), ask("drain"), ask("end"))
    assert state.halt
    assert state.is_ended
    state = after(ask("end"), ask("halt"), ask("resume"), ask("requeue", Stretch(1, 2, 1)))
    assert state.halt is None
    assert not state.is_ended


def test_jobs_of_a_stream_come_one_behind_the_other_until_it_is_closed() -> None:
    stream = Phases((0,), 1 << 28, is_stream=True)
    state = Asked()
    for lines in ([b"true"], [b"a", b"b \xff"], [b"x" * 300]):
        made, listed = feed_of(lines, "ann", "9f3c")
        found = parse_ask(1, made.text())
        found = parse_list(1, found, listed) if found.list else found
        assert found.lines == b"".join(line + b"\n" for line in lines)
        before, state = state, asked(state, found, stream)
        root = state.fed_since(before)
        assert root is not None
        assert (root.low, root.hi) == (before.fed, before.fed + len(lines))
    state = asked(state, Ask("close", "ann", "9f3d"), stream)
    assert state.is_closed
    late = asked(state, feed_of([b"late"], "ann", "9f3e")[0], stream)
    assert late.fed == state.fed == 4
    assert late.fed_since(state) is None


def test_what_says_another_number_of_lines_is_damage() -> None:
    made, listed = feed_of([b"a", b"b"], "ann", "9f3c")
    with pytest.raises(RunDirectoryDamaged, match="its list is another"):
        parse_list(4, made._replace(jobs=3), listed)
