"""The way of a far run to the server here, where a launch serves the work: a port of that host's loopback leads to it,
through the connection that is open. So hosts need no way to this one, and the server listens to this one alone.
"""

from __future__ import annotations

import os

from blake3 import blake3

from shareout.fields import dataclass
from shareout.launch import scripts
from shareout.launch.launcher import Launcher, Refusal, Unreached, ask
from shareout.launch.scripts import Order

LOOPBACK = "127.0.0.1"
# Below those that systems give to whoever asks for any.
FIRST_PORT, PORTS = 20_000, 10_000


@dataclass(frozen=True, slots=True)
class Server:
    """Of the work that all hosts of a launch share."""

    port: int
    """Where it listens here."""
    token: bytes
    """What who joins it must show."""


def port_of(*words: str) -> int:
    """The same whenever these words are said: a run that goes on looks for its server where that was when it began."""
    drawn = blake3("\0".join([*words, str(os.getuid())]).encode("utf-8", "surrogateescape")).digest(4)
    return FIRST_PORT + int.from_bytes(drawn, "big") % PORTS


def lead(launcher: Launcher, order: Order, server: Server) -> None:
    """The port there leads here from now on, as long as this connection is open. Raises Refusal where that host allows
    none, or another program has it."""
    why = launcher.lead(order.port, server.port)
    if why:
        # A host that has not heard of the end of an earlier connection keeps the port for it, for hours perhaps.
        told = ask(launcher, scripts.let_go(order)).told()
        if "held" in told and "ended" not in told:
            raise Refusal(
                f"another program there listens on port {order.port}, by which its run would find the server here; "
                "--dir with another name draws another one"
            )
        if "ended" not in told:
            raise Refusal(
                f"its sshd lets no port lead to this host (AllowTcpForwarding), by which its run would find the server "
                f"here: {why}"
            )
        if why := launcher.lead(order.port, server.port):
            raise Unreached(why)
    ask(launcher, scripts.held(order))
