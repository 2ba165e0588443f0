"""On which server a run is served: one that `serve` starts, or, by --nats, one that somebody has."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.cli.inputs.run_folders import tell
from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.serving.home import LOOPBACK, SERVER
from shareout.serving.keeper import Keeper, Onlooker
from shareout.serving.program import ServerProgram, Setup
from shareout.stores.nats.address import PORT, Address
from shareout.stores.nats.token import papers_of, token_in

if TYPE_CHECKING:
    from shareout.stores.charter import Charter
    from shareout.stores.nats.entrance import Entrance
    from shareout.stores.nats.store import NatsStore

ANYWHERE = ("0.0.0.0", "::")


def add_server(group: argparse._ArgumentGroup) -> None:
    """Of `serve`."""
    add = group.add_argument
    add("--bind", metavar="ADDRESS", help=f"where it listens (default: {LOOPBACK}); 0.0.0.0: anywhere")
    add("--port", metavar="N", type=int, help=f"which port (default: {PORT}); 0: any that is free")
    add("--nats", metavar="URL", help="use a NATS server that is there: nats://HOST:PORT,…")
    add("--login", metavar="FILE", help="what that one asks for: a context of `nats`, .creds, …")


@dataclass(frozen=True, slots=True)
class ServerAsked:
    """By those flags."""

    bind: str
    port: int
    nats: Entrance | None

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> ServerAsked:
        """Refused where they cannot be meant."""
        if arguments.nats is not None:
            if arguments.bind is not None or arguments.port is not None:
                raise UsageError("--bind and --port are of a server that is started here", way_out="Leave --nats out.")
            from shareout.serving.there import entrance_by

            return cls("", 0, entrance_by(arguments.nats, arguments.login))
        if arguments.login is not None:
            raise UsageError("--login is for --nats URL", way_out="A server that is started here has a token.")
        port = PORT if arguments.port is None else arguments.port
        if not 0 <= port < 65_536:
            raise UsageError(f"--port {port} is no port", way_out="Say 1 to 65535, or 0 for any.")
        return cls(arguments.bind or LOOPBACK, port, None)

    def opened(
        self, home: Path, charter: Charter, stack: ExitStack
    ) -> tuple[Keeper | Onlooker, NatsStore, Address]:  # fmt: skip
        """Who looks after it, the ledger there, and where hosts of this host find it."""
        from shareout.serving.there import kept_token, refuse_other
        from shareout.stores.nats.opening import make_nats, secured

        keeper: Keeper | Onlooker
        if self.nats is None:
            refuse_other(home / "token")
            token = token_in(home / "token")
            program = ServerProgram(Setup(home.absolute() / SERVER, papers_of(token), self.bind, self.port))
            keeper = Keeper(program, tell)
            stack.callback(keeper.end)
            # Loopback serves the one who looks from here, whatever else is served.
            address = Address(LOOPBACK if self.bind in ANYWHERE else self.bind, program.port)
        else:
            token = kept_token(home / "token", self.nats)
            keeper, address = Onlooker(tell), self.nats.addresses[0]
        net = make_nats(secured(address, token), charter, token.source)
        return keeper, stack.enter_context(net.closing()), address

    @property
    def told_end(self) -> str:
        """What becomes of hosts when `serve` is stopped."""
        if self.nats:
            return "`serve` ends, and hosts work on: what they record waits there."
        return "the server ends: hosts end what they run, start a little more, and wait."

    def warn(self, net: NatsStore) -> None:
        """Of what somebody's server cannot promise."""
        if self.nats and net.copies == 1:
            tell(
                f"{net.place} keeps one copy of what hosts tell: the run waits while it is away, and hosts end with 4 "
                "where it has lost something. `sync_interval: always` keeps it from that"
            )
