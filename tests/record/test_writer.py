"""Appending to a journal when the disk is full, the file is gone, or what is there is not ours."""

from __future__ import annotations

import re
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kit.journals import attempt, done_positions, header, last_journal, run_folder
from shareout.errors import CannotRecord, PlanMismatch, RunDirectoryDamaged
from shareout.record.folder import RunFolder
from shareout.record.journal import attempt_line
from shareout.record.reader import JournalReader, incarnations_of, newest_header
from shareout.record.tallies.saved import tally_of
from shareout.record.writer import JournalWriter
from shareout.world import world

LINES = b"".join(attempt_line(attempt(position)) for position in range(6))


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """Files may grow to here and no further, as on a disk that fills up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 64 KiB where this user may mount one; elsewhere none, and the other tests must do."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], capture_output=True).returncode
    try:
        yield folder
    finally:
        if not mounted:
            subprocess.run(["umount", folder], check=True)


def test_a_disk_that_fills_at_any_byte_leaves_whole_lines_and_can_go_on(tmp_path: Path) -> None:
    ends = [found.end() for found in re.finditer(rb"\n", LINES)]
    for room in range(len(LINES)):
        folder = RunFolder(tmp_path / str(room))
        folder.path.mkdir()
        writer = JournalWriter(folder, header())
        with file_limit(writer.begin + room), pytest.raises(CannotRecord, match="the disk is full"):
            writer.append(LINES)
        kept = sum(end <= room for end in ends)
        assert done_positions(folder) == list(range(kept)), "what fitted is there, whole"
        assert last_journal(folder).stat().st_size == writer.size
        writer.append(attempt_line(attempt(9)))
        writer.close()
        assert done_positions(folder) == [*range(kept), 9]
        assert not damage_of(folder)
        size = last_journal(folder).stat().st_size
        assert (writer.size, writer.lines) == (size, kept + 3)
        (part,) = tally_of(folder, header()).parts.values()
        assert part.facts() == writer.part().facts()


def test_a_real_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, file_limit(64 << 10):
        folder = run_folder(disk)
        writer = JournalWriter(folder, header())
        told: list[int] = []
        with pytest.raises(CannotRecord, match="the disk is full") as refusal:
            fill(writer, told)
        writer.close()
        assert "Make room" in refusal.value.way_out
        assert len(done_positions(folder)) >= len(told) > 100
        assert last_journal(folder).read_bytes().endswith(b'"}\n')
        assert not damage_of(folder)


def test_a_torn_line_that_could_not_be_cut_is_cut_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_folder(tmp_path)
    writer = JournalWriter(folder, header())

    def no_cut(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with file_limit(writer.size + len(LINES) - 10), monkeypatch.context() as patched:
        patched.setattr(world, "ftruncate", no_cut)
        with pytest.raises(CannotRecord, match="full"):
            writer.append(LINES)
        with pytest.raises(CannotRecord, match="Input/output"):
            writer.append(LINES)
    writer.append(attempt_line(attempt(9)))
    writer.close()
    assert done_positions(folder) == [0, 1, 2, 3, 4, 9]
    assert not damage_of(folder)


def test_a_journal_that_is_removed_while_it_is_written_is_noticed(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    writer = JournalWriter(folder, header())
    last_journal(folder).unlink()
    writer.append(LINES)
    with pytest.raises(CannotRecord, match="was removed"):
        writer.sync()
    writer.close()


def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    flipped = header().lines()[:-1] + b"X"
    for content in (b"my only notes", b"my\nnotes\n", b"\xff" * 100, flipped + LINES.replace(b"\n", b"X")):
        last_journal(folder).write_bytes(content)
        with pytest.raises(RunDirectoryDamaged):
            JournalWriter(folder, header())
        assert last_journal(folder).read_bytes() == content


def test_a_header_that_was_never_whole_is_passed_over(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    lines = header().lines()
    first = folder.journal(1, "0" * 8)
    for left in (
        *(lines[:cut] for cut in (*range(20), *range(20, len(lines), 37), len(lines) - 1)),
        bytes(300),
        lines[:30] + bytes(99),
    ):
        first.write_bytes(left)
        writer = JournalWriter(folder, header())
        writer.close()
        assert [one.path for one in incarnations_of(folder)] == [writer.path]
        assert (writer.header.ordinal, first.read_bytes()) == (2, left)
        writer.path.unlink()


def test_a_header_of_many_phases_is_kept(tmp_path: Path) -> None:
    """Two hundred thousand barriers make a first line of megabytes."""
    many = header(400_000, tuple((at, at + 2) for at in range(0, 400_000, 2)))
    folder = run_folder(tmp_path, [attempt(0, jobs=400_000)], many)
    assert len(many.lines()) > 2 << 20
    JournalWriter(folder, many).close()
    assert done_positions(folder) == [0]
    assert replace(newest_header(folder), ordinal=0, nonce="") == many
    assert tally_of(folder, many).done == 1


def test_another_machines_journal_is_refused(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, [attempt(1)])
    before = last_journal(folder).read_bytes()
    with pytest.raises(PlanMismatch, match="belongs to machine alice"):
        JournalWriter(folder, header(machine="bob"))
    assert last_journal(folder).read_bytes() == before


def test_a_folder_that_cannot_be_written_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(CannotRecord, match="No such file"):
        JournalWriter(RunFolder(tmp_path / "gone"), header())


def fill(writer: JournalWriter, told: list[int]) -> None:
    while True:
        writer.append(LINES)
        told += range(6)


def damage_of(folder: RunFolder) -> list[object]:
    reader = JournalReader(last_journal(folder))
    for _ in reader.lines():
        pass
    return [*reader.damage, *([reader.torn] if reader.torn else [])]
