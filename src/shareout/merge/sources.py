"""What was copied home → run directories: folders that are one or hold some, and archives of them."""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from shareout.errors import UsageError
from shareout.record.folder import JOURNAL, RunFolder


@dataclass(slots=True)
class Sources:
    """What was found, and what is worth telling about it. A context manager: archives are unpacked for its time."""

    folders: list[RunFolder] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)
    _seen: dict[Path, Path] = field(default_factory=dict)

    def __enter__(self) -> Sources:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, path: Path) -> None:
        """A run directory, a folder that holds some, or an archive."""
        if path.is_dir():
            self._add_folder(path, path)
        elif path.is_file():
            self._add_folder(self._unpacked(path), path)
        else:
            raise UsageError(f"there is no {path}")

    def _add_folder(self, folder: Path, given: Path) -> None:
        found = list(_journals(folder))
        for journal in found:
            real = journal.resolve()
            if real in self._seen:
                self.said.append(f"{journal.parent} is given twice; it is counted once")
                continue
            self._seen[real] = journal
            self.folders.append(RunFolder(journal.parent))
        if not found:
            raise UsageError(
                f"{given} holds no run directory",
                way_out=f"A run directory has a {JOURNAL}; name it, or a folder above it.",
            )

    def _unpacked(self, path: Path) -> Path:
        folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="shareout-merge-")))
        try:
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    archive.extractall(folder)
            elif tarfile.is_tarfile(path):
                with tarfile.open(path) as tar:
                    tar.extractall(folder, filter="data")
            else:
                raise UsageError(f"{path} is neither a folder nor an archive (.tar, .tar.gz, .zip)")
        except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
            raise UsageError(f"the archive {path} cannot be unpacked: {error}") from error
        return folder


def find_sources(paths: Sequence[str]) -> Sources:
    """All of them; one that holds nothing is refused, because it was surely meant to."""
    sources = Sources()
    for path in paths:
        sources.add(Path(path))
    return sources


def _journals(folder: Path) -> Iterator[Path]:
    """In the order of their names; a link that leads back up is not followed twice."""
    seen: set[Path] = set()
    for here, below, files in os.walk(folder, followlinks=True):
        real = Path(here).resolve()
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        below.sort()
        if JOURNAL in files:
            below.clear()
            yield Path(here) / JOURNAL
