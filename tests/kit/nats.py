"""A NATS server as `serve` has it, on a port that nobody else has, for tests of what talks to one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def serving(folder: Path, port: int = 0) -> Iterator[Any]:
    """Its program, running; its token is in `folder/token`."""
    from shareout.serving.program import ServerProgram, Setup
    from shareout.stores.nats.token import papers_of, token_in

    folder.mkdir(exist_ok=True)
    program = ServerProgram(Setup(folder / "server", papers_of(token_in(folder / "token")), "127.0.0.1", port))
    program.start()
    try:
        yield program
    finally:
        program.end()


def server_at(folder: Path, port: int, prefix: str = "shareout") -> Any:
    """The same, as a host sees it that has the token."""
    from shareout.stores.nats.address import Address
    from shareout.stores.nats.opening import secured
    from shareout.stores.nats.token import read_token

    return secured(Address("127.0.0.1", port), read_token(str(folder / "token"), {}, ""), prefix)


def opened_there(folder: Path, port: int, prefix: str) -> Any:
    """A ledger on it, made where there is none."""
    from kit.remote_store import charter
    from shareout.stores.nats.opening import make_nats

    return make_nats(server_at(folder, port, prefix), charter(), "the test")
