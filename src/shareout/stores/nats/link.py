"""The line to a ledger's server, made anew where it broke: and then only what stands in the same ledger is believed.

A call that meets a broken line is made once more on a new one, for all calls of a store may be made twice. What is not
reached is asked for at most every half second: calls in between learn at once what the last one has met.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from shareout.fields import dataclass, field
from shareout.ledger.store import Away
from shareout.stores.nats.address import Address
from shareout.stores.nats.streams import Refused, away
from shareout.stores.nats.wire import Forbidden, Line, Lost, Message, is_of_tls, word_of

if TYPE_CHECKING:
    import ssl

REST_S = 0.5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Server:
    """Where one is, and what is shown to it."""

    address: Address
    tls: ssl.SSLContext | None
    login: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """For people."""
        return str(self.address)

    def connect(self) -> Line:
        """A new line. Lost, Forbidden, or an error of TLS."""
        return Line((self.address.host, self.address.port), self.tls, self.login)


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
        except Lost:
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
