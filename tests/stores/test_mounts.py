"""The folder store on real sshfs mounts of a real sshd: what mounts do to people, done to it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.mounts import Mount, Mounts, fill, mounting, need_mounts, small_disk
from kit.remote_store import Remote, charter, opened
from kit.wait import wait_until
from kit.ways import MODULE
from shareout.errors import RunDirectoryDamaged, UsageError
from shareout.ledger.store import Away
from shareout.stores.folder.opening import open_folder

SYMLINKS, LINKS = "symlink", "link"


@pytest.fixture(scope="module")
def mounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mounts]:
    need_mounts()
    with mounting(tmp_path_factory.mktemp("mounts"), 4) as made:
        yield made


@pytest.fixture
def exported(mounts: Mounts, tmp_path: Path) -> Path:
    """A folder of this test's own, on the server."""
    made = mounts.folder / tmp_path.name
    made.mkdir()
    return made


@pytest.fixture
def mount(mounts: Mounts, exported: Path) -> Iterator[Mount]:
    made = mounts.of(1, folder=exported)
    yield made
    made.unmount()


def used(mount: Mount, way: str = SYMLINKS) -> Any:
    store = opened([str(mount.point), way])
    assert store.put("lanes/0.0/1", b"first") == b"first"
    store.beat("alice", b"here")
    assert store.ship("alice", "journal", 0, b"line\n") == 5
    return store


def calls(store: Any) -> list[Any]:
    return [
        lambda: store.get("lanes/0.0/1"), lambda: store.get("lanes/0.0/2"), lambda: store.put("lanes/0.0/2", b"second"),
        lambda: store.beat("alice", b"text"), lambda: store.beats(9), lambda: store.length("alice", "journal"),
        lambda: store.ship("alice", "journal", 5, b"more"), lambda: store.fetch("alice", "journal", 0, 9),
        lambda: store.files("alice"), store.machines,
    ]  # fmt: skip


@pytest.mark.parametrize("way", [SYMLINKS, LINKS])
def test_of_eight_processes_on_four_mounts_one_is_first(mounts: Mounts, exported: Path, way: str) -> None:
    made = [mounts.of(host, folder=exported) for host in (1, 2, 3, 4)]
    racers = [Remote([str(made[number % 4].point), way]) for number in range(8)]
    assert {racer.answer() for racer in racers} == {"ready"}
    server = opened([str(exported), way])
    for number in range(60):
        for seat, racer in enumerate(racers):
            racer.ask("put", f"lanes/0.0/{number}", f"by {seat}")
        told = {racer.answer() for racer in racers}
        assert len(told) == 1
        assert server.get(f"lanes/0.0/{number}") == told.pop().encode()
    for one in [*racers, *made]:
        one.close() if isinstance(one, Remote) else one.unmount()


@pytest.mark.parametrize("way", [SYMLINKS, LINKS])
def test_a_folder_that_is_unmounted_is_away_and_its_place_stays_empty(mount: Mount, exported: Path, way: str) -> None:
    store = used(mount, way)
    mount.unmount()
    for call in calls(store):
        with pytest.raises(Away, match=r"cannot be reached|is gone, or not mounted"):
            call()
    assert list(mount.point.iterdir()) == []
    mount.mount()
    assert store.get("lanes/0.0/1") == b"first"
    assert store.put("lanes/0.0/2", b"second") == b"second"
    assert store.length("alice", "journal") == 5
    assert store.ship("alice", "journal", 5, b"more") == 9
    store.close()
    assert opened([str(exported), way]).fetch("alice", "journal", 0, 99) == b"line\nmore"


def test_another_folder_in_its_place_is_not_taken_for_it(mounts: Mounts, mount: Mount, exported: Path) -> None:
    store = used(mount)
    mount.unmount()
    other = exported.with_name(f"{exported.name}-other")
    other.mkdir()
    again = Mount(mount.server, 1, other, mount.point)
    again.mount()
    for call in calls(store):
        with pytest.raises(Away, match="is gone, or not mounted"):
            call()
    assert list(other.iterdir()) == []
    opened([str(mount.point), SYMLINKS]).close()
    for call in calls(store):
        with pytest.raises(Away, match="another ledger is in its place"):
            call()
    again.unmount()


def test_a_mount_that_stands_still_is_waited_for(mount: Mount, exported: Path) -> None:
    used(mount).close()
    remote = Remote([str(mount.point), SYMLINKS])
    assert remote.answer() == "ready"
    mount.send(signal.SIGSTOP)
    remote.ask("put", "lanes/0.0/2", "second")
    wait_until(lambda: "fuse" in wait_channel(remote))
    mount.send(signal.SIGCONT)
    assert remote.answer() == "second"
    remote.close()
    assert opened([str(exported), SYMLINKS]).get("lanes/0.0/2") == b"second"


def wait_channel(remote: Remote) -> str:
    return Path(f"/proc/{remote.process.pid}/wchan").read_text() + Path(f"/proc/{remote.process.pid}/stack").read_text()


