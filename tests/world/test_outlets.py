"""What a user names after -o: a file is replaced when the new one is whole, all else is written into and stays."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from threading import Thread

import pytest

from kit.program import Machine

WRITERS = {
    "merge-results": ["merge-results", "runs", "-o"],
    "failures": ["merge-results", "runs", "--failed", "-o"],
    "merge-logs": ["merge-logs", "runs", "-o"],
    "export": ["export", "runs", "--format", "disbatch", "-o"],
    "report": ["report", "runs", "-o"],
}
# What tells that the output has come.
HOLDS = {"merge-results": b"job", "failures": b"job", "merge-logs": b"hello", "export": b"hello", "report": b"<html"}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine that has run."""
    machine = Machine(tmp_path_factory.mktemp("there")).jobs("echo hello", "echo hello again")
    machine.run("-q")
    return machine


@pytest.fixture(params=WRITERS)
def writer(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def device(path: Path, minor: int) -> Path:
    """A node of our own, like the system's: 3 is null, 7 full."""
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        os.close(os.open(path, os.O_WRONLY))
    except PermissionError:
        pytest.skip("no device can be made here")
    return path


def kept(file: Path) -> list[str]:
    """What else lies there."""
    return sorted(path.name for path in file.parent.iterdir() if path != file)


def test_a_device_is_written_to_and_stays(there: Machine, writer: str, tmp_path: Path) -> None:
    null = device(tmp_path / "null", 3)
    there.call(*WRITERS[writer], str(null))
    assert stat.S_ISCHR(null.stat().st_mode)
    assert not kept(null)


def test_a_device_that_is_full_is_74_and_stays(there: Machine, writer: str, tmp_path: Path) -> None:
    full = device(tmp_path / "full", 7)
    told = there.call(*WRITERS[writer], str(full), code=74)
    assert f"{full} cannot be written: No space left on device" in told.err
    assert "bug" not in told.err
    assert stat.S_ISCHR(full.stat().st_mode)
    assert not kept(full)


def test_a_fifo_gets_all_of_it(there: Machine, writer: str, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    came: list[bytes] = []
    reader = Thread(target=lambda: came.append(fifo.read_bytes()), daemon=True)
    reader.start()
    there.call(*WRITERS[writer], str(fifo))
    reader.join()
    assert HOLDS[writer] in came[0]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.parametrize("exists", [True, False])
def test_the_target_of_a_link_is_replaced_and_the_link_stays(
    there: Machine, writer: str, tmp_path: Path, exists: bool
) -> None:
    target = tmp_path / "elsewhere" / "real.csv"
    target.parent.mkdir()
    if exists:
        target.write_text("old")
    (tmp_path / "middle.csv").symlink_to("elsewhere/real.csv")
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "middle.csv")
    there.call(*WRITERS[writer], str(link))
    assert link.is_symlink()
    assert (tmp_path / "middle.csv").is_symlink()
    assert HOLDS[writer] in target.read_bytes()
    assert not kept(target)


def test_a_file_with_two_names_is_written_in_place_so_that_both_tell_the_same(
    there: Machine, writer: str, tmp_path: Path
) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text("old " * 100_000)
    other.hardlink_to(one)
    there.call(*WRITERS[writer], str(one))
    assert one.samefile(other)
    assert HOLDS[writer] in other.read_bytes()
    assert b"old old" not in other.read_bytes()


def test_a_file_keeps_its_mode_and_owner(there: Machine, writer: str, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("old")
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 12345, 12346)
    before = file.stat()
    there.call(*WRITERS[writer], str(file))
    after = file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert HOLDS[writer] in file.read_bytes()


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "-"])
def test_standard_output_by_any_name_gets_it_and_nothing_else(there: Machine, writer: str, name: str) -> None:
    told = there.call(*WRITERS[writer], name)
    assert HOLDS[writer] in told.out.encode()
    assert "wrote" not in told.out
    assert not (there.folder / "-").exists()


def test_a_descriptor_that_the_caller_has_open_gets_it_where_it_stands(
    there: Machine, writer: str, tmp_path: Path
) -> None:
    file = tmp_path / "log"
    file.write_text("before\n")
    handle = os.open(file, os.O_WRONLY | os.O_APPEND)
    call = [*there.program, *WRITERS[writer], f"/dev/fd/{handle}"]
    done = subprocess.run(call, cwd=there.folder, pass_fds=[handle], capture_output=True, check=False)
    os.close(handle)
    assert done.returncode == 0, done.stderr
    assert file.read_bytes().startswith(b"before\n")
    assert HOLDS[writer] in file.read_bytes()


def test_a_database_is_copied_into_a_file_with_two_names(there: Machine, tmp_path: Path) -> None:
    one, other = tmp_path / "one.sqlite", tmp_path / "other.sqlite"
    one.write_bytes(b"")
    other.hardlink_to(one)
    there.call("merge-results", "runs", "-o", str(one))
    assert other.read_bytes().startswith(b"SQLite format 3")


def test_a_loop_of_links_is_a_wrong_call(there: Machine, writer: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").symlink_to("b.csv")
    (tmp_path / "b.csv").symlink_to("a.csv")
    assert "symbolic links" in there.call(*WRITERS[writer], str(tmp_path / "a.csv"), code=2).err
