"""What can be wrong with a call, an input, a directory or the world; each kind with its exit code.

Raised where the fact is known, with facts; every class makes its own sentence, and `cli.main` alone prints
it. What became of a job is never an error here: that is data (`record.outcome`).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

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
        shown = [line for mistake in self.mistakes[:SHOWN_MISTAKES] for line in mistake.lines()]
        rest = len(self.mistakes) - SHOWN_MISTAKES
        return [*shown, f"and {rest} more mistakes"] if rest > 0 else shown

    def facts(self) -> dict[str, object]:
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
    """The world refuses what a run must write: disk full, read-only, gone."""

    exit_code = 3


# The system's own words for a path that a user should change.
_OF_THE_CALL = {
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP, errno.EEXIST,
    errno.EINVAL, errno.ENXIO, errno.ENODEV, errno.EXDEV,
}  # fmt: skip


def of_system(error: OSError) -> ShareoutError | None:
    """What the system refuses about a path; None when no path or no known reason says that a person can mend it."""
    path = error.filename2 or error.filename
    if path is None or not isinstance(path, str | bytes | os.PathLike):
        return None
    what = f"{os.fsdecode(path)}: {(error.strerror or str(error)).lower()}"
    if error.errno in _OF_THE_CALL:
        return UsageError(what, way_out="Name another place, or mend that one.")
    return CannotRecord(what, way_out="Mend it, and give the same command again.")


def cannot_write(path: os.PathLike[str] | str, error: OSError, *, way_out: str) -> ShareoutError:
    """A file that was asked for: where its folder is wrong the call is, else it is the disk."""
    what = f"{os.fspath(path)} cannot be written: {error.strerror}"
    if error.errno in _OF_THE_CALL:
        return UsageError(what, way_out=way_out)
    return CannotRecord(what, way_out=f"Make room, then the same again. {way_out}")


def raise_all(mistakes: Sequence[InputError]) -> None:
    """Raise what was collected: nothing, the one mistake, or all of them together."""
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        raise InputErrors(mistakes)


def nearest(name: str, known: Iterable[str], *, before: str = "", cutoff: float = 0.6) -> str:
    """` (did you mean "cores"?)` when a known name is close, else nothing; `before` stands before every name."""
    close = get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f' (did you mean "{before}{close[0]}"?)' if close else ""
