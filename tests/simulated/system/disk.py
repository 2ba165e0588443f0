"""A disk with what was written and what is safe: writes and names that were not synced may be lost, in part, or torn.

A file's operations since its last sync are kept one by one; so are the names that its folder was given. A power cut
keeps of them what a file system may: all, none, a beginning (the last one torn), some out of their order, or the
length without the bytes, which are zeros then.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from random import Random


class Inode:
    """A file: its bytes, and how far they are safe."""

    __slots__ = ("data", "lock", "mtime", "names", "number", "pending", "safe")

    def __init__(self, number: int) -> None:
        self.number = number
        self.data = bytearray()
        self.safe = b""
        self.pending: list[tuple[int, bytes | None]] = []
        """Writes (offset, bytes) and new lengths (length, None) since then."""
        self.names = 0
        self.mtime = 0.0
        self.lock: object | None = None

    def write(self, at: int, data: bytes) -> None:
        if at > len(self.data):
            self.data.extend(bytes(at - len(self.data)))
        self.data[at : at + len(data)] = data
        self.pending.append((at, bytes(data)))

    def truncate(self, size: int) -> None:
        if size < len(self.data):
            del self.data[size:]
        else:
            self.data.extend(bytes(size - len(self.data)))
        self.pending.append((size, None))

    def mark(self) -> tuple[bytes, int]:
        """What a sync that begins now makes safe."""
        return bytes(self.data), len(self.pending)

    def made_safe(self, mark: tuple[bytes, int]) -> None:
        self.safe = mark[0]
        del self.pending[: mark[1]]

    def after_cut(self, random: Random) -> bytes:
        """What of it a power cut leaves."""
        if not self.pending:
            return self.safe
        way = random.choice(("none", "all", "prefix", "prefix", "zeros", "subset"))
        count = len(self.pending)
        if way == "none":
            return self.safe
        if way == "all":
            return bytes(self.data)
        if way == "subset":
            lost = set(random.sample(range(count), min(count, random.randint(1, 2))))
            kept = [one for at, one in enumerate(self.pending) if at not in lost]
            return self._with(kept, None)
        upto = random.randrange(count)
        torn = None
        at, data = self.pending[upto]
        if data is not None and random.random() < 0.8:
            torn = (at, data[: random.randrange(len(data) + 1)])
        left = self._with(self.pending[:upto], torn)
        if way == "zeros" and len(left) < len(self.data):
            left += bytes(random.randint(1, len(self.data) - len(left)))
        return left

    def _with(self, kept: list[tuple[int, bytes | None]], torn: tuple[int, bytes] | None) -> bytes:
        made = Inode(0)
        made.data = bytearray(self.safe)
        for at, data in [*kept, *([torn] if torn else [])]:
            made.truncate(at) if data is None else made.write(at, data)
        return bytes(made.data)


class Disk:
    """The names and the files of one host. It outlives its kernels."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.numbers = 1
        self.files: dict[str, Inode] = {}
        self.folders: dict[str, set[str]] = {"/": set()}
        self.safe_files: dict[str, Inode] = {}
        self.safe_folders: set[str] = {"/"}
        self.pending: list[tuple[str, str, Inode | None]] = []
        """(folder, path, inode or None: removed; a folder's own name has the inode None and a `/` at its end)"""
        self.room: int | None = None
        """Bytes that may still be written; None: any."""
        self.refusals: dict[str, list[int]] = {}
        """What is to be refused: call → countdowns to it; see `refuse`."""
        self.stays_broken: set[str] = set()
        self.sync_s: Callable[[], float] = lambda: 0.002

    # -- refusals

    def check(self, call: str, path: str = "") -> None:
        """EIO where it is due."""
        waiting = self.refusals.get(call)
        if waiting:
            waiting[0] -= 1
            if waiting[0] < 0:
                waiting.pop(0)
                raise OSError(errno.EIO, os.strerror(errno.EIO), path or None)
        if call in self.stays_broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO), path or None)

    def grow(self, more: int) -> int:
        """How many bytes of so many more there is room for; ENOSPC when for none."""
        if self.room is None or more <= 0:
            return more
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = min(self.room, more)
        self.room -= taken
        return taken

    # -- names

    def find(self, path: str) -> Inode:
        inode = self.files.get(path)
        if inode is not None:
            return inode
        if path in self.folders:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    def create(self, path: str) -> Inode:
        self._parent(path)
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        self.numbers += 1
        inode = Inode(self.numbers)
        self._name(path, inode)
        return inode

    def bring(self, path: str, data: bytes) -> None:
        """A file that somebody has copied here, long ago."""
        parts = path.split("/")[1:]
        for depth in range(len(parts)):
            folder = "/" + "/".join(parts[:depth])
            self.folders.setdefault(folder, set()).add(f"{folder.rstrip('/')}/{parts[depth]}")
            self.safe_folders.add(folder)
        inode = self.create(path)
        inode.data[:] = inode.safe = data
        inode.pending.clear()
        self.safe_files[path] = inode

    def mkdir(self, path: str) -> None:
        if path in self.folders or path in self.files:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        parent = self._parent(path)
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        self.folders[path] = set()
        self.folders[parent].add(path)
        self.pending.append((parent, path + "/", None))

    def unlink(self, path: str) -> None:
        self.find(path)
        parent = self._parent(path)
        self.files.pop(path).names -= 1
        self.folders[parent].discard(path)
        self.pending.append((parent, path, None))

    def rename(self, source: str, target: str) -> None:
        inode = self.find(source)
        if target in self.folders:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), target)
        parent, other = self._parent(target), self._parent(source)
        self.files.pop(source)
        self.folders[other].discard(source)
        if target in self.files:
            self.files[target].names -= 1
        self.files[target] = inode
        self.folders[parent].add(target)
        # One entry: a rename is whole or not at all.
        self.pending.append((parent, f"{target}\0{source}", inode))

    def link(self, source: str, target: str) -> None:
        inode = self.find(source)
        if target in self.files or target in self.folders:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
        self._name(target, inode)

    def list(self, path: str) -> list[str]:
        if path not in self.folders:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return sorted(one.rpartition("/")[2] for one in self.folders[path])

    def _parent(self, path: str) -> str:
        parent = path.rpartition("/")[0] or "/"
        if parent not in self.folders:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return parent

    def _name(self, path: str, inode: Inode) -> None:
        parent = self._parent(path)
        self.files[path] = inode
        self.folders[parent].add(path)
        inode.names += 1
        self.pending.append((parent, path, inode))

    # -- what is safe

    def sync_folder(self, path: str) -> None:
        """All that its names were given."""
        mine = [one for one in self.pending if one[0] == path]
        self.pending = [one for one in self.pending if one[0] != path]
        for one in mine:
            self._keep(one)

    def _keep(self, change: tuple[str, str, Inode | None]) -> None:
        _, path, inode = change
        if path.endswith("/"):
            self.safe_folders.add(path[:-1])
        elif inode is None:
            self.safe_files.pop(path, None)
        elif "\0" in path:
            target, source = path.split("\0")
            self.safe_files.pop(source, None)
            self.safe_files[target] = inode
        else:
            self.safe_files[path] = inode

    def cut_power(self) -> None:
        """What is left is what the next boot finds."""
        random = self.random
        if random.random() < 0.5:
            for one in self.pending[: random.randint(0, len(self.pending))]:
                self._keep(one)
        else:
            for folder in sorted({one[0] for one in self.pending}):
                mine = [one for one in self.pending if one[0] == folder]
                for one in mine[: random.randint(0, len(mine))]:
                    self._keep(one)
        self.pending.clear()
        self.files, self.folders = {}, {"/": set()}
        for path in sorted(self.safe_folders):
            if path != "/" and (path.rpartition("/")[0] or "/") in self.folders:
                self.folders[path] = set()
                self.folders[path.rpartition("/")[0] or "/"].add(path)
        self.safe_folders = set(self.folders)
        kept: dict[int, Inode] = {}
        for path, inode in self.safe_files.items():
            parent = path.rpartition("/")[0] or "/"
            if parent in self.folders:
                if inode.number not in kept:
                    fresh = kept[inode.number] = Inode(inode.number)
                    fresh.safe = inode.after_cut(random)
                    fresh.data = bytearray(fresh.safe)
                    fresh.mtime = inode.mtime
                self.files[path] = kept[inode.number]
                self.folders[parent].add(path)
                kept[inode.number].names += 1
        self.safe_files = dict(self.files)

    def mend(self) -> None:
        """No fault is left."""
        self.room = None
        self.refusals.clear()
        self.stays_broken.clear()
        self.sync_s = lambda: 0.002
