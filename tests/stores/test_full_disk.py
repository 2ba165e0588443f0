"""A server whose disk was full, for a moment or for long: it is started anew when there is room, and hosts go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from kit.mounts import fill, need_root, small_disk
from kit.nats import opened_there
from kit.wait import wait_until
from shareout.ledger.store import Away
from shareout.serving import keeper as keeping
from shareout.serving.keeper import Keeper
from shareout.serving.program import ServerProgram, Setup
from shareout.stores.nats.store import NatsStore
from shareout.stores.nats.token import papers_of, token_in

PIECE = bytes(60_000)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    need_root()
    with small_disk(tmp_path / "disk", 40_000) as made:
        (made / "served").mkdir()
        yield made


def takes(store: NatsStore, name: str) -> bool:
    try:
        return store.ship("alice", name, 0, PIECE) == len(PIECE)
    except Away:
        return False


def pulses(store: NatsStore) -> bool:
    try:
        store.pulse()
    except Away:
        return False
    return True


@pytest.mark.slow
def test_one_stream_that_is_broken_is_noticed_though_others_go_on(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "PULSE_S", 0.0)
    said: list[str] = []
    setup = Setup(disk / "served" / "server", papers_of(token_in(disk / "served" / "token")), "127.0.0.1", 0)
    program = ServerProgram(setup)
    keeper = Keeper(program, said.append)
    try:
        with closing(opened_there(disk / "served", program.port, "shareout")) as store:
            numbers = map(str, count())
            assert takes(store, next(numbers))
            filler = fill(disk)
            wait_until(lambda: not takes(store, next(numbers)))
            wait_until(lambda: program.log.read_bytes().count(b"critical write error"))
            # The keeper had no time to look, or its own stream has a little room left: then it hears nothing of it.
            filler.unlink()
            wait_until(lambda: pulses(store))
            assert not takes(store, next(numbers))

            def goes_on() -> bool:
                keeper.look(store)
                return takes(store, "after")

            wait_until(goes_on)
            # Once; that it takes entries again may be told by then, or not yet.
            assert len([one for one in said if "there is room again: it is started anew" in one]) == 1
    finally:
        keeper.end()
