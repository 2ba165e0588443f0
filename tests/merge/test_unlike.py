"""Unlike machines that differ are told as such, with what makes them agree; a bad one of a kind is still named."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.merge.proof.audit import Comparison, suspicion
from shareout.merge.proof.unlike import judge

ZEN = {"cpu_class": "AMD x86-64-v3", "libc": "glibc 2.36", "numerics": "native"}
LAKE = {**ZEN, "cpu_class": "Intel x86-64-v4"}
NAMES = ["alice", "bob", "carol", "dave", "erin", "frank"]


def ring(facts: list[dict[str, str]], bad: int | None = None, jobs: int = 240) -> Comparison:
    """Every machine's jobs are audited by the next one. Each kind has last bits of its own in every second job."""
    found = Comparison()
    for job in range(jobs):
        said, turn = [], job // len(facts)
        for at in (job % len(facts), (job + 1) % len(facts)):
            bits = facts[at].get("cpu_class", "") + facts[at]["libc"] if turn % 2 else ""
            bits = "pinned" if facts[at]["numerics"] == "portable" else bits
            said.append((NAMES[at], f"{bits}{'bad' if at == bad and turn % 3 == 0 else ''}".encode()))
        found.add(said)
    return found


def named(facts: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    return dict(zip(NAMES, facts, strict=False))


def test_a_cpu_that_is_alone_of_its_kind_is_no_liar() -> None:
    facts = [ZEN, ZEN, ZEN, LAKE]
    found = ring(facts)
    assert suspicion(found).alone == ("dave",), "without kinds it looks like one"
    verdict = judge(found, named(facts))
    assert (verdict.suspicion.alone, verdict.suspicion.unsure) == ((), ())
    (unlike,) = verdict.unlike
    assert unlike.sentence() == (
        "the same on 3 machines of AMD x86-64-v3, glibc 2.36 (alice, bob, carol), another on 1 machine of "
        "Intel x86-64-v4, glibc 2.36 (dave), in 60 of the 120 jobs that both ran"
    )
    assert "[run] numerics = portable" in verdict.way_out


def test_a_bad_machine_among_its_like_is_named_and_no_kind_is_blamed_for_it() -> None:
    facts = [ZEN, ZEN, ZEN, ZEN, LAKE, LAKE]
    verdict = judge(ring(facts, bad=1), named(facts))
    assert verdict.suspicion.alone == ("bob",)
    assert [one.machines for one in verdict.unlike] == [(("alice", "carol", "dave"), ("erin", "frank"))]
    pinned = [{**one, "numerics": "portable"} for one in facts]
    verdict = judge(ring(pinned, bad=4), named(pinned))
    assert (verdict.suspicion.alone, verdict.unlike, verdict.way_out) == (("erin",), (), "")


def test_what_only_one_of_a_kind_finds_is_not_the_kind() -> None:
    """carol is bad; frank and alice are as unlike as carol and dave, and agree."""
    facts = [ZEN, ZEN, ZEN, LAKE, LAKE, LAKE]
    found = Comparison()
    for job in range(240):
        pair = job % 6, (job + 1) % 6
        found.add([(NAMES[at], b"bad" if at == 2 and job // 6 % 4 == 0 else b"good") for at in pair])
    verdict = judge(found, named(facts))
    assert verdict.suspicion.alone == ("carol",)
    assert verdict.unlike == ()


def test_of_machines_that_say_nothing_of_themselves_all_is_as_it_was() -> None:
    facts = [ZEN, ZEN, ZEN, LAKE]
    found = ring(facts)
    for said in ({}, {"alice": {}, "dave": LAKE}, {name: {} for name in NAMES}):
        verdict = judge(found, said)
        assert verdict.suspicion == suspicion(found)
        assert verdict.unlike == ()


def test_the_way_out_is_one_that_helps() -> None:
    old = {**ZEN, "libc": "glibc 2.31"}
    assert "the same libc" in judge(ring([ZEN, old]), named([ZEN, old])).way_out
    own = {**ZEN, "own": "OPENBLAS_CORETYPE=Haswell", "libc": "glibc 2.36 "}
    assert "unset these variables" in judge(ring([ZEN, own]), named([ZEN, own])).way_out
    pinned = {**LAKE, "numerics": "portable"}
    other = {**pinned, "libc": "glibc 2.31", "cpu_class": "AMD x86-64-v3"}
    found = Comparison()
    found.add([("alice", b"1"), ("bob", b"2")])
    assert "the same libc" in judge(found, named([pinned, other])).way_out


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([ZEN, LAKE]), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_sound_machines_are_never_named_whatever_their_kinds(facts: list[dict[str, str]], dice: random.Random) -> None:
    dice.shuffle(facts)
    verdict = judge(ring(facts), named(facts))
    assert (verdict.suspicion.alone, verdict.suspicion.unsure) == ((), ())
    assert bool(verdict.unlike) == (len({one["cpu_class"] for one in facts}) > 1)
