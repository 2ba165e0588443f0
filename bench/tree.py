"""A process with all that it started: its memory while it runs, its CPU time when it has ended."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from shareout.linux import adopt_orphans

LOOK_S = 0.05
PATIENCE_S = 3.0


class Memory:
    """Looks at a tree of processes again and again, until it is told to stop.

    What is added up is each process's part of what it shares, and what it has alone; mapped files are left out.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """The largest sum that was seen, in bytes."""
        self._ended.set()
        self._thread.join()
        return self._peak

    def _look(self) -> None:
        while True:
            self._peak = max(self._peak, sum(map(_held, family(self._pid))))
            if self._ended.wait(LOOK_S):
                return


def family(pid: int) -> list[int]:
    """A process and all that descends from it."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for thread in os.listdir(f"/proc/{one}/task"):
                found += map(int, Path(f"/proc/{one}/task/{thread}/children").read_text().split())
    return found


def own_cpu_s(pid: int) -> float:
    """Of a process alone, which has ended and is not reaped yet."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def reap_rest() -> float:
    """CPU seconds of what a run left to us (`adopt_orphans` was called); what does not end by itself is ended."""
    seconds, end = 0.0, time.monotonic() + PATIENCE_S
    while True:
        try:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return seconds
        if pid:
            seconds += usage.ru_utime + usage.ru_stime
        elif time.monotonic() < end:
            time.sleep(0.005)
        else:
            for left in family(os.getpid())[1:]:
                with suppress(OSError):
                    os.kill(left, signal.SIGKILL)


def adopt() -> None:
    """From now on what our runs leave behind comes to us."""
    adopt_orphans()


def _held(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    lines = (line.split() for line in text.splitlines())
    return sum(int(words[1]) * 1024 for words in lines if words[0] in ("Pss_Anon:", "Pss_Shmem:"))
