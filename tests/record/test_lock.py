"""Who owns a run directory, here and on other hosts; and files that are the old or the new, never half of one."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from shareout.errors import CannotRecord, RunDirectoryInUse
from shareout.files import replace_file
from shareout.record import lock as locking
from shareout.record.folder import RunFolder
from shareout.record.lock import Lock, Owner, declare_dead, is_locked, owner_elsewhere, owner_of, refuse_owned
from shareout.world import world

OWNER = """
import sys
from pathlib import Path
from shareout.record.folder import RunFolder
from shareout.record.lock import Lock
lock = Lock(RunFolder(Path(sys.argv[1])))
print("held", flush=True)
sys.stdin.read()
lock.release()
"""


def owner(folder: RunFolder) -> subprocess.Popen[str]:
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def left_by(folder: RunFolder, **other: object) -> Owner:
    """A note as a dead process here would leave it, but for what is said."""
    note = replace(Owner.this(folder), **{"began": 1, **other})  # type: ignore[arg-type]
    folder.owner.write_text(json.dumps(asdict(note)))
    return note


def test_a_second_process_is_refused_and_told_whose_it_is(folder: RunFolder) -> None:
    assert not is_locked(folder)
    process = owner(folder)
    try:
        assert is_locked(folder)
        with pytest.raises(RunDirectoryInUse, match=f"in use by process {process.pid} on {socket.gethostname()}"):
            Lock(folder)
        note = owner_of(folder)
        assert note is not None
        assert (note.pid, note.host) == (process.pid, socket.gethostname())
        with pytest.raises(RunDirectoryInUse, match=f"in use by process {process.pid}"):
            refuse_owned(folder)
    finally:
        process.communicate("")
    assert not is_locked(folder)
    assert os.listdir(folder.path) == ["lock"], "an orderly end leaves nothing that says whose it was"


def test_one_who_only_looks_is_in_nobodys_way(folder: RunFolder) -> None:
    Lock(folder).release()
    looking = os.open(folder.lock, os.O_RDWR)
    fcntl.flock(looking, fcntl.LOCK_SH)
    threading.Timer(0.1, os.close, (looking,)).start()
    lock = Lock(folder)
    assert is_locked(folder)
    lock.release()


def test_what_a_dead_owner_left_is_no_obstacle(folder: RunFolder) -> None:
    process = owner(folder)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert owner_of(folder), "its note is still there"
    assert not is_locked(folder)
    refuse_owned(folder)
    lock = Lock(folder)
    note = owner_of(folder)
    assert note is not None
    assert note.pid == os.getpid()
    assert is_locked(folder)
    lock.release()
    assert not is_locked(folder)
    folder.owner.write_bytes(b"\xff no note of ours")
    Lock(folder).release()


ELSEWHERE = {"host": "node17", "boot": "b7", "machine": "", "pid": 4711}


def test_another_hosts_owner_is_refused_by_its_name_where_no_lock_tells_of_it(folder: RunFolder) -> None:
    left_by(folder, **ELSEWHERE)
    for refused in (lambda: Lock(folder), lambda: refuse_owned(folder)):
        with pytest.raises(RunDirectoryInUse, match="process 4711 on node17, another host") as told:
            refused()
        assert "release node17" in told.value.way_out
    note = owner_of(folder)
    assert note is not None
    assert note.pid == 4711, "it is left as it is"
    assert not is_locked(folder), "and what was refused holds nothing"


def test_another_hosts_owner_is_told_with_how_long_it_has_not_moved(folder: RunFolder) -> None:
    left_by(folder, **ELSEWHERE)
    folder.live.write_bytes(b"{}")
    long_ago = folder.live.stat().st_mtime - 90
    os.utime(folder.live, (long_ago, long_ago))
    for refused in (lambda: Lock(folder), lambda: refuse_owned(folder)):
        with pytest.raises(RunDirectoryInUse, match="it last moved 1m30s ago"):
            refused()
    assert not list(folder.path.glob(".look.*"))


@pytest.mark.parametrize(
    ("other", "is_elsewhere"),
    [
        ({"pid": 1}, False),
        ({"host": "renamed-by-dhcp"}, False),
        ({"host": "a-container-of-this-kernel", "machine": "0" * 16}, False),
        ({"boot": "before the reboot"}, False),
        ({"boot": "before the reboot", "machine": ""}, False),
        ({"boot": "of another localhost", "machine": "0" * 16}, True),
        ({"boot": "of a clone", "host": "clone"}, True),
        ({"boot": "", "machine": ""}, False),
        ({"boot": "", "machine": "", "host": "node17"}, True),
    ],
)  # fmt: skip
def test_a_dead_owner_of_this_host_is_told_from_one_that_may_live_elsewhere(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, other: dict[str, object], is_elsewhere: bool
) -> None:
    monkeypatch.setattr(locking, "MACHINE", folder.path / "machine-id")
    (folder.path / "machine-id").write_text("f00\n")
    left_by(folder, **other)
    assert (owner_elsewhere(folder) is not None) == is_elsewhere
    if not is_elsewhere:
        Lock(folder).release()


def test_of_two_hosts_that_begin_at_once_one_has_it(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other's note appears after ours was prepared, and before it is in place."""
    link = os.link

    def slow_link(fresh: Path, name: Path) -> None:
        monkeypatch.setattr(world, "link", link)
        left_by(folder, **ELSEWHERE)
        link(fresh, name)

    monkeypatch.setattr(world, "link", slow_link)
    with pytest.raises(RunDirectoryInUse, match="on node17"):
        Lock(folder)


def test_a_folder_without_hard_links_is_locked_all_the_same(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(fresh: Path, name: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(world, "link", no_links)
    left_by(folder, pid=1)
    lock = Lock(folder)
    note = owner_of(folder)
    assert note is not None
    assert note.pid == os.getpid()
    lock.release()
    left_by(folder, **ELSEWHERE)
    with pytest.raises(RunDirectoryInUse, match="on node17"):
        Lock(folder)


def test_a_host_that_is_declared_dead_is_in_nobodys_way_unless_it_lives(folder: RunFolder) -> None:
    note = left_by(folder, **ELSEWHERE)
    folder.live.write_text("0")
    over = threading.Event()

    def beat() -> None:
        count = 0
        while not over.wait(0.01):
            count += 1
            replace_file(folder.live, [str(count).encode()], sync=False)

    beating = threading.Thread(target=beat)
    beating.start()
    try:
        with pytest.raises(RunDirectoryInUse, match="node17 is alive: process 4711"):
            declare_dead(folder, note, 20)
    finally:
        over.set()
        beating.join()
    assert owner_elsewhere(folder) == note
    declare_dead(folder, note, 0.2)
    Lock(folder).release()


def test_a_lock_that_cannot_be_made_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(CannotRecord, match="cannot be locked: No such file"):
        Lock(RunFolder(tmp_path / "gone"))


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept"
    replace_file(path, [b"old ", bytearray(b"content")])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(world, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            replace_file(path, [b"new"])
    assert path.read_bytes() == b"old content"
    assert os.listdir(tmp_path) == ["kept"], "nothing half is left beside it"
    replace_file(path, [b"new"])
    assert path.read_bytes() == b"new"
