"""A folder that cannot hold a ledger, or holds another's, is refused before anything runs."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from kit.mounts import fill, need_root, small_disk
from kit.remote_store import charter, refused
from shareout.errors import UsageError
from shareout.stores.folder import opening, ways
from shareout.stores.folder.opening import ledgers_in, open_folder
from shareout.stores.folder.store import FolderStore
from shareout.stores.folder.ways import WAYS, Way


def test_no_folder_is_made_in_the_place_of_one_that_is_not_there(tmp_path: Path) -> None:
    assert refused(tmp_path / "none") == f"there is no folder {tmp_path}/none"
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "file") == f"{tmp_path}/file is no folder"
    (tmp_path / "dangling").symlink_to("none")
    assert refused(tmp_path / "dangling") == f"there is no folder {tmp_path}/dangling"


@need_root
def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        os.system(f"mount -o remount,ro '{disk}'")
        assert refused(disk) == f"{disk} is read-only"


def test_a_folder_that_nobody_may_write_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "mkdir", no)
    assert refused(folder) == f"{folder} cannot be written: permission denied"


@need_root
def test_a_full_folder_is_refused(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        fill(disk)
        assert refused(disk) == f"{disk} has no room left"


def test_a_folder_where_no_way_works_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", no)
    with open_folder(folder, charter()).closing() as store:
        assert stat.S_ISREG(os.lstat(store.path / "ledger.json").st_mode)
    shutil.rmtree(store.path)
    monkeypatch.setattr(os, "link", no)
    assert "knows neither symbolic nor hard links" in refused(folder)


def test_a_way_that_lets_two_be_first_is_none(folder: Path) -> None:
    class Overwrites(ways.HardLinks):
        def make(self, folder: int, name: bytes, text: bytes) -> None:
            ways.write_new(folder, name + b"-new", text)
            os.rename(name + b"-new", name, src_dir_fd=folder, dst_dir_fd=folder)

    handle = os.open(folder, os.O_RDONLY)
    assert not ways.works(Overwrites(), handle)
    assert os.listdir(handle) == []
    os.close(handle)


def test_a_host_that_cannot_put_keys_as_the_others_do_is_refused(folder: Path) -> None:
    open_folder(folder, charter(), WAYS[:1]).close()
    with pytest.raises(UsageError, match="is kept in symbolic links, which this host cannot make there"):
        open_folder(folder, charter(), WAYS[1:])


def test_a_ledger_that_a_mount_does_not_show_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_folder(folder, charter()).close()
    monkeypatch.setattr(opening, "_mark", lambda *_: None)
    monkeypatch.setattr(opening, "PAUSES_S", (0.0, 0.0))
    assert refused(folder) == f"{folder} cannot be used: a ledger is there that this host is not shown"
    assert len(list(folder.glob("*/*/ledger-*.json"))) == 1


def test_a_ledger_is_made_once(folder: Path, way: Way) -> None:
    first, second = (open_folder(folder, charter(dead_s=dead), [way]) for dead in (5.0, 7.0))
    assert first.charter == second.charter
    assert second.charter.dead_s == 5.0, "of the times those of the ledger hold"
    assert len(list(first.path.glob("ledger-*.json"))) == 1
    first.close()
    second.close()


def test_two_plans_and_two_groups_have_each_a_ledger(folder: Path) -> None:
    paths = set()
    for other in ({}, {"plan": "ef" * 32}, {"group": '["small"]'}):
        with open_folder(folder, charter(**other)).closing() as store:
            paths.add(store.path)
    assert {path.parent for path in paths} == {folder / ("ab" * 8)}
    assert set(ledgers_in(folder, "ab" * 32)) == paths


def rewritten(folder: Path, text: bytes) -> None:
    """The charter of the only ledger there."""
    with open_folder(folder, charter()).closing() as store:
        next(store.path.glob("ledger-*.json")).write_bytes(text)


def test_the_ledger_of_another_is_refused(folder: Path) -> None:
    ours = charter().made_now()
    place = folder.joinpath(*ours.folders, "ledger.json")
    rewritten(folder, charter(plan="ef" * 32).text())
    assert refused(folder) == f"{place} is the ledger of another plan: {'ef' * 8}, and ours is {'cd' * 8}"
    rewritten_in = next(place.parent.glob("ledger-*.json"))
    rewritten_in.write_bytes(charter(group='["small"]').text())
    assert refused(folder) == f'{place} is about the group "small", and this run about all of the plan'
    rewritten_in.write_bytes(charter(machines=("alice",)).text())
    assert refused(folder) == f"{place} names other machines than machines.json does here"
    rewritten_in.write_bytes(charter(protocol=2).text())
    says = f"{place} is of version 2 of what hosts say to each other, and this program speaks version 1"
    assert refused(folder) == says


def test_a_ledger_of_another_version_of_the_same_jobs_is_refused(folder: Path) -> None:
    with open_folder(folder, charter()).closing() as store:
        mine = store.path
        next(mine.glob("ledger-*.json")).write_bytes(charter(protocol=2).text())
        mine.rename(mine.with_name("89abcdef"))
    assert f"{mine.parent}/89abcdef/ledger.json is of version 2" in refused(folder)


def test_a_charter_that_is_cut_short_is_refused_at_every_byte(folder: Path) -> None:
    text = charter().made_now().text()
    rewritten(folder, text)
    file = next(folder.glob("*/*/ledger-*.json"))
    for length in range(len(text)):
        file.write_bytes(text[:length])
        assert "is cut short or damaged" in refused(folder)
    file.unlink()
    assert "is cut short or damaged" in refused(folder)


@pytest.mark.parametrize(
    "text",
    [b"[]\n", b"7\n", b"{}\n", b'{"ledger":"1"}\n', b"\xff\n", charter().text().replace(b"5.0", b"-1"),
     charter().text().replace(b'["alice","bob"]', b"7"), charter().text().replace(b"5.0", b"NaN")],
)  # fmt: skip
def test_a_charter_that_is_none_is_refused(folder: Path, text: bytes) -> None:
    rewritten(folder, text)
    assert "is cut short or damaged" in refused(folder)


def test_a_machine_whose_name_is_too_long_is_refused(folder: Path) -> None:
    assert "is too long" in refused(folder, machines=("ž" * 80,))


def test_what_was_refused_at_the_start_is_closed(folder: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    rewritten(folder, b"")
    refused(folder)
    assert len(os.listdir("/proc/self/fd")) == before


def test_of_two_who_make_a_ledger_at_once_one_does(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others: list[FolderStore] = []

    def another_is_faster(*words: Any) -> None:
        monkeypatch.undo()
        others.append(open_folder(folder, charter()))
        ways.write_new(*words)

    monkeypatch.setattr(opening, "write_new", another_is_faster)
    with open_folder(folder, charter()).closing() as store:
        assert store.charter == others[0].charter
        assert len(list(store.path.glob("ledger-*.json"))) == 1
    others[0].close()
