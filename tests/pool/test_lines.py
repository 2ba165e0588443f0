"""The index of lines agrees with a naive reading of any file, wherever its blocks are cut."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.pool import lines
from shareout.pool.lines import BOM, Lines, is_kept
from shareout.pool.places import marks

PIECES = st.sampled_from([b"a", b"bcdef", b"\n", b"\n", b" ", b"#", b"\r\n", b"\t", b"xyz xyz", b"\n\n", b"\xff", b"!"])


def naive(content: bytes, comments: bool) -> list[tuple[bytes, int]]:
    split = content.removeprefix(BOM).split(b"\n")
    if split[-1] == b"":
        split.pop()
    numbered = [(line[:-1] if line.endswith(b"\r") else line, number) for number, line in enumerate(split, 1)]
    return [(line, number) for line, number in numbered if is_kept(line, comments)]


@pytest.mark.parametrize(("block", "chunk"), [(4, 16), (8, 8), (16, 64), (1 << 14, 1 << 20)])
def test_every_line_is_found_by_its_number(monkeypatch: pytest.MonkeyPatch, block: int, chunk: int) -> None:
    monkeypatch.setattr(lines, "BLOCK", block)
    monkeypatch.setattr(lines, "CHUNK", chunk)
    monkeypatch.setattr(lines, "FORK_BYTES", 100)

    @settings(max_examples=150, deadline=None)
    @given(st.lists(PIECES, max_size=60), st.booleans(), st.booleans())
    def agree(pieces: list[bytes], bom: bool, comments: bool) -> None:
        content = (BOM if bom else b"") + b"".join(pieces)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "jobs.txt"
            path.write_bytes(content)
            index = Lines(path, comments=comments)
            assert [index.at(number) for number in range(len(index))] == naive(content, comments)
            with pytest.raises(IndexError):
                index.at(len(index))

    agree()


def test_a_large_file_is_indexed_by_two_processes_alike(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "jobs.txt"
    path.write_bytes(b"".join(b"# note\n" if number % 3 == 0 else b"job %d\n" % number for number in range(200_000)))
    alone = Lines(path, comments=True)
    monkeypatch.setattr(lines, "FORK_BYTES", 1)
    assert os.path.getsize(path) > lines.CHUNK
    forked = Lines(path, comments=True)
    assert len(forked) == len(alone) == 133_333
    assert [forked.at(number) for number in (0, 70_000, 133_332)] == [
        alone.at(number) for number in (0, 70_000, 133_332)
    ]


@pytest.mark.parametrize("block", [4, 8, 16, 1 << 14])
@pytest.mark.parametrize("small", [1, 1 << 32])
def test_a_prepared_file_tells_the_same_lines_and_all_blocks_together_the_file(
    monkeypatch: pytest.MonkeyPatch, block: int, small: int
) -> None:
    monkeypatch.setattr(lines, "BLOCK", block)
    monkeypatch.setattr(marks, "SMALL", small)

    @settings(max_examples=100, deadline=None)
    @given(st.lists(PIECES, max_size=60), st.booleans(), st.booleans())
    def agree(pieces: list[bytes], bom: bool, comments: bool) -> None:
        content = (BOM if bom else b"") + b"".join(pieces)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "jobs.txt"
            path.write_bytes(content)
            index = Lines(path, comments=comments)
            index.prepare()
            expected = naive(content, comments)
            assert [index.at(number) for number in range(len(index))] == expected
            assert [index.line(number) for number in range(len(index))] == [line for line, _ in expected]
            assert [content[at : at + len(text)] for _, at, text in index.texts()] == [
                text for _, _, text in index.texts()
            ]
            assert b"\n".join(text for _, _, text in index.texts()) == content.removeprefix(
                BOM if bom else b""
            ).removesuffix(b"\n")
            for wrong in (-1, len(index)):
                with pytest.raises(IndexError):
                    index.line(wrong)

    agree()