def test_who_is_killed_while_a_mount_stands_still_ends_when_it_goes_on(mount: Mount) -> None:
    """And not before: the kernel lets nobody go whose question is with the program behind a mount."""
    used(mount).close()
    remote = Remote([str(mount.point), SYMLINKS])
    assert remote.answer() == "ready"
    mount.send(signal.SIGSTOP)
    remote.ask("put", "lanes/0.0/2", "second")
    wait_until(lambda: "fuse" in wait_channel(remote))
    remote.send(signal.SIGKILL)
    mount.send(signal.SIGCONT)
    assert remote.process.wait(20) == -signal.SIGKILL
    remote.close()


def test_a_line_that_is_cut_is_told_and_what_is_mounted_anew_goes_on(mounts: Mounts, mount: Mount) -> None:
    store = used(mount)
    mounts.network.cut(mount.host)
    for number in range(2, 5):
        with pytest.raises(Away, match=r"cannot be reached|is gone, or not mounted"):
            store.put(f"lanes/0.0/{number}", b"lost on the way")
    mounts.network.mend(mount.host)
    mount.unmount()
    mount.mount()
    assert store.get("lanes/0.0/1") == b"first"
    assert store.put("lanes/0.0/2", b"other") in (b"other", b"lost on the way")


@pytest.mark.slow
def test_a_line_that_is_mended_by_sshfs_goes_on_by_itself(mounts: Mounts, exported: Path) -> None:
    mount = mounts.of(2, "reconnect", folder=exported)
    store = used(mount)
    mounts.network.cut(mount.host)
    with pytest.raises(Away):
        store.put("lanes/0.0/2", b"lost on the way")
    mounts.network.mend(mount.host)

    def again() -> bool:
        try:
            return store.put("lanes/0.0/2", b"other") in (b"other", b"lost on the way")
        except Away:
            return False

    wait_until(again)
    mount.unmount()


def test_a_full_disk_on_the_server_is_told_and_passes(mounts: Mounts, exported: Path) -> None:
    with small_disk(exported / "disk", 256) as disk:
        mount = mounts.of(1, folder=disk)
        store = used(mount)
        filler = fill(disk)
        with pytest.raises(Away, match="has no room left"):
            store.ship("alice", "journal", 5, b"x" * 50_000)
        store.beat("alice", b"a beat needs none")
        assert store.get("lanes/0.0/1") == b"first"
        assert store.get("lanes/0.0/7") is None
        filler.unlink()
        assert store.put("lanes/0.0/2", b"second") == b"second"
        length = store.length("alice", "journal")
        assert store.ship("alice", "journal", 0, b"line\n" + b"x" * 50_000) == 50_005 >= length
        mount.unmount()
        assert opened([str(disk), SYMLINKS]).fetch("alice", "journal", 0, 99_999) == b"line\n" + b"x" * 50_000


def test_a_mount_that_shows_no_links_has_files(mounts: Mounts, exported: Path) -> None:
    follows = mounts.of(1, "follow_symlinks", folder=exported)
    with open_folder(follows.point, charter()).closing() as store:
        assert store.put("lanes/0.0/1", b"first") == b"first"
        assert not next(exported.glob("*/*/lanes/0.0/1")).is_symlink()
    follows.unmount()


def test_a_mount_that_can_put_no_key_is_refused(mounts: Mounts, exported: Path) -> None:
    neither = mounts.of(1, "follow_symlinks", "disable_hardlink", folder=exported)
    with pytest.raises(UsageError, match="knows neither symbolic nor hard links"):
        open_folder(neither.point, charter())
    opened([str(exported), SYMLINKS]).close()
    with pytest.raises(UsageError):
        open_folder(neither.point, charter())
    neither.unmount()


def test_a_planted_link_is_told_over_sshfs_too(mount: Mount, exported: Path) -> None:
    store = used(mount)
    (next(exported.glob("*/*/lanes/0.0")) / "2").symlink_to("../../etc")
    with pytest.raises(RunDirectoryDamaged, match=r"lanes/0\.0/2 is a symbolic link"):
        store.get("lanes/0.0/2")


def test_a_mount_that_cannot_be_reached_at_the_start_is_refused(mount: Mount) -> None:
    mount.send(signal.SIGKILL)
    with pytest.raises(UsageError, match="cannot be reached"):
        open_folder(mount.point, charter())


def test_two_hosts_tell_whether_they_see_one_folder(mounts: Mounts, exported: Path) -> None:
    def probing(mount: Mount, patience: str) -> subprocess.Popen[bytes]:
        words = [*MODULE.runner(), "join", "--probe", str(mount.point), "--patience", patience]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    here, there = (mounts.of(host, folder=exported) for host in (1, 2))
    both = [probing(here, "1m"), probing(there, "1m")]
    for one in both:
        told = one.communicate()[0]
        assert b"fuse.sshfs from root@" in told
        assert b"verdict     hosts can share this folder" in told
    there.unmount()
    # What is left of the mount takes all that is put there, and shows it to nobody.
    both = [probing(here, "3s"), probing(there, "3s")]
    for one in both:
        assert b"nobody else was seen in" in one.communicate()[0]
        assert one.returncode == 2
    here.unmount()
