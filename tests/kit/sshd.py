"""An ssh server on a host of a network, with keys of its own, and how to reach it from the others."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.network import Network

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def why_no_sshd() -> str:
    """Empty where one can be started."""
    missing = [tool for tool in ("ssh", "ssh-keygen") if not shutil.which(tool)]
    return "" if SSHD and not missing else f"{(missing or ['sshd'])[0]} is not here"


class Sshd:
    """Lets root of any host in, by one key."""

    def __init__(self, network: Network, host: int, folder: Path) -> None:
        self.network, self.host = network, host
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def options(self) -> list[str]:
        """For `ssh -F /dev/null`, each after a `-o`: never asking, and giving up a cut line in three seconds."""
        return [
            f"IdentityFile={self._folder / 'key'}", "IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ServerAliveInterval=1", "ServerAliveCountMax=2",
            "ConnectTimeout=3",
        ]  # fmt: skip

    def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        for name in ("key", "host"):
            if not (self._folder / name).exists():
                words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._folder / name)]
                subprocess.run(words, check=True)
        config = self._folder / "sshd_config"
        config.write_text(
            f"ListenAddress {self.network.address(self.host)}\nHostKey {self._folder / 'host'}\nPidFile none\n"
            f"AuthorizedKeysFile {self._folder / 'key.pub'}\nPermitRootLogin yes\nStrictModes no\nUsePAM no\n"
            "MaxStartups 100\nSubsystem sftp internal-sftp\n"
        )
        # Where it leaves its privileges behind; a package makes it at boot, and not every machine boots.
        Path("/run/sshd").mkdir(exist_ok=True)
        words = [str(SSHD), "-D", "-e", "-f", str(config)]
        self._process = subprocess.Popen(self.network.within(self.host, words), stderr=subprocess.PIPE)
        assert self._process.stderr is not None
        told = b""
        while b"Server listening" not in told:
            line = self._process.stderr.readline()
            assert line, f"sshd ended: {told.decode()}"
            told += line

    def stop(self) -> None:
        if self._process is not None:
            with self._process:
                self._process.kill()
        self._process = None


@contextmanager
def serving(network: Network, host: int, folder: Path) -> Iterator[Sshd]:
    """One that runs until then."""
    server = Sshd(network, host, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
