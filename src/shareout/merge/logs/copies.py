"""Logs that were brought home twice: of a machine's log and an older copy of it, the longer one is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from shareout.record.folder import RunFolder

FIRST = 512
STEP = 1 << 20


def without_copies(folders: Sequence[RunFolder], said: Callable[[str], None]) -> list[RunFolder]:
    """Those whose log is not the beginning of another one's. A record has microseconds, and its compressed bytes are
    not written twice: logs that begin alike are one log."""
    longest: dict[bytes, list[RunFolder]] = {}
    # The longest first, so that a copy is met after what it is a copy of.
    # Not by machine and plan: two hosts may have run the same machine by mistake, and both logs are wanted then.
    for folder in sorted(folders, key=_size, reverse=True):
        alike = longest.setdefault(_first_bytes(folder), [])
        whole = next((other for other in alike if _is_beginning(folder, other)), None)
        if whole is None or not _size(folder):
            alike.append(folder)
        else:
            said(f"the log of {folder.path} is in that of {whole.path}, and is read once")
    kept = {folder.path for alike in longest.values() for folder in alike}
    return [folder for folder in folders if folder.path in kept]


def _size(folder: RunFolder) -> int:
    return sum(segment.stat().st_size for segment in folder.log_segments())


def _first_bytes(folder: RunFolder) -> bytes:
    for segment in folder.log_segments():
        with segment.open("rb") as file:
            return file.read(FIRST)
    return b""


def _is_beginning(folder: RunFolder, other: RunFolder) -> bool:
    """Segment by segment; only the last one may go on in the other."""
    theirs = {segment.name: segment for segment in other.log_segments()}
    segments = folder.log_segments()
    return all(
        segment.name in theirs and _starts_with(theirs[segment.name], segment, is_whole=segment != segments[-1])
        for segment in segments
    )


def _starts_with(long: Path, short: Path, *, is_whole: bool) -> bool:
    if is_whole and long.stat().st_size != short.stat().st_size:
        return False
    with long.open("rb") as one, short.open("rb") as other:
        while part := other.read(STEP):
            if one.read(len(part)) != part:
                return False
    return True
