"""What one job has in a machine's log: its own records, and nobody's who only prints such words."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shareout.fields import dataclass
from shareout.record.folder import RunFolder
from shareout.record.logs.segments import DamagedLog, read_segment


@dataclass(frozen=True, slots=True)
class Said:
    """One record. `text` is as the log has it: a line, control characters escaped."""

    attempt: int
    word: str
    """The stream that it was printed on, or a level."""
    text: bytes


def said_by(folder: RunFolder, job: int, tell: Callable[[str], None]) -> Iterator[Said]:
    """In order. Damage is told, and what can be read of the rest is read."""
    mark, word = b" job=%d try=" % job, b"job=%d" % job
    for segment in folder.log_segments():
        try:
            for piece in read_segment(segment):
                # Most pieces have nothing of one job, and are passed over at the speed of memory.
                if mark in piece:
                    yield from _records(piece, mark, word)
        except DamagedLog as error:
            tell(str(error))
        except OSError as error:
            tell(f"{segment} cannot be read: {error.strerror}")


def _records(piece: bytes, mark: bytes, word: bytes) -> Iterator[Said]:
    for line in piece.split(b"\n"):
        if mark in line:
            words = line.split(b" ", 5)
            # By its place in the line: another job may have printed such words.
            if len(words) == 6 and words[2] == word:
                yield Said(int(words[3].removeprefix(b"try=")), words[4].decode("ascii", "replace"), words[5])
