"""Hosts as far as a network can tell: namespaces of the kernel, each with an address, on a cable that can be cut."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kit.wait import wait_until

SERVER = 0
"""The host whose namespace has the bridge: its own cable is never cut."""


def why_no_network() -> str:
    """Empty where there can be one."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "nsenter") if not shutil.which(tool)]
    return f"{missing[0]} is not here" if missing else ""


class Network:
    """So many hosts, numbered from 0. What runs in one is seen by none of the machine's own network."""

    def __init__(self, hosts: int) -> None:
        self._names = [f"shareout-{os.getpid()}-{number}" for number in range(hosts)]

    def address(self, host: int) -> str:
        """Of that host, for the others."""
        return f"10.77.0.{host + 1}"

    def within(self, host: int, words: Sequence[str]) -> list[str]:
        """The command that does these words on that host; it sees all files of this machine."""
        return ["nsenter", f"--net=/run/netns/{self._names[host]}", *words]

    def cut(self, host: int) -> None:
        """Whatever is sent is lost, and nobody is told."""
        self._ip(SERVER, "link", "set", f"to{host}", "down")

    def mend(self, host: int) -> None:
        """What is sent from now on arrives."""
        self._ip(SERVER, "link", "set", f"to{host}", "up")
        wait_until(lambda: "LOWER_UP" in _run("ip", "-netns", self._names[host], "link", "show", "cable"))
        # Who could not be found is not asked for again for a while.
        for one in (SERVER, host):
            self._ip(one, "neighbour", "flush", "all")

    def set_up(self) -> None:
        for name in self._names:
            _run("ip", "netns", "add", name)
        for host in range(len(self._names)):
            self._ip(host, "link", "set", "lo", "up")
        self._ip(SERVER, "link", "add", "bridge", "type", "bridge")
        self._ip(SERVER, "address", "add", f"{self.address(SERVER)}/24", "dev", "bridge")
        self._ip(SERVER, "link", "set", "bridge", "up")
        for host in range(1, len(self._names)):
            peer = ["peer", "name", "cable", "netns", self._names[host]]
            self._ip(SERVER, "link", "add", f"to{host}", "type", "veth", *peer)
            self._ip(SERVER, "link", "set", f"to{host}", "master", "bridge", "up")
            self._ip(host, "address", "add", f"{self.address(host)}/24", "dev", "cable")
            self._ip(host, "link", "set", "cable", "up")

    def tear_down(self) -> None:
        for name in self._names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def _ip(self, host: int, *words: str) -> None:
        _run("ip", "-netns", self._names[host], *words)


@contextmanager
def networked(hosts: int) -> Iterator[Network]:
    """A network that is gone afterwards, also where it was never whole."""
    network = Network(hosts)
    try:
        network.set_up()
        yield network
    finally:
        network.tear_down()


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout
