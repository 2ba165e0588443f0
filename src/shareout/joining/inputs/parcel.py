"""The inputs of a plan as they lie in the folder that its hosts share: whoever has the folder needs no others.

Each file lies there under the hash of its bytes. A list of them, a JSON document under its own hash, says which file
has which place among inputs, and what the call said beside them; the key `parcel` names that list, and is put when all
of it has arrived. So what is fetched is either what was given, or refused.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from blake3 import blake3

from shareout.errors import ShareoutError, UsageError, cannot_record
from shareout.fields import dataclass
from shareout.ledger.store import COMMON, LONGEST_PIECE, Store
from shareout.plan.plan import Plan
from shareout.pool.compressed import is_compressed

KEY = "parcel"
FORM = 1
CONFIGS, POOL = "configs", "pool"
BESIDE = ("machines.json", "runner.config", "header.csv", "costs.csv", "rest.json")
"""Of a folder of inputs: all that is read of it, but for the pool."""
OF_ONE_HOST = ("run.slots", "run.nice", "join.", "display.", "limits.until", "hooks.", "logging.")
"""Settings that say how one host runs, by what their names begin with."""
LONGEST = 1 << 20


class NotToShare(Exception):
    """Inputs that others cannot be given; the text says why."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A file."""

    place: str
    """Below the folder that a host makes of it."""
    size: int
    hash: str
    source: Path | None = None
    """Where it is here, for who gives it."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """All that makes the plan, but for the program."""

    plan: str
    """Its digest in hex."""
    kind: str
    pool: str
    """Which piece is the pool."""
    flags: Mapping[str, str]
    """What the call said instead of the settings' file."""
    own: tuple[str, int] | None
    shards: tuple[int, int] | None
    """Where machines stand in no file."""
    pieces: tuple[Piece, ...]

    def text(self) -> bytes:
        """The list."""
        files = [[one.place, one.size, one.hash] for one in self.pieces]
        facts = {
            "parcel": FORM, "plan": self.plan, "kind": self.kind, "pool": self.pool, "flags": dict(self.flags),
            "own": self.own, "shards": self.shards, "files": files,
        }  # fmt: skip
        return json.dumps(facts, separators=(",", ":")).encode("ascii") + b"\n"


def parcel_of(
    plan: Plan,
    configs: Path,
    drafts: Path,
    *,
    flags: Mapping[str, str],
    own: tuple[str, int] | None,
    shards: tuple[int, int] | None,
) -> Parcel:
    """What this call gives. NotToShare where files are not below the folder of the pool, or of the configs. What is
    written for it goes to `drafts`."""
    first = plan.pool.inputs[0]
    pool = _beside_pool(first.path, first.path, configs)
    places = {**_beside(configs), **_of_pool(plan, configs)}
    known = {one.path: one.blake3 for one in plan.inputs}
    if first.has_states:
        places[pool] = _as_it_stands(first.path, drafts)
        known.pop(str(first.path), None)
    pieces = tuple(_piece(place, path, known.get(str(path))) for place, path in sorted(places.items()))
    said = {name: text for name, text in flags.items() if not name.startswith(OF_ONE_HOST)}
    return Parcel(plan.hex, plan.kind, pool, said, own, shards=shards, pieces=pieces)


def _beside(configs: Path) -> dict[str, Path]:
    return {f"{CONFIGS}/{name}": configs / name for name in BESIDE if (configs / name).is_file()}


def _of_pool(plan: Plan, configs: Path) -> dict[str, Path]:
    pool = plan.pool.inputs[0].path
    given = [Path(one.path) for one in plan.inputs if one.path and one.role not in ("machines", "rest")]
    places = {_beside_pool(path, pool, configs): path for path in given}
    if plan.cost_source is not None and plan.cost_source.is_file:
        # Where whoever opens the pool looks for it.
        places[f"{_beside_pool(pool, pool, configs).rpartition('/')[0]}/costs.csv"] = plan.cost_source.path
    return places


def _beside_pool(path: Path, pool: Path, configs: Path) -> str:
    for folder, place in ((configs, CONFIGS), (pool.parent, POOL)):
        inside = os.path.relpath(path, folder)
        if inside != ".." and not inside.startswith("../"):
            return f"{place}/{inside}" if _is_place(f"{place}/{inside}") else _refuse(path)
    return _refuse(path)


