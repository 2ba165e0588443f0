"""A ledger's folder in a hostile world: what is planted in it, and what goes in the middle."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.mounts import fill, moved_over, need_root, small_disk
from kit.remote_store import charter, refused
from shareout.errors import RunDirectoryDamaged
from shareout.ledger.store import Away
from shareout.stores.folder.opening import open_folder
from shareout.stores.folder.store import FolderStore
from shareout.stores.folder.ways import Way


@pytest.fixture
def store(folder: Path, way: Way) -> Iterator[FolderStore]:
    opened = open_folder(folder, charter(), [way])
    yield opened
    opened.close()


def everything(store: FolderStore) -> list[Any]:
    """Every call of a store."""
    return [
        lambda: store.get("lanes/0.0/1"), lambda: store.get("lanes/0.0/9"), lambda: store.put("lanes/0.0/2", b"text"),
        lambda: store.beat("alice", b"text"), lambda: store.beats(9), lambda: store.length("alice", "journal"),
        lambda: store.ship("alice", "journal", 0, b"text"), lambda: store.fetch("alice", "journal", 0, 9),
        lambda: store.files("alice"), store.machines,
    ]  # fmt: skip


def all_are_away(store: FolderStore, sentence: str) -> None:
    for call in everything(store):
        with pytest.raises(Away, match=sentence):
            call()


def used(store: FolderStore) -> FolderStore:
    store.put("lanes/0.0/1", b"first")
    store.beat("alice", b"here")
    store.ship("alice", "journal", 0, b"line\n")
    return store


# What is planted.


def test_planted_links_lead_nowhere(tmp_path: Path, store: FolderStore, way: Way) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "journal").write_text("secret")
    (outside / "1").symlink_to("planted")
    used(store)
    shelf = store.path / "machines" / "bob"
    shelf.mkdir()
    for place, target in {
        "lanes/0.0/5": "../../etc", "lanes/9.0": "../../../../outside", "asks": "../../../../outside",
        "machines/carol": "../../../../outside", "machines/bob/journal": str(outside / "journal"),
        "beats/bob": str(outside / "journal"),
    }.items():  # fmt: skip
        (store.path / place).symlink_to(target)
    if way.name == "symlink":
        assert store.get("lanes/0.0/5") == b"../../etc", "a text as all are, that no ledger takes for an entry"
    calls = [
        lambda: store.get("lanes/9.0/1"), lambda: store.put("lanes/9.0/2", b"text"), lambda: store.get("asks/1"),
        lambda: store.put("asks/2", b"text"), lambda: store.fetch("carol", "journal", 0, 9),
        lambda: store.ship("carol", "journal", 0, b"text"), lambda: store.fetch("bob", "journal", 0, 9),
        lambda: store.ship("bob", "journal", 0, b"text"), lambda: store.length("bob", "journal"),
        lambda: store.files("carol"), lambda: store.beat("bob", b"text"),
    ]  # fmt: skip
    if way.name == "link":
        calls += [lambda: store.get("lanes/0.0/5"), lambda: store.put("lanes/0.0/5", b"text")]
    for call in calls:
        with pytest.raises(RunDirectoryDamaged, match="is a symbolic link, and nothing that a ledger has there"):
            call()
    assert store.beats(9) == {"alice": b"here"} or store.beats(9) == {}
    assert sorted(path.name for path in outside.iterdir()) == ["1", "journal"]
    assert (outside / "journal").read_text() == "secret"


def test_what_stands_in_the_place_of_an_entry_is_told_and_not_waited_for(store: FolderStore) -> None:
    used(store)
    os.mkfifo(store.path / "lanes/0.0/2")
    (store.path / "lanes/0.0/3").mkdir()
    os.mkfifo(store.path / "machines/alice/log")
    for key, kind in {"lanes/0.0/2": "a device or a pipe", "lanes/0.0/3": "a folder"}.items():
        for call in (store.get, lambda key: store.put(key, b"text")):
            with pytest.raises(RunDirectoryDamaged, match=f"{key} is {kind}"):
                call(key)
    for call in (lambda: store.fetch("alice", "log", 0, 9), lambda: store.ship("alice", "log", 0, b"text")):
        with pytest.raises(RunDirectoryDamaged, match="log is a device or a pipe"):
            call()


@pytest.mark.parametrize("depth", [0, 1])
def test_a_link_in_the_place_of_the_ledgers_folder_is_refused(folder: Path, tmp_path: Path, depth: int) -> None:
    names = charter().folders
    above = folder.joinpath(*names[:depth])
    above.mkdir(exist_ok=True)
    (tmp_path / "outside").mkdir()
    (above / names[depth]).symlink_to(tmp_path / "outside")
    assert refused(folder) == f"{above / names[depth]} is a symbolic link, and nothing that a ledger has there"
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_mark_that_leads_elsewhere_is_refused(folder: Path) -> None:
    path = folder.joinpath(*charter().folders)
    path.mkdir(parents=True)
    for target in ("../../etc/passwd", "/etc/passwd", "ledger-0123456789abcdef.json/../x"):
        (path / "ledger.json").symlink_to(target)
        assert refused(folder) == f"{path}/ledger.json is a symbolic link, and nothing that a ledger has there"
        (path / "ledger.json").unlink()


def test_the_folder_itself_may_be_reached_by_a_link(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    with open_folder(tmp_path / "link", charter()).closing() as store:
        assert store.put("asks/1", b"text") == b"text"
    assert list(folder.iterdir())


# What goes in the middle.


def test_a_folder_that_is_deleted_is_away_and_is_not_made_anew(store: FolderStore, folder: Path) -> None:
    used(store)
    shutil.rmtree(folder)
    all_are_away(store, "is gone, or not mounted: this ledger is not in it")
    folder.mkdir()
    all_are_away(store, "is gone, or not mounted: this ledger is not in it")
    assert list(folder.iterdir()) == []


def test_a_ledger_that_was_made_anew_in_its_place_is_another(store: FolderStore, folder: Path, way: Way) -> None:
    used(store)
    shutil.rmtree(folder)
    folder.mkdir()
    other = open_folder(folder, charter(), [way])
    all_are_away(store, "another ledger is in its place")
    assert other.get("lanes/0.0/2") is None
    assert other.machines() == []
    other.close()


def test_a_folder_that_comes_back_is_gone_on_with(store: FolderStore, folder: Path) -> None:
    used(store)
    folder.rename(folder.with_name("away"))
    # What is open is that ledger, wherever it is now.
    assert store.get("lanes/0.0/1") == b"first"
    store.close()
    all_are_away(store, "is gone")
    folder.with_name("away").rename(folder)
    assert store.get("lanes/0.0/1") == b"first"
    assert store.put("lanes/0.0/2", b"second") == b"second"


@need_root
def test_a_folder_under_which_something_else_is_mounted_goes_on(store: FolderStore, folder: Path) -> None:
    used(store)
    with moved_over(folder):
        assert list(folder.iterdir()) == []
        assert store.put("lanes/0.0/2", b"second") == b"second"
        assert list(folder.iterdir()) == []
        store.close()
        all_are_away(store, "is gone, or not mounted")
        assert list(folder.iterdir()) == []
    assert store.get("lanes/0.0/2") == b"second"


@need_root
def test_no_room_is_told_and_passes(tmp_path: Path, way: Way) -> None:
    with small_disk(tmp_path / "disk", 256) as disk, open_folder(disk, charter(), [way]).closing() as store:
        used(store)
        filler = fill(disk)
        with pytest.raises(Away, match=f"{disk} has no room left"):
            store.ship("alice", "journal", 5, b"x" * 5_000)
        store.beat("alice", b"a beat needs none")
        if way.name == "link":
            with pytest.raises(Away, match=f"{disk} has no room left"):
                store.put("lanes/0.0/2", b"text")
        assert store.get("lanes/0.0/1") == b"first"
        assert store.get("lanes/0.0/7") is None
        filler.unlink()
        assert store.put("lanes/0.0/2", b"second") == b"second"
        assert store.ship("alice", "journal", 5, b"x" * 5_000) == 5_005


@need_root
def test_a_folder_that_becomes_read_only_is_away_for_who_writes(tmp_path: Path, way: Way) -> None:
    with small_disk(tmp_path / "disk", 256) as disk, open_folder(disk, charter(), [way]).closing() as store:
        used(store)
        os.system(f"mount -o remount,ro '{disk}'")
        for call in (
            lambda: store.put("lanes/0.0/2", b"text"), lambda: store.beat("alice", b"text"),
            lambda: store.ship("alice", "journal", 5, b"text"), lambda: store.ship("bob", "journal", 0, b"text"),
        ):  # fmt: skip
            with pytest.raises(Away, match=f"{disk} is read-only now"):
                call()
        assert store.get("lanes/0.0/1") == b"first"
        assert store.get("lanes/0.0/2") is None
        os.system(f"mount -o remount,rw '{disk}'")
        assert store.put("lanes/0.0/2", b"second") == b"second"


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(errno.EIO, "cannot be reached"), (errno.ESTALE, "cannot be reached"), (errno.ENOTCONN, "cannot be reached"),
     (errno.EDQUOT, "has no room left"), (errno.EACCES, "refuses us"), (errno.ENAMETOOLONG, "does not answer")],
)  # fmt: skip
def test_a_refusal_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, sentence: str) -> None:
    with open_folder(folder, charter()).closing() as store:
        for name in ("symlink", "readlink", "open", "pread", "pwrite", "fsync"):
            monkeypatch.setattr(os, name, _refusing(number))
        for call in everything(used_later(store)):
            with pytest.raises(Away, match=f"{folder} {sentence}") as caught:
                call()
            assert "Errno" not in str(caught.value)
        monkeypatch.undo()
        assert store.put("lanes/0.0/2", b"text") == b"text"


def used_later(store: FolderStore) -> FolderStore:
    store.close()
    return store


def _refusing(number: int) -> Any:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


def test_a_lost_answer_is_looked_after(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made and refused all the same, as networks do when they ask twice."""
    make = os.symlink

    def lost(*words: Any, **more: Any) -> None:
        make(*words, **more)
        raise FileExistsError(errno.EEXIST, "File exists")

    with open_folder(folder, charter()).closing() as store:
        monkeypatch.setattr(os, "symlink", lost)
        assert store.put("lanes/0.0/1", b"ours") == b"ours"
        monkeypatch.setattr(os, "symlink", _refusing(errno.EEXIST))
        with pytest.raises(Away, match="does not show what stands at lanes"):
            store.put("lanes/0.0/2", b"text")


def test_no_descriptor_is_left(store: FolderStore) -> None:
    used(store)
    for number in range(100):
        store.put(f"lanes/{number}.1/1", b"text")
        store.ship(f"machine {number}", "journal", 0, b"text")
        assert store.get(f"lanes/{number}.1/2") is None
    most = len(os.listdir("/proc/self/fd"))
    for number in range(100):
        assert store.get(f"lanes/{number}.1/1") == b"text"
        assert store.beats(9) == {}
        assert store.files(f"machine {number}") == ["journal"]
    assert len(os.listdir("/proc/self/fd")) <= most
    store.close()
    assert not [one for one in os.listdir("/proc/self/fd") if str(store.path) in link_of(one)]


def link_of(number: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        return ""
