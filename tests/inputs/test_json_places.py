"""JSON with places: reads what Python's reader reads, exactly, and every refusal says where."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.errors import InputError
from shareout.json_places import Node, PlacedJson

SOME = Path("some.json")
LEAVES = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
DOCUMENTS = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def plain(node: Node) -> Any:
    if node.is_object:
        return {str(key.value): plain(value) for key, value in node.pairs()}
    return [plain(item) for item in node.items()] if node.is_array else node.value


def nodes(node: Node) -> list[Node]:
    inner = [one for pair in node.pairs() for one in pair] if node.is_object else node.items() if node.is_array else []
    return [node, *(deeper for one in inner for deeper in nodes(one))]


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS, st.sampled_from([None, 1]), st.booleans())
def test_it_reads_what_was_written(document: Any, indent: int | None, crlf: bool) -> None:
    text = json.dumps(document, indent=indent)
    text = "\ufeff" + text.replace("\n", "\r\n") if crlf else text
    assert plain(PlacedJson(SOME, text).root) == json.loads(
        text.removeprefix("\ufeff"), parse_float=lambda number: Fraction(number)
    )


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS, st.sampled_from([None, 1]))
def test_every_value_stands_where_its_place_says(document: Any, indent: int | None) -> None:
    parsed = PlacedJson(SOME, json.dumps(document, indent=indent))
    lines = parsed.text.split("\n")
    for node in nodes(parsed.root):
        place = parsed.place(node.at)
        assert place.text == lines[place.line - 1]
        rest = "\n".join([lines[place.line - 1][place.column - 1 :], *lines[place.line :]])
        assert json.JSONDecoder(parse_float=Fraction).raw_decode(rest)[0] == plain(node)


def test_every_cut_of_a_document_is_refused_at_a_place_in_it() -> None:
    whole = '{"alice": [1.0, 8],\n "bob": {"perf": 0.8, "ssh": "b\\u00e9\\n", "up": true, "x": null}}'
    PlacedJson(SOME, whole)
    for cut in range(len(whole)):
        with pytest.raises(InputError) as told:
            PlacedJson(SOME, whole[:cut])
        where = told.value.where
        assert where is not None
        assert 1 <= where.line <= whole[:cut].count("\n") + 1
        assert where.column >= 1


def test_doubled_keys_are_kept() -> None:
    keys = [(key.value, key.at) for key, _ in PlacedJson(SOME, '{"a": 1, "a": 2}').root.pairs()]
    assert keys == [("a", 1), ("a", 9)]


def test_decimals_are_exact() -> None:
    assert PlacedJson(SOME, "0.1").root.value == Fraction(1, 10)
    assert PlacedJson(SOME, "1e-300").root.value == Fraction(1, 10**300)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("NaN", "must be finite"),
        ("-Infinity", "must be finite"),
        ("1e999", "1e999 is too large or too small a number"),
        ("1e-999", "1e-999 is too large or too small a number"),
        ("1e309", "1e309 is too large a number"),
        ("1" + "0" * 309, "is too large a number"),
        ("9" * 5000, "is a number of more than 1000 digits"),
        ("0." + "1" * 5000, "is a number of more than 1000 digits"),
        ("1e" + "9" * 5000, "is a number of more than 1000 digits"),
        ("'a'", 'a value is missing here: found "\'"'),
        (".5", "a value is missing here: found '.'"),
        ("+1", "a value is missing here: found '+'"),
        ("truest", "unexpected text after the end of the document"),
        ('{"a" 1}', "a colon is missing here: found '1'"),
        ("{a: 1}", "a key in \"double quotes\" is missing here: found 'a'"),
        ("[1 2]", "a comma or ] is missing here: found '2'"),
        ('"\\x"', "a string is broken"),
    ],
)
def test_what_is_no_json_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as told:
        PlacedJson(SOME, text)
    assert sentence in told.value.what
    assert told.value.where is not None
    assert told.value.where.line == 1
