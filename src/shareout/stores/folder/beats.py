"""Beats: a file of fixed size for each host, overwritten in place, so that it costs no new name and no room."""

from __future__ import annotations

import os

from shareout.ledger.beat import BEATS, SIZE, framed, unframed
from shareout.ledger.store import LONGEST_BEAT
from shareout.stores.folder.spelling import meant
from shareout.stores.folder.tree import Tree
from shareout.stores.folder.ways import READ

FOLDER = BEATS.encode()


class Beats:
    """Of all hosts of a ledger. All raise OSError."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._own = self._said = b""
        self._last = os.urandom(1).hex().encode()
        """After which name the next look goes on, so that in the end all have had their turn, of every host in another
        order."""

    def write(self, name: bytes, text: bytes) -> None:
        """In place, and not synced: what is lost is said again in a few seconds."""
        if len(text) > LONGEST_BEAT or b"\n" in text:
            raise ValueError(f"a beat of {len(text)} bytes")
        self._own, self._said = name, text
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        handle = os.open(name, flags, 0o644, dir_fd=self._tree.at(FOLDER, make=True))
        try:
            os.pwrite(handle, framed(text), 0)
        finally:
            os.close(handle)

    def read(self, most: int) -> dict[str, bytes]:
        """Of others than who writes here; those that cannot be read now have their turn again. What somebody else has
        written under that name is among it."""
        names = [name for name in self._tree.listed(FOLDER) if name != self._own]
        after = [name for name in names if name > self._last]
        chosen = (after + names[: len(names) - len(after)])[:most]
        if chosen:
            self._last = chosen[-1]
        found = {meant(name): self._text(name) for name in chosen}
        if self._own and (own := self._text(self._own)) != self._said:
            found[meant(self._own)] = own
        return {name: text for name, text in found.items() if name is not None and text is not None}

    def _text(self, name: bytes) -> bytes | None:
        # A name and no kept descriptor: through one of those the old bytes may be seen for ever.
        try:
            handle = os.open(name, READ, dir_fd=self._tree.at(FOLDER))
        except OSError:
            return None
        try:
            return unframed(os.pread(handle, SIZE, 0))
        except OSError:
            return None
        finally:
            os.close(handle)
