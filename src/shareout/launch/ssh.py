"""A host by the system's `ssh`: the user's configuration, agent, jump hosts, second factors and host keys simply hold.

One connection a host, kept open by a `cat` at the far end that ends with our pipe: whatever becomes of us, it and its
socket go by themselves. All else goes through it. A host key is never accepted for the user, and none is asked about
where nobody could answer.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from contextlib import nullcontext
from pathlib import Path
from threading import Lock, Semaphore

from shareout.environment import user_environment
from shareout.errors import UsageError
from shareout.launch.launcher import FAR_SHELL, Host, Refusal, Unreached, killed_after, leave, send

PROGRAM = "SHAREOUT_SSH"
"""The variable that names another ssh, or one with options before: `ssh -F FILE`."""
HELLO = b"shareout is here\n"
AT_ONCE = 6
"""Handshakes. An sshd that nobody has set up otherwise drops some of more than ten."""
LOGIN_S = 60.0
ALIVE = ("-o", "ServerAliveInterval=3", "-o", "ServerAliveCountMax=2", "-o", "ConnectTimeout=10")
# What ssh says when no further try would help; in words, for it has one exit code for all.
FINAL = (
    "Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED", "Permission denied",
    "Too many authentication failures", "Bad configuration option", "no matching host key type", "bad permissions",
    "hostname contains invalid characters", "Bad owner or permissions", "Can't open user config file",
)  # fmt: skip
ASKS = "Permission denied"
_SOCKETS = re.compile(r"shareout-ssh-(\d{1,9})-\w+")
LONGEST_SOCKET = 90
"""Of 108 bytes that a socket's path may have, ssh takes some for itself until it is made."""


def ssh_words() -> list[str]:
    """How ssh is called here. Refused where there is none."""
    words = shlex.split(os.environ.get(PROGRAM, "")) or ["ssh"]
    if shutil.which(words[0]) is None:
        raise UsageError(
            f"there is no {words[0]} here",
            way_out=f"Install ssh's client, or name one by {PROGRAM}.",
        )
    return words


class Sockets:
    """A folder of this user's own for the sockets of one launch; a context manager."""

    def __init__(self) -> None:
        named = tempfile.gettempdir()
        place = named if len(named) < LONGEST_SOCKET - 40 else "/tmp"
        _remove_leftovers(Path(place))
        self._folder = tempfile.mkdtemp(prefix=f"shareout-ssh-{os.getpid()}-", dir=place)
        self._count = 0
        self.gate = Semaphore(AT_ONCE)

    def __enter__(self) -> Sockets:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def next(self) -> str:
        """A path for one more."""
        self._count += 1
        return f"{self._folder}/{self._count}"


class Jumps:
    """Hosts that others are reached through. One connection to each serves them all: sixty at once through a bastion
    would be refused by it, and six at a time take three times as long."""

    def __init__(self, sockets: Sockets, words: list[str]) -> None:
        self._sockets, self._words = sockets, words
        self._lock = Lock()
        self._found: dict[str, Ssh] = {}
        self._closed: set[str] = set()

    def options(self, address: str) -> list[str]:
        """What ssh must be told so that it goes through the connection that is open; nothing where there is no jump
        host or there are several, or where one lets nobody do more than pass: ssh then goes its own way."""
        jump = self._jump_of(address)
        if not jump or "," in jump:
            return []
        with self._lock:
            if jump not in self._found:
                host, _, port = jump.rpartition(":") if jump.rpartition(":")[2].isdigit() else (jump, "", "")
                self._found[jump] = Ssh(Host("", host), self._sockets, [*self._words, *(["-p", port] if port else [])])
            if jump in self._closed:
                return []
            try:
                self._found[jump].open()
            except (Refusal, Unreached):
                self._closed.add(jump)
                return []
        through = [*self._found[jump].by_socket(), "-W", "[%h]:%p", "--", self._found[jump].address]
        return ["-o", "ProxyJump=none", "-o", f"ProxyCommand={shlex.join(through)}"]

    def close(self) -> None:
        """Those that were opened."""
        for one in self._found.values():
            one.close()

    def _jump_of(self, address: str) -> str:
        call = [*self._words, "-G", "--", address]
        said = subprocess.run(call, stdin=subprocess.DEVNULL, capture_output=True, env=user_environment(), check=False)
        lines = (line.partition(" ") for line in said.stdout.decode("utf-8", "replace").splitlines())
        return next((value for key, _, value in lines if key == "proxyjump" and value != "none"), "")


