"""Hosts for tests: each a real sshd with a home, a name and processes of its own, on this one. What ends such a host
ends all that runs there at once, as a power cut does."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from kit.network import Network
from kit.program import Machine
from kit.wait import wait_until

SSHD = "/usr/sbin/sshd"
SETTINGS = """\
ListenAddress {address}
HostKey {folder}/key
AuthorizedKeysFile {keys}
PidFile {folder}/pid
StrictModes no
UsePAM no
PasswordAuthentication {passwords}
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxStartups 10:30:100
SetEnv TMPDIR=/var/tmp
Subsystem sftp internal-sftp
"""


# Not of those that the system gives to whoever connects: one of these may be gone when a host starts anew.
PORTS = range(10_000, 20_000)


def free_port() -> int:
    """That nobody listens on, and nobody is given by chance."""
    while True:
        port = random.choice(PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class FarHost:
    """One of them, by a name that ssh knows."""

    def __init__(self, net: Net, name: str) -> None:
        self.net, self.name = net, name
        self.cable = len(net.hosts) + 1
        """Its number in the network, where there is one."""
        self.address = net.network.address(self.cable) if net.network else "127.0.0.1"
        self.folder = net.folder / name
        self.home = self.folder / "home"
        self.home.mkdir(parents=True)
        # Of its own: what is unpacked there by processes that another host cannot see looks left behind to it.
        (self.folder / "tmp").mkdir()
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.make_key()

    def make_key(self) -> None:
        (self.folder / "key").unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / "key"], check=True)

    def start(self, before: str = "", *, keys: str = "", passwords: str = "no") -> None:
        """`before`: what is mounted or made in its own namespaces first."""
        settings = self.folder / "sshd_config"
        text = SETTINGS.format(
            address=self.address, folder=self.folder, keys=keys or self.net.folder / "id.pub", passwords=passwords
        )
        settings.write_text(f"Port {self.port}\n{text}")
        Path("/run/sshd").mkdir(exist_ok=True)
        users = self.folder / "passwd"
        users.write_text(f"root:x:0:0:root:{self.home}:/bin/bash\n{Path('/etc/passwd').read_text()}")
        mounts = f"mount --bind '{users}' /etc/passwd\nmount --bind '{self.folder}/tmp' /var/tmp\n{before}"
        script = f"hostname {self.name}\n{mounts}\nexec {SSHD} -D -e -f '{settings}'"
        call = ["unshare", "-u", "-m", "-p", "--fork", "--kill-child", "--mount-proc", "sh", "-ec", script]
        call = self.net.network.within(self.cable, call) if self.net.network else call
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(call, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._listens)

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        if self.net.network:
            return "Server listening on" in (self.folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def cut_power(self) -> None:
        """All of its processes are gone."""
        if self.process is not None:
            with self.process as process:
                process.kill()
        self.process = None

    def kill(self, pid: int) -> None:
        """A process by the number that it has there; none, when it has ended."""
        if inside := self._inside():
            call = ["nsenter", "-t", str(inside[0]), "-p", "-m", "kill", "-9", str(pid)]
            subprocess.run(call, stderr=subprocess.DEVNULL, check=False)

    def within(self, *words: str) -> str:
        """What a command prints that is run there."""
        call = ["nsenter", "-t", str(self._inside()[0]), "-p", "-m", "-u", "--root", "--wd", *words]
        return subprocess.run(call, capture_output=True, text=True, check=True).stdout

    def _inside(self) -> list[int]:
        """Its sshd."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(one) for one in children.split()]

    def logins(self) -> int:
        """Since its last start."""
        return (self.folder / "log").read_text().count("Accepted ")

    def cut_connections(self) -> None:
        """Those that stand; the host and what runs there go on."""
        for pid in self._sessions():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def silence_connections(self) -> None:
        """Those that stand say nothing more, and hold what they have: as if the cable had been out for a while."""
        for pid in self._sessions():
            os.kill(pid, signal.SIGSTOP)

    def freeze(self, seconds: float) -> None:
        """Its sshd stands still for so long: to who is connected, as if the cable were out."""
        pids = [*self._inside(), *self._sessions()]
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(seconds)
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def processes(self) -> set[str]:
        """What runs there beside its sshd, by name."""
        return set(self.within("ps", "-e", "-o", "comm=").split()) - {"sshd", "ps"}

    def temporary(self) -> list[Path]:
        """What lies where it has what it needs for a while, and in its home what is not whole."""
        parts = [path for form in (".part-*", ".shareout-probe*") for path in self.home.rglob(form)]
        return [*(self.folder / "tmp").iterdir(), *parts]

    def _sessions(self) -> list[int]:
        """The processes of its sshd that serve one connection each. One may end meanwhile."""
        found = []
        for pid in self._inside():
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                with suppress(OSError):
                    if b"sshd" in Path(f"/proc/{child}/cmdline").read_bytes():
                        found.append(int(child))
        return found

    def far(self, here: Machine) -> Path:
        """The folder of a launch there."""
        return self.home / "shareout" / here.folder.name


class Net:
    """The hosts that a client knows, with its keys."""

    def __init__(self, folder: Path, network: Network | None = None) -> None:
        self.folder, self.network = folder, network
        """Without one all are ports of this machine."""
        folder.mkdir()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "id"], check=True)
        self.temporary = folder
        """Where its client keeps what it needs for a while."""
        self.hosts: dict[str, FarHost] = {}
        self.more: dict[str, str] = {}
        """Lines of the client's configuration, by host."""

    def host(self, name: str) -> FarHost:
        self.hosts[name] = FarHost(self, name)
        self.write_client()
        return self.hosts[name]

    def write_client(self) -> None:
        """What an ssh of this net reads, and the host keys that it knows."""
        one = "Host {name}\n  HostName {address}\n  Port {port}\n  HostKeyAlias {name}\n"
        own = "".join(
            one.format(name=host.name, address=host.address, port=host.port) + self.more.get(host.name, "")
            for host in self.hosts.values()
        )
        common = f"Host *\n  User root\n  IdentityFile {self.folder}/id\n  IdentitiesOnly yes\n"
        (self.folder / "config").write_text(
            f"{own}{common}  UserKnownHostsFile {self.folder}/known\n  LogLevel ERROR\n"
        )
        keys = "".join(f"{host.name} {(host.folder / 'key.pub').read_text()}" for host in self.hosts.values())
        (self.folder / "known").write_text(keys)

    def environ(self) -> dict[str, str]:
        return {"SHAREOUT_SSH": f"ssh -F {self.folder}/config"}

    def machines(self, **perf: int) -> str:
        """A machines.json of them all; how fast they are said to be, where it is not 1."""
        return json.dumps({name: {"perf": perf.get(name, 1), "cores": 1, "ssh": name} for name in self.hosts})

    def end(self) -> None:
        for host in self.hosts.values():
            host.cut_power()
