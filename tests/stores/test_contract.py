"""What every store promises, whatever it is made of: by real processes, some of which are killed."""

from __future__ import annotations

import random
from typing import Any

import pytest

from kit.wait import wait_until
from shareout.ledger.store import COMMON, LONGEST_BEAT, LONGEST_PIECE, LONGEST_TEXT

RACERS = 8
ODD = ["node 17", "a/b", "..", ".", ".hidden", "ends.", "Žofie", "tab\there", "line\nend", "100%", "%41", "c:\\x", "-x"]


def test_a_key_has_the_text_that_was_first(ground: Any) -> None:
    one, other = ground.open(0), ground.open(1)
    assert one.get("lanes/0.0/1") is None
    assert one.put("lanes/0.0/1", b"open 0 5 by alice") == b"open 0 5 by alice"
    assert other.put("lanes/0.0/1", b"open 0 5 by bob") == b"open 0 5 by alice"
    assert one.put("lanes/0.0/1", b"open 0 5 by alice") == b"open 0 5 by alice"
    assert other.get("lanes/0.0/1") == b"open 0 5 by alice"
    assert other.get("lanes/0.0/2") is None
    assert other.get("lanes/7.0/1") is None


def test_of_those_who_race_for_a_key_one_is_first(ground: Any) -> None:
    racers = [ground.start(seat) for seat in range(RACERS)]
    first = [0] * RACERS
    for number in range(ground.rounds):
        texts = [f"by {seat} in {number}" for seat in range(RACERS)]
        for racer, text in zip(racers, texts, strict=True):
            racer.ask("put", f"lanes/0.0/{number}", text)
        told = {racer.answer() for racer in racers}
        assert len(told) == 1, f"round {number}: {told}"
        first[texts.index(told.pop())] += 1
    assert sum(first) == ground.rounds


def test_what_was_acknowledged_stands_after_a_kill_and_nothing_is_half(ground: Any) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moment = random.Random(seed)
    for start in range(0, 8_000, 1_000):
        racer = ground.start(start)
        racer.ask("put_many", start, start + 1_000)
        known = [racer.answer() for _ in range(moment.randrange(1, 30))] + racer.kill()
        store = ground.open(start + 1)
        assert [number for number, _ in known] == list(range(start, start + len(known)))
        for number in range(start, start + len(known) + 2):
            # A look may lag behind, where nothing was acknowledged.
            text = store.get(f"lanes/0.0/{number}")
            assert text == b"entry %d" % number or (text is None and number >= start + len(known))


def test_texts_come_back_as_they_were(ground: Any) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moment = random.Random(seed)
    store = ground.open(0)
    texts = [b"x" + bytes(moment.choices(range(0x20, 0x100), k=moment.randrange(LONGEST_TEXT))) for _ in range(30)]
    texts += [b"x" * LONGEST_TEXT, b"/etc/passwd", b"x/../../etc", b"\\..\\etc", b"ends/", b"%2F%25/%", b"%", b"/"]
    for number, text in enumerate(texts):
        assert store.put(f"asks/{number}", text) == text
        assert store.get(f"asks/{number}") == text


@pytest.mark.parametrize("text", [b"", b"../etc", b"a\0b", b"two\nlines", b"a\x1fb", b"x" * (LONGEST_TEXT + 1)])
def test_what_no_key_can_hold_is_a_mistake_of_ours(ground: Any, text: bytes) -> None:
    with pytest.raises(ValueError, match="cannot have the text"):
        ground.open(0).put("asks/1", text)


def test_odd_names_are_names_like_all_others(ground: Any) -> None:
    one, other = ground.open(0), ground.open(1)
    for number, name in enumerate(ODD):
        assert one.ship(name, name, 0, b"%d" % number) == len(str(number))
        one.beat(name, b"beat %d" % number)
    wait_until(lambda: sorted(other.machines()) == sorted(ODD))
    for number, name in enumerate(ODD):
        assert other.files(name) == [name]
        assert other.fetch(name, name, 0, 9) == b"%d" % number
    wait_until(lambda: set(other.beats(len(ODD))) == set(ODD))


def test_a_beat_takes_the_place_of_the_last_one(ground: Any) -> None:
    one, other = ground.open(0), ground.open(1)
    assert other.beats(9) == {}
    for number in range(3):
        one.beat("alice", b"%d" % number)
    other.beat("bob", b"b" * LONGEST_BEAT)
    wait_until(lambda: other.beats(9) == {"alice": b"2"})
    wait_until(lambda: one.beats(9) == {"bob": b"b" * LONGEST_BEAT})
    one.beat("alice", b"")
    wait_until(lambda: other.beats(9) == {"alice": b""})


