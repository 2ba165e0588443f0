"""What was copied home → run directories: folders that are one or hold some, and archives of them.

Nothing is followed in circles, nothing is unpacked outside its own temporary folder, and of an archive only the
files of run directories are unpacked.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO

from shareout.errors import CannotRead, CannotWrite, Place, RunDirectoryDamaged, UsageError, of_system
from shareout.fields import dataclass, field
from shareout.record.folder import CALL, JOURNALS, LIST, RunFolder, is_journal
from shareout.record.reader import is_torn_header

LIVE = "live.json"
REMOVED = ".removed-"
"""What the name of a folder begins with that is being removed: no run is looked for in it."""
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".zip")


@dataclass(slots=True)
class Sources:
    """What was found. A context manager: archives are unpacked for its time."""

    said: Callable[[str], None]
    folders: list[RunFolder] = field(default_factory=list)
    torn: list[Path] = field(default_factory=list)
    """Run directories whose runs were killed before they had recorded anything."""
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
        if not path.is_file():
            # To open a FIFO is to wait for whoever writes into it.
            raise UsageError(f"{path} is neither a file nor a folder", way_out="Name run directories, or an archive.")
        if is_journal(path.name):
            return self._add_folder(path.parent, path)
        unpacked = self._unpacked(path)
        return unpacked is not None and self._add_folder(unpacked, path)

    def _add_folder(self, folder: Path, given: Path) -> bool:
        found = False
        for one in run_folders_below(folder):
            found = True
            real = one.path.resolve()
            torn = [journal for journal in one.journals() if is_torn_header(journal)]
            for journal in torn:
                self.said(f"{journal} ends in its first lines: that run recorded nothing")
            if len(torn) == len(one.journals()):
                self.torn.append(one.path)
            elif real in self._seen:
                # By where it really is: what two paths lead to would otherwise look like two copies, which both did
                # these jobs.
                self.said(f"{one.path} is given twice; it is counted once")
            else:
                self._seen[real] = one.path
                self.folders.append(one)
        if not found:
            self.said(f"{given} holds no run directory (a folder with a {JOURNALS})")
        return found

    def _unpacked(self, path: Path) -> Path | None:
        # Its own name is in the path, for whoever is told of what is in it.
        import tarfile
        import zipfile
        from tempfile import TemporaryDirectory

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
            if isinstance(error, OSError) and isinstance(refused := of_system(error), CannotRead | CannotWrite):
                raise refused from error
            raise UsageError(f"the archive {path} cannot be unpacked: {error}") from error
        return folder


def find_sources(paths: Sequence[str], said: Callable[[str], None]) -> Sources:
    """All of them. What holds nothing is told; that nothing holds anything is refused."""
    sources = Sources(said)
    try:
        for path in paths:
            sources.add(Path(path))
        if not sources.folders and sources.torn:
            raise RunDirectoryDamaged(
                "no journal in it has a whole header",
                where=Place(str(sources.torn[0])),
                way_out="Nothing is recorded in it; the same `run` begins it anew.",
            )
        if not sources.folders:
            raise UsageError(
                f"{', '.join(paths)} holds no run directory",
                way_out=f"A run directory has a {JOURNALS}; name it, or a folder or archive that holds it.",
            )
    except BaseException:
        sources.__exit__()
        raise
    return sources


def run_folders_below(folder: Path) -> Iterator[RunFolder]:
    """In the order of their names; a link that leads back up is not followed twice. A folder that cannot be read may
    hold a machine's whole work: it is refused, never left out."""

    def unread(error: OSError) -> None:
        raise CannotRead(
            f"{error.filename} cannot be read: {error.strerror}",
            way_out="Give yourself the right to it, or name the other folders one by one.",
        ) from error

    seen: set[Path] = set()
    for here, below, files in os.walk(folder, followlinks=True, onerror=unread):
        real = Path(here).resolve()
        # By where it leads: a link back up would otherwise be walked until names are too long.
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(name for name in below if not name.startswith(REMOVED))
        if any(map(is_journal, files)):
            below.clear()
            yield RunFolder(Path(here))


def _unreadable() -> tuple[type[Exception], ...]:
    """What the unpackers raise at archives that are cut off, damaged or encrypted."""
    import tarfile
    import zipfile

    known = (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError, RuntimeError, zlib.error)
    try:
        from lzma import LZMAError
    except ImportError:
        return known
    return *known, LZMAError


def _is_wanted(name: str) -> bool:
    """Journals, their tallies, lists and logs; never what jobs wrote for themselves."""
    last = PurePosixPath(name).name
    if PurePosixPath(name).parent.name == LIST:
        return True
    return is_journal(last) or last in ("tally", LIVE, CALL) or (last.startswith("log-") and last.endswith(".gz"))


def _place(folder: Path, name: str) -> Path:
    """Where a member goes: below the folder, whatever its name says."""
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "..", ".")]
    place = folder.joinpath(*parts)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _unpack_tar(path: Path, folder: Path) -> None:
    import tarfile

    with tarfile.open(path) as archive:
        for member in archive:
            # Member by member, under paths that we make: `extractall` would make links and devices too, and unpack what
            # jobs wrote for themselves.
            if member.isfile() and _is_wanted(member.name):
                _copy(archive.extractfile(member), _place(folder, member.name))
        # The reader takes the end of the file for the end of the archive, also when it was cut between two members.
        assert archive.fileobj is not None
        archive.fileobj.seek(archive.offset)
        if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise EOFError("it is cut off: the blocks that end it are missing")


def _unpack_zip(path: Path, folder: Path) -> None:
    import zipfile

    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if _is_wanted(name):
                with archive.open(name) as member:
                    _copy(member, _place(folder, name))


def _copy(member: IO[bytes] | None, place: Path) -> None:
    if member is not None:
        from shutil import copyfileobj

        with place.open("wb") as file:
            copyfileobj(member, file, 1 << 20)
