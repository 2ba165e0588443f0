"""A page that is served by a real process, and what is asked of it by hand."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from kit.program import Machine
from kit.wait import wait_until


def merged(state: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """As RFC 7396 has it, and as the page does it."""
    whole = dict(state)
    for key, value in change.items():
        if value is None:
            whole.pop(key, None)
        elif isinstance(value, dict) and isinstance(whole.get(key), dict):
            whole[key] = merged(whole[key], value)
        else:
            whole[key] = value
    return whole


class Visitor:
    """Who knows the address of a page."""

    def __init__(self, address: str) -> None:
        self.address = address
        address, _, self.token = address.partition("/#")
        self.port = int(address.rpartition(":")[2])

    def ask(self, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers={"Host": f"localhost:{self.port}", **named})
        return connection.getresponse()

    def told(self, path: str) -> http.client.HTTPResponse:
        return self.ask(path, Authorization=f"Bearer {self.token}")

    def follow(self) -> Iterator[dict[str, Any]]:
        """What a page knows, whenever something is new."""
        state: dict[str, Any] = {}
        feed = self.told("/feed")
        while line := feed.readline():
            news = json.loads(line)
            state = news["whole"] if "whole" in news else merged(state, news.get("patch", {}))
            yield state


class Page(Visitor):
    """A page that is served."""

    def __init__(self, machine: Machine, *words: str) -> None:
        self.process = subprocess.Popen(
            [*machine.program, "status", "--web", *words], cwd=machine.folder, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env={**os.environ, **machine.environ},
        )  # fmt: skip
        assert self.process.stdout is not None
        super().__init__(self.process.stdout.readline().strip())

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        _, self._told = self.process.communicate(timeout=30)
        return self.process.returncode

    def errors(self) -> str:
        """What it has told people, but for where it is; when it has ended."""
        return "".join(line for line in self._told.splitlines() if "as long as this runs" not in line)


def visitor(file: Path) -> Visitor:
    """Of a page whose address stands there."""
    wait_until(lambda: file.is_file() and file.read_text().endswith("\n"))
    assert file.stat().st_mode & 0o777 == 0o600
    return Visitor(file.read_text().strip())


def server_of(visitor: Visitor) -> int:
    """The process that listens there."""
    port = f":{visitor.port:04X} 00000000:0000 0A "
    inodes = {line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines() if port in line}
    for pid in (int(one.name) for one in Path("/proc").glob("[0-9]*")):
        with suppress(OSError):
            for handle in Path(f"/proc/{pid}/fd").iterdir():
                if os.readlink(handle) in {f"socket:[{inode}]" for inode in inodes}:
                    return pid
    raise AssertionError(f"nobody listens at {visitor.port}")
