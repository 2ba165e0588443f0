"""What a descriptor of the simulated kernel stands for: pipes, files, the end of a process."""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING

from simulated.system.disk import Inode

if TYPE_CHECKING:
    from simulated.system.kernel import Kernel, Process

PIPE_BUF = 4096


class Opened:
    """What several descriptors, of several processes, may share."""

    __slots__ = ("refs",)

    def __init__(self) -> None:
        self.refs = 1

    def release(self, kernel: Kernel) -> None:
        self.refs -= 1
        if not self.refs:
            self.gone(kernel)

    def gone(self, kernel: Kernel) -> None:
        """The last one was closed."""

    def is_readable(self) -> bool:
        return True

    def waiting(self) -> list[Process]:
        """Where one puts itself who waits for it."""
        return []


class Pipe:
    """Bytes on their way."""

    __slots__ = ("buffer", "readers", "room", "telling", "waiting", "writers")

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.room = 65536
        self.readers = self.writers = 0
        self.waiting: list[Process] = []
        self.telling: list[PipeEnd] = []
        """Ends that send a signal at every change."""

    def changed(self, kernel: Kernel) -> None:
        waiting, self.waiting = self.waiting, []
        for process in waiting:
            kernel.wake(process)
        for end in self.telling:
            end.tell(kernel)


class PipeEnd(Opened):
    """One opening of one of its ends."""

    __slots__ = ("blocks", "is_writer", "number", "owned", "owner", "pipe")

    def __init__(self, pipe: Pipe, *, is_writer: bool) -> None:
        super().__init__()
        self.pipe = pipe
        self.is_writer = is_writer
        self.blocks = True
        self.number = signal.SIGIO
        self.owner = 0
        self.owned = 0.0
        if is_writer:
            pipe.writers += 1
        else:
            pipe.readers += 1

    def gone(self, kernel: Kernel) -> None:
        pipe = self.pipe
        if self in pipe.telling:
            pipe.telling.remove(self)
        if self.is_writer:
            pipe.writers -= 1
        else:
            pipe.readers -= 1
        if not pipe.writers or not pipe.readers:
            pipe.changed(kernel)

    def tell(self, kernel: Kernel) -> None:
        group = kernel.group(-self.owner) if self.owner < 0 else []
        # The kernel remembers the group and not its number: one that was made since is another.
        if any(one.started <= self.owned for one in group):
            for one in group:
                kernel.send(None, one, self.number)

    def is_readable(self) -> bool:
        return bool(self.pipe.buffer) or not self.pipe.writers

    def waiting(self) -> list[Process]:
        return self.pipe.waiting

    def put(self, kernel: Kernel, data: bytes) -> None:
        """What the kernel itself writes: a byte for a signal."""
        if len(self.pipe.buffer) < self.pipe.room:
            self.pipe.buffer += data
            self.pipe.changed(kernel)

    def read(self, kernel: Kernel, process: Process, size: int) -> bytes:
        pipe = self.pipe
        while not pipe.buffer:
            if not pipe.writers:
                return b""
            if not self.blocks:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            pipe.waiting.append(process)
            kernel.block(process)
        data = bytes(pipe.buffer[:size])
        del pipe.buffer[:size]
        pipe.changed(kernel)
        return data

    def write(self, kernel: Kernel, process: Process, data: bytes) -> int:
        """Up to PIPE_BUF bytes at once or not at all. A signal between may leave a short count."""
        pipe, written = self.pipe, 0
        while written < len(data):
            if not pipe.readers:
                if written:
                    return written
                kernel.send(process, process, signal.SIGPIPE)
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
            room = pipe.room - len(pipe.buffer)
            left = len(data) - written
            if room <= 0 or (len(data) <= PIPE_BUF and room < left):
                if not self.blocks:
                    if written:
                        return written
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                if written and process.pending:
                    return written
                pipe.waiting.append(process)
                was = kernel.steps
                kernel.block(process)
                if written and kernel.random.random() < 0.1 and was:
                    # Interrupted after some of it.
                    return written
                continue
            part = data[written : written + room]
            pipe.buffer += part
            written += len(part)
            pipe.changed(kernel)
        return written


class FileOpened(Opened):
    """A file, where in it one is, and how it was opened."""

    __slots__ = ("appends", "at", "inode", "path", "writes")

    def __init__(self, inode: Inode, path: str, *, appends: bool, writes: bool) -> None:
        super().__init__()
        self.inode = inode
        self.path = path
        self.at = 0
        self.appends = appends
        self.writes = writes

    def gone(self, kernel: Kernel) -> None:
        if self.inode.lock is self:
            self.inode.lock = None


class FolderOpened(Opened):
    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path


class NothingOpened(Opened):
    """/dev/null, and what goes to a terminal."""


class ProcessOpened(Opened):
    """A pidfd: readable when it has ended."""

    __slots__ = ("process",)

    def __init__(self, process: Process) -> None:
        super().__init__()
        self.process = process

    def is_readable(self) -> bool:
        return self.process.is_dead
