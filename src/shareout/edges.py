"""Stopping signals at the edges of the program, where no run has handlers of its own.

While the program loads, one ends it at once and without a word: nothing has been done yet, and an exception in the
middle of an import may be lost, or shown as a traceback. A command that is at work is interrupted by an exception, so
that it tidies up. When the exit code is known nothing changes it any more; what of the user's own keeps the process
then (a thread, a function that is called at exit) is left at the next signal, with that code.

What was ignored when we were started stays ignored, and handlers of the user's own stay theirs until the end. Children
have what we found. Loaded before anything else: by Python's own `_signal`, as `signal` would take longer than all this.

At the very end the kernel takes all down at once. Python would take down one object after the other, which is an eighth
of a short command's time, and is seen by nobody, where no file is open that may still have something to write.
"""

from __future__ import annotations

import atexit
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any
else:
    import _signal

TERM = _signal.SIGTERM
STOPPING = [
    getattr(_signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP", "SIGXCPU", "SIGALRM", "SIGUSR2", "SIGQUIT")
    # Elsewhere than on Linux some do not exist.
    if hasattr(_signal, name)
]
BUSY_S = 0.5
"""So long a process that has ended may take to be gone: a signal in that time is no impatience."""


class Interrupted(KeyboardInterrupt):
    """Stopped at once, by this signal."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def code_after(number: int) -> int:
    """The exit code of what a signal has stopped at once."""
    return 143 if number == TERM else 130


class End(SystemExit):
    """A program of ours ends with this code, unless somebody thinks otherwise."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self._code = code

    @property
    def code(self) -> int:  # type: ignore[override]
        """Asked for by Python at last, when nobody has caught us: then there is no code of Python's that asks."""
        try:
            sys._getframe(1)
        except ValueError:
            edges.last(self._code)
        return self._code


class Edges:
    """Of this process; nothing happens before it begins."""

    def __init__(self) -> None:
        self._before: dict[int, Any] | None = None
        self._is_first = False
        self._last: int | None = None
        self._is_at_work = False
        self._code: int | None = None
        self._since = 0.0

    def begin(self) -> None:
        """The first thing that a program of ours does. A library does not."""
        if self._before is not None:
            return
        self._is_at_work, self._code = False, None
        defaults = (_signal.SIG_DFL, _signal.default_int_handler)
        found = {number: _signal.getsignal(number) for number in STOPPING}
        try:
            for number, handler in found.items():
                if handler in defaults:
                    _signal.signal(number, self._hear)
        except ValueError:
            # The user calls us in a thread: there nobody may handle signals.
            return
        self._before = found
        # Whatever is registered from now on is called before it.
        self._is_first = not atexit._ncallbacks()
        atexit.register(self._ignore)

    def at_work(self) -> None:
        """A command begins; what it does may have to be undone."""
        self._is_at_work = True

    def over(self, code: int) -> None:
        """The exit code is known."""
        if self._before is None:
            return
        self._code, self._since = code, time.monotonic()
        for number in _heeded():
            _signal.signal(number, self._hear)

    def last(self, code: int) -> None:
        """Python ends with this code, and nothing of the user's is between that and us."""
        self._last = code

    def release(self) -> None:
        """The process is not ours any more: a child's, or of a script that goes on with something else."""
        before, self._before = self._before, None
        if before is None:
            return
        atexit.unregister(self._ignore)
        for number, handler in before.items():
            if _signal.getsignal(number) == self._hear:
                _signal.signal(number, handler)

    def _hear(self, number: int, frame: object) -> None:
        if self._code is not None:
            if time.monotonic() - self._since >= BUSY_S:
                os._exit(self._code)
            return
        self._code, self._since = code_after(number), time.monotonic()
        if not self._is_at_work:
            os._exit(self._code)
        # Only from now on, for it is the user's as long as nothing is thrown into his code.
        sys.unraisablehook = self._lost
        raise Interrupted(number)

    def _lost(self, lost: Any) -> None:
        """Raised where Python can only show it and go on, as in a destructor: nobody else will end us."""
        if isinstance(lost.exc_value, Interrupted):
            os._exit(code_after(lost.exc_value.number))
        sys.__unraisablehook__(lost)

    def _ignore(self) -> None:
        """Python is about to take itself down, and our handlers first: not even that must be seen."""
        if self._code is None:
            return
        if hasattr(_signal, "pthread_sigmask"):
            # One that came in the middle of the change would be told as an error.
            _signal.pthread_sigmask(_signal.SIG_BLOCK, STOPPING)
        for number in _heeded():
            _signal.signal(number, _signal.SIG_IGN)
        if self._is_first and self._last is not None and not _may_write():
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self._last)


def _may_write() -> bool:
    """Whether anything is open, beside the three streams, that a buffer somewhere may be meant for."""
    try:
        return any(_is_for_writing(handle) for handle in os.listdir("/proc/self/fdinfo") if int(handle) > 2)
    except OSError:
        # No Linux, or no /proc: nobody can tell.
        return True


def _is_for_writing(handle: str) -> bool:
    try:
        with open(f"/proc/self/fdinfo/{handle}", "rb") as file:
            flags = next(line for line in file if line.startswith(b"flags:"))
    except FileNotFoundError:
        # That of the listing itself, which is closed again.
        return False
    return bool(int(flags.split()[1], 8) & os.O_ACCMODE)


def _heeded() -> list[int]:
    """Those that are neither ignored nor handled by something that is not Python's."""
    return [number for number in STOPPING if _signal.getsignal(number) not in (_signal.SIG_IGN, None)]


edges = Edges()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=edges.release)
