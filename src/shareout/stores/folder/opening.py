"""A ledger in a folder is opened, or made by whoever comes first; what cannot be one is refused at the start."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from shareout.errors import UsageError
from shareout.stores.charter import Charter, read_charter
from shareout.stores.folder.mount import mount_of
from shareout.stores.folder.refusals import ODD, odd_at_start, unusable
from shareout.stores.folder.spelling import spelled
from shareout.stores.folder.store import PAUSES_S, FolderStore
from shareout.stores.folder.tree import Tree, opened, sync_names, walked
from shareout.stores.folder.ways import READ, WAYS, Way, works, write_new

MARK = b"ledger.json"
"""The key that is put first; its text names the file with the charter, which may be longer than a key can be."""
LARGEST = 1 << 20
_CHARTER = re.compile(rb"ledger-[0-9a-f]{16}\.json")


def open_folder(folder: Path, charter: Charter, ways: Sequence[Way] = WAYS) -> FolderStore:
    """The ledger of that charter's plan, made where there is none. A UsageError where the folder cannot hold one, or
    where another stands in its place. `ways` are those that may be tried to put keys, best first."""
    for machine in charter.machines:
        spelled(machine)
    names = tuple(map(str.encode, charter.folders))
    try:
        root = walked(folder, names, make=True)
    except OSError as error:
        raise _at_start(folder, error) from error
    try:
        _refuse_versions(folder, names, charter)
        return _opened(root, folder, names, charter, ways)
    except OSError as error:
        os.close(root)
        raise _at_start(folder, error) from error
    except BaseException:
        os.close(root)
        raise


def ledgers_in(folder: Path, origin: str) -> dict[Path, bytes]:
    """The texts of all charters of one origin, by their ledgers' folders: of other plans too, and other versions. What
    is none, or cannot be read, is passed over."""
    found: dict[Path, bytes] = {}
    with suppress(OSError):
        above = walked(folder, (origin[:16].encode(),))
        try:
            for name in sorted(os.listdir(above)):
                with suppress(OSError, UsageError):
                    found[folder / origin[:16] / name] = _charter_in(above, name.encode(), folder)
        finally:
            os.close(above)
    return found


def all_ledgers(folder: Path) -> list[tuple[Path, Charter]]:
    """Every ledger that hosts of this version can work in, of whatever plan. A UsageError where the folder cannot be
    read at all."""
    try:
        handle = walked(folder, ())
        try:
            origins = sorted(name for name in os.listdir(handle) if re.fullmatch("[0-9a-f]{16}", name))
        finally:
            os.close(handle)
    except OSError as error:
        raise _at_start(folder, error) from error
    found = []
    for origin in origins:
        for place, text in ledgers_in(folder, origin).items():
            with suppress(UsageError):
                found.append((place, read_charter(text, place / os.fsdecode(MARK))))
    return found


def _charter_in(above: int, name: bytes, folder: Path) -> bytes:
    root = opened(above, name)
    try:
        mark = _mark(root, folder, WAYS)
        return _whole(root, mark[1]) if mark else b""
    finally:
        os.close(root)


def _refuse_versions(folder: Path, names: tuple[bytes, ...], charter: Charter) -> None:
    """A ledger that hosts of another version have made of the same jobs: both would run all of them."""
    for place, text in ledgers_in(folder, charter.origin).items():
        if place.name.encode() != names[-1] and text:
            charter.refuse_version(text, place / os.fsdecode(MARK))


def _opened(root: int, folder: Path, names: tuple[bytes, ...], charter: Charter, ways: Sequence[Way]) -> FolderStore:
    place = folder.joinpath(*map(os.fsdecode, names)) / os.fsdecode(MARK)
    mark = _mark(root, place, WAYS) or _made(root, place, charter, _able(root, folder, ways))
    way, file = mark
    if way.name not in [one.name for one in ways] or not works(way, root):
        raise UsageError(
            f"the ledger in {folder} is kept in {way.told}, which this host cannot make there",
            way_out="Mount the folder here as on the hosts that made it, or name another one on all hosts.",
        )
    try:
        found = read_charter(_whole(root, file), place)
    except FileNotFoundError:
        found = read_charter(b"", place)
    charter.refuse_other(found, place)
    return FolderStore(Tree(folder, names, root, _proof(way, file)), way, found, mount_of(root))


def _able(root: int, folder: Path, ways: Sequence[Way]) -> Way:
    """The first that this host can do there."""
    for way in ways:
        if works(way, root):
            return way
    raise UsageError(
        f"{folder} knows neither symbolic nor hard links, by which of two hosts only one can put a name there",
        way_out="Name a folder of another file system, or mount this one in another way.",
    )


def _mark(root: int, place: Path, ways: Sequence[Way]) -> tuple[Way, bytes] | None:
    """How the ledger's keys are put, and where its charter is; None where there is no ledger yet."""
    for way in ways:
        try:
            text = way.read(root, MARK)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno not in ODD:
                raise
            continue
        if _CHARTER.fullmatch(text):
            return way, text
        break
    raise odd_at_start(place)


def _made(root: int, place: Path, charter: Charter, way: Way) -> tuple[Way, bytes]:
    """Ours where nobody was first."""
    new = charter.made_now()
    file = b"ledger-%s.json" % new.nonce.encode()
    write_new(root, file, new.text())
    refused: OSError | None = None
    for pause_s in PAUSES_S:
        time.sleep(pause_s)
        try:
            way.make(root, MARK, file)
        except OSError as error:
            refused = error
        if mark := _mark(root, place, WAYS):
            if mark[1] != file:
                os.unlink(file, dir_fd=root)
            sync_names(root)
            return mark
    with suppress(OSError):
        os.unlink(file, dir_fd=root)
    if refused is None or isinstance(refused, FileExistsError):
        raise FileExistsError(errno.EEXIST, "a ledger is there that this host is not shown")
    raise refused


def _proof(way: Way, file: bytes) -> Callable[[int], None]:
    """Whether an open folder is this ledger's."""

    def proves(root: int) -> None:
        if way.read(root, MARK) != file:
            raise OSError(errno.ESTALE, "another ledger is in its place")

    return proves


def _whole(root: int, file: bytes) -> bytes:
    """The text of a charter."""
    handle = os.open(file, READ, dir_fd=root)
    try:
        size = os.fstat(handle)
        return os.pread(handle, LARGEST, 0) if stat.S_ISREG(size.st_mode) else b""
    finally:
        os.close(handle)


def _at_start(folder: Path, error: OSError) -> UsageError:
    below = error.filename if isinstance(error.filename, Path) else None
    if below is not None and error.errno in ODD:
        return odd_at_start(below)
    return unusable(folder, error)
