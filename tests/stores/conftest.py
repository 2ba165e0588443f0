"""The grounds that every store is tried on: each a ledger, as several hosts see it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from kit.mounts import mounting, need_mounts
from kit.nats import serving
from kit.remote_store import Remote, opened
from shareout.stores.folder.ways import WAYS, Way

_NUMBERS = count()
KINDS = ["symlink", "link", "sshfs", "nats"]


@dataclass
class Ground:
    """One place a seat, of which the last ones are the first ones again; `rounds` of a long test."""

    places: Sequence[Path]
    way: str
    rounds: int
    network: Sequence[str] = ()
    """The words of a ledger on a server, where it is no folder."""
    closed: ExitStack = field(default_factory=ExitStack)

    def words(self, seat: int) -> list[str]:
        if self.network:
            return [*self.network]
        return [str(self.places[seat % len(self.places)]), self.way]

    def open(self, seat: int) -> Any:
        """As the host of that seat sees it."""
        store = opened(self.words(seat))
        self.closed.callback(store.close)
        return store

    def start(self, seat: int) -> Remote:
        """The same in a process of its own."""
        remote = Remote(self.words(seat))
        self.closed.callback(remote.close)
        assert remote.answer() == "ready"
        return remote


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Path]]:
    """Two hosts' views of one folder, which look anew after a second."""
    need_mounts()
    with mounting(tmp_path_factory.mktemp("mounts"), 2) as mounts:
        yield [mounts.of(host, "dcache_timeout=1").point for host in (1, 2)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[str]]:
    """A NATS server: its folder and its port."""
    folder = tmp_path_factory.mktemp("served")
    with serving(folder) as program:
        yield [str(folder), str(program.port)]


@pytest.fixture(params=KINDS)
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    """An empty one for each test."""
    if request.param == "sshfs":
        views: Sequence[Path] = request.getfixturevalue("mounted")
        name = re.sub(r"\W", "-", request.node.name)
        (views[0] / name).mkdir()
        made = Ground([view / name for view in views], "symlink", rounds=100)
    elif request.param == "nats":
        folder, port = request.getfixturevalue("served")
        made = Ground([], "", rounds=200, network=["nats", folder, port, f"test-{next(_NUMBERS)}"])
    else:
        made = Ground([tmp_path], request.param, rounds=1_000)
    with made.closed:
        yield made


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    """How keys are put."""
    return request.param


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty one."""
    made = tmp_path / "shared"
    made.mkdir()
    return made
