"""The simulated World: what the program asks, answered for whoever runs at the moment."""

from __future__ import annotations

from mmap import mmap
from typing import Any

from simulated.system.calls_on_processes import ProcessCalls
from simulated.system.handles import ProcessOpened
from simulated.system.paths import SimPath

SLICE_S = 0.05
"""So often one looks who waits for the end of a process."""


class Calls(ProcessCalls):
    """All of them. Which host is simulated now, whoever simulates it says."""

    def __init__(self) -> None:
        self.boot = ""
        self.short = 0.0
        self.programs = lambda process, program, words: None
        self.on_write = lambda opened: None
        self.on_short = lambda opened: None
        self.on_crash = lambda error: None

    # -- the clocks

    def time(self) -> float:
        self.kernel.step()
        return self.kernel.now + self.kernel.wall

    def time_ns(self) -> int:
        return int(self.time() * 1e9)

    def monotonic(self) -> float:
        self.kernel.step()
        return self.kernel.now

    since_boot = monotonic

    def sleep(self, seconds: float) -> None:
        process = self.kernel.step()
        end = self.kernel.now + seconds
        while self.kernel.now < end:
            self.kernel.block(process, end)

    # -- waiting

    def ready(self, handles: list[int], seconds: float | None) -> list[int]:
        """Those of them that can be read, waited for."""
        process = self.kernel.step()
        end = None if seconds is None else self.kernel.now + seconds
        while True:
            opened = [(handle, self._of(process, handle)) for handle in handles]
            found = [handle for handle, one in opened if one.is_readable()]
            if found or (end is not None and self.kernel.now >= end):
                return found
            for _, one in opened:
                one.waiting().append(process)
            watched = any(isinstance(one, ProcessOpened) for _, one in opened)
            until = self.kernel.now + SLICE_S if watched else end
            self.kernel.block(process, until if end is None or until is None else min(end, until))

    def readable(self, handles: Any, seconds: float | None) -> list[int]:
        return self.ready(list(handles), seconds)

    def selector(self) -> Selector:
        return Selector(self)

    # -- memory and paths

    def shared(self, size: int) -> mmap:
        """A fork copies nothing here."""
        self.kernel.step()
        return mmap(-1, size)

    def path(self, text: str) -> SimPath:
        return SimPath(text)


class Selector:
    """As selectors has it."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._handles: list[int] = []

    def __enter__(self) -> Selector:
        return self

    def __exit__(self, *_: object) -> None:
        self._handles.clear()

    def register(self, handle: int, events: int, data: Any = None) -> None:
        self._handles.append(handle)

    def unregister(self, handle: int) -> None:
        self._handles.remove(handle)

    def select(self, timeout: float | None = None) -> list[int]:
        return self._calls.ready(self._handles, timeout)
