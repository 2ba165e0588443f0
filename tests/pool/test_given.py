"""Rows from code: written thousands at once, the bytes are those of each row by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareout.config import load_settings
from shareout.errors import InputError, ShareoutError
from shareout.pool.given import RowWriter, canonical, open_given
from shareout.pool.rows import JsonlPool

TEXTS = st.sampled_from(["a", '":', "]\n,[", "}\n,{", "\n", "é", "group", "x:y"])
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), FLOATS, TEXTS)
KEYS = st.one_of(TEXTS, st.integers(0, 1), st.sampled_from(["0", "1"]))
VALUES = st.recursive(
    SCALARS,
    lambda some: st.one_of(st.lists(some, max_size=3), st.tuples(some, some), st.dictionaries(KEYS, some, max_size=3)),
    max_leaves=6,
)
OF_ONE_KIND = st.one_of(
    st.lists(st.lists(VALUES, max_size=3), max_size=6),
    st.lists(st.dictionaries(KEYS, VALUES, max_size=3), max_size=6),
    st.lists(SCALARS, max_size=6),
    st.lists(st.dictionaries(TEXTS, SCALARS, max_size=3), max_size=6),
)


@given(st.one_of(OF_ONE_KIND, st.lists(VALUES, max_size=6)))
def test_the_bytes_of_many_rows_are_those_of_each(rows: list[Any]) -> None:
    alone = b"".join(canonical(row, number) for number, row in enumerate(rows))
    assert b"".join(RowWriter().blocks(rows)) == alone


@given(st.one_of(OF_ONE_KIND, st.lists(VALUES, max_size=6)))
def test_a_pool_from_code_is_that_of_its_file(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("given")
    try:
        pool = open_given(iter(rows), folder, load_settings(folder))
    except ShareoutError:
        # A key that is there twice once it is JSON, as 1 and "1".
        with pytest.raises(ShareoutError):
            JsonlPool(next(folder.glob("*.jsonl")), "")
        return
    read = JsonlPool(pool.inputs[0].path, "")
    assert (len(pool), pool.names, pool.groups) == (len(read), read.names, read.groups)
    assert pool.has_commands == read.has_commands
    pool.prepare()
    assert [pool.row(job) for job in range(len(pool))] == [read.row(job) for job in range(len(read))]


def test_rows_that_fail_are_told_by_their_number(tmp_path: Path) -> None:
    def rows() -> Iterator[object]:
        yield from ((number,) for number in range(15_000))
        raise OSError("no more")

    with pytest.raises(InputError, match="making row 15000 failed: OSError: no more"):
        open_given(rows(), tmp_path, load_settings(tmp_path))
    odd = ((number, {number} if number == 12345 else 0) for number in range(15_000))
    with pytest.raises(InputError, match="row 12345 is not JSON"):
        open_given(odd, tmp_path, load_settings(tmp_path))


GOOD = (b'{"a":1}', b'{"a" : "x:y"}', b'["{:"]', b" 7 ", b"", b"1e999")
BAD = (b'{"a":1,"a":2}', b'{"b":{"c":1,"c":2}}', b"[1,", b"NaN", b"1,2", b'{"a" :1,"a":":"}')


@given(st.lists(st.sampled_from([*GOOD, *BAD]), min_size=1))
def test_lines_are_refused_one_by_one_or_together(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("lines") / "jobs.jsonl"
    path.write_bytes(b"\n".join(lines))
    if not set(lines) <= set(GOOD):
        with pytest.raises(ShareoutError):
            JsonlPool(path, "")
        return
    pool = JsonlPool(path, "")
    pool.prepare()
    values = [json.loads(line) for line in lines if line.strip()]
    expected = [tuple(one) if isinstance(one, list) else one if isinstance(one, dict) else (one,) for one in values]
    assert [pool.arguments(job) for job in range(len(pool))] == expected
