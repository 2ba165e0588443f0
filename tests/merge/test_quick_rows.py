"""Rows put together as text are, byte for byte, those that go cell by cell, and note the same."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareout.fields import replace
from shareout.merge.partition import Block
from shareout.merge.sheet import Shape, Sheet
from shareout.merge.tables import csv, quick
from shareout.record.values import encode

# Odd ones too: each must be left to the slow way, or come out as it makes them.
WORDS = (
    ["", "a", "null", "true", "NaN", "1e5", "a b", "a,b", 'a"b', "a\\b", "a\tb", "a\nb", "[", "]", "}", "{", "},{",
     "],[", "é", "\udc80", "\1", ',"x":', '"x":1']
)  # fmt: skip
TEXTS = st.sampled_from(WORDS)
NUMBERS = st.sampled_from([0, 1, -7, 10**30, 0.5, -0.0, 1e-7, 1e300, float("nan"), float("-inf")])
SCALARS = st.one_of(NUMBERS, TEXTS, st.none(), st.booleans())
KEYS = st.sampled_from(["x", "y", "x1", "x2", "e", "-", "a b", "", ",", "}", ":", "é", "crc", "1", 'q"', "null"])
LIKE_DICTS = st.lists(KEYS, min_size=1, max_size=3, unique=True).flatmap(
    lambda keys: st.lists(st.fixed_dictionaries(dict.fromkeys(keys, SCALARS)), min_size=1, max_size=4)
)
ANY = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.dictionaries(KEYS, SCALARS, max_size=2),
    st.just([[1]]),
    st.just({"x": {"x": 1}}),
    st.just({"x": [1]}),
)
COLUMNS = st.one_of(
    LIKE_DICTS,
    st.lists(NUMBERS, min_size=1, max_size=4),
    st.lists(SCALARS, min_size=1, max_size=4),
    st.lists(st.tuples(NUMBERS, SCALARS).map(list), min_size=1, max_size=4),
    st.lists(ANY, min_size=1, max_size=4),
)


def laid_out(values: list[Any], base: str, named: tuple[str, ...] = ()) -> Sheet:
    """As a table lays out what it has seen, or the first of it."""
    shape = Shape()
    for value in values:
        shape.note(value)
    return Sheet("python", named, shape, base=base)


def block_of(results: list[Any], beside: list[list[Any]]) -> Block:
    rows = [b"%d\t%b" % (job, encode(result).encode()) for job, result in enumerate(results)]
    return Block(0, rows, b"\n".join(rows) + b"\n", [None] * len(rows), beside)


def one_by_one(block: Block, sheet: Sheet) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv, "quick_rows", lambda *_: None)
        return csv.Csv().piece(block, sheet)


def same(results: list[Any], before: list[list[Any]], after: list[list[Any]], known: int, named: int) -> bytes | None:
    """`known`: so many rows were looked at to lay them out; `named`: so many columns of results have names."""
    parts = [laid_out(values[:known], "input") for values in before], [laid_out(one[:known], "state") for one in after]
    sheet = replace(laid_out(results[:known], "result", ("n1", "n2", "n3")[:named]), before=tuple(parts[0]))
    quickly = replace(sheet, after=tuple(parts[1]))
    slowly = deepcopy(quickly)
    block = block_of(results, [*before, *after])
    made = quick.quick_rows(block, quickly)
    if made is None:
        assert quickly == deepcopy(slowly), "nothing is noted of what was not made"
        return None
    assert made == one_by_one(block, slowly)
    assert quickly.shapes() == slowly.shapes()
    return made


@given(st.data())
def test_they_are_those_that_go_cell_by_cell(data: st.DataObject) -> None:
    results = data.draw(COLUMNS)
    count = len(results)
    beside = st.lists(COLUMNS.map(lambda some: (some * count)[:count]), max_size=2)
    known, named = data.draw(st.integers(1, count)), data.draw(st.integers(0, 3))
    same(results, data.draw(beside), data.draw(beside), known, named)


@pytest.mark.parametrize("more", [None, 1, "a"])
@pytest.mark.parametrize("word", WORDS)
def test_an_odd_word_among_plain_ones_is_what_it_is(word: str, more: Any) -> None:
    for one, other in ((word, more), (more, word)):
        same([one, other], [], [], 1, 0)
        same([[one, other]], [], [], 1, 0)
        same([{"x": one, "e": other}], [], [], 1, 0)
        same([1, 2], [[one, other]], [[{"x": one, "y": other}] * 2], 2, 0)


def test_no_cell_is_not_one() -> None:
    same([[]], [], [], 1, 0)
    same([[1], []], [[[], [1]]], [], 1, 1)


@pytest.mark.parametrize("result", [1, "a", None, [1, "a"], {"x": 1, "y": "a b"}, {"x1": None, "x2": True}])
@pytest.mark.parametrize("given", [2, "line", "é", [1, 2.5], {"n": 1}, {"n": 1, "a b": "é"}])
def test_what_nearly_all_results_and_inputs_are_goes_as_text(result: Any, given: Any) -> None:
    assert same([result] * 3, [], [], 1, 0) is not None
    assert same([result] * 3, [[given] * 3], [["done"] * 3], 1, 0) is not None


@pytest.mark.parametrize(
    "result",
    [b'{"x":1,"x":2}', b'{"y":1,"x":2}', b'{"x":1}', b'{"x":"\x01","y":1}', b"[1,2]", b'{"x":{"x":1,"y":2},"y":3}'],
)
def test_of_dicts_that_are_not_alike_nothing_is_guessed(result: bytes) -> None:
    """Also of a record that nobody here has written."""
    sheet = laid_out([{"x": 1, "y": 2}], "result")
    rows = [b'0\t{"x":1,"y":2}', b"1\t" + result]
    assert quick.quick_rows(Block(0, rows, b"\n".join(rows) + b"\n", [None, None]), sheet) is None
