"""What was kept of a pool tells the same as a look at its file, and is believed only where it is of that very file."""

from __future__ import annotations

import gzip
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.config import load_settings
from shareout.errors import InputError, InputErrors
from shareout.plan.digest import hash_file, hash_input
from shareout.pool import Pool, lines, open_pool
from shareout.pool.places import shelf as shelves
from shareout.pool.places.shelf import Shelf

CSV = ["1,\u00e9\n", "2,b\r\n", "\n", " \t\n"]
PIECES = {
    "jobs.txt": ["echo a\n", "# note\n", "\n", "#SHAREOUT PREFIX nice \n", "#SHAREOUT GROUP b\n", "echo b\r\n"],
    "jobs.csv": CSV[:2],
    "jobs.csv.gz": CSV,
    "gaps/jobs.csv": CSV,
    "quoted/jobs.csv": ['1,"x ""y"""\n', '"a\nb",c\r\n', '"a,\n",\n'],
    "odd/jobs.csv": ['1,"x ""y"""\n', '5" nail,c\n', "\n", '"a\n\nb",c\r\n'],
    "jobs.jsonl": ['{"a": 1, "group": "c"}\n', "[1, 2]\n", "\n", '"x"\r\n', '{"group": "\\ud800"}\n'],
    "jobs.grid.json": ["a\n", "b c\n", "\n"],
    "jobs.groups.json": ["[1]\n", '{"a": 2}\n', "\n"],
}
AXES = {
    "jobs.grid.json": '{"n": [1, 2], "a": {"lines": "units.txt"}}',
    "jobs.groups.json": '{"units": {"lines": "units.jsonl"}, "groups": {"x": "echo {}"}}',
}


def write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    name = name.rpartition("/")[2]
    if name in AXES:
        (folder / name).write_text(AXES[name])
        name = "units.txt" if "grid" in name else "units.jsonl"
        text += "[3]\n"
    if ".csv" in name:
        text = '"group",b\n' + text if '"' in text else "group,b\n" + text
    data = text.encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


def told(pool: Pool) -> list[Any]:
    """All that a pool says."""
    pool.prepare()
    said = [[next(iter(texts)) for texts in zip(*block, strict=True)] for block in _columns(pool)]
    return [len(pool), pool.groups, pool.phases, said, *map(pool.row, range(len(pool)))]


def _columns(pool: Pool) -> Iterator[Sequence[Sequence[str]]]:
    blocks: Callable[[list[str]], Iterator[Sequence[Sequence[str]]]] | None = getattr(pool, "column_blocks", None)
    return blocks(["b", "group"]) if blocks else iter(())


def opened(folder: Path, kept: Path | None = None) -> Pool:
    return open_pool(folder, load_settings(folder), shelf=Shelf(kept) if kept else None)


def files(kept: Path) -> list[Path]:
    return sorted(kept.iterdir()) if kept.exists() else []


@pytest.fixture
def all_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "SMALLEST", 1)


@pytest.mark.parametrize("block", [8, 1 << 14])
@pytest.mark.parametrize("name", PIECES)
@pytest.mark.usefixtures("all_are_kept")
def test_what_was_kept_tells_the_same(name: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK", block)

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.sampled_from(PIECES[name]), min_size=1, max_size=25), st.booleans())
    def agree(pieces: list[str], bom: bool) -> None:
        with tempfile.TemporaryDirectory() as folder:
            configs, kept = Path(folder) / "configs", Path(folder) / "kept"
            write(configs, name, ("\ufeff" if bom and ".csv" not in name else "") + "".join(pieces))
            try:
                expected = told(opened(configs))
            except (InputError, InputErrors):
                # A pool that is refused is refused each time: of it nothing is known.
                return
            first = opened(configs, kept)
            assert told(first) == expected
            first.keep()
            with monkeypatch.context() as blind:
                # Neither lines nor records are looked at again.
                blind.setattr("shareout.pool.lines.Lines._index", None)
                blind.setattr("shareout.pool.places.records.Records.survey", None)
                blind.setattr("shareout.pool.places.records.Records._refused", None)
                blind.setattr("shareout.pool.rows.JsonlPool._check", None)
                found = opened(configs, kept)
                assert told(found) == expected
            for pool in (first, found):
                assert [hash_input(one) for one in pool.inputs] == [
                    hash_file(one.role, one.path) for one in pool.inputs
                ]
            before = [path.stat().st_mtime_ns for path in files(kept)]
            assert before
            found.keep()
            assert [path.stat().st_mtime_ns for path in files(kept)] == before

    agree()


