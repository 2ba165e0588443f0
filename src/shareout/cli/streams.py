"""The streams that the program was started with, made fit for use before anything else is opened.

A closed descriptor gets something in its place, so that no file of ours ever has its number. What cannot be encoded is
shown escaped. Standard output that cannot be written is an error of its own kind, wherever it shows.
"""

from __future__ import annotations

import codecs
import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Buffer


class _Output(io.FileIO):
    """Standard output, whose failures cannot be taken for those of a file."""

    def write(self, data: Buffer) -> int:
        """Raises OutputLost, which no handler of file errors takes for its own."""
        try:
            return super().write(data)
        except OSError as error:
            from shareout.errors import OutputLost

            raise OutputLost(error) from error


class _Terminal(io.TextIOWrapper):
    """Standard output where it is a terminal: nobody's text but ours may steer it."""

    def write(self, text: str) -> int:
        """Escaped: a job's text may hold codes that move the cursor."""
        from shareout.safe import safe

        return super().write(safe(text))

    @property
    def buffer(self) -> _Lines:  # type: ignore[override]
        """Bytes are no way round that."""
        return _Lines(self)


class _Lines(io.BufferedIOBase):
    """For who writes whole lines as bytes: on a terminal they go the way of all text."""

    def __init__(self, terminal: _Terminal) -> None:
        super().__init__()
        self._terminal = terminal

    def write(self, data: Buffer) -> int:
        """All of it; what is no UTF-8 is shown as bytes."""
        self._terminal.write(bytes(data).decode("utf-8", "backslashreplace"))
        return len(bytes(data))

    def flush(self) -> None:
        """The terminal has no buffer beside its own."""
        self._terminal.flush()


def mend() -> None:
    """Only what the program was started with: a test's or a job's own streams are theirs."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # What is written to a closed standard output must not seem to have gone somewhere.
            os.open(os.devnull, os.O_WRONLY if descriptor == 2 else os.O_RDONLY)
            os.set_inheritable(descriptor, True)
    codecs.register_error("shown", _shown)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    if sys.stdout is None or sys.stdout is sys.__stdout__:
        # As the caller's locale has it, and not UTF-8 always: what does not fit is escaped, and a terminal shows what
        # it can.
        encoding = sys.stdout.encoding if sys.stdout else "utf-8"
        raw = _Output(1, "w", closefd=False)
        # Only a terminal is protected: who reads a pipe or a file wants what stands there.
        kind = _Terminal if raw.isatty() else io.TextIOWrapper
        sys.stdout = kind(io.BufferedWriter(raw), encoding, "shown", line_buffering=raw.isatty())


def silence() -> None:
    """Standard output is lost: what is still to be written goes nowhere, and nothing fails at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _shown(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes of a name that were no text are given back as they were; all else that does not fit is escaped."""
    assert isinstance(error, UnicodeEncodeError)
    piece = error.object[error.start : error.end]
    if all("\udc80" <= one <= "\udcff" for one in piece):
        return piece.encode("utf-8", "surrogateescape"), error.end
    return piece[0].encode("ascii", "backslashreplace"), error.start + 1
