"""Paths and file objects of the simulated disk, as far as the program uses them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

MODES = {
    "rb": os.O_RDONLY,
    "r": os.O_RDONLY,
    "wb": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    "ab": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
}


class SimFile:
    """Unbuffered: what is written is there."""

    def __init__(self, calls: Any, path: str, mode: str) -> None:
        self._calls = calls
        self._handle = -1
        self._handle = calls.open(path, MODES[mode])

    def __enter__(self) -> SimFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        return self._handle

    def close(self) -> None:
        if self._handle >= 0:
            handle, self._handle = self._handle, -1
            self._calls.close(handle)

    def read(self, size: int = -1) -> bytes:
        return self._calls.read(self._handle, 1 << 40 if size < 0 else size)

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readline(self, limit: int = 1 << 40) -> bytes:
        data = self._calls.read(self._handle, limit)
        end = data.find(b"\n") + 1 or len(data)
        self._calls.lseek(self._handle, end - len(data), 1)
        return data[:end]

    def seek(self, at: int, whence: int = 0) -> int:
        return self._calls.lseek(self._handle, at, whence)

    def tell(self) -> int:
        return self._calls.lseek(self._handle, 0, 1)

    def write(self, data: Any) -> int:
        data, written = bytes(data), 0
        while written < len(data):
            written += self._calls.write(self._handle, data[written:])
        return written

    def flush(self) -> None:
        return

    def truncate(self, size: int) -> None:
        self._calls.ftruncate(self._handle, size)


class SimPath:
    """An absolute path of the simulated disk."""

    __slots__ = ("_text",)
    calls: Any = None

    def __init__(self, text: Any = "/") -> None:
        self._text = os.fspath(text)

    def __fspath__(self) -> str:
        return self._text

    __str__ = __fspath__

    def __repr__(self) -> str:
        return f"SimPath({self._text!r})"

    def __hash__(self) -> int:
        return hash(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SimPath) and other._text == self._text

    def __lt__(self, other: SimPath) -> bool:
        return self._text < other._text

    def __truediv__(self, name: Any) -> SimPath:
        return SimPath(f"{self._text.rstrip('/')}/{os.fspath(name)}")

    @property
    def name(self) -> str:
        return self._text.rpartition("/")[2]

    @property
    def parent(self) -> SimPath:
        return SimPath(self._text.rpartition("/")[0] or "/")

    @property
    def parents(self) -> Iterator[SimPath]:
        one = self
        while one._text != "/":
            one = one.parent
            yield one

    def absolute(self) -> SimPath:
        return self

    def with_name(self, name: str) -> SimPath:
        return self.parent / name

    def exists(self) -> bool:
        try:
            self.calls.stat(self)
        except FileNotFoundError:
            return False
        return True

    is_file = exists

    def is_dir(self) -> bool:
        return self._text in self.calls.disk.folders

    def stat(self) -> Any:
        return self.calls.stat(self)

    def open(self, mode: str = "r", buffering: int = -1, **_: Any) -> SimFile:
        return SimFile(self.calls, self._text, mode)

    def read_bytes(self) -> bytes:
        with self.open("rb") as file:
            return file.read()

    def read_text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self.read_bytes().decode(encoding, errors)

    def write_bytes(self, data: bytes) -> int:
        with self.open("wb") as file:
            return file.write(data)

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        try:
            self.calls.mkdir(self)
        except FileNotFoundError:
            if not parents:
                raise
            self.parent.mkdir(parents=True, exist_ok=True)
            self.mkdir(mode, parents=False, exist_ok=exist_ok)
        except FileExistsError:
            if not exist_ok or not self.is_dir():
                raise

    def unlink(self, missing_ok: bool = False) -> None:
        try:
            self.calls.unlink(self)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def rename(self, target: Any) -> SimPath:
        self.calls.rename(self, target)
        return SimPath(target)

    replace = rename

    def glob(self, pattern: str) -> list[SimPath]:
        try:
            return [self / name for name in self.calls.listdir(self) if fnmatchcase(name, pattern)]
        except FileNotFoundError:
            return []
