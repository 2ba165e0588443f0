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

PIECES = st.sampled_from(["1,2\n", '"a\n\n b",3\n', '"x ""y""",\r\n', "\n", " \t\n", '5" nail,\u2028\n', '"\r\n",é\n'])


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


@pytest.mark.parametrize("block", [8, 32, 1 << 14])
@pytest.mark.parametrize("small", [1, 1 << 32])
def test_every_record_is_found_by_its_number(monkeypatch: pytest.MonkeyPatch, block: int, small: int) -> None:
    monkeypatch.setattr(lines, "BLOCK", block)
    monkeypatch.setattr(marks, "SMALL", small)

    @settings(max_examples=60, deadline=None)
    @given(st.lists(PIECES, max_size=30), st.booleans())
    def agree(pieces: list[str], bom: bool) -> None:
        text = '"a","b"\n' + "".join(pieces)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "jobs.csv").write_bytes(("\ufeff" if bom else "").encode() + text.encode())
            pool = open_pool(Path(folder), load_settings(Path(folder)))
            pool.prepare()
            expected = [(line, dict(zip("ab", fields, strict=True))) for line, fields in naive(text)[1:]]
            assert [(pool.row(job).line, pool.arguments(job)) for job in range(len(pool))] == expected
            columns = getattr(pool, "columns")(["b", "a"])  # noqa: B009
            assert list(columns) == [(row["b"], row["a"]) for _, row in expected]

    agree()


def test_a_row_that_is_too_short_is_told_with_the_line_that_it_begins_in(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text('a,b\n"x\n\ny",1\n\n"z\n"\n3,4\n')
    with pytest.raises(InputError) as told:
        open_pool(tmp_path, load_settings(tmp_path))
    assert told.value.where is not None
    assert told.value.where.line == 6
