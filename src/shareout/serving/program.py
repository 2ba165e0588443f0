"""The NATS server as a program: where it is found, how it is set up, how it is started and ended.

It dies with who has started it, by the kernel; where that failed it is found by its pid file, and ended before the next
one starts. It tells its port in a file, which is kept for the next start: hosts come back to where they were.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from shareout.errors import CannotStart, UsageError
from shareout.fields import dataclass
from shareout.files import replace_file
from shareout.stores.nats.token import Papers
from shareout.world import world

READY_S = 30.0
"""So long a server is waited for: one that comes up to ten million entries needs some of it."""
HOSTS = 4096
SILENT_S = 5
"""After so long whoever connects and shows nothing is cut off."""
KEPT_FREE = 0.1
"""Of the disk: a stream that meets its end is broken until the server starts again, one that meets a limit is not."""
MEMORY = "320MiB"
"""It keeps some seconds of what comes, and lets as much again lie about: of very fast hosts that were gigabytes."""
LAST_LINES = 3
_PROGRAM = "nats-server"
_HELD = "shareout_nats_server"
"""The module of an executable that holds it."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Of one server."""

    folder: Path
    """All that it keeps."""
    papers: Papers
    bind: str
    port: int
    """0: any that is free, the same again at the next start."""


def find_program(folder: Path | None = None) -> Path:
    """The one that was packed with us, which is unpacked into that folder; else one that was installed with us, else
    any on the PATH."""
    if folder is not None and find_spec(_HELD) is not None:
        return _unpacked(folder / _PROGRAM)
    beside = Path(sys.executable).parent / _PROGRAM
    if os.access(beside, os.X_OK) and beside.is_file():
        return beside
    if found := shutil.which(_PROGRAM):
        return Path(found)
    raise UsageError(
        f"there is no {_PROGRAM} here, which keeps what hosts tell each other",
        way_out="pip install 'shareout[network]' brings it; an executable has it when it was made with NETWORK=1.",
    )


def _unpacked(path: Path) -> Path:
    """Where a cleaner of /tmp does not come: it is to be started again in a month."""
    content: bytes = import_module(_HELD).PROGRAM
    # Large, and not wanted again.
    del sys.modules[_HELD]
    if not path.is_file() or path.stat().st_size != len(content):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(path, [content])
        path.chmod(0o700)
    return path


