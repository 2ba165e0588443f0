"""NATS servers as somebody else has them: set up by their own file, one alone or a cluster."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kit.wait import wait_until

JETSTREAM = {"sync_interval": "always", "max_file_store": 4 << 30}


def free_ports(count: int) -> list[int]:
    """That nobody has now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Theirs:
    """Some servers, by their numbers. Each is killed and started by itself."""

    def __init__(self, folder: Path, count: int, settings: Mapping[str, Any]) -> None:
        from shareout.serving.program import find_program

        self._folder, self._settings = folder, settings
        self._program = str(find_program())
        self.ports = free_ports(count)
        self._routes = free_ports(count) if count > 1 else []
        self.processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def urls(self) -> str:
        """As `--nats` takes them."""
        return ",".join(f"nats://127.0.0.1:{port}" for port in self.ports)

    def start(self, number: int) -> None:
        """Ready as far as it can be alone."""
        about: dict[str, Any] = {
            "host": "127.0.0.1", "port": self.ports[number], "server_name": f"theirs-{number}",
            "jetstream": {**JETSTREAM, "store_dir": str(self._folder / f"store-{number}")}, **self._settings,
        }  # fmt: skip
        if self._routes:
            others = [f"nats://127.0.0.1:{port}" for port in self._routes]
            about["cluster"] = {
                "name": "theirs", "host": "127.0.0.1", "port": self._routes[number], "routes": others,
                "no_advertise": True,
            }  # fmt: skip
        file = self._folder / f"server-{number}.conf"
        file.write_text(json.dumps({name: value for name, value in about.items() if value is not None}))
        with (self._folder / f"server-{number}.log").open("ab") as log:
            words = [self._program, "-c", str(file)]
            self.processes[number] = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(lambda: self._answers(number))

    def _answers(self, number: int) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.ports[number]), timeout=5).close()
        except OSError:
            return False
        return True

    def kill(self, number: int, by: int = signal.SIGKILL) -> None:
        process = self.processes.pop(number)
        process.send_signal(by)
        process.wait()

    def close(self) -> None:
        for number in list(self.processes):
            self.kill(number)


@contextmanager
def theirs(folder: Path, count: int = 1, **settings: Any) -> Iterator[Theirs]:
    """Running. A setting that is None is left out."""
    folder.mkdir(exist_ok=True)
    servers = Theirs(folder, count, settings)
    try:
        for number in range(count):
            servers.start(number)
        yield servers
    finally:
        servers.close()


def leads(urls: Sequence[int], stream: str) -> str:
    """The name of the server that leads a stream of a cluster; empty where there is none now."""
    from shareout.stores.nats import streams
    from shareout.stores.nats.entrance import Login
    from shareout.stores.nats.wire import Door, Line, Lost

    for port in urls:
        try:
            line = Line(("127.0.0.1", port), Door(Login().context))
            about = streams.asked(line, f"STREAM.INFO.{stream}")
            line.close()
            return str(about.get("cluster", {}).get("leader", ""))
        except (Lost, OSError, streams.Refused):
            continue
    return ""
