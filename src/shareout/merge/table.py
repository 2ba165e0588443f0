"""A merged table as CSV, gzip CSV or JSON lines, by the name of its file; written beside it and renamed when whole."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from shareout.errors import CannotRecord, UsageError
from shareout.files import sync_folder
from shareout.record.values import encode

ENDINGS = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz")


class Table:
    """Rows in, one file out; nothing is there until `finish`."""

    def __init__(self, path: Path) -> None:
        if not path.name.endswith(ENDINGS):
            raise UsageError(f"{path} is no kind of table that is known", way_out=f"Name it *{', *'.join(ENDINGS)}.")
        self._path = path
        self._fresh = path.with_name(f".{path.name}.new")
        try:
            self._raw = self._fresh.open("wb")
        except OSError as error:
            raise CannotRecord(f"{path} cannot be written: {error.strerror}") from error
        # No name and no time in the gzip header: the same rows give the same bytes.
        packed: Any = gzip.GzipFile("", "wb", 6, self._raw, mtime=0) if path.name.endswith(".gz") else self._raw
        self._packed: IO[bytes] = packed
        self._text = io.TextIOWrapper(packed, "utf-8", "surrogatepass", newline="")
        self._csv = csv.writer(self._text, lineterminator="\n") if ".csv" in path.name else None
        self._columns: Sequence[str] = ()

    def begin(self, columns: Sequence[str]) -> None:
        self._columns = columns
        if self._csv:
            self._csv.writerow(columns)

    def row(self, cells: Sequence[Any]) -> None:
        try:
            if self._csv:
                self._csv.writerow([_cell(cell) for cell in cells])
            else:
                named = dict(zip(self._columns, cells, strict=False))
                more = cells[len(self._columns) :]
                self._text.write(encode({**named, **({"more": list(more)} if more else {})}) + "\n")
        except OSError as error:
            raise CannotRecord(f"{self._path} cannot be written: {error.strerror}") from error

    def finish(self) -> None:
        """The rows are whole: sync, rename, sync the folder."""
        try:
            self._text.flush()
            if self._packed is not self._raw:
                self._packed.close()
            self._raw.flush()
            os.fsync(self._raw.fileno())
            self._raw.close()
            self._fresh.replace(self._path)
            sync_folder(self._path.resolve().parent)
        except OSError as error:
            raise CannotRecord(f"{self._path} cannot be written: {error.strerror}") from error

    def abandon(self) -> None:
        self._fresh.unlink(missing_ok=True)


def _cell(value: Any) -> Any:
    """Numbers and text as they are; None is empty; what has parts is JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else value
