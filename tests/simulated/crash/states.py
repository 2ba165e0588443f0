"""What a crash may leave: every beginning of what was done, its last write torn anywhere, or with one or two of what
was not synced lost, or with nothing of that but one or two.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, combinations
from random import Random

from shareout.record.folder import is_journal
from simulated.crash.recording import Change
from simulated.system.disk import Disk, Inode

Content = dict[str, bytes | None]
"""path → what is in it; None: a folder."""


@dataclass(frozen=True, slots=True)
class State:
    """One of them."""

    told: str
    content: Content
    journal: bytes
    """What of it is there."""
    safe: bytes
    """What of the journal had been synced."""
    is_damaged: bool
    """Something is missing or zeros that stood before what is there."""


class Replay:
    """The changes one by one, on a disk that knows what is safe."""

    def __init__(self, journal: str) -> None:
        self._journal = journal
        self._disk = Disk(Random(0))
        self._inodes: dict[int, Inode] = {}

    def apply(self, change: Change) -> None:
        what, *words = change
        disk = self._disk
        match what:
            case "create":
                self._inodes[words[1]] = disk.create(words[0])
            case "write":
                self._inodes[words[0]].write(words[1], words[2])
            case "truncate":
                self._inodes[words[0]].truncate(words[1])
            case "sync":
                inode = self._inodes[words[0]]
                inode.made_safe(inode.mark())
            case _:
                getattr(disk, what)(*words)

    def unsynced(self) -> list[tuple[int, int]]:
        """(number of a file or 0 for names, which of its changes)."""
        found = [(0, at) for at in range(len(self._disk.pending))]
        for number, inode in self._inodes.items():
            found += [(number, at) for at in range(len(inode.pending))]
        return found

    def left(self, lost: Collection[tuple[int, int]], torn: tuple[int, bytes] | None = None) -> Content:
        """What is there without these; `torn`: the last write to a file left this instead."""
        disk = Disk(Random(0))
        disk.safe_files, disk.safe_folders = dict(self._disk.safe_files), set(self._disk.safe_folders)
        for at, change in enumerate(self._disk.pending):
            if (0, at) not in lost:
                disk._keep(change)
        numbers = {id(inode): number for number, inode in self._inodes.items()}
        content: Content = {}
        for folder in sorted(disk.safe_folders):
            if folder != "/" and (folder.rpartition("/")[0] or "/") in {*content, "/"}:
                content[folder] = None
        for path, inode in disk.safe_files.items():
            if path.rpartition("/")[0] in content:
                content[path] = self._bytes(numbers[id(inode)], inode, lost, torn)
        return content

    def safe(self) -> bytes:
        inode = self._disk.safe_files.get(self._journal)
        above = [self._journal[:at] for at, sign in enumerate(self._journal) if sign == "/" and at]
        return bytes(inode.safe) if inode is not None and self._disk.safe_folders.issuperset(above) else b""

    def _bytes(
        self, number: int, inode: Inode, lost: Collection[tuple[int, int]], torn: tuple[int, bytes] | None
    ) -> bytes:
        kept = [one for at, one in enumerate(inode.pending) if (number, at) not in lost]
        if torn is not None and torn[0] == number:
            return inode._with(kept[:-1], (int(kept[-1][0]), torn[1]))
        return inode._with(kept, None)


def journal_in(changes: Sequence[Change]) -> str:
    """Where the run wrote it."""
    return next(str(one[1]) for one in changes if one[0] == "create" and is_journal(str(one[1]).rpartition("/")[2]))


def states(changes: Sequence[Change]) -> Iterator[State]:
    """Each once."""
    journal = journal_in(changes)
    seen: set[bytes] = set()
    for one in _all(changes, journal):
        hashed = blake2b(one.safe)
        for path, data in sorted(one.content.items()):
            hashed.update(b"%b\0%b\0" % (path.encode(), b"/" if data is None else data))
        if hashed.digest() not in seen:
            seen.add(hashed.digest())
            yield one


def _all(changes: Sequence[Change], journal: str) -> Iterator[State]:
    replay = Replay(journal)

    def state(told: str, content: Content, safe: bytes, *, is_damaged: bool = True) -> State:
        return State(told, content, content.get(journal) or b"", safe, is_damaged)

    for number, change in enumerate(changes):
        replay.apply(change)
        told = f"after change {number}, {change[0]} {str(change[1])[-40:]}"
        safe = replay.safe()
        yield state(told, replay.left(()), safe, is_damaged=False)
        if change[0] == "write":
            data = change[3]
            for size in range(len(data)):
                torn = replay.left((), (change[1], data[:size]))
                yield state(f"{told}, of which {size} bytes", torn, safe, is_damaged=False)
                zeros = data[:size] + bytes(len(data) - size)
                yield state(f"{told}, zeros from {size} on", replay.left((), (change[1], zeros)), safe)
        unsynced = replay.unsynced()
        for some in chain(combinations(unsynced, 1), combinations(unsynced, 2)):
            yield state(f"{told}, without {some}", replay.left(some), safe)
        for some in chain([()], combinations(unsynced, 1), combinations(unsynced, 2)):
            others = set(unsynced).difference(some)
            yield state(f"{told}, of what was not synced only {some}", replay.left(others), safe)
