"""The line to a ledger's server, made anew where it broke: and then only what stands in the same ledger is believed.

A call that meets a broken line is made once more on a new one, for all calls of a store may be made twice. What is not
reached is asked for at most every half second: calls in between learn at once what the last one has met.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from shareout.ledger.store import Away
from shareout.stores.nats.address import Address
from shareout.stores.nats.streams import Refused, away
from shareout.stores.nats.wire import CONNECT_S, Door, Forbidden, Line, Lost, Message, is_of_tls, word_of

REST_S = 0.5
T = TypeVar("T")


class Server:
    """Where one is, how it lets one in, and under which names the ledger lies there. Of several servers of a cluster
    any will do."""

    def __init__(self, addresses: Sequence[Address], door: Door, prefix: str, *, is_ours: bool) -> None:
        """`is_ours`: started by `serve`, and by nobody else."""
        self._addresses = list(addresses)
        self._door = door
        self.prefix, self.is_ours = prefix, is_ours

    @property
    def place(self) -> str:
        """For people: the one that answered last."""
        return str(self._addresses[0])

    def connect(self, patience_s: float = CONNECT_S) -> Line:
        """A new line. Lost, Forbidden, or an error of TLS: of the first one, where none lets us in."""
        met: list[Exception] = []
        for _ in self._addresses:
            first = self._addresses[0]
            try:
                return Line((first.host, first.port), self._door, patience_s)
            except (Lost, Forbidden, OSError) as error:
                met.append(error)
                # Behind all others: the next call does not begin with one that is down.
                self._addresses.append(self._addresses.pop(0))
        raise met[0]


class Link:
    """One host's. `proves` is asked on each new line whether it is this ledger: it raises what it is instead."""

    def __init__(self, server: Server, line: Line, proves: Callable[[Line], None], broken: Callable[[], None]) -> None:
        self._server = server
        self._line: Line | None = line
        self._proves = proves
        self._broken = broken
        self._met: tuple[float, str] = 0.0, ""

    @property
    def place(self) -> str:
        """For people."""
        return self._server.place

    def asked(self, call: Callable[[Line], T]) -> T:
        """What a call gives; Away where it is refused, or nobody knows."""
        try:
            if (line := self._line) is not None:
                try:
                    return call(line)
                except Lost:
                    self.close()
                    self._broken()
            return call(self._connected())
        except Refused as error:
            raise away(self.place, error) from error
        except Forbidden as error:
            self.close()
            raise Away(f"{self.place} does not let us do what a ledger needs: {error}") from error
        except Lost as error:
            self.close()
            self._met = time.monotonic(), str(error)
            raise away(self.place, error) from error

    def news(self, seconds: float, also: Sequence[int] = ()) -> list[Message]:
        """What has come without being asked for, waited for so long, or until one of the other handles is readable.
        A line that is broken has none: the next call makes it anew."""
        until = time.monotonic() + seconds
        try:
            while (line := self._line) is not None and not line.news:
                if not line.has_more():
                    left = max(0.0, until - time.monotonic())
                    ready = select.select([line.fileno(), *also], [], [], left)[0]
                    if line.fileno() not in ready:
                        return []
                line.take_up()
            if line is None:
                select.select(also, [], [], seconds)
                return []
            found, line.news = line.news, []
            return found
        except (Lost, Forbidden):
            self.close()
            self._broken()
            return []

    def _connected(self) -> Line:
        at, met = self._met
        if met and time.monotonic() - at < REST_S:
            raise Away(f"{self.place} cannot be reached: {met}")
        try:
            line = self._server.connect()
        except Forbidden as error:
            raise Lost(f"it lets us in no more: {error}") from error
        except OSError as error:
            raise Lost("another token is asked for there now" if is_of_tls(error) else word_of(error)) from error
        try:
            self._proves(line)
        except BaseException:
            line.close()
            raise
        self._line, self._met = line, (0.0, "")
        return line

    def close(self) -> None:
        """The next call makes a new line."""
        if self._line is not None:
            self._line.close()
        self._line = None
