"""Who is wrong: a liar is named when others can tell, and never somebody else in its place."""

from __future__ import annotations

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.merge.proof.audit import Comparison, suspicion

NAMES = ["alice", "bob", "carol", "dave", "erin"]


def compared(jobs: dict[int, list[tuple[str, bytes]]]) -> Comparison:
    made = Comparison()
    for said in jobs.values():
        part = Comparison()
        part.add(said)
        made.merge(Comparison.of(json.loads(json.dumps(part.facts()))))
    return made


def ring(count: int, liar: int, jobs: int, rate: float, source: random.Random) -> Comparison:
    """Every machine's jobs are audited by the next one; one of them sometimes lies."""
    said: dict[int, list[tuple[str, bytes]]] = {}
    for job in range(jobs):
        owner = job % count
        pair = [owner, (owner + 1) % count]
        said[job] = [(NAMES[at], b"wrong" if at == liar and source.random() < rate else b"%d" % job) for at in pair]
    return compared(said)


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 5), st.integers(0, 4), st.floats(0, 1), st.randoms(use_true_random=False))
def test_one_liar_is_named_and_nobody_else_is(count: int, liar: int, rate: float, source: random.Random) -> None:
    liar %= count
    found = ring(count, liar, 60, rate, source)
    suspect = suspicion(found)
    assert set(suspect.alone) <= {NAMES[liar]}
    assert bool(found.disagreed) == (NAMES[liar] in (*suspect.alone, *suspect.unsure))
    quarrels = [pair for pair, times in found.differ.items() if times]
    if len(quarrels) > 1:
        assert suspect.alone == (NAMES[liar],)


def test_of_two_nobody_can_tell() -> None:
    found = ring(2, 1, 20, 1.0, random.Random(1))
    assert suspicion(found).alone == ()
    assert suspicion(found).unsure == ("alice", "bob")


def test_on_one_job_the_majority_tells() -> None:
    found = compared({3: [("alice", b"1"), ("bob", b"2"), ("carol", b"1")]})
    assert suspicion(found).alone == ("bob",)
    assert suspicion(compared({3: [("alice", b"1"), ("bob", b"2"), ("carol", b"3")]})).alone == ()


def test_where_two_are_wrong_all_who_may_be_are_named() -> None:
    found = compared(
        {
            1: [("alice", b"1"), ("bob", b"2")],
            2: [("bob", b"1"), ("carol", b"2")],
            3: [("carol", b"1"), ("alice", b"2")],
        }
    )
    assert suspicion(found).unsure == ("alice", "bob", "carol")


def test_a_machine_that_contradicts_itself_is_compared_by_its_first_word() -> None:
    found = compared({1: [("alice", b"1"), ("alice", b"2")], 2: [("alice", b"1"), ("alice", b"2"), ("bob", b"1")]})
    assert (found.jobs, found.disagreed) == (1, 0)