@pytest.fixture
def one(tmp_path: Path, all_are_kept: None) -> tuple[Path, Path]:
    """A pool, and where what is known of it is kept: in one file."""
    configs, kept = tmp_path / "configs", tmp_path / "kept"
    write(configs, "jobs.csv", "".join(f"g{number % 3},{number}\n" for number in range(100)))
    pool = opened(configs, kept)
    pool.keep()
    assert len(files(kept)) == 1
    return configs, kept


def is_known(configs: Path, kept: Path) -> bool:
    path = configs / "jobs.csv"
    return lines.Lines(path, comments=False, shelf=Shelf(kept), kind="csv").found is not None


def test_whatever_is_changed_in_it_is_seen_and_it_is_made_again(
    one: tuple[Path, Path], record_property: Callable[[str, object], None]
) -> None:
    configs, kept = one
    (path,) = files(kept)
    whole, expected = path.read_bytes(), told(opened(configs))
    seed = random.SystemRandom().randrange(1 << 32)
    record_property("seed", seed)
    chance = random.Random(seed)
    damaged = [whole[:cut] for cut in (0, 1, 31, 32, 33, len(whole) // 2, len(whole) - 1)]
    damaged += [whole + b"\0", b"\n" * 40, bytes(len(whole))]
    for _ in range(200):
        at = chance.randrange(len(whole))
        damaged.append(whole[:at] + bytes([whole[at] ^ chance.randrange(1, 256)]) + whole[at + 1 :])
    for content in damaged:
        path.write_bytes(content)
        pool = opened(configs, kept)
        assert told(pool) == expected, f"seed {seed}"
        pool.keep()
        assert path.read_bytes() == whole, f"seed {seed}"


def test_only_the_very_text_is_known(one: tuple[Path, Path]) -> None:
    configs, kept = one
    assert is_known(configs, kept)
    path = configs / "jobs.csv"
    path.write_bytes(path.read_bytes().replace(b"g0,99", b"g0\n99"))
    assert not is_known(configs, kept)
    with pytest.raises(InputErrors, match="2 mistakes"):
        opened(configs, kept)


def test_nor_is_what_is_kept_of_another_believed_by_its_name(one: tuple[Path, Path]) -> None:
    configs, kept = one
    path = configs / "jobs.csv"
    path.write_bytes(path.read_bytes().replace(b"g0,99", b"g0,98"))
    wanted = Shelf(kept)._path(lines.Lines(path, comments=False, shelf=Shelf(kept)).hash, "csv")  # type: ignore[arg-type]
    files(kept)[0].rename(wanted)
    assert not is_known(configs, kept)


def test_what_another_version_kept_is_not_believed(one: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_known(*one)
    monkeypatch.setattr(shelves, "VERSION", "0.0.1")
    assert not is_known(*one)


def test_of_a_file_that_was_changed_meanwhile_nothing_is_kept(
    all_are_kept: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MOST_HELD", 1)
    configs, kept = tmp_path / "configs", tmp_path / "kept"
    write(configs, "jobs.csv", "1,2\n3,4\n")
    pool = opened(configs, kept)
    # As an editor does that writes in place: the mapped pages are those of the file.
    with (configs / "jobs.csv").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"34,\n")
    pool.keep()
    assert not files(kept)


def test_where_it_cannot_be_written_nothing_is_told(one: tuple[Path, Path]) -> None:
    configs, kept = one
    shutil.rmtree(kept)
    kept.write_text("no folder")
    pool = opened(configs, kept)
    pool.keep()
    assert told(pool) == told(opened(configs))


def test_small_files_are_not_kept(tmp_path: Path) -> None:
    write(tmp_path / "configs", "jobs.csv", "1,2\n")
    opened(tmp_path / "configs", tmp_path / "kept").keep()
    assert not files(tmp_path / "kept")