class Ssh:
    """A Launcher."""

    def __init__(self, host: Host, sockets: Sockets, words: list[str], jumps: Jumps | None = None) -> None:
        self.address, self._sockets, self._words, self._jumps = host.address, sockets, words, jumps
        self._socket = sockets.next()
        self._master: subprocess.Popen[bytes] | None = None
        self.asks = False
        """Whether what failed was that nobody could be asked for a password."""

    def open(self) -> None:
        """A few at once, whoever asks."""
        if self._master is not None and self._master.poll() is None:
            return
        self.close()
        through = self._jumps.options(self.address) if self._jumps else []
        with self._sockets.gate:
            self._begin("-o", "BatchMode=yes", *through, apart=True)

    def open_asking(self) -> None:
        """With the terminal for whatever ssh asks: a password, a second factor. Nothing else may ask meanwhile."""
        self.close()
        self._begin(apart=False)

    def words(self) -> list[str]:
        """Over the connection that is open."""
        return [*self.by_socket(), "-T", "--", self.address, FAR_SHELL]

    def by_socket(self) -> list[str]:
        """A call over the connection that is open, and by that one alone: without it ssh would quietly make one of its
        own, past the gate."""
        options = ["-o", "BatchMode=yes", "-o", "ControlMaster=no", "-o", "ProxyCommand=false"]
        return [*self._words, *options, "-o", f"ControlPath={self._socket}"]

    def folder(self) -> Path | None:
        """No call depends on where it is made."""
        return None

    def lead(self, there: int, here: int) -> str:
        """By the connection that is open."""
        ports = f"127.0.0.1:{there}:127.0.0.1:{here}"
        call = [*self.by_socket(), "-O", "forward", "-R", ports, "--", self.address]
        said = subprocess.run(call, stdin=subprocess.DEVNULL, capture_output=True, env=user_environment(), check=False)
        words = said.stderr.decode("utf-8", "replace").strip()
        return (words or f"ssh ended with {said.returncode}") if said.returncode else ""

    def close(self) -> None:
        """Ends the connection. What runs at the far end is not its child."""
        master, self._master = self._master, None
        if master is None:
            return
        assert master.stdin is not None
        try:
            master.stdin.close()
            master.wait(1)
        except (OSError, subprocess.TimeoutExpired):
            master.kill()
        leave(master)
        Path(self._socket).unlink(missing_ok=True)

    def _begin(self, *options: str, apart: bool) -> None:
        Path(self._socket).unlink(missing_ok=True)
        call = [
            *self._words, *ALIVE, *options, "-o", "ControlMaster=yes", "-o", f"ControlPath={self._socket}",
            "-o", "ControlPersist=no", "-T", "--", self.address, "exec cat",
        ]  # fmt: skip
        # What ssh says goes to a file: a pipe that nobody reads for weeks would be full one day.
        with tempfile.TemporaryFile() as said:
            master = subprocess.Popen(
                call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said if apart else None,
                env=user_environment() | ({"SSH_ASKPASS_REQUIRE": "never"} if apart else {}), start_new_session=apart,
            )  # fmt: skip
            # A link that goes silent in the middle of a login is nothing that ssh itself would notice.
            with killed_after(LOGIN_S, master) if apart else nullcontext():
                is_open = _answers(master)
            if is_open:
                self._master = master
                return
            master.kill()
            leave(master)
            said.seek(0)
            words = said.read().decode("utf-8", "replace").strip() or f"ssh to {self.address} ended"
        self.asks = ASKS in words
        if any(one in words for one in FINAL):
            raise Refusal(words)
        raise Unreached(words)


def _remove_leftovers(place: Path) -> None:
    """What launches of this user left that were killed."""
    for path in place.glob("shareout-ssh-*"):
        match = _SOCKETS.fullmatch(path.name)
        try:
            if match and not path.is_symlink() and path.stat().st_uid == os.getuid():
                os.kill(int(match[1]), 0)
        except ProcessLookupError:
            shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue


def _answers(master: subprocess.Popen[bytes]) -> bool:
    """Whether what is said comes back: the login has gone through, and there is a shell. What a login prints by itself
    comes before."""
    assert master.stdout is not None
    return send(master, HELLO) and any(line.endswith(HELLO) for line in iter(master.stdout.readline, b""))
