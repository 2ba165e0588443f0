"""Where a ledger is kept: the contract of a store, whatever it is made of.

A store has **keys**, each of which is put once and never changed or removed; **beats**, which are overwritten and are
advice only; and **shelves** of shipped files that grow. All calls may take long, and are made one after the other by
one process that does nothing else. One suite in `tests/stores` holds every store to all of this.
"""

from __future__ import annotations

from typing import Protocol

LONGEST_TEXT = 1_000
"""Bytes of what stands at a key: what the least of all file systems keeps in a symbolic link (XFS, 1,024)."""
LONGEST_BEAT = 4_000
LONGEST_PIECE = 256 * 1024
"""Bytes of one `ship` or `fetch`."""
COMMON = ""
"""The name of the shelf that is no machine's: what all have in common, the inputs by their hashes. Equal bytes may be
shipped there by several hosts at once."""


class Away(Exception):
    """The store cannot be reached, or refuses the call; whether the call took effect is unknown. The text is a sentence
    for people, without a full stop. The same call may be made again at any time, and the next may do better."""


class Store(Protocol):
    """One ledger, opened by one host. What stands where nothing of ours can stand (a folder for an entry, a planted
    link for a shelf) is followed nowhere, and raised as RunDirectoryDamaged with its place; all else as Away."""

    slack_s: float
    """By how many seconds a look may lag behind what others have put. `math.inf`: nobody knows, so that a look proves
    nothing that is not there; what is seen is true all the same."""

    dead_s: float
    """After how many seconds of silence a host counts as dead, in this ledger: as whoever made it said, for all."""

    def put(self, key: str, text: bytes) -> bytes:
        """What stands at a key now: this text where nobody was first, else another's, for ever. No answer of the store
        is believed, also not that the key exists: it is looked at until something stands. Away where that is not known:
        then the text may stand there, or come to stand there later.

        A key is made of parts with `/` between them. A text is a line of 1 to LONGEST_TEXT bytes
        that does not begin with a dot; a control character in it, of those below the blank, is a mistake."""

    def get(self, key: str) -> bytes | None:
        """What stands at a key; None where nothing was seen there, which may lag by the slack. Never None because the
        store is away, or has become another."""

    def beat(self, name: str, text: bytes) -> None:
        """Says how the host of that name is. It takes the place of the last one; it may be seen late, or never."""

    def beats(self, most: int) -> dict[str, bytes]:
        """What some others said last, by name: at most so many, all of them in turn. One that is being written may be
        missing; none is ever half of one and half of another. What another host has said under the name that this one
        says its own by is among them."""

    def length(self, machine: str, file: str) -> int:
        """How many bytes of a shipped file have arrived and are safe; 0 where there is none. Whoever goes on with a
        file after a restart ships the last piece below this length once more: what a server held when it lost power may
        be as long as it was, and empty."""

    def ship(self, machine: str, file: str, offset: int, data: bytes) -> int:
        """Bytes of a file of ours from an offset on, so that the file's beginning is there and safe when this comes
        back. Gives the length afterwards; nothing is written where that was below the offset. Bytes that are there
        already are written again: the same call twice is the same as once. One host writes a file, but for COMMON."""

    def fetch(self, machine: str, file: str, offset: int, most: int) -> bytes:
        """Bytes of a shipped file, of anybody's; none at its end, or where there is none. It may be longer already."""

    def files(self, machine: str) -> list[str]:
        """Shipped ones of a machine. A hint: it may lag, and lack some."""

    def machines(self) -> list[str]:
        """Those that have shipped anything. A hint, as `files`."""

    def close(self) -> None:
        """Gives back what it holds. What was acknowledged stays."""


def whole(store: Store, machine: str, file: str) -> bytes:
    """All of a shipped file that nobody writes to any more."""
    read = bytearray()
    while data := store.fetch(machine, file, len(read), LONGEST_PIECE):
        read += data
    return bytes(read)


def ship_whole(store: Store, machine: str, file: str, text: bytes, there: int = 0) -> None:
    """All of a text as a file, piece by piece, but for what is known to be `there`. What an earlier call has shipped of
    it may come again."""
    for at in range(there, len(text), LONGEST_PIECE):
        store.ship(machine, file, at, text[at : at + LONGEST_PIECE])
