"""What goes over the line to a NATS server: its protocol as a client speaks it, one request after the other.

By ourselves, in a file, and not by nats-py, for whoever talks to a store makes one call after the other and waits for
each: an event loop would be one more thing that can hang. Here every wait has an end, a request ends at once when the
line does, nothing reconnects behind anybody's back, and a peer that says what no server says is left.
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from shareout.fields import dataclass, replace

if TYPE_CHECKING:
    import ssl

CONNECT_S = 3.0
"""So long a connection is waited for, until a server has said who it is."""
ANSWER_S = 2.0
"""So long an answer is waited for. A server that hangs behind TLS would be noticed by nothing else."""
SLOWEST = 32_000
"""Bytes a second that a line must carry, for larger requests."""
LONGEST_LINE = 1 << 16
LONGEST_MESSAGE = 1 << 23
READ = 1 << 18
MOST_NEWS = 10_000
"""That are kept: a hint that was lost costs a look."""
_NO_RESPONDERS = "503"
_FORBIDS = re.compile("[Aa]uthorization|[Aa]uthentication|[Pp]ermissions|[Aa]ccount")


class Lost(Exception):
    """No answer, or none of a server's; what was asked may have been done. The text is words for people."""


class Nobody(Lost):
    """Nobody listens there: a stream that is not there, or no JetStream. The line is as good as before."""


class Forbidden(Exception):
    """The server lets nobody in with what was shown to it, or not so far. The text is its own word."""


@dataclass(frozen=True, slots=True)
class Message:
    """One that came."""

    headers: Mapping[str, str]
    data: bytes
    subject: str = ""
    """Where nobody had asked for it."""


def _nothing(nonce: str) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Door:
    """How a server lets one in."""

    tls: Callable[[], ssl.SSLContext]
    name: str = ""
    """That its certificate must have; empty: that of the host in its address."""
    is_tls_first: bool = False
    """Before it says a word; else when it asks for it, or because of the next."""
    needs_tls: bool = False
    shown: Callable[[str], Mapping[str, str]] = _nothing
    """What is shown to it, once it has said its nonce."""
    inbox: str = "_INBOX"


