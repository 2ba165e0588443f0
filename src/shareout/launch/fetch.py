"""The home end of a fetch: only new bytes come, whatever has been cut before, and what is here is always how the far
file begins. A file is under its own name when it is whole; a record that grows is added to in its place, for a torn
end of one is nothing that a merge has not seen.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from filecmp import cmp
from pathlib import Path, PurePosixPath
from typing import IO, Any

from blake3 import blake3

from shareout.fields import dataclass
from shareout.launch.far import BLOCK, hash_of
from shareout.launch.launcher import Refusal, Unreached

PART = ".part"
CLOSED = (NotADirectoryError, FileExistsError, PermissionError)
"""What here is in the way: no other try would find it gone."""
RECORDS = ("runs", "launch")
"""Folders there that are no job's."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came."""

    files: int
    bytes: int


class Home:
    """One machine's folder at home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self) -> dict[str, tuple[int, str]]:
        """Size and hash of what is here, by far name; of what is not whole yet, how far it is."""
        found: dict[str, tuple[int, str]] = {}
        for here, _, names in os.walk(self.folder):
            for name in sorted(names):
                path = Path(here, name)
                whole = path.with_name(name[1 : -len(PART)]) if _is_part(name) else path
                if path == whole and self._part(whole).exists():
                    continue
                found[whole.relative_to(self.folder).as_posix()] = (path.stat().st_size, hash_of(path))
        return found

    def take(self, stream: IO[bytes]) -> Fetched:
        """Everything that is given. Raises Unreached where it is cut; what came until then is kept."""
        files = size = 0
        while True:
            head = _line(stream)
            if "files" in head:
                return Fetched(files, size)
            try:
                size += self._take(head, stream)
            except CLOSED as error:
                raise Refusal(f"here, {error.filename}: {error.strerror}") from error
            files += 1

    def _take(self, head: dict[str, Any], stream: IO[bytes]) -> int:
        path = self._path(str(head["file"]))
        start, size = int(head["from"]), int(head["size"])
        part = self._part(path)
        target = part if part.exists() or not start else path
        path.parent.mkdir(parents=True, exist_ok=True)
        if start < size or not size:
            self._add(head, target, stream)
        else:
            # All of it was here, and the far side has held its hash against its own.
            _line(stream)
        if target == part:
            os.chmod(part, int(head["mode"]) & 0o777 | 0o600)
            part.replace(path)
        return size - start

    def _add(self, head: dict[str, Any], target: Path, stream: IO[bytes]) -> None:
        start, hasher = int(head["from"]), blake3()
        with target.open("r+b" if start else "wb") as file:
            _rehash(file, start, hasher)
            left = int(head["size"]) - start
            while left:
                block = stream.read(min(BLOCK, left))
                if not block:
                    raise Unreached("the connection was cut")
                file.write(block)
                hasher.update(block)
                left -= len(block)
        if _line(stream).get("hash") != hasher.hexdigest():
            target.unlink()
            raise Unreached(f"{head['file']} came otherwise than it was sent; it is asked for again")

    def _part(self, path: Path) -> Path:
        return path.with_name(f".{path.name}{PART}")

    def _path(self, name: str) -> Path:
        # A far side that lies must not write elsewhere than here.
        place = PurePosixPath(name)
        path = self.folder.joinpath(place)
        if place.is_absolute() or ".." in place.parts or not place.parts:
            raise Refusal(f"it gives a file outside its folder: {name}")
        if (
            self.folder.resolve() not in path.parent.resolve().parents
            and path.parent.resolve() != self.folder.resolve()
        ):
            raise Refusal(f"a link here leads out of {self.folder}: {name}")
        return path


def differing(home: Path, machines: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Files that jobs wrote under one name on several machines, and that are not the same; with whose they are."""
    found: dict[str, list[str]] = {}
    for machine in machines:
        for here, folders, names in os.walk(home / machine):
            below = Path(here).relative_to(home / machine)
            if not below.parts:
                folders[:] = [name for name in folders if name not in RECORDS]
            for name in names:
                if not _is_part(name):
                    found.setdefault((below / name).as_posix(), []).append(machine)
    return [
        (path, of)
        for path, of in sorted(found.items())
        if any(not cmp(home / of[0] / path, home / other / path, shallow=False) for other in of[1:])
    ]


def _is_part(name: str) -> bool:
    return name.startswith(".") and name.endswith(PART) and len(name) > len(PART) + 1


def _rehash(file: IO[bytes], size: int, hasher: Any) -> None:
    while size:
        block = file.read(min(BLOCK, size))
        hasher.update(block)
        size -= len(block)


def _line(stream: IO[bytes]) -> dict[str, Any]:
    line = stream.readline()
    try:
        facts = json.loads(line)
        if isinstance(facts, dict) and line.endswith(b"\n"):
            return facts
    except ValueError:
        pass
    raise Unreached("the connection was cut" if not line.endswith(b"\n") else "the far program answers otherwise")
