"""A page that is served by a real process, and what is asked of it by hand."""

from __future__ import annotations

import http.client
import signal
import subprocess

from kit.program import Machine


class Page:
    """A page that is served, and where."""

    def __init__(self, machine: Machine, *words: str) -> None:
        self.process = subprocess.Popen(
            [*machine.program, "status", "--web", *words], cwd=machine.folder, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        address, _, self.token = self.address.partition("/#")
        self.port = int(address.rpartition(":")[2])

    def ask(self, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers={"Host": f"localhost:{self.port}", **named})
        return connection.getresponse()

    def told(self, path: str) -> http.client.HTTPResponse:
        return self.ask(path, Authorization=f"Bearer {self.token}")

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)
        return self.process.returncode
