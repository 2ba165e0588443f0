"""What was copied home → run directories: folders that are one or hold some, and archives of them.

Nothing is followed in circles, nothing is unpacked outside its own temporary folder, and of an archive only the
files of run directories are unpacked.
"""

from __future__ import annotations

import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import IO

from shareout.errors import UsageError
from shareout.record.folder import CALL, JOURNAL, RunFolder

LIVE = "live.json"
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".zip")


@dataclass(slots=True)
class Sources:
    """What was found. A context manager: archives are unpacked for its time."""

    said: Callable[[str], None]
    folders: list[RunFolder] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)
    _seen: dict[Path, Path] = field(default_factory=dict)

    def __enter__(self) -> Sources:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, path: Path) -> bool:
        """A run directory, a folder that holds some, or an archive. False when there is none in it."""
        if path.is_dir():
            return self._add_folder(path, path)
        if not path.exists():
            raise UsageError(
                f"there is no file or folder {path}",
                way_out="Name run directories, or a folder or archive that has some.",
            )
        if path.name == JOURNAL:
            return self._add_folder(path.parent, path)
        unpacked = self._unpacked(path)
        return unpacked is not None and self._add_folder(unpacked, path)

    def _add_folder(self, folder: Path, given: Path) -> bool:
        found = False
        for journal in _journals(folder, self.said):
            found = True
            real = journal.resolve()
            if real in self._seen:
                self.said(f"{journal.parent} is given twice; it is counted once")
                continue
            self._seen[real] = journal
            self.folders.append(RunFolder(journal.parent))
        if not found:
            self.said(f"{given} holds no run directory (a folder with a {JOURNAL})")
        return found

    def _unpacked(self, path: Path) -> Path | None:
        # Its own name is in the path, for whoever is told of what is in it.
        folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="shareout-merge-"))) / path.name
        folder.mkdir()
        try:
            if zipfile.is_zipfile(path):
                _unpack_zip(path, folder)
            elif tarfile.is_tarfile(path):
                _unpack_tar(path, folder)
            elif path.name.lower().endswith(ARCHIVES):
                raise UsageError(f"the archive {path} cannot be read: it is cut off, or no archive at all")
            else:
                self.said(f"{path} is neither a folder nor an archive of run directories; it is left out")
                return None
        except UsageError:
            raise
        except _unreadable() as error:
            raise UsageError(f"the archive {path} cannot be unpacked: {error}") from error
        return folder


def find_sources(paths: Sequence[str], said: Callable[[str], None]) -> Sources:
    """All of them. What holds nothing is told; that nothing holds anything is refused."""
    sources = Sources(said)
    try:
        for path in paths:
            sources.add(Path(path))
        if not sources.folders:
            raise UsageError(
                f"{', '.join(paths)} holds no run directory",
                way_out=f"A run directory has a {JOURNAL}; name it, or a folder or archive that holds it.",
            )
    except BaseException:
        sources.__exit__()
        raise
    return sources


def _journals(folder: Path, said: Callable[[str], None]) -> Iterator[Path]:
    """In the order of their names; a link that leads back up is not followed twice."""

    def unread(error: OSError) -> None:
        said(f"{error.filename} cannot be read: {error.strerror}; what is in it is left out")

    seen: set[Path] = set()
    for here, below, files in os.walk(folder, followlinks=True, onerror=unread):
        real = Path(here).resolve()
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        below.sort()
        if JOURNAL in files:
            below.clear()
            yield Path(here) / JOURNAL


def _unreadable() -> tuple[type[Exception], ...]:
    """What the unpackers raise at archives that are cut off, damaged or encrypted."""
    known = (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError, RuntimeError, zlib.error)
    try:
        from lzma import LZMAError
    except ImportError:
        return known
    return *known, LZMAError


def _is_wanted(name: str) -> bool:
    """Journals, their tallies and logs; never what jobs wrote for themselves."""
    last = PurePosixPath(name).name
    return last in (JOURNAL, "tally", LIVE, CALL) or (last.startswith("log-") and last.endswith(".gz"))


def _place(folder: Path, name: str) -> Path:
    """Where a member goes: below the folder, whatever its name says."""
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "..", ".")]
    place = folder.joinpath(*parts)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _unpack_tar(path: Path, folder: Path) -> None:
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and _is_wanted(member.name):
                _copy(archive.extractfile(member), _place(folder, member.name))


def _unpack_zip(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if _is_wanted(name):
                with archive.open(name) as member:
                    _copy(member, _place(folder, name))


def _copy(member: IO[bytes] | None, place: Path) -> None:
    if member is not None:
        with place.open("wb") as file:
            copyfileobj(member, file, 1 << 20)
