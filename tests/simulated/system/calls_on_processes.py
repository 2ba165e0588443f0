"""The calls on processes and signals, by the names that Python has for Linux's."""

from __future__ import annotations

import errno
import os as real_os
import signal as real_signal
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from simulated.system.calls_on_files import FileCalls
from simulated.system.handles import ProcessOpened
from simulated.system.kernel import Killed, Process


class ProcessCalls(FileCalls):
    """For whoever runs at the moment."""

    boot: str
    programs: Callable[[Process, str, Any], Any]
    """Starts what is spawned."""
    on_crash: Callable[[BaseException], None]

    # -- processes

    def getpid(self) -> int:
        return self.kernel.current.pid

    def getppid(self) -> int:
        parent = self.kernel.step().parent
        return parent.pid if parent else 0

    def setsid(self) -> None:
        process = self.kernel.step()
        process.session = process.group = process.pid

    def _alive(self, pid: int) -> Process:
        found = self.kernel.processes.get(pid)
        if found is None:
            raise ProcessLookupError(errno.ESRCH, real_os.strerror(errno.ESRCH))
        return found

    def getpgid(self, pid: int) -> int:
        self.kernel.step()
        return self._alive(pid).group

    def getsid(self, pid: int) -> int:
        self.kernel.step()
        return self._alive(pid).session

    def kill(self, pid: int, number: int) -> None:
        process = self.kernel.step()
        if pid <= 0:
            raise AssertionError(f"kill {pid}")
        self.kernel.send(process, self._alive(pid), number)
        self._after_signal(process)

    def killpg(self, group: int, number: int) -> None:
        process = self.kernel.step()
        found = self.kernel.group(group)
        if not found or group <= 1:
            raise ProcessLookupError(errno.ESRCH, real_os.strerror(errno.ESRCH))
        for one in found:
            self.kernel.send(process, one, number)
        self._after_signal(process)

    def _after_signal(self, process: Process) -> None:
        """One that signalled itself has it before the call returns."""
        if process.is_stopped:
            process.is_woken = True
            self.kernel.hub.switch()
        self.kernel.step()
        if process.pending:
            self.kernel.handle(process)

    def pidfd_open(self, pid: int) -> int:
        process = self.kernel.step()
        return self._open(process, ProcessOpened(self._alive(pid)))

    def pidfd_send_signal(self, handle: int, number: int) -> None:
        process = self.kernel.step()
        target = self._of(process, handle).process
        if self.kernel.processes.get(target.pid) is not target:
            raise ProcessLookupError(errno.ESRCH, real_os.strerror(errno.ESRCH))
        self.kernel.send(process, target, number)
        self._after_signal(process)

    def fork(self, body: Callable[[], int]) -> int:
        """What is forked is told by its name: `_guard` is the guardian's, `_be` the liaison's."""
        process = self.kernel.step()
        self.disk.check("fork")
        name = getattr(getattr(body, "func", body), "__name__", "")
        child = self.kernel.new(process, {"_guard": "guardian", "_be": "liaison"}.get(name, "worker"))

        def life() -> int:
            try:
                return body()
            except Killed:
                raise
            except BaseException as error:  # noqa: BLE001
                # Only what the world refused may end a process of ours.
                if not isinstance(error, OSError):
                    self.on_crash(error)
                return 1

        self.kernel.begin(child, life)
        return child.pid

    def posix_spawn(self, program: Any, words: Any, environ: Any, *, setsid: bool = False, **how: Any) -> int:
        process = self.kernel.step()
        self.disk.check("spawn", str(program))
        child = self.kernel.new(process, "command")
        child.environ = {real_os.fsencode(name): real_os.fsencode(value) for name, value in environ.items()}
        for number in [one for one, handler in child.handlers.items() if handler != real_signal.SIG_IGN]:
            del child.handlers[number]
        for number in how.get("setsigdef", ()):
            child.handlers.pop(number, None)
        child.wakeup = -1
        if "setpgroup" in how:
            child.group = child.pid
        if setsid:
            child.session = child.group = child.pid
        for handle in [one for one in child.handles if one > 2]:
            child.handles.pop(handle).release(self.kernel)
        try:
            child.program = self.programs(child, real_os.fsdecode(program), words)
        except OSError:
            child.parent.children.pop(child.pid)  # type: ignore[union-attr]
            del self.kernel.processes[child.pid]
            raise
        return child.pid

    def waitid(self, kind: int, number: int, options: int) -> Any:
        process = self.kernel.step()
        while True:
            found = None
            mine = process.children
            chosen = mine.values() if kind == real_os.P_ALL else [mine[number]] if number in mine else []
            if not chosen:
                raise ChildProcessError(errno.ECHILD, real_os.strerror(errno.ECHILD))
            found = next((one for one in chosen if one.is_dead), None)
            if found is not None:
                if not options & real_os.WNOWAIT:
                    self.kernel.reap(found)
                return SimpleNamespace(si_pid=found.pid, si_status=found.status)
            if options & real_os.WNOHANG:
                return None
            self.kernel.block(process)

    def wait4(self, pid: int, options: int) -> tuple[int, int, Any]:
        process = self.kernel.step()
        while True:
            mine = process.children
            chosen = mine.values() if pid == -1 else [mine[pid]] if pid in mine else []
            if not chosen:
                raise ChildProcessError(errno.ECHILD, real_os.strerror(errno.ECHILD))
            found = next((one for one in chosen if one.is_dead), None)
            if found is not None:
                self.kernel.reap(found)
                return found.pid, int(found.status or 0), SimpleNamespace(ru_maxrss=found.peak)
            if options & real_os.WNOHANG:
                return 0, 0, SimpleNamespace(ru_maxrss=0)
            self.kernel.block(process)

    def waitpid(self, pid: int, options: int) -> tuple[int, int]:
        return self.wait4(pid, options)[:2]

    def exit(self, code: int) -> None:
        process = self.kernel.step()
        self.kernel.die(process, code << 8)
        self.kernel.step()

    def nice(self, more: int) -> int:
        return 0

    def die_with_parent(self, number: int, parent: int) -> None:
        process = self.kernel.step()
        process.death_signal = number
        if self.getppid() != parent:
            self.kill(process.pid, number)

    def adopt_orphans(self) -> bool:
        self.kernel.step().subreaper = True
        return True

    def mark_descendants(self, number: int) -> None:
        self.kernel.step().limit = number

    # -- signals

    def signal(self, number: int, handler: Any) -> Any:
        process = self.kernel.step()
        before = process.handlers.get(number, real_signal.SIG_DFL)
        process.handlers[number] = handler
        return before

    def getsignal(self, number: int) -> Any:
        return self.kernel.current.handlers.get(number, real_signal.SIG_DFL)

    def set_wakeup_fd(self, handle: int, *, warn_on_full_buffer: bool = True) -> int:
        process = self.kernel.step()
        before, process.wakeup = process.wakeup, handle
        return before

    def pids(self) -> list[int]:
        self.kernel.step()
        return list(self.kernel.processes)

    def handles(self) -> list[int]:
        return sorted(self.kernel.step().handles)

    def children(self) -> list[int]:
        return list(self.kernel.step().children)

    def boot_id(self) -> str:
        return self.boot

    def about(self, pid: int, what: str) -> bytes:
        self.kernel.step()
        one = self.kernel.processes.get(pid)
        if one is None:
            return b""
        if what == "environ":
            return b"" if one.is_dead else b"".join(b"%b=%b\0" % item for item in one.environ.items())
        if what == "limits":
            return b"Max file locks  %d  unlimited locks\n" % one.limit if one.limit >= 0 else b""
        state = "Z" if one.is_dead else "T" if one.is_stopped else "S"
        parent = one.parent.pid if one.parent else 0
        fields = [state, parent, one.group, one.session, *[0] * 15, int(one.started * 100), 0, one.peak // 4, 0]
        return f"{one.pid} ({one.role}) {' '.join(map(str, fields))}".encode()
