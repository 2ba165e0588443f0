"""Who owns a run directory, and files that are the old or the new, never half of one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from shareout.errors import CannotRecord, RunDirectoryInUse
from shareout.files import Lock, is_locked, replace_file

OWNER = """
import sys
from pathlib import Path
from shareout.files import Lock
lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def owner(path: Path) -> subprocess.Popen[str]:
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_and_told_whose_it_is(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path)
    process = owner(path)
    try:
        assert is_locked(path)
        with pytest.raises(RunDirectoryInUse, match=f"in use by process {process.pid} on {socket.gethostname()}"):
            Lock(path)
        note = json.loads(path.read_bytes())
        assert (note["pid"], note["host"]) == (process.pid, socket.gethostname())
    finally:
        process.communicate("")
    assert not is_locked(path)


def test_what_a_dead_owner_left_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = owner(path)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert path.read_bytes(), "its note is still there"
    assert not is_locked(path)
    lock = Lock(path)
    assert json.loads(path.read_bytes())["pid"] == os.getpid()
    assert is_locked(path)
    lock.release()
    assert not is_locked(path)
    path.write_bytes(b"\xff no note of ours")
    Lock(path).release()


def test_a_lock_that_cannot_be_made_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(CannotRecord, match="cannot be locked: No such file"):
        Lock(tmp_path / "gone" / "lock")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept"
    replace_file(path, [b"old ", bytearray(b"content")])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            replace_file(path, [b"new"])
    assert path.read_bytes() == b"old content"
    assert os.listdir(tmp_path) == ["kept"], "nothing half is left beside it"
    replace_file(path, [b"new"])
    assert path.read_bytes() == b"new"
