"""The store in a folder: the contract of `ledger.store`, by what a file system can do."""

from __future__ import annotations

import math
import time
from contextlib import closing

from shareout.errors import NO_ROOM
from shareout.ledger.beat import MACHINES as LAID_OUT
from shareout.ledger.store import COMMON, LONGEST_PIECE, LONGEST_TEXT, Away
from shareout.stores.charter import Charter
from shareout.stores.folder.beats import FOLDER as BEATS
from shareout.stores.folder.beats import Beats
from shareout.stores.folder.mount import Mount
from shareout.stores.folder.refusals import REFUSING, away
from shareout.stores.folder.shelves import Shelf
from shareout.stores.folder.spelling import meant, parts_of, spelled
from shareout.stores.folder.tree import Tree, sync_names
from shareout.stores.folder.ways import Way

PAUSES_S = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Before each try of a put: what is refused, and not seen either, may be seen in a moment."""
MACHINES, INPUTS = LAID_OUT.encode(), b"inputs"


class FolderStore:
    """One ledger; `charter` is what stands in its folder, `mount` what that is mounted from, if the system tells."""

    def __init__(self, tree: Tree, way: Way, charter: Charter, mount: Mount | None) -> None:
        self._tree, self.way = tree, way
        self.folder, self.path = tree.folder, tree.path
        self._beats = Beats(tree)
        self.charter, self.mount = charter, mount
        self.dead_s = charter.dead_s
        self.identity = charter.nonce
        """Another one where this ledger is made anew."""
        self.slack_s = max(charter.slack_s, mount.slack_s if mount else math.inf)

    def put(self, key: str, text: bytes) -> bytes:
        """Made, and then looked at, whatever the answer was: over a network the winner may be told that somebody was
        first, and a loser any of three errors."""
        if not _fits(text):
            raise ValueError(f"{key} cannot have the text {text[:80]!r}")
        parts = parts_of(key)
        refused: OSError | None = None
        for pause_s in PAUSES_S:
            time.sleep(pause_s)
            refused = self._refused(parts, text)
            stands = self.get(key)
            if stands is not None:
                if stands == text:
                    self._tree.asked(lambda: sync_names(self._tree.at(*parts[:-1])), *parts)
                return stands
            if refused is not None and refused.errno in REFUSING | NO_ROOM:
                break
        if refused is None or isinstance(refused, FileExistsError):
            raise Away(f"{self._tree.folder} does not show what stands at {key}") from refused
        raise away(self._tree.folder, refused) from refused

    def _refused(self, parts: tuple[bytes, ...], text: bytes) -> OSError | None:
        """What one try was told."""
        try:
            self._tree.tried(lambda: self.way.make(self._tree.at(*parts[:-1], make=True), parts[-1], text))
        except OSError as error:
            return error
        return None

    def get(self, key: str) -> bytes | None:
        """One call where something is seen, one more where nothing is."""
        parts = parts_of(key)
        return self._tree.asked(lambda: self._seen(parts), *parts)

    def _seen(self, parts: tuple[bytes, ...]) -> bytes | None:
        try:
            return self.way.read(self._tree.at(*parts[:-1]), parts[-1])
        except FileNotFoundError:
            self._tree.is_nothing()
            return None

    def beat(self, name: str, text: bytes) -> None:
        """Two calls and a write in place."""
        self._tree.asked(lambda: self._beats.write(spelled(name), text), BEATS, spelled(name))

    def beats(self, most: int) -> dict[str, bytes]:
        """A listing, and three calls for each."""
        return self._tree.asked(lambda: self._beats.read(most), BEATS)

    def length(self, machine: str, file: str) -> int:
        """Synced, and then looked at."""
        shelf, place = self._shelf(machine, file)
        return self._tree.asked(lambda: shelf.length(place[-1]), *place)

    def ship(self, machine: str, file: str, offset: int, data: bytes) -> int:
        """Written and synced."""
        if len(data) > LONGEST_PIECE or offset < 0:
            raise ValueError(f"a piece of {len(data)} bytes at {offset}")
        shelf, place = self._shelf(machine, file)
        return self._tree.asked(lambda: shelf.grow(place[-1], offset, data), *place)

    def fetch(self, machine: str, file: str, offset: int, most: int) -> bytes:
        """Opened each time, so that what has grown is seen."""
        shelf, place = self._shelf(machine, file)
        return self._tree.asked(lambda: shelf.piece(place[-1], offset, min(most, LONGEST_PIECE)), *place)

    def files(self, machine: str) -> list[str]:
        """A listing."""
        return self._named(*_shelved(machine))

    def machines(self) -> list[str]:
        """A listing."""
        return self._named(MACHINES)

    def close(self) -> None:
        """What is kept open is closed; the next call would open it again."""
        self._tree.close()

    def closing(self) -> closing[FolderStore]:
        """For a `with`."""
        return closing(self)

    def _shelf(self, machine: str, file: str) -> tuple[Shelf, tuple[bytes, ...]]:
        """And the place of a file on it."""
        names = _shelved(machine)
        return Shelf(self._tree, *names), (*names, spelled(file))

    def _named(self, *names: bytes) -> list[str]:
        listed = self._tree.asked(lambda: self._tree.listed(*names), *names)
        return [name for one in listed if (name := meant(one)) is not None]


def _fits(text: bytes) -> bool:
    return 0 < len(text) <= LONGEST_TEXT and text[:1] != b"." and min(text) >= 0x20


def _shelved(machine: str) -> tuple[bytes, ...]:
    return (INPUTS,) if machine == COMMON else (MACHINES, spelled(machine))
