"""Entries of the ledger as texts: what was written is read again, and nothing else is."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from shareout.errors import RunDirectoryDamaged
from shareout.ledger.entry import LARGEST, MAKE_LANES, VERBS, Entry, name_of, ordinal_of, parse, why_no_owner
from shareout.ledger.store import LONGEST_TEXT

NAMES = ["alice", "it's bob", 'quo"ted', "back\\slash", "Zoë", "計算機", "n" * 255]
ROUNDS = 2_000


def drawn(chance: random.Random, k: int) -> Entry:
    """Any that may stand at k."""

    def stretch() -> tuple[int, int, int]:
        low, res, hi = sorted(chance.choice([chance.randrange(50), chance.randrange(LARGEST)]) for _ in range(3))
        return low, res, hi + (low == hi)

    def nonce() -> str:
        return f"{chance.getrandbits(64):016x}"

    def owner() -> str:
        return f"{chance.choice(NAMES)}/{chance.randrange(1, 1000)}-{nonce()[:8]}"

    verb, own = chance.choice(VERBS), nonce()
    low, res, hi = stretch()
    if verb in ("done", "seize"):
        res = hi = low
    doubt = own if verb == "doubt" else chance.choice(["", nonce()])
    kid = stretch() if verb in MAKE_LANES else None
    before = chance.randrange(k)
    return Entry(
        verb, low, res, hi, chance.choice(["", owner()]), doubt, kid, before, chance.randrange(99), owner(), own
    )


def test_what_was_written_is_read_again() -> None:
    seed = random.randrange(1 << 40)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        k = chance.randrange(1, 1000)
        entry = drawn(chance, k)
        text = entry.text()
        assert len(text) <= LONGEST_TEXT
        assert b"\n" not in text
        assert b"\0" not in text
        assert parse("0.1", k, text) == entry


def test_a_changed_byte_is_damage_or_another_entry_as_it_would_be_written() -> None:
    seed = random.randrange(1 << 40)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        text = bytearray(drawn(chance, 7).text())
        at = chance.randrange(len(text))
        text[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        told = ""
        try:
            assert parse("0.1", 7, bytes(text)).text() == text
        except RunDirectoryDamaged as damage:
            told = damage.what
        assert not told or told.startswith("entry 7 of lane 0.1 of the ledger is none: ")
        assert told.isascii()
        assert not told or told.isprintable()


ENTRY = Entry(
    "cut", 0, 8, 60, owner="alice/3-1f0c", kid=(60, 64, 100), before=2, failed=1, by="bob/1-77aa", nonce="9f3c"
)


def changed(**values: Any) -> bytes:
    given = {**json.loads(ENTRY.text()), **values}
    return json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()


HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "there stands ''"),
    "a way elsewhere": (b"../../etc/passwd", "there stands '../../etc/passwd'"),
    "no object": (b"[]", "there stands '[]'"),
    "an escape": (b"\x1b[2J", r"there stands '\x1b[2J'"),
    "no UTF-8": (b"\xff\xfe", r"there stands '\\xff\\xfe'"),
    "deep": (b"[" * 900, "there stands"),
    "too long": (changed(owner="x" * 1000), "there stands"),
    "a line more": (ENTRY.text() + b"\n", "there stands"),
    "a blank": (ENTRY.text().replace(b":0", b": 0"), "there stands"),
    "another order": (json.dumps(dict(reversed(json.loads(ENTRY.text()).items()))).encode(), "there stands"),
    "twice the same": (ENTRY.text().replace(b'"low":0', b'"low":1,"low":0'), "there stands"),
    "one more": (changed(more=1), "there stands"),
    "an unknown verb": (changed(verb="steal"), "its verb is 'steal'"),
    "a verb that is a list": (changed(verb=["cut"]), "its verb is ['cut']"),
    "a fraction": (changed(low=0.0), "its low is 0.0"),
    "a truth": (changed(low=False), "its low is False"),
    "below nothing": (changed(failed=-1), "its failed is -1"),
    "beyond all": (changed(hi=LARGEST), f"its hi is {LARGEST}"),
    "wrong way round": (changed(low=9), "its low, res and hi are 9, 8 and 60"),
    "an owner without a start": (changed(owner="alice"), "its owner is 'alice'"),
    "an owner with a way": (changed(owner="../x/1-77aa"), "its owner is '../x/1-77aa'"),
    "an owner that cannot be seen": (changed(by="\u202e/1-77aa"), r"its by is '\u202e/1-77aa'"),
    "nobody's entry": (changed(by=""), "its by is ''"),
    "a nonce with a way": (changed(nonce="../.."), "its nonce is '../..'"),
    "a doubt that is a number": (changed(doubt=7), "its doubt is 7"),
    "half a kid": (changed(kid=[60, 64]), "its kid is [60, 64]"),
    "an empty kid": (changed(kid=[60, 60, 60]), 'it makes a lane by "cut"'),
    "no kid": (changed(kid=None), 'it makes no lane by "cut"'),
    "a kid of a take": (changed(verb="take"), 'it makes a lane by "take"'),
    "a maker after it": (changed(before=7), "the entry before it that made a lane would be 7"),
    "a doubt of nothing": (changed(verb="doubt", kid=None), "it is a doubt and does not doubt"),
    "done and not over": (changed(verb="done", kid=None), 'something is left of its lane after "done"'),
}  # fmt: skip


@pytest.mark.parametrize(("text", "told"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_entry_is_told_with_its_place(text: bytes, told: str) -> None:
    with pytest.raises(RunDirectoryDamaged) as damage:
        parse("0.1", 7, text)
    assert damage.value.what.startswith("entry 7 of lane 0.1 of the ledger is none: ")
    assert told in damage.value.what
    assert len(damage.value.what) < 200


def test_a_lane_begins_as_the_entry_says_that_makes_it() -> None:
    assert ENTRY.kid_begins()[1:7] == (60, 64, 100, "bob/1-77aa", "", None)
    assert ENTRY._replace(kid=(60, 60, 100)).kid_begins().owner == ""


@pytest.mark.parametrize(
    ("owner", "why"),
    [
        ("alice/1-77aa", ""),
        ("alice", "is no incarnation of a machine"),
        ("a/b/1-77aa", "is no incarnation of a machine"),
        ("alice/0-77aa", "is no incarnation of a machine"),
        ("alice/1-", "is no incarnation of a machine"),
        ("/1-77aa", "is empty"),
        ("-x/1-77aa", "looks like an option"),
        ('"' * 255 + "/1-77aa", "is too long for an entry"),
    ],
)
def test_who_cannot_stand_in_an_entry(owner: str, why: str) -> None:
    assert why_no_owner(owner) == why


def test_an_owner_is_one_start_of_one_machine() -> None:
    assert (name_of("it's bob/12-77aa"), ordinal_of("it's bob/12-77aa")) == ("it's bob", 12)
