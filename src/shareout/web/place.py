"""Where a page is to be had: a port of this host that is listened on, and the token that opens it."""

from __future__ import annotations

import socket
from contextlib import suppress

from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.linux import host_name
from shareout.web.doors import new_token

PORT = 8421
"""Unless another one is named or this one is taken."""
WAITING = 64
HERE = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Place:
    """Listened on from now on, whoever serves there: so whoever is told of it comes too early never."""

    door: socket.socket
    token: str

    @property
    def port(self) -> int:
        """Which one it became."""
        return int(self.door.getsockname()[1])

    @property
    def address(self) -> str:
        """For a browser. What stands after the `#` is sent to nobody."""
        # By number: `localhost` is ::1 as well, and first. There anybody else on this host may listen at the same port,
        # and would be given the token.
        return f"http://{HERE}:{self.port}/#{self.token}"

    @property
    def tunnel(self) -> str:
        """What makes a way to it, typed on another host."""
        return f"ssh -L {self.port}:{HERE}:{self.port} {host_name()}"


def place_at(port: int | None) -> Place:
    """On loopback. `port` is None for any: the usual one where it is free."""
    if port is not None and not 0 < port < 65_536:
        raise UsageError(f"--web {port} is no port", way_out="Say 1 to 65535, or none for any.")
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if port is not None:
            door.bind((HERE, port))
        else:
            _bind_any(door)
    except OSError as error:
        door.close()
        told = f"port {port} cannot be had here: {error.strerror}"
        raise UsageError(told, way_out="Name another one, or none.") from None
    door.listen(WAITING)
    return Place(door, new_token())


def _bind_any(door: socket.socket) -> None:
    with suppress(OSError):
        door.bind((HERE, PORT))
        return
    door.bind((HERE, 0))
