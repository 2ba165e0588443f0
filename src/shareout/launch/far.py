"""The far end of a fetch and of a stop: our own program there, asked on its standard input.

What it gives is a stream of files, each from where the copy at home ends, when that is how the file here begins; else
from its start. Before the bytes of one a line of JSON says which it is, from where, and how many follow; after them a
line has the hash of the whole file. A last line has how many there were: what ends without it was cut.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from blake3 import blake3

from shareout.errors import UsageError
from shareout.record.folder import RunFolder
from shareout.record.lock import is_locked, owner_of

BLOCK = 1 << 20
# Of a run directory: what only means something where it lies, and what can be reckoned again.
LEFT = frozenset(("lock", "owner.json", "mark.json", "live.json", "slots", "tally"))
TWICE_S = 0.7
"""Between two signals that are meant as two."""


def answer(asked: IO[bytes], out: IO[bytes]) -> int:
    """One request, one answer; the exit code."""
    try:
        request = json.loads(asked.read())
        os.chdir(request.get("in", "."))
        folder = RunFolder(Path(request["run"]))
        wanted = request["do"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError("--far is what `launch` calls at the far end; it is not for people") from None
    if wanted == "stop":
        told = stop(folder, now=bool(request.get("now")))
        out.write(json.dumps(told).encode("ascii") + b"\n")
    elif wanted == "list":
        for path, file in wanted_files(folder, request.get("globs", ())):
            out.write(json.dumps({"file": path, "size": file.stat().st_size, "hash": hash_of(file)}).encode() + b"\n")
        out.write(json.dumps({"live": is_locked(folder)}).encode() + b"\n")
    else:
        give(wanted_files(folder, request.get("globs", ())), request.get("have", {}), out)
    out.flush()
    return 0


def stop(folder: RunFolder, *, now: bool) -> dict[str, object]:
    """Signals the run that holds this folder; `stopped` is its process, null where none runs."""
    owner = owner_of(folder)
    if owner is None or not owner.lives_in(folder):
        return {"stopped": None}
    with suppress(ProcessLookupError):
        os.kill(owner.pid, signal.SIGTERM)
        if now:
            time.sleep(TWICE_S)
            if owner.lives_in(folder):
                os.kill(owner.pid, signal.SIGTERM)
    return {"stopped": owner.pid}


def wanted_files(folder: RunFolder, globs: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """What is to come home, below the current folder: the record of the run with its jobs' own folders, and what
    matches. Links are not followed: they would lead to what nobody has asked for."""
    seen: set[str] = set()
    places = [folder.path] if folder.path.is_dir() else []
    for place in [*places, *(path for glob in globs for path in sorted(Path().glob(glob)))]:
        for path in _files(place):
            name = path.as_posix()
            if name not in seen and not _is_left(path, folder):
                seen.add(name)
                yield name, path


def give(files: Iterator[tuple[str, Path]], have: Mapping[str, Any], out: IO[bytes]) -> None:
    """What is new of these. `have` tells size and hash of what is at home, by name."""
    count = 0
    for name, path in files:
        with suppress(FileNotFoundError), path.open("rb") as file:
            size, hasher = os.fstat(file.fileno()).st_size, blake3()
            known, hashed = have.get(name, (0, ""))
            start = known if known <= size and _hash(file, known, hasher) == hashed else 0
            if start != known:
                hasher = blake3()
                file.seek(0)
            head = {"file": name, "size": size, "from": start, "mode": stat.S_IMODE(os.fstat(file.fileno()).st_mode)}
            out.write(json.dumps(head).encode("ascii") + b"\n")
            _copy(file, size - start, hasher, out)
            out.write(json.dumps({"hash": hasher.hexdigest()}).encode("ascii") + b"\n")
            count += 1
    out.write(json.dumps({"files": count}).encode("ascii") + b"\n")


def hash_of(path: Path) -> str:
    """Of all of it."""
    with path.open("rb") as file:
        return _hash(file, os.fstat(file.fileno()).st_size, blake3())


def _hash(file: IO[bytes], size: int, hasher: Any) -> str:
    while size and (block := file.read(min(BLOCK, size))):
        hasher.update(block)
        size -= len(block)
    return "" if size else str(hasher.hexdigest())


def _copy(file: IO[bytes], size: int, hasher: Any, out: IO[bytes]) -> None:
    while size:
        block = file.read(min(BLOCK, size))
        if not block:
            # Who reads cannot know how much of what was announced is missing: the stream ends here, and is asked for
            # again.
            raise UsageError(f"{file.name} became shorter as it was read")
        hasher.update(block)
        out.write(block)
        size -= len(block)


def _files(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        if stat.S_ISREG(os.lstat(place).st_mode):
            yield place
        return
    for here, folders, names in os.walk(place):
        folders.sort()
        for name in sorted(names):
            path = Path(here, name)
            with suppress(FileNotFoundError):
                if stat.S_ISREG(os.lstat(path).st_mode):
                    yield path


def _is_left(path: Path, folder: RunFolder) -> bool:
    if folder.path not in path.parents:
        return False
    first = path.relative_to(folder.path).parts[0]
    return first in LEFT or first.startswith(".")