class ServerProgram:
    """One server on this host. All calls come from the thread that starts it."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._program = find_program(setup.folder)
        self._pid = 0
        self._read = 0
        self.port = setup.port or self._last_port()
        self._prepare()

    @property
    def pid(self) -> int:
        """Of the process; 0 when none is known to run."""
        return self._pid

    @property
    def log(self) -> Path:
        """What it says."""
        return self._setup.folder / "server.log"

    @property
    def _pid_file(self) -> Path:
        return self._setup.folder / "server.pid"

    @property
    def _port_file(self) -> Path:
        return self._setup.folder / "port"

    def start(self) -> None:
        """Ready when this comes back. CannotStart with its own last words when it does not come up."""
        self.end_orphan()
        for old in self._setup.folder.glob("*.ports"):
            old.unlink(missing_ok=True)
        self.log.unlink(missing_ok=True)
        self._read = 0
        self._write(self._setup.folder / "server.conf", self._config())
        self._pid = world.fork(partial(self._become, world.getpid()))
        until = time.monotonic() + READY_S
        while not (port := self._told_port()):
            if self.is_dead():
                raise self._not_up()
            if time.monotonic() > until:
                self.end()
                raise self._not_up()
            time.sleep(0.01)
        if port != self.port:
            self.port = port
            self._write(self._port_file, str(port))

    def is_dead(self) -> bool:
        """Whether it has ended; then nothing of it is left."""
        if self._pid:
            with suppress(ChildProcessError):
                if os.waitpid(self._pid, os.WNOHANG)[0] == 0:
                    return False
        self._pid = 0
        return True

    def has_said(self, word: bytes) -> bool:
        """Whether its log has that in what has come since this was asked last."""
        with suppress(OSError), self.log.open("rb") as file:
            file.seek(self._read)
            told = file.read()
            # A line that is half there is read again.
            self._read += told.rfind(b"\n") + 1
            return word in told.lower()
        return False

    def end(self) -> None:
        """At once: what it has acknowledged is safe, and what it has not nobody relies on."""
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
        self._pid = 0
        self._pid_file.unlink(missing_ok=True)

    def end_orphan(self) -> None:
        """One that an earlier call has left, by the number that it has written, if that is it."""
        try:
            pid = int(self._pid_file.read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return
        if os.fsencode(self._setup.folder / "server.conf") in words:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            while Path(f"/proc/{pid}/fd").exists() and _lives(pid):
                time.sleep(0.01)

    def _become(self, parent: int) -> int:
        world.die_with_parent(signal.SIGKILL, parent)
        # Ctrl-C is for who watches it.
        world.setsid()
        handle = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, target in ((nothing, 0), (handle, 1), (handle, 2)):
            os.dup2(number, target)
        os.closerange(3, 256)
        words = [str(self._program), "-c", str(self._setup.folder / "server.conf")]
        os.execve(words[0], words, {"PATH": os.defpath, "HOME": str(self._setup.folder), "GOMEMLIMIT": MEMORY})

    def _prepare(self) -> None:
        self._setup.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._write(self._setup.folder / "key.pem", self._setup.papers.key.decode())
        self._write(self._setup.folder / "certificate.pem", self._setup.papers.certificate.decode())

    def _config(self) -> str:
        folder = self._setup.folder
        room = os.statvfs(folder)
        free = room.f_bavail * room.f_frsize
        kept = sum(one.stat().st_size for one in (folder / "store").rglob("*") if one.is_file())
        tls = {
            "cert_file": str(folder / "certificate.pem"), "key_file": str(folder / "key.pem"),
            "ca_file": str(folder / "certificate.pem"), "verify": True, "handshake_first": True, "timeout": SILENT_S,
            "min_version": "1.3",
        }  # fmt: skip
        # Nothing is acknowledged that is not on the disk.
        store = {
            "store_dir": str(folder / "store"), "sync_interval": "always", "max_memory_store": 256 << 20,
            "max_file_store": kept + int(free * (1 - KEPT_FREE)),
        }  # fmt: skip
        port = self.port or -1
        return json.dumps({
            "host": self._setup.bind, "port": port, "server_name": "shareout", "pid_file": str(self._pid_file),
            "ports_file_dir": str(folder), "max_connections": HOSTS, "max_payload": 600_000, "max_pending": 16 << 20,
            "write_deadline": "10s", "logtime": True, "jetstream": store, "tls": tls,
        }, indent=1)  # fmt: skip

    def _write(self, path: Path, text: str) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(handle, "w") as file:
            file.write(text)

    def _last_port(self) -> int:
        try:
            return int(self._port_file.read_text())
        except (OSError, ValueError):
            return 0

    def _told_port(self) -> int:
        for file in self._setup.folder.glob(f"*_{self._pid}.ports"):
            with suppress(OSError, ValueError, KeyError, IndexError):
                return int(json.loads(file.read_text())["nats"][0].rpartition(":")[2])
        return 0

    def _not_up(self) -> CannotStart:
        self.end()
        try:
            lines = self.log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]
        except OSError:
            lines = []
        told = " / ".join(line.split("] ", 1)[-1] for line in lines) or "it says nothing"
        if "address already in use" in told:
            return CannotStart(
                f"port {self.port} of {self._setup.bind} is in use", way_out="Say --port N; 0 takes any that is free."
            )
        return CannotStart(f"the server does not come up: {told}", way_out=f"{self.log} has all that it said.")


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
