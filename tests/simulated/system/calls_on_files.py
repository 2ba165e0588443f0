"""The calls on descriptors and files, by the names that Python has for Linux's."""

from __future__ import annotations

import errno
import fcntl as real_fcntl
import os as real_os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from simulated.system.disk import Disk
from simulated.system.handles import FileOpened, FolderOpened, NothingOpened, Opened, Pipe, PipeEnd
from simulated.system.kernel import Kernel, Process


def refused(number: int, path: str | None = None) -> OSError:
    return OSError(number, real_os.strerror(number), path)


class FileCalls:
    """For whoever runs at the moment."""

    kernel: Kernel
    disk: Disk
    short: float
    """How often a write to a file takes only a part."""
    on_write: Callable[[FileOpened], None]
    on_short: Callable[[FileOpened], None]

    # -- descriptors

    def _open(self, process: Process, opened: Opened, least: int = 0) -> int:
        handle = least
        while handle in process.handles:
            handle += 1
        process.handles[handle] = opened
        return handle

    def _of(self, process: Process, handle: int) -> Any:
        try:
            return process.handles[handle]
        except KeyError:
            raise refused(errno.EBADF) from None

    def close(self, handle: int) -> None:
        process = self.kernel.step()
        self._of(process, handle)
        process.handles.pop(handle).release(self.kernel)

    def closerange(self, low: int, high: int) -> None:
        process = self.kernel.step()
        for handle in sorted(process.handles):
            if low <= handle < high:
                process.handles.pop(handle).release(self.kernel)

    def dup2(self, handle: int, other: int, inheritable: bool = True) -> int:
        process = self.kernel.step()
        opened = self._of(process, handle)
        opened.refs += 1
        if other in process.handles:
            process.handles.pop(other).release(self.kernel)
        process.handles[other] = opened
        return other

    def dup_above(self, handle: int, least: int) -> int:
        process = self.kernel.step()
        opened = self._of(process, handle)
        opened.refs += 1
        return self._open(process, opened, least)

    def pipe(self) -> tuple[int, int]:
        process = self.kernel.step()
        pipe = Pipe()
        return self._open(process, PipeEnd(pipe, is_writer=False)), self._open(process, PipeEnd(pipe, is_writer=True))

    def set_blocking(self, handle: int, blocks: bool) -> None:
        self._of(self.kernel.step(), handle).blocks = blocks

    def set_inheritable(self, handle: int, inheritable: bool) -> None:
        self.kernel.step()

    def fcntl(self, handle: int, command: int, argument: int = 0) -> int:
        process = self.kernel.step()
        opened = self._of(process, handle)
        if command == 1031:
            opened.pipe.room = argument
            return argument
        if command == real_fcntl.F_DUPFD_CLOEXEC:
            opened.refs += 1
            return self._open(process, opened, argument)
        if command == 10:
            opened.number = argument
        elif command == real_fcntl.F_SETFL:
            opened.blocks = not argument & real_os.O_NONBLOCK
            if argument & real_os.O_ASYNC and opened not in opened.pipe.telling:
                opened.pipe.telling.append(opened)
        elif command == real_fcntl.F_SETOWN:
            if argument and not self.kernel.group(-argument):
                raise refused(errno.ESRCH)
            opened.owner, opened.owned = argument, self.kernel.now
        else:
            raise AssertionError(f"fcntl {command}")
        return 0

    # -- files

    def open(self, path: Any, flags: int, mode: int = 0o777) -> int:
        process, path = self.kernel.step(), real_os.fspath(path)
        if path == real_os.devnull:
            return self._open(process, NothingOpened())
        if path.startswith("/proc/self/fd/"):
            old = self._of(process, int(path[14:]))
            return self._open(process, PipeEnd(old.pipe, is_writer=old.is_writer))
        self.disk.check("open", path)
        writes = bool(flags & (real_os.O_WRONLY | real_os.O_RDWR))
        if path in self.disk.folders and not writes:
            return self._open(process, FolderOpened(path))
        inode = self.disk.files.get(path)
        if inode is None:
            inode = self.disk.create(path) if flags & real_os.O_CREAT else self.disk.find(path)
        elif flags & real_os.O_EXCL:
            raise FileExistsError(errno.EEXIST, real_os.strerror(errno.EEXIST), path)
        if flags & real_os.O_TRUNC and inode.data:
            inode.truncate(0)
        return self._open(process, FileOpened(inode, path, appends=bool(flags & real_os.O_APPEND), writes=writes))

    def read(self, handle: int, size: int) -> bytes:
        process = self.kernel.step()
        opened = self._of(process, handle)
        if isinstance(opened, FileOpened):
            self.disk.check("read", opened.path)
            data = bytes(opened.inode.data[opened.at : opened.at + size])
            opened.at += len(data)
            return data
        if isinstance(opened, PipeEnd):
            return opened.read(self.kernel, process, size)
        return b""

    def pread(self, handle: int, size: int, at: int) -> bytes:
        opened = self._of(self.kernel.step(), handle)
        self.disk.check("read", opened.path)
        return bytes(opened.inode.data[at : at + size])

    def write(self, handle: int, data: Any) -> int:
        process = self.kernel.step()
        opened = self._of(process, handle)
        if isinstance(opened, PipeEnd):
            return opened.write(self.kernel, process, bytes(data))
        if not isinstance(opened, FileOpened):
            return len(data)
        return self.write_file(opened, bytes(data), None)

    def pwrite(self, handle: int, data: Any, at: int) -> int:
        return self.write_file(self._of(self.kernel.step(), handle), bytes(data), at)

    def write_file(self, opened: FileOpened, data: bytes, at: int | None) -> int:
        inode, disk = opened.inode, self.disk
        disk.check("write", opened.path)
        if len(data) > 1 and self.short and self.kernel.random.random() < self.short:
            data = data[: self.kernel.random.randint(1, len(data) - 1)]
            self.on_short(opened)
        start = at if at is not None else len(inode.data) if opened.appends else opened.at
        grown = start + len(data) - len(inode.data)
        if grown > 0:
            data = data[: len(data) - grown + disk.grow(grown)]
        inode.write(start, data)
        inode.mtime = self.kernel.now + self.kernel.wall
        if at is None:
            opened.at = start + len(data)
        self.on_write(opened)
        return len(data)

    def lseek(self, handle: int, at: int, whence: int) -> int:
        opened = self._of(self.kernel.step(), handle)
        opened.at = {0: 0, 1: opened.at, 2: len(opened.inode.data)}[whence] + at
        return int(opened.at)

    def ftruncate(self, handle: int, size: int) -> None:
        opened = self._of(self.kernel.step(), handle)
        self.disk.check("truncate", opened.path)
        if size != len(opened.inode.data):
            opened.inode.truncate(size)
            self.on_write(opened)

    def fsync(self, handle: int) -> None:
        process = self.kernel.step()
        opened = self._of(process, handle)
        end = self.kernel.now + self.disk.sync_s()
        if isinstance(opened, FolderOpened):
            self.disk.check("sync", opened.path)
            self._pause(process, end)
            self.disk.sync_folder(opened.path)
            return
        mark = opened.inode.mark()
        self._pause(process, end)
        # Where it is refused nobody knows what is safe, and it is not tried again.
        self.disk.check("sync", opened.path)
        opened.inode.made_safe(mark)

    fdatasync = fsync

    def _pause(self, process: Process, end: float) -> None:
        while self.kernel.now < end:
            self.kernel.block(process, end)

    def fstat(self, handle: int) -> Any:
        opened = self._of(self.kernel.step(), handle)
        return self._stat(opened.inode)

    def stat(self, path: Any) -> Any:
        self.kernel.step()
        path = real_os.fsdecode(path)
        self.disk.check("stat", path)
        if path in self.disk.folders:
            return SimpleNamespace(st_size=0, st_mtime=0.0, st_ino=hash(path), st_dev=1, st_nlink=2, st_mode=0o40755)
        return self._stat(self.disk.find(path))

    def enter(self, folder: Any) -> None:
        """Whether it may be done; names are looked up from the root all the same."""
        process = self.kernel.step()
        if isinstance(folder, int):
            if not isinstance(self._of(process, folder), FolderOpened):
                raise refused(errno.ENOTDIR)
            return
        path = real_os.fsdecode(folder)
        self.disk.check("enter", path)
        if path not in self.disk.folders:
            self.disk.find(path)
            raise refused(errno.ENOTDIR, path)

    def _stat(self, inode: Any) -> Any:
        return SimpleNamespace(
            st_size=len(inode.data), st_mtime=inode.mtime, st_ino=inode.number, st_dev=1, st_nlink=inode.names,
            st_mode=0o100644, st_mtime_ns=int(inode.mtime * 1e9),
        )  # fmt: skip

    def fstatvfs(self, handle: int) -> Any:
        self.kernel.step()
        free = (1 << 40 if self.disk.room is None else self.disk.room) // 512
        return SimpleNamespace(f_bfree=free, f_bavail=free, f_frsize=512)

    def unlink(self, path: Any) -> None:
        self.kernel.step()
        self.disk.unlink(real_os.fspath(path))

    def rename(self, source: Any, target: Any) -> None:
        self.kernel.step()
        self.disk.check("rename", real_os.fspath(source))
        self.disk.rename(real_os.fspath(source), real_os.fspath(target))

    def link(self, source: Any, target: Any) -> None:
        self.kernel.step()
        self.disk.check("rename", real_os.fspath(source))
        self.disk.link(real_os.fspath(source), real_os.fspath(target))

    def mkdir(self, path: Any) -> None:
        self.kernel.step()
        self.disk.mkdir(real_os.fspath(path))

    def listdir(self, path: Any) -> list[str]:
        self.kernel.step()
        return self.disk.list(real_os.fspath(path))

    def flock(self, handle: int, how: int) -> None:
        opened = self._of(self.kernel.step(), handle)
        self.disk.check("lock", opened.path)
        holder = opened.inode.lock
        if holder is not None and holder is not opened:
            raise BlockingIOError(errno.EAGAIN, real_os.strerror(errno.EAGAIN))
        opened.inode.lock = None if how & real_fcntl.LOCK_UN or how & real_fcntl.LOCK_SH else opened