def _refuse(path: Path) -> str:
    raise NotToShare(f"{path} is neither below the pool's folder nor below the configs")


def _as_it_stands(path: Path, drafts: Path) -> Path:
    """A copy of a runs.txt: its letters are rewritten all the while."""
    draft = drafts / path.name
    draft.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, draft)
    return draft


def _piece(place: str, path: Path, known: bytes | None) -> Piece:
    size = path.stat().st_size
    if known is None or is_compressed(path):
        known = blake3().update_mmap(path).digest() if size else blake3().digest()
    return Piece(place, size, known.hex(), path)


def read_parcel(data: bytes) -> Parcel:
    """From the list. ValueError where it is none, or names places outside of its folder."""
    try:
        facts = json.loads(data)
        if facts["parcel"] != FORM:
            raise ValueError(f"it is of form {facts['parcel']}, and this program reads {FORM}")
        pieces = tuple(Piece(str(place), int(size), str(name)) for place, size, name in facts["files"])
        flags = {str(name): str(text) for name, text in facts["flags"].items()}
        own, shards = _pair(facts["own"], str), _pair(facts["shards"], int)
        plan, kind, pool = (str(facts[name]) for name in ("plan", "kind", "pool"))
        parcel = Parcel(plan, kind, pool, flags, own, shards=shards, pieces=pieces)
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError("it is no list of inputs") from error
    if not all(_is_place(one.place) for one in pieces) or parcel.pool not in [one.place for one in pieces]:
        raise ValueError("it names a place outside of its folder")
    return parcel


def _pair(value: Any, first: Callable[[Any], Any]) -> tuple[Any, int] | None:
    return None if value is None else (first(value[0]), int(value[1]))


def _is_place(place: str) -> bool:
    """Whether it leads nowhere but down, from one of two folders."""
    parts = place.split("/")
    return (
        len(parts) > 1
        and parts[0] in (CONFIGS, POOL)
        and all(part not in ("", ".", "..") and "\0" not in part for part in parts)
    )


def fetched(store: Store, into: Path) -> tuple[Parcel, Path] | None:
    """The inputs that lie in the store, and the folder that they are in now, below this one; None where there are none
    yet. What is here already, and is what it should be, is not fetched again. Refused where bytes are not what was
    given."""
    name = store.get(KEY)
    if name is None:
        return None
    told = name.decode("ascii", "replace")
    data = b"".join(_bytes(store, told, LONGEST))
    if blake3(data).hexdigest() != told:
        raise _damaged("the list of inputs", "its hash is another")
    try:
        parcel = read_parcel(data)
    except ValueError as error:
        raise _damaged("the list of inputs", str(error)) from None
    folder = into / told[:16]
    for one in parcel.pieces:
        _fetch(store, one, folder / one.place)
    return parcel, folder


def _fetch(store: Store, one: Piece, path: Path) -> None:
    fresh = path.with_name(f".new-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.stat().st_size == one.size and _hash(path) == one.hash:
            return
        with fresh.open("wb") as file:
            for data in _bytes(store, one.hash, one.size):
                file.write(data)
        if fresh.stat().st_size != one.size or _hash(fresh) != one.hash:
            raise _damaged(one.place, "its bytes are not those that were given")
        fresh.replace(path)
    except OSError as error:
        raise cannot_record(path, error, way_out="Name another place with --runs DIR.") from error
    finally:
        fresh.unlink(missing_ok=True)


def _bytes(store: Store, name: str, most: int) -> Iterator[bytes]:
    at = 0
    while at < most and (data := store.fetch(COMMON, name, at, min(LONGEST_PIECE, most - at))):
        yield data
        at += len(data)


def _hash(path: Path) -> str:
    return blake3().update_mmap(path).hexdigest() if path.stat().st_size else blake3().hexdigest()


def _damaged(what: str, why: str) -> ShareoutError:
    return UsageError(
        f"{what} in the folder cannot be used: {why}",
        way_out="Bring the inputs to this host by hand, as to all others, and join again.",
    )