class Line:
    """One connection. After anything that is raised but `Nobody` it is closed, and of no use."""

    def __init__(self, address: tuple[str, int], door: Door, patience_s: float = CONNECT_S) -> None:
        """Connected, and known to be a server that has let us in."""
        self._bytes = bytearray()
        self._number = 0
        self.news: list[Message] = []
        """What came of subjects that are listened to, and was not taken yet."""
        self._inbox = f"{door.inbox}.{os.urandom(8).hex()}"
        self._until = time.monotonic() + patience_s
        self._socket: socket.socket | None = None
        try:
            self._socket = socket.create_connection(address, timeout=patience_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if door.is_tls_first:
                self._secure(door, address[0])
            self.about = self._greeted(door, address[0])
        except BaseException as error:
            self.close()
            if isinstance(error, OSError) and not is_of_tls(error):
                raise Lost(word_of(error)) from error
            raise

    def _secure(self, door: Door, host: str) -> None:
        self._socket = door.tls().wrap_socket(self._connected, server_hostname=door.name or host)

    def _greeted(self, door: Door, host: str) -> dict[str, Any]:
        said = self._line()
        if not said.startswith(b"INFO "):
            raise Lost("what answers there is no NATS server")
        about = _object(said[5:])
        if not door.is_tls_first and (about.get("tls_required") or door.needs_tls):
            if self._bytes or not (about.get("tls_required") or about.get("tls_available")):
                raise Lost("it speaks no TLS, which it was told to")
            self._secure(door, host)
        options = {
            "verbose": False, "pedantic": False, "lang": "shareout", "version": "1", "protocol": 1, "headers": True,
            "no_responders": True, **door.shown(str(about.get("nonce", ""))),
        }  # fmt: skip
        self._send(b"CONNECT %s\r\nSUB %s.* 1\r\nPING\r\n" % (json.dumps(options).encode(), self._inbox.encode()))
        while (said := self._line()) != b"PONG":
            self._heed(said)
        return about

    def request(
        self, subject: str, data: bytes = b"", headers: Mapping[str, str] | None = None, answer_s: float = ANSWER_S
    ) -> Message:
        """The answer to it. Lost when there is none in that time, to which the time for a large one is added."""
        return self._answers(subject, data, headers, answer_s, lambda message: True)[-1]

    def request_all(self, subject: str, data: bytes, most: int) -> list[Message]:
        """The answers to it, up to one that says by a status that it is the last, which is left out. A single one with
        a status is a refusal. Lost where they are more."""
        counted = iter(range(most + 1))

        def is_last(message: Message) -> bool:
            if next(counted, None) is None:
                raise Lost("it answers as no server does")
            return bool(message.headers.get(""))

        return self._answers(subject, data, None, ANSWER_S, is_last)[:-1]

    def _answers(
        self,
        subject: str,
        data: bytes,
        headers: Mapping[str, str] | None,
        answer_s: float,
        is_last: Callable[[Message], bool],
    ) -> list[Message]:
        self._number += 1
        self._until = time.monotonic() + answer_s + len(data) / SLOWEST
        reply = b"%s.%d" % (self._inbox.encode(), self._number)
        found: list[Message] = []
        try:
            self._send(_published(subject.encode(), reply, headers, data))
            while not found or not is_last(found[-1]):
                if said := self._message(self._line()):
                    to, message = said
                    found.append(message) if to == reply else self._note(to, message)
        except OSError as error:
            self.close()
            raise Lost(word_of(error)) from error
        except BaseException:
            self.close()
            raise
        if found[-1].headers.get("") == _NO_RESPONDERS:
            raise Nobody("it has no JetStream, or none that is ready")
        return found

    def listen(self, pattern: str) -> None:
        """From now on what is put under such subjects is `news`: a hint, for it may be lost, or not be stored yet."""
        self._until = time.monotonic() + ANSWER_S
        self._told(lambda: self._send(f"SUB {pattern} 2\r\n".encode()))

    def fileno(self) -> int:
        """Readable when something has come, if `has_more` does not say so already."""
        return self._connected.fileno()

    def has_more(self) -> bool:
        """Whether something has been read off the line and not been looked at."""
        pending = getattr(self._connected, "pending", None)
        return bool(self._bytes) or bool(pending and pending())

    def take_up(self) -> None:
        """One message that has come without being asked for; the rest of it is waited for."""
        self._until = time.monotonic() + ANSWER_S

        def read() -> None:
            if found := self._message(self._line()):
                self._note(*found)

        self._told(read)

    def _told(self, call: Callable[[], None]) -> None:
        try:
            call()
        except OSError as error:
            self.close()
            raise Lost(word_of(error)) from error
        except BaseException:
            self.close()
            raise

    def _note(self, subject: bytes, message: Message) -> None:
        # An answer to an earlier request may come late, to one that was given up.
        if not subject.startswith(self._inbox.encode()) and len(self.news) < MOST_NEWS:
            self.news.append(replace(message, subject=subject.decode("ascii", "replace")))

    @property
    def is_open(self) -> bool:
        """Whether it was not closed here. What the other end has done shows with the next request."""
        return self._socket is not None

    def close(self) -> None:
        """At once."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
        self._socket = None

    @property
    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise Lost("the line is closed")
        return self._socket

    def _send(self, data: bytes) -> None:
        self._connected.settimeout(self._left())
        self._connected.sendall(data)

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _more(self) -> None:
        self._connected.settimeout(self._left())
        data = self._connected.recv(READ)
        if not data:
            raise Lost("it has closed the line")
        self._bytes += data

    def _line(self) -> bytes:
        searched = 0
        while (end := self._bytes.find(b"\r\n", searched)) < 0:
            searched = max(0, len(self._bytes) - 1)
            if searched > LONGEST_LINE:
                raise Lost("what answers there is no NATS server")
            self._more()
        said = bytes(self._bytes[:end])
        del self._bytes[: end + 2]
        return said

    def _exactly(self, size: int) -> bytes:
        while len(self._bytes) < size + 2:
            self._more()
        data = bytes(self._bytes[:size])
        del self._bytes[: size + 2]
        return data

    def _message(self, said: bytes) -> tuple[bytes, Message] | None:
        """`MSG subject sid [reply] size` or `HMSG subject sid [reply] size-of-headers size`, and what follows it."""
        words = said.split()
        if not words or words[0].upper() not in (b"MSG", b"HMSG"):
            self._heed(said)
            return None
        try:
            size = int(words[-1])
            above = int(words[-2]) if words[0].upper() == b"HMSG" else 0
        except (ValueError, IndexError):
            raise Lost("what answers there is no NATS server") from None
        if not 0 <= above <= size <= LONGEST_MESSAGE:
            raise Lost("what answers there is no NATS server")
        whole = self._exactly(size)
        return words[1], Message(_headers(whole[:above]), whole[above:])

    def _heed(self, said: bytes) -> None:
        """All that is no message."""
        if said.upper() == b"PING":
            self._send(b"PONG\r\n")
        elif said.upper().startswith(b"-ERR"):
            told = said[4:].decode("utf-8", "replace").strip().strip("'")
            raise Forbidden(told) if _FORBIDS.search(told) else Lost(told.lower())
        elif not said.upper().startswith((b"PONG", b"INFO", b"+OK")):
            raise Lost("what answers there is no NATS server")


def _published(subject: bytes, reply: bytes, headers: Mapping[str, str] | None, data: bytes) -> bytes:
    if not headers:
        return b"PUB %s %s %d\r\n%s\r\n" % (subject, reply, len(data), data)
    above = b"NATS/1.0\r\n" + b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items()) + b"\r\n"
    sizes = b"%d %d" % (len(above), len(above) + len(data))
    return b"HPUB %s %s %s\r\n%s%s\r\n" % (subject, reply, sizes, above, data)


def _headers(above: bytes) -> dict[str, str]:
    """By name; what stands beside the version, as a status, has none."""
    first, *lines = above.decode("utf-8", "replace").split("\r\n")
    found = {name.strip(): value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon}
    status = first.removeprefix("NATS/1.0").strip().partition(" ")[0]
    return {**found, "": status} if status else found


def headers_of(above: bytes) -> dict[str, str]:
    """Of a stored message, as JetStream gives them back."""
    return _headers(above)


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Lost("what answers there is no NATS server")
    return found


def is_of_tls(error: OSError) -> bool:
    """Whether it is the handshake's: a peer of another token, or none that speaks TLS."""
    import ssl

    return isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLZeroReturnError | ssl.SSLEOFError)


def word_of(error: OSError) -> str:
    """What the system says, in words of ours where it says it badly."""
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, socket.gaierror):
        return "there is no host of that name"
    return (error.strerror or str(error)).lower()
