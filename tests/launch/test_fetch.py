"""A fetch moves only what is new, survives a cut at any byte, and writes nowhere else than where it may."""

from __future__ import annotations

import io
import json
import os
import random
from pathlib import Path

import pytest

from shareout.launch.far import give, hash_of, wanted_files
from shareout.launch.fetch import Fetched, Home
from shareout.launch.launcher import Refusal, Unreached
from shareout.record.folder import RunFolder


class Far:
    """A run directory whose files grow, and a stream of them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        (folder / "runs/x/alice/jobs/0/1").mkdir(parents=True)
        monkeypatch.chdir(folder)

    def write(self, name: str, content: bytes) -> None:
        (self.folder / "runs/x/alice" / name).write_bytes(content)

    def stream(self, home: Home, *globs: str) -> bytes:
        os.chdir(self.folder)
        out = io.BytesIO()
        give(wanted_files(RunFolder(Path("runs/x/alice")), globs), home.has(), out)
        return out.getvalue()

    def whole(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file()
        }


def at_home(home: Home) -> dict[str, bytes]:
    return {
        path.relative_to(home.folder).as_posix(): path.read_bytes() for path in home.folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Far:
    return Far(tmp_path / "far", monkeypatch)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_a_fetch_that_is_cut_anywhere_goes_on_until_all_is_home(far: Far, home: Home, tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    far.write("journal.1-00000000.jsonl", chance.randbytes(3000))
    far.write("log-0001.gz", chance.randbytes(2000))
    far.write("jobs/0/1/empty", b"")
    for at in range(100):
        home = Home(tmp_path / f"home{at}")
        cut = len(far.stream(home)) * at // 100
        with pytest.raises(Unreached):
            home.take(io.BytesIO(far.stream(home)[:cut]))
        for name, content in at_home(home).items():
            if not Path(name).name.startswith("."):
                assert content == far.whole()[name], "what has its own name is whole"
        home.take(io.BytesIO(far.stream(home)))
        assert at_home(home) == far.whole()


def test_only_new_bytes_come(far: Far, home: Home) -> None:
    far.write("journal.1-00000000.jsonl", b"a" * 1000)
    assert home.take(io.BytesIO(far.stream(home))) == Fetched(1, 1000)
    assert home.take(io.BytesIO(far.stream(home))) == Fetched(1, 0)
    far.write("journal.1-00000000.jsonl", b"a" * 1000 + b"b" * 10)
    cut = far.stream(home)
    assert len(cut) < 300
    with pytest.raises(Unreached):
        home.take(io.BytesIO(cut[: cut.index(b"bbbb") + 4]))
    assert home.take(io.BytesIO(far.stream(home))) == Fetched(1, 6)
    assert at_home(home) == far.whole()


def test_a_file_that_begins_otherwise_comes_as_a_whole(far: Far, home: Home) -> None:
    far.write("journal.1-00000000.jsonl", b"a" * 1000)
    home.take(io.BytesIO(far.stream(home)))
    for content in (b"a" * 500, b"b" * 2000, b""):
        far.write("journal.1-00000000.jsonl", content)
        home.take(io.BytesIO(far.stream(home)))
        assert at_home(home) == far.whole()


def test_a_byte_that_is_wrong_is_never_kept(far: Far, home: Home) -> None:
    far.write("journal.1-00000000.jsonl", b"a" * 1000)
    stream = far.stream(home)
    at = stream.index(b"aaa") + 500
    with pytest.raises(Unreached):
        home.take(io.BytesIO(stream[:at] + b"x" + stream[at + 1 :]))
    home.take(io.BytesIO(far.stream(home)))
    assert at_home(home) == far.whole()


def test_what_matches_comes_and_what_means_something_only_there_does_not(far: Far, home: Home) -> None:
    far.write("lock", b"")
    far.write("owner.json", b"{}")
    (far.folder / "out.txt").write_bytes(b"o")
    (far.folder / "link.txt").symlink_to("/etc/passwd")
    home.take(io.BytesIO(far.stream(home, "*.txt")))
    assert at_home(home) == {"out.txt": b"o"}


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/../../x", ""])
def test_a_far_side_that_lies_writes_nowhere_else(home: Home, name: str) -> None:
    head = json.dumps({"file": name, "size": 1, "from": 0, "mode": 0o644}).encode()
    with pytest.raises(Refusal):
        home.take(io.BytesIO(head + b"\nx"))


def test_a_link_at_home_leads_nowhere_else(home: Home, tmp_path: Path) -> None:
    home.folder.mkdir()
    (home.folder / "a").symlink_to(tmp_path)
    head = json.dumps({"file": "a/x", "size": 1, "from": 0, "mode": 0o644}).encode()
    with pytest.raises(Refusal):
        home.take(io.BytesIO(head + b"\nx"))
    assert not (tmp_path / "x").exists()


def test_a_hash_is_of_all_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"a" * (3 << 20))
    one = hash_of(file)
    file.write_bytes(b"a" * (3 << 20) + b"b")
    assert hash_of(file) != one
