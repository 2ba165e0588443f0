"""What can be wrong with a call, an input, a directory or the world; each kind with its exit code.

Raised where the fact is known, with facts; every class makes its own sentence, and `cli.main` alone prints
it. What became of a job is never an error here: that is data (`record.outcome`).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence

from shareout.fields import dataclass

SHOWN_MISTAKES = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an input a mistake stands; line and column count from 1, and are 0 when there is none."""

    path: str
    line: int = 0
    column: int = 0
    text: str | None = None

    def __str__(self) -> str:
        numbers = [str(number) for number in (self.line, self.column) if number]
        return ":".join([self.path, *numbers])

    def picture(self) -> str:
        """The line with a caret under the column, or nothing when either is not known."""
        # A longer line would be folded by the terminal, and the caret point at nothing.
        if self.text is None or not self.column or len(self.text) > 200:
            return ""
        shown = self.text.expandtabs(1).encode("utf-8", "backslashreplace").decode("utf-8")
        return f"\n    {shown}\n    {' ' * (self.column - 1)}^"


class ShareoutError(Exception):
    """Anything that a person can mend. `what` is wrong, `where` it stands, `way_out` is what to do."""

    exit_code = 2

    def __init__(self, what: str, *, where: Place | None = None, way_out: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.way_out = way_out

    def lines(self) -> list[str]:
        """The sentences for standard error, without the leading `shareout: `."""
        place = f"{self.where}: " if self.where else ""
        picture = self.where.picture() if self.where else ""
        return [f"{place}{self.what}{picture}", *([self.way_out] if self.way_out else [])]

    def facts(self) -> dict[str, object]:
        """The same for `--json`."""
        facts: dict[str, object] = {"error": self.what, "exit": self.exit_code}
        if self.where:
            facts["where"] = {"path": self.where.path, "line": self.where.line, "column": self.where.column}
        if self.way_out:
            facts["way_out"] = self.way_out
        return facts


class UsageError(ShareoutError):
    """The call itself is wrong: a flag, a name, a combination."""


class InputError(ShareoutError):
    """One mistake in an input file."""


class InputErrors(ShareoutError):
    """All the mistakes of the inputs together; the first twenty are shown, the rest counted."""

    def __init__(self, mistakes: Sequence[InputError]) -> None:
        super().__init__(f"{len(mistakes)} mistakes in the inputs")
        self.mistakes = list(mistakes)

    def lines(self) -> list[str]:
        """A mistake a line, each with its place; how many more there are."""
        shown = [line for mistake in self.mistakes[:SHOWN_MISTAKES] for line in mistake.lines()]
        rest = len(self.mistakes) - SHOWN_MISTAKES
        return [*shown, f"and {rest} more mistakes"] if rest > 0 else shown

    def facts(self) -> dict[str, object]:
        """All of them: who reads JSON can cut a list."""
        return {**super().facts(), "mistakes": [mistake.facts() for mistake in self.mistakes]}


class PlanMismatch(ShareoutError):
    """This is not the plan that was expected."""


class JobsMissing(ShareoutError):
    """A merge that is not complete."""

    exit_code = 1


class RunDirectoryInUse(ShareoutError):
    """Another process runs in this run directory."""

    exit_code = 4


class RunDirectoryDamaged(ShareoutError):
    """A run directory whose record cannot be trusted as it is."""

    exit_code = 4


class CannotRecord(ShareoutError):
    """The world refuses what a run directory's record must hold: disk full, read-only, gone. Until then it is whole."""

    exit_code = 3


# 74 is EX_IOERR of sysexits.h, which other programs end with for the same.
class CannotWrite(ShareoutError):
    """The world refuses an output that was asked for: no room, no right to it, a reader that has gone."""

    exit_code = 74


class CannotRead(ShareoutError):
    """The world refuses an input, or what it takes to read one: no right to it, a broken disk, no more open files."""

    exit_code = 74


class OutputLost(CannotWrite):
    """Standard output could not be written. A reader that has left, as `| head` does, is told nothing."""

    def __init__(self, error: OSError) -> None:
        word = "it is closed" if error.errno == errno.EBADF else _word(error)
        super().__init__(f"standard output cannot be written: {word}", way_out=_WRITING.get(error.errno or 0, _BROKEN))
        self.is_left = error.errno == errno.EPIPE

    def lines(self) -> list[str]:
        """None when the reader has left: it knows."""
        return [] if self.is_left else super().lines()


class CannotStart(ShareoutError):
    """The world starts no process for us: there are too many, or there is no memory for it."""

    exit_code = 3


# A path that is wrong as it was given: the call's mistake, not the world's.
_OF_THE_CALL = {
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EEXIST, errno.EINVAL,
    errno.ENXIO, errno.ENODEV, errno.EXDEV,
}  # fmt: skip

# What the world refuses, and what a person can do about it.
_NO_ROOM = "Make room, then give the same command again."
_NO_RIGHT = "Give yourself the right to it."
_NO_FILES = "Let a process open more files (`ulimit -n`), or ask for less at once."
_NO_MEMORY = "Let this user have more memory and processes (`ulimit -a`), or ask for less at once."
_BROKEN = "Mend it, then give the same command again."
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_WRITING = {errno.ENOSPC: _NO_ROOM, errno.EDQUOT: _NO_ROOM, errno.EFBIG: _NO_ROOM, errno.EROFS: _NO_RIGHT,
            errno.EPIPE: _BROKEN}  # fmt: skip
_EITHER = {
    errno.EACCES: _NO_RIGHT, errno.EPERM: _NO_RIGHT, errno.EMFILE: _NO_FILES, errno.ENFILE: _NO_FILES,
    errno.ENOMEM: _NO_MEMORY, errno.EAGAIN: _NO_MEMORY, errno.EIO: _BROKEN, errno.EINTR: _BROKEN,
    errno.EBUSY: _BROKEN, errno.ESTALE: _BROKEN, errno.ETIMEDOUT: _BROKEN, errno.ETXTBSY: _BROKEN,
    errno.ENOTSUP: _BROKEN, errno.ENOLCK: _BROKEN, errno.ENOSYS: _BROKEN, errno.ENOTCONN: _BROKEN,
}  # fmt: skip


def of_system(error: OSError) -> ShareoutError | None:
    """What the system refuses; None when nothing that a person could mend does."""
    path = error.filename2 or error.filename
    named = isinstance(path, str | bytes | os.PathLike)
    if path is None and error.errno == errno.ENOENT:
        # Only the question where we are can fail so, and any path that is not absolute asks it.
        return UsageError("the current folder is gone: it was removed", way_out="Go to one that is there (cd).")
    what = f"{os.fsdecode(path)}: {_word(error).lower()}" if named else f"the system refuses: {_word(error).lower()}"
    if named and error.errno in _OF_THE_CALL:
        return UsageError(what, way_out="Name another place, or mend that one.")
    if error.errno in _WRITING:
        return CannotWrite(what, way_out=_WRITING[error.errno])
    if named or error.errno in _EITHER:
        return CannotRead(what, way_out=_EITHER.get(error.errno or 0, _BROKEN))
    return None


def cannot_read(path: os.PathLike[str] | str, error: OSError) -> ShareoutError:
    """An input: where its place is wrong that is a mistake of the inputs, else it is the world that refuses."""
    what, where = f"cannot be read: {_word(error)}", Place(os.fspath(path))
    if error.errno in _OF_THE_CALL:
        return InputError(what, where=where)
    return CannotRead(what, where=where, way_out=_EITHER.get(error.errno or 0, _BROKEN))


def cannot_write(path: os.PathLike[str] | str, error: OSError, *, way_out: str) -> ShareoutError:
    """A file that was asked for: where its place is wrong the call is, else it is the world that refuses."""
    return _unwritten(CannotWrite, path, error, way_out)


def cannot_record(path: os.PathLike[str] | str, error: OSError, *, way_out: str) -> ShareoutError:
    """The same for a run directory and what is in it."""
    return _unwritten(CannotRecord, path, error, way_out)


def _unwritten(
    kind: type[CannotWrite | CannotRecord], path: os.PathLike[str] | str, error: OSError, way_out: str
) -> ShareoutError:
    what = f"{os.fspath(path)} cannot be written: {_word(error)}"
    if error.errno in _OF_THE_CALL:
        return UsageError(what, way_out=way_out)
    remedy = _WRITING.get(error.errno or 0) or _EITHER.get(error.errno or 0, _BROKEN)
    return kind(what, way_out=f"{remedy} {way_out}")


def _word(error: OSError) -> str:
    return error.strerror or str(error)


def cannot_start(what: str, error: OSError) -> CannotStart:
    """One of the run's own processes."""
    return CannotStart(
        f"no {what} can be started: {error.strerror or error}",
        way_out="What is recorded so far is safe. Let it have more processes or memory, and run the same call again.",
    )


def raise_all(mistakes: Sequence[InputError]) -> None:
    """Raise what was collected: nothing, the one mistake, or all of them together."""
    # One alone is raised as it is: with `--json` its place then stands on top, where a script looks for it.
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        raise InputErrors(mistakes)


def nearest(name: str, known: Iterable[str], *, before: str = "", cutoff: float = 0.6) -> str:
    """` (did you mean "cores"?)` when a known name is close, else nothing; `before` stands before every name."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f' (did you mean "{before}{close[0]}"?)' if close else ""


def one_apart(one: str, other: str) -> bool:
    """One letter missing, added, changed, or two swapped; short names must not catch words of the user's own."""
    if len(other) < 5 or abs(len(one) - len(other)) > 1:
        return False
    if len(one) == len(other):
        differing = [at for at in range(len(one)) if one[at] != other[at]]
        return len(differing) == 1 or (len(differing) == 2 and sorted(one) == sorted(other))
    short, long = sorted((one, other), key=len)
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))
