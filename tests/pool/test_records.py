"""Records of a quoted CSV are found by number as one reading of the whole file finds them, wherever blocks are cut."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.config import load_settings
from shareout.errors import InputError
from shareout.pool import lines, open_pool
from shareout.pool.places import marks
from shareout.pool.places.blanked import blanked

PIECES = [
    "1,2\n",
    '"a,b","c,d"\n',
    '"x ""y""",\r\n',
    '"a\nb",3\n',
    '"\r\n",é\n',
    '"",""""\n',
    ',"""\n,"""\n',
    '"a,""\r\n",\n',
]
BLANK_ONES = [*PIECES, '"a\n\n b",3\n', "\n", " \t\n"]
ODD_ONES = [*BLANK_ONES, '5" nail,\u2028\n', '5"",\n']


def some(pieces: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(pieces), max_size=30)


def naive(text: str) -> list[tuple[int, list[str]]]:
    """All at once by the csv module: blank lines are empty, lines end by a newline."""
    plain = "\n".join(line if line.strip(" \t") else "" for line in text.replace("\r\n", "\n").split("\n"))
    reader = csv.reader(io.StringIO(plain, newline="\n"), strict=True)
    found, begin = [], 1
    for fields in reader:
        if fields:
            found.append((begin, fields))
        begin = reader.line_num + 1
    return found


def field_at(text: str, line: int, column: int) -> str:
    """The field that begins there, where a separator stands before it or the line begins."""
    lines = text.replace("\r\n", "\n").split("\n")
    assert column == 1 or lines[line - 1][column - 2] == ","
    rest = "\n".join([lines[line - 1][column - 1 :], *lines[line:]])
    return next(csv.reader(io.StringIO(f",{rest}", newline="\n")))[1]


@pytest.mark.parametrize("block", [8, 32, 1 << 14])
@pytest.mark.parametrize("small", [1, 1 << 32])
def test_every_record_is_found_by_its_number(monkeypatch: pytest.MonkeyPatch, block: int, small: int) -> None:
    monkeypatch.setattr(lines, "BLOCK", block)
    monkeypatch.setattr(marks, "SMALL", small)

    @settings(max_examples=60, deadline=None)
    @given(st.sampled_from([PIECES, BLANK_ONES, ODD_ONES]).flatmap(some), st.booleans())
    def agree(pieces: list[str], bom: bool) -> None:
        text = '"a","b"\n' + "".join(pieces)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "jobs.csv").write_bytes(("\ufeff" if bom else "").encode() + text.encode())
            pool = open_pool(Path(folder), load_settings(Path(folder)))
            pool.prepare()
            expected = [(line, dict(zip("ab", fields, strict=True))) for line, fields in naive(text)[1:]]
            assert [(pool.row(job).line, pool.arguments(job)) for job in range(len(pool))] == expected
            for job, (_, row) in enumerate(expected):
                for name, value in row.items():
                    assert field_at(text, *getattr(pool, "place_of")(job, name)) == value  # noqa: B009
            columns = getattr(pool, "columns")(["b", "a"])  # noqa: B009
            assert list(columns) == [(row["b"], row["a"]) for _, row in expected]

    agree()


def test_a_row_that_is_too_short_is_told_with_the_line_that_it_begins_in(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text('a,b\n"x\n\ny",1\n\n"z\n"\n3,4\n')
    with pytest.raises(InputError) as told:
        open_pool(tmp_path, load_settings(tmp_path))
    assert told.value.where is not None
    assert told.value.where.line == 6


@settings(max_examples=2000, deadline=None)
@given(st.text(alphabet='",\n\ra ', max_size=20), st.integers(0, 20))
def test_what_is_blanked_has_the_records_and_fields_that_the_csv_module_reads(text: str, cut: int) -> None:
    """In one piece or in two that are parted by a newline; and what the csv module would refuse is not taken."""
    text = text.rstrip("\r\n") or "a"
    newline = text.find("\n", cut)
    parts = [text] if newline < 0 else [text[:newline], text[newline + 1 :]]
    found, inside = [], False
    for part in parts:
        told = blanked(part.encode(), inside)
        if told is None:
            return
        found.append(told[0])
        joint, inside = (b"\0" if told[1] else b"\n"), told[1]
        found.append(joint)
    if inside:
        return
    whole = b"".join(found[:-1])
    assert len(whole) == len(text)
    rows = [fields for fields in csv.reader(io.StringIO(text, newline="\n"), strict=True) if fields]
    assert [line.count(b",") + 1 for line in whole.replace(b"\r", b"").split(b"\n") if line] == list(map(len, rows))
