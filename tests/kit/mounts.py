"""Folders of one host that others have mounted by sshfs, and all that happens to a mount."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit.network import SERVER, networked, why_no_network
from kit.sshd import Sshd, serving, why_no_sshd
from kit.wait import wait_until

need_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")


def need_mounts() -> None:
    """Skips the test where nothing can be mounted; where all is tested, that is a failure."""
    why = why_no_network() or why_no_sshd() or ("" if shutil.which("sshfs") else "sshfs is not here")
    why = why or ("" if os.path.exists("/dev/fuse") else "the kernel has no FUSE")
    if why:
        # What CI promises to have tested was tested.
        assert not os.environ.get("CI"), why
        pytest.skip(why)


class Mount:
    """One host's view of a folder of the server's."""

    def __init__(self, server: Sshd, host: int, folder: Path, point: Path, *, is_firm: bool = False) -> None:
        """`is_firm`: below it nothing can be put, as where an administrator has seen to that."""
        self.point, self.host = point, host
        self.server, self._folder = server, folder
        self._process: subprocess.Popen[bytes] | None = None
        self._is_firm = is_firm
        point.mkdir(parents=True, exist_ok=True)
        if is_firm:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=4k", "tmpfs", str(point)], check=True)
        self._below = point.stat().st_dev

    def mount(self, *options: str) -> None:
        """By a process of its own; it is there when this comes back."""
        source = f"root@{self.server.network.address(SERVER)}:{self._folder}"
        words = ["sshfs", "-f", source, str(self.point), "-F", "/dev/null"]
        for option in [*self.server.options, *options]:
            words += ["-o", option]
        # In a session of its own, with the ssh that it starts.
        call = self.server.network.within(self.host, words)
        self._process = subprocess.Popen(call, start_new_session=True, stdin=subprocess.DEVNULL)
        wait_until(lambda: self._has_ended() or self._covers())

    def _has_ended(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "sshfs has ended"
        return False

    @property
    def is_mounted(self) -> bool:
        """Its program may have given up."""
        return self._process is not None and self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """To the program that does the mount's work: stopped, every call waits; killed, each is refused."""
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def unmount(self) -> None:
        """Whatever state it is in. What has it open keeps nothing but a broken descriptor."""
        if self._process is None:
            return
        for number in (signal.SIGCONT, signal.SIGKILL):
            try:
                self.send(number)
            except ProcessLookupError:
                break
        self._process.wait()
        self._process = None
        if self._covers():
            self._uncover()

    def tear_down(self) -> None:
        """With what is below it."""
        self.unmount()
        if self._is_firm:
            self._uncover()

    def _covers(self) -> bool:
        try:
            return self.point.stat().st_dev != self._below
        except OSError:
            # Its program has ended.
            return True

    def _uncover(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.point)], capture_output=True, check=False)


class Mounts:
    """A folder of the server's, and hosts that have it mounted."""

    def __init__(self, server: Sshd, folder: Path, above: Path) -> None:
        self.folder, self.network = folder, server.network
        self._server, self._above = server, above
        self._made: list[Mount] = []

    def of(self, host: int, *options: str, folder: Path | None = None, is_firm: bool = False) -> Mount:
        """Mounted on that host, at a place of its own."""
        point = self._above / f"host {host}, mount {len(self._made)}"
        mount = Mount(self._server, host, folder or self.folder, point, is_firm=is_firm)
        self._made.append(mount)
        mount.mount(*options)
        return mount

    def tear_down(self) -> None:
        for mount in self._made:
            mount.tear_down()


@contextmanager
def mounting(above: Path, hosts: int) -> Iterator[Mounts]:
    """A server with an empty folder, and so many hosts, from 1, that can mount it."""
    folder = above / "export"
    folder.mkdir()
    with networked(hosts + 1) as network, serving(network, SERVER, above / "sshd") as server:
        mounts = Mounts(server, folder, above)
        try:
            yield mounts
        finally:
            mounts.tear_down()


@contextmanager
def small_disk(point: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of so little room."""
    point.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(point)], check=True)
    try:
        yield point
    finally:
        subprocess.run(["umount", "--lazy", str(point)], check=False)


@contextmanager
def moved_over(point: Path) -> Iterator[None]:
    """An empty folder is mounted over it, as when what is below was never mounted."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(point)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(point)], check=False)


def fill(folder: Path) -> Path:
    """Leaves no room in it; the file that takes it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                return filler
