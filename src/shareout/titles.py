"""The names of the merged table's columns that a person gives: `[results] columns`, else the first line of header.csv.

Two alike, or one that is empty, would cost a column of the table: refused with its place, before anything runs.
"""

from __future__ import annotations

from pathlib import Path

from shareout.config import Settings
from shareout.errors import InputError, Place

NAME = "header.csv"


def named_columns(configs: Path, settings: Settings) -> tuple[str, ...]:
    """Empty when neither is there."""
    path = configs / NAME
    if settings.results.columns or not path.is_file():
        return settings.results.columns
    # The first line only: job-splitter's header.csv may have more, which stand above its table as they are.
    line = path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()[:1]
    try:
        text = b"".join(line).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(path, f"is not UTF-8: the byte {error.object[error.start]:#04x}", error.start + 1) from None
    import csv

    try:
        names = [name.strip() for name in next(csv.reader([text], skipinitialspace=True, strict=True), [])]
    except csv.Error as error:
        raise _refused(path, f"is no line of CSV: {error}", 0, text) from None
    for at, name in enumerate(names):
        column = len(",".join(names[:at])) + 1 + (at > 0)
        if not name and len(names) > 1:
            raise _refused(path, f"the name of column {at + 1} is empty", column, text)
        if "\0" in name:
            raise _refused(path, f"the name of column {at + 1} holds a NUL", column, text)
        if name in names[:at]:
            raise _refused(path, f'the column "{name}" is named twice', column, text)
    return tuple(filter(None, names))


def _refused(path: Path, what: str, column: int, text: str | None = None) -> InputError:
    return InputError(
        what, where=Place(str(path), 1, column, text), way_out="Give each column of the results a name of its own."
    )
