"""Where a network ledger is, as it is typed: `nats://HOST:PORT`."""

from __future__ import annotations

import re

from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.names import SCHEME

PORT = 4222
_WRITTEN = re.compile(r"nats://(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:/@\[\]]+))(?::(?P<port>\d{1,5}))?/?")


@dataclass(frozen=True, slots=True)
class Address:
    """Of one server."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{SCHEME}{host}:{self.port}"


def address_of(text: str) -> Address:
    """From its words, or a refusal."""
    found = _WRITTEN.fullmatch(text)
    if not found or not 0 < int(found["port"] or PORT) < 65_536:
        raise UsageError(
            f'"{text}" is no address of a network ledger', way_out="Write it as `serve` prints it: nats://HOST:PORT."
        )
    return Address(found["six"] or found["host"], int(found["port"] or PORT))
