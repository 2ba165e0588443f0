"""A compressed pool is the text in it; one that is damaged is refused, and how far it could be read is told."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from shareout.config import load_settings
from shareout.errors import InputError, UsageError
from shareout.plan.plan import make_plan
from shareout.pool import Pool, lines, open_pool
from shareout.pool.compressed import text_of

TEXTS = {
    "jobs.txt": "#SHAREOUT PREFIX nice \n\necho a\r\necho b",
    "jobs.csv": 'n,text\n1,"two\nlines"\n2,plain\n',
    "jobs.jsonl": '[1]\n\n{"a": 2}\n',
}


def pool_in(folder: Path) -> Pool:
    return open_pool(folder, load_settings(folder))


def digest_in(folder: Path) -> bytes:
    (folder / "machines.json").write_text('{"a": [1, 1]}')
    settings = load_settings(folder)
    return make_plan(open_pool(folder, settings), folder / "machines.json", settings, kind="").digest


@pytest.mark.parametrize("name", TEXTS)
def test_jobs_and_digest_are_those_of_the_text_however_it_is_compressed(name: str, tmp_path: Path) -> None:
    text = TEXTS[name].encode()
    (tmp_path / name).write_bytes(text)
    plain, digest = pool_in(tmp_path), digest_in(tmp_path)
    (tmp_path / name).unlink()
    for packed in (gzip.compress(text), gzip.compress(text[:9], 1) + gzip.compress(text[9:], 9) + b"\0" * 512):
        (tmp_path / f"{name}.gz").write_bytes(packed)
        pool = pool_in(tmp_path)
        assert [pool.row(job) for job in range(len(pool))] == [plain.row(job) for job in range(len(plain))]
        assert (pool.kind, digest_in(tmp_path)) == (plain.kind, digest)


def test_a_large_one_is_mapped_and_counted_by_two_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lines, "MOST_HELD", 1)
    monkeypatch.setattr(lines, "FORK_BYTES", 1)
    (tmp_path / "jobs.txt.gz").write_bytes(gzip.compress(b"".join(b"echo %d\n" % job for job in range(400_000))))
    pool = pool_in(tmp_path)
    assert (len(pool), pool.command(399_999)) == (400_000, "echo 399999")


def test_an_axis_may_be_compressed(tmp_path: Path) -> None:
    (tmp_path / "units.jsonl.gz").write_bytes(gzip.compress(b"[1]\n[2]\n"))
    (tmp_path / "jobs.grid.json").write_text('{"a": {"lines": "units.jsonl.gz"}}')
    assert [pool_in(tmp_path).arguments(job) for job in (0, 1)] == [{"a": [1]}, {"a": [2]}]


def test_a_file_that_was_replaced_is_unpacked_anew_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "jobs.txt.gz"
    path.write_bytes(gzip.compress(b"one\n"))
    assert text_of(path) == text_of(path)
    path.write_bytes(gzip.compress(b"one\ntwo\n"))
    assert text_of(path).read_bytes() == b"one\ntwo\n"


def test_nothing_is_left_where_it_was_unpacked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "drafts").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "drafts"))
    (tmp_path / "jobs.txt.gz").write_bytes(gzip.compress(b"one\n"))
    pool = pool_in(tmp_path)
    assert os.listdir(tmp_path / "drafts") == []
    assert pool.command(0) == "one"


WHOLE = gzip.compress(os.urandom(30_000).hex().encode() + b"\nmore\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (WHOLE[:-4], "is cut short: 2 lines of text could be read, up to about byte"),
        (b"", "is cut short: 0 lines"),
        (WHOLE[:-8] + b"\1\2\3\4" + WHOLE[-4:], "(incorrect data check)"),
        (WHOLE + b"\x1f\x8b\x08\0" + b"\xff" * 20_000, "2 lines of text could be read, up to about byte"),
        (b"echo one\n", "no gzip (incorrect header check): 0 lines of text could be read, up to about byte 0"),
        (WHOLE + b"more", "(incorrect header check): 2 lines of text could be read"),
        (gzip.compress(b"PK\3\4"), "is a zip archive or a spreadsheet, not text"),
        (gzip.compress(b"a\n\0\n"), "there is a NUL byte in this line"),
    ],
)
def test_what_is_damaged_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "jobs.txt.gz"
    path.write_bytes(content)
    with pytest.raises(InputError) as told:
        pool_in(tmp_path)
    assert said in str(told.value)
    assert told.value.where is not None
    assert told.value.where.path == str(path)


@pytest.mark.parametrize("name", ["x.grid.json.gz", "x.groups.json.gz", "runs.txt.gz", "x.tar.gz", "x.json.gz"])
def test_what_is_no_list_of_jobs_is_not_read_as_one(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"x\n"))
    with pytest.raises(InputError, match=r"compressed|archive"):
        open_pool(tmp_path, load_settings(tmp_path), named=tmp_path / name)


def test_a_pool_beside_its_own_compressed_one_is_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "jobs.txt").write_text("a\n")
    (tmp_path / "jobs.txt.gz").write_bytes(gzip.compress(b"a\n"))
    with pytest.raises(UsageError, match=r"has 2 pools: jobs.txt and jobs.txt.gz"):
        pool_in(tmp_path)


def test_a_disk_without_room_is_told_as_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    (tmp_path / "jobs.txt.gz").write_bytes(gzip.compress(b"a\n"))
    with pytest.raises(Exception, match="gone cannot be written") as told:
        pool_in(tmp_path)
    assert "TMPDIR" in str(getattr(told.value, "way_out", ""))
