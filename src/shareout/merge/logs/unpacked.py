"""Logs unpacked beside, in processes of our own: to unpack takes as long as to merge what was unpacked.

Of each log so many pieces are asked for ahead, and one more for each that was taken: so memory is bounded, and no two
processes wait for each other.
"""

from __future__ import annotations

import os
import signal
import struct
import traceback
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from shareout.errors import CannotWrite
from shareout.linux import die_with_parent
from shareout.merge.processes import how_many
from shareout.record.folder import RunFolder
from shareout.record.logs.segments import DamagedLog, read_segment

AHEAD = 4
# A block of a log may be of many megabytes, and some of each machine wait: they are handed on in pieces.
PIECE = 1 << 20
# Two unpack faster than one process can merge.
MOST = 2
TEXT, DAMAGE, END, TRACE = range(4)
"""What a piece is: whole lines; a sentence on damage, at its place; the end; what ended a process of ours."""
Piece = tuple[int, bytes]
_HEAD = struct.Struct("<IBQ")
"""Before each piece on its way to us: of which log, what it is, how long."""
_ASKED = struct.Struct("<I")
_KILLED = "Was the memory short? Run the same command again."


class Unpacked:
    """The pieces of some logs, each log's in its order."""

    def __init__(self, folders: Sequence[RunFolder]) -> None:
        # By processes: threads would wait for the interpreter, which a merge hardly ever lets go. Where there is one
        # core, or no fork, it is done here and in turn.
        count = min(MOST, how_many() - 1, len(folders))
        self._here = [] if count else [_pieces_of(one) for one in folders]
        self._found: list[deque[Piece]] = [deque() for _ in folders]
        self._helpers: list[_Helper] = []
        try:
            for number in range(count):
                self._helpers.append(_Helper({at: folders[at] for at in range(number, len(folders), count)}))
        except BaseException:
            self.close()
            raise

    def next(self, number: int) -> Piece:
        """Of a log, by its number; not asked for again after its END. CannotWrite when the process that unpacks it was
        killed."""
        if self._here:
            return next(self._here[number])
        helper, found = self._helpers[number % len(self._helpers)], self._found[number]
        while not found:
            at, piece = helper.piece()
            self._found[at].append(piece)
        helper.ask(number)
        return found.popleft()

    def close(self) -> None:
        """Nobody reads on."""
        for one in self._helpers:
            one.close()


class _Helper:
    """A process that unpacks some of the logs."""

    def __init__(self, folders: Mapping[int, RunFolder]) -> None:
        pieces, ours = os.pipe()
        asked, self._asking = os.pipe()
        parent = os.getpid()
        with warnings.catch_warnings():
            # Of threads there are at most the idle ones of the hash function, which a child does not need.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            _be_helper(folders, parent, asked, ours)
        os.close(ours)
        os.close(asked)
        with suppress(OSError, AttributeError, ImportError):
            import fcntl

            # So that it unpacks on while we merge. Where pipes are rationed it waits a little more often.
            fcntl.fcntl(pieces, fcntl.F_SETPIPE_SZ, PIECE)
        self._pieces = open(pieces, "rb", PIECE)  # noqa: SIM115
        for _ in range(AHEAD):
            for number in folders:
                self.ask(number)

    def ask(self, number: int) -> None:
        """For one piece more of a log."""
        # That a process is gone is told by the piece that does not come.
        with suppress(BrokenPipeError):
            os.write(self._asking, _ASKED.pack(number))

    def piece(self) -> tuple[int, Piece]:
        """The next one, and of which log it is."""
        head = self._pieces.read(_HEAD.size)
        if len(head) == _HEAD.size:
            number, kind, length = _HEAD.unpack(head)
            data = self._pieces.read(length)
            if kind == TRACE:
                raise RuntimeError(data.decode())
            if len(data) == length:
                return number, (kind, data)
        raise CannotWrite(f"process {self._pid} of the merge was killed", way_out=_KILLED)

    def close(self) -> None:
        """It ends at once, for it has nothing to put in order."""
        self._pieces.close()
        os.close(self._asking)
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _be_helper(folders: Mapping[int, RunFolder], parent: int, asked: int, answers: int) -> None:
    """Never returns."""
    try:
        die_with_parent(signal.SIGKILL, parent)
        try:
            logs = {number: _pieces_of(one) for number, one in folders.items()}
            while order := os.read(asked, _ASKED.size):
                (number,) = _ASKED.unpack(order)
                # What is asked for ahead of its end is never answered, and nobody waits for it.
                for kind, data in logs[number]:
                    _write(answers, _HEAD.pack(number, kind, len(data)) + data)
                    break
        except (OSError, MemoryError):
            # That it could not go on is told by what it does not say.
            pass
        except Exception:  # noqa: BLE001
            trace = traceback.format_exc().encode()
            _write(answers, _HEAD.pack(0, TRACE, len(trace)) + trace)
    except BaseException:  # noqa: BLE001
        # Interrupted together with the parent, or the parent is gone: there is nobody to tell.
        pass
    finally:
        # Past Python's own end: buffers and handlers that were copied from the parent are not this process's.
        os._exit(0)


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _pieces_of(folder: RunFolder) -> Iterator[Piece]:
    for segment in folder.log_segments():
        try:
            for block in read_segment(segment):
                for piece in _cut(block):
                    yield TEXT, piece
        except DamagedLog as error:
            yield DAMAGE, str(error).encode("utf-8", "surrogateescape")
        except OSError as error:
            # What cannot be read is told as damage, at its place in the order.
            told = DamagedLog(segment, error.strerror or str(error))
            yield DAMAGE, str(told).encode("utf-8", "surrogateescape")
    yield END, b""


def _cut(block: bytes) -> Iterator[bytes]:
    """At the ends of lines."""
    start = 0
    while len(block) - start > PIECE and (end := block.find(b"\n", start + PIECE) + 1):
        yield block[start:end]
        start = end
    if start < len(block):
        yield block[start:]
