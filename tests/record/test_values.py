"""What a job returns comes back as it was, or is refused in words that say where."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.record.journal import attempt_line, parse
from shareout.record.outcome import Attempt, State
from shareout.record.values import NotJson, decode, encode

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
# A NUL in a key is refused.
KEYS = st.text(st.characters(exclude_characters="\0")) | st.sampled_from(["crc", 'x"crc', "job", '","crc":"00000000"}'])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)


def same(one: Any, other: Any) -> bool:
    """Equal, of the same types, NaN like NaN and -0.0 unlike 0.0."""
    return repr(one) == repr(other)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_a_result_comes_back_from_its_record_exactly(value: Any) -> None:
    line = attempt_line(Attempt(1, 2, 1, State.DONE, 1.0, 2.0, 0, result=value))
    assert line.isascii()
    assert line.count(b"\n") == line.count(b'"crc":"') == 1
    back = parse(line[:-1])
    assert isinstance(back, Attempt)
    assert same(back.result, value)


def test_tuples_come_back_as_lists_and_numbers_as_keys_as_text() -> None:
    assert decode(encode((1, (2, 3)))) == [1, [2, 3]]
    assert decode(encode({7: "seven", -1: {2: 3}})) == {"7": "seven", "-1": {"2": 3}}


@pytest.mark.parametrize("value", [10**5000, [1, -(3**20_000)], {"n": (10**4300,)}], ids=["alone", "list", "dict"])
def test_integers_of_any_length_are_exact(value: Any) -> None:
    back = decode(encode(value))
    assert back == (value if not isinstance(value, dict) else {"n": [10**4300]})


def test_floats_keep_every_bit() -> None:
    for value in (math.pi, 5e-324, -0.0, 1.7976931348623157e308, 0.1 + 0.2, math.inf, -math.inf, math.nan):
        assert same(decode(encode(value)), value)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (numpy.float64(0.1), 0.1),
        (numpy.float32(0.1), 0.10000000149011612),
        (numpy.int64(-3), -3),
        (numpy.uint64(2**64 - 1), 2**64 - 1),
        (numpy.bool_(True), True),
        (numpy.str_("é"), "é"),
        (numpy.array(5), 5),
        (numpy.arange(6).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
        (numpy.array([[math.inf, 1.5]]), [[math.inf, 1.5]]),
        ((1, {"a": numpy.zeros(2)}, [numpy.int8(1)]), [1, {"a": [0.0, 0.0]}, [1]]),
        (numpy.array([("x", 1)], dtype=[("name", "U1"), ("count", "i4")]), [["x", 1]]),
    ],
)
def test_numpy_is_converted(value: Any, plain: Any) -> None:
    assert same(decode(encode(value)), plain)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({1, 2}, "set is not JSON; return numbers, text, None, tuples, lists or dicts"),
        (b"raw", "bytes is not JSON"),
        (2j, "complex is not JSON"),
        (Decimal("1.5"), "decimal.Decimal is not JSON"),
        (Path("x"), "is not JSON"),
        ((1, [2, {"deep": {3}}]), "result[1][1]['deep']: set is not JSON"),
        ({"a": (1, b"x")}, "result['a'][1]: bytes is not JSON"),
        (numpy.complex128(1), "complex is not JSON"),
        (numpy.longdouble(1), "numpy.longdouble is not JSON"),
        (numpy.datetime64("2026-11-20"), "datetime.date is not JSON"),
        ((n for n in range(3)), "generator is not JSON"),
        ({(1, 2): 3}, "the key (1, 2)"),
        ({True: 1}, "keys must be text, not bool"),
        ({None: 1}, "keys must be text, not NoneType"),
        ([{1.5: 1}], "result[0] has the key 1.5: keys must be text, not float"),
        ({1: "a", "1": "b"}, "once as a number and once as text"),
        ([{"a\0b": 1}], "result[0] has the key 'a\\x00b': keys must not hold a NUL"),
        (numpy.array([{2.5: 1}], dtype=object), "keys must be text, not float"),
    ],
    # Without addresses: every process that collects the tests finds the same names.
    ids=lambda part: str(part).partition(" at 0x")[0],
)
def test_what_cannot_come_back_is_refused_with_its_place(value: Any, sentence: str) -> None:
    with pytest.raises(NotJson) as refusal:
        encode(value)
    assert str(refusal.value).startswith("the result cannot be recorded: ")
    assert sentence in str(refusal.value)


def test_a_result_that_holds_itself_is_refused() -> None:
    ring: list[Any] = []
    ring.append(ring)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (ring, deep, {"in": ring}):
        with pytest.raises(NotJson, match="nested too deeply, or holds itself"):
            encode(value)