def test_of_many_beats_all_have_their_turn(ground: Any) -> None:
    names = {f"host {number}" for number in range(10)}
    writer, reader = ground.open(0), ground.open(1)
    for name in names:
        writer.beat(name, b"here")
    wait_until(lambda: len(reader.beats(10)) == 10)
    looks = [reader.beats(3) for _ in range(4)]
    assert [len(look) for look in looks] == [3, 3, 3, 3]
    assert set().union(*looks) == names


def test_a_beat_is_never_half_of_one_and_half_of_another(ground: Any) -> None:
    writer, reader = ground.start(0), ground.open(1)
    writer.ask("beat", "alice", b"0" * LONGEST_BEAT)
    assert writer.answer() is None
    # A look at a folder may lag by more than all the rounds take: they begin where the beat is seen.
    wait_until(lambda: reader.beats(1))
    seen = set()
    for number in range(200):
        writer.ask("beat", "alice", b"%d" % (number % 10) * LONGEST_BEAT)
        for text in reader.beats(1).values():
            assert len(text) == LONGEST_BEAT
            assert len(set(text)) == 1
            seen.add(text[:1])
        assert writer.answer() is None
    assert seen


@pytest.mark.slow
def test_a_file_is_shipped_on_from_any_byte(ground: Any) -> None:
    data = bytes(range(200))
    for cut in range(0, len(data) + 1, 1 if ground.rounds == 1_000 else 40):
        file = f"journal.{cut}"
        first = ground.open(0)
        assert first.length("alice", file) == 0
        assert first.ship("alice", file, 0, data[:cut]) == cut
        first.close()
        again = ground.open(0)
        assert again.length("alice", file) == cut
        start = max(0, cut - 10)
        assert again.ship("alice", file, start, data[start:]) == len(data)
        assert again.fetch("alice", file, 0, 9_999) == data
        again.close()


def test_the_same_piece_twice_is_the_same_as_once(ground: Any) -> None:
    store = ground.open(0)
    for length in (3, 6):
        assert store.ship("alice", "log", 0, b"abc") == length
        assert store.ship("alice", "log", 3, b"def") == 6
    assert store.ship("alice", "log", 0, b"abc") == 6
    assert store.ship("alice", "log", 7, b"far") == 6, "nothing is left out"
    assert store.ship("alice", "none", 1, b"far") == 0
    assert store.fetch("alice", "log", 0, 99) == b"abcdef"
    assert store.fetch("alice", "log", 2, 3) == b"cde"
    assert store.fetch("alice", "log", 6, 99) == b""
    assert store.fetch("alice", "none", 0, 99) == b""
    assert store.fetch("nobody", "log", 0, 99) == b""
    assert store.files("alice") == ["log"]
    assert store.files("nobody") == []


def test_what_was_shipped_before_a_kill_is_gone_on_with(ground: Any) -> None:
    piece = bytes(range(256)) * (LONGEST_PIECE // 256)
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moment = random.Random(seed)
    data = b"".join(b"%d" % number + piece[: LONGEST_PIECE - 1] for number in range(5))
    for number in range(4):
        shipper = ground.start(0)
        for start in range(0, len(data), LONGEST_PIECE):
            shipper.ask("ship", "alice", f"journal.{number}", start, data[start : start + LONGEST_PIECE])
        known = [shipper.answer() for _ in range(moment.randrange(1, 4))] + shipper.kill()
        store = ground.open(0)
        arrived = store.length("alice", f"journal.{number}")
        assert arrived >= max(known)
        for start in range(arrived, len(data), LONGEST_PIECE):
            store.ship("alice", f"journal.{number}", start, data[start : start + LONGEST_PIECE])
        pieces = [
            store.fetch("alice", f"journal.{number}", start, LONGEST_PIECE)
            for start in range(0, len(data), LONGEST_PIECE)
        ]
        assert b"".join(pieces) == data


def test_what_all_have_in_common_is_shipped_by_all_at_once(ground: Any) -> None:
    hosts = [ground.start(seat) for seat in range(4)]
    for host in hosts:
        host.ask("ship", COMMON, "pool", 0, b"a" * 5_000)
    assert {host.answer() for host in hosts} == {5_000}
    for host in hosts:
        host.ask("ship", COMMON, "pool", 5_000, b"b" * 5_000)
    # A look may lag: then less was seen than is there, and it is said again.
    for host in hosts:
        while (length := host.answer()) != 10_000:
            host.ask("ship", COMMON, "pool", length, b"a" * (5_000 - length) + b"b" * 5_000)
    store = ground.open(1)
    assert wait_until(lambda: store.fetch(COMMON, "pool", 0, 99_999)[9_999:]) == b"b"
    assert store.fetch(COMMON, "pool", 0, 99_999) == b"a" * 5_000 + b"b" * 5_000
    assert store.files(COMMON) == ["pool"]
    assert store.machines() == []
