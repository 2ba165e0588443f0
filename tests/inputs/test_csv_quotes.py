"""Quotes in a CSV that do not close, or close too early, are refused where they stand; nothing is swallowed."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.program import Machine
from shareout.config import load_settings
from shareout.errors import ShareoutError
from shareout.pool import open_pool

NEVER = "this quote is never closed"
BEHIND = "there is text behind a closing quote"
BROKEN = [
    ('a,b\n1,2\n3,"4\n5,6\n7,8\n', f"jobs.csv:3:3: {NEVER}"),
    ('a,b\n1,2\n3,"4" x\n5,6\n', f"jobs.csv:3:6: {BEHIND}"),
    (
        'a,b\n"1,2\n"3",4\n',
        "jobs.csv:2:1: this quote is not closed in its line; the next one, in line 3, has text behind",
    ),
    ('"a,b\n1,2\n', f"jobs.csv:1:1: {NEVER}"),
    ('a,b\n1,"2""\n', f"jobs.csv:2:3: {NEVER}"),
    ("a,b\n1,2\n3,4\r5\n", "jobs.csv:3: is no CSV: there is a carriage return"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_a_broken_quote_is_refused_with_its_place(here: Machine, text: str, said: str) -> None:
    here.write("configs/machines.json", '{"alice": [1, 1]}')
    here.write("configs/jobs.csv", text)
    assert said in here.call("plan", code=2).err


def rows_of(folder: Path, text: str) -> list[list[str]]:
    (folder / "jobs.csv").write_bytes(text.encode())
    pool = open_pool(folder, load_settings(folder))
    return [list(map(str, dict(pool.arguments(job)).values())) for job in range(len(pool))]


def test_a_quote_inside_a_field_and_blank_lines_inside_quotes_are_text(tmp_path: Path) -> None:
    assert rows_of(tmp_path, 'a,b\n5" nail,x\n\n"one\n\n\ntwo",""""\r\n') == [['5" nail', "x"], ["one\n\n\ntwo", '"']]


@given(st.lists(st.tuples(st.text('ab",\n', min_size=1), st.text('ab",\n', min_size=1)), min_size=1, max_size=8))
def test_what_a_csv_writer_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("x", "y"), *rows])
    assert rows_of(tmp_path_factory.mktemp("csv"), out.getvalue()) == [list(row) for row in rows]


@given(st.text('a",\n', min_size=1, max_size=30))
def test_any_text_is_read_as_strict_csv_or_refused_with_a_place(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    whole = 'x,y\n"1",2\n' + text
    try:
        found = rows_of(tmp_path_factory.mktemp("csv"), whole)
    except ShareoutError:
        return
    assert found == [row for row in csv.reader(io.StringIO(whole), strict=True) if row][1:]
