"""Linux, with a record of all that one process does to the files below a folder. Must be in place before the program
is loaded.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

from shareout.world import Linux

MOST_READ = 1 << 22

Change = tuple[Any, ...]
"""What was done, to which path or number of a file, and with what: the names of methods of `simulated.system.disk`."""


class Recording(Linux):
    """Everybody else's calls, of forked children too, are answered and not recorded."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.changes: list[Change] = []
        self._root = str(root)
        self._numbers: dict[str, int] = {}
        """path → the file that has it now."""
        self._opened: dict[int, tuple[str, int, bool]] = {}
        """descriptor → path, file (0: a folder), and whether it is appended to."""
        self._made = 0
        self.disk = self
        self.path: Any = self._path
        for name in ("open", "close", "read", "write", "ftruncate", "fsync", "link"):
            setattr(self, name, getattr(self, f"_{name}"))
        self.fdatasync = self._fsync

    def save(self, path: Path) -> None:
        path.write_bytes(pickle.dumps(self.changes))

    # What the paths of the simulated disk ask beside: they serve here too, with real files under them.

    @property
    def folders(self) -> Recording:
        return self

    def __contains__(self, path: str) -> bool:
        return os.path.isdir(path)

    def mkdir(self, path: Any) -> None:
        os.mkdir(path)
        self._note("mkdir", path)

    def unlink(self, path: Any) -> None:
        os.unlink(path)
        # What a worker has made was not recorded.
        if self._numbers.pop(os.fspath(path), None):
            self._note("unlink", path)

    def rename(self, source: Any, target: Any) -> None:
        os.rename(source, target)
        self._note("rename", source, target)
        self._numbers[os.fspath(target)] = self._numbers.pop(os.fspath(source), 0)

    def _path(self, text: str) -> Any:
        from simulated.system.paths import SimPath

        return SimPath(text)

    def _link(self, source: Any, target: Any) -> None:
        os.link(source, target)
        self._note("link", source, target)
        self._numbers[os.fspath(target)] = self._numbers[os.fspath(source)]

    # Descriptors.

    def _open(self, path: Any, flags: int, mode: int = 0o777) -> int:
        text = os.fspath(path)
        is_new = not os.path.exists(text)
        handle = os.open(text, flags, mode)
        if text.startswith(self._root):
            if os.path.isdir(text):
                self._opened[handle] = text, 0, False
                return handle
            if is_new:
                self._made += 1
                self._numbers[text] = self._made
                self._note("create", text, self._made)
            elif flags & os.O_TRUNC:
                self.changes.append(("truncate", self._numbers[text], 0))
            self._opened[handle] = text, self._numbers[text], bool(flags & os.O_APPEND)
        return handle

    def _close(self, handle: int) -> None:
        self._opened.pop(handle, None)
        os.close(handle)

    def _read(self, handle: int, size: int) -> bytes:
        return os.read(handle, min(size, MOST_READ))

    def _write(self, handle: int, data: Any) -> int:
        _, number, appends = self._opened.get(handle, ("", 0, False))
        if not number:
            return os.write(handle, data)
        at = os.fstat(handle).st_size if appends else os.lseek(handle, 0, os.SEEK_CUR)
        written = os.write(handle, data)
        self.changes.append(("write", number, at, bytes(data)[:written]))
        return written

    def _ftruncate(self, handle: int, size: int) -> None:
        os.ftruncate(handle, size)
        if handle in self._opened:
            self.changes.append(("truncate", self._opened[handle][1], size))

    def _fsync(self, handle: int) -> None:
        os.fsync(handle)
        if handle in self._opened:
            path, number, _ = self._opened[handle]
            self.changes.append(("sync", number) if number else ("sync_folder", self._inside(path)))

    def _note(self, what: str, *words: Any) -> None:
        self.changes.append((what, *(self._inside(one) if not isinstance(one, int) else one for one in words)))

    def _inside(self, path: Any) -> str:
        return os.fspath(path).removeprefix(self._root) or "/"
