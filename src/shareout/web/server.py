"""The server of the page: read only, on loopback only, a thread a reader, and no reader can harm another."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

from shareout.fields import dataclass
from shareout.web.doors import refusal
from shareout.web.feed import Feed

MOST_HEAD = 8 << 10
MOST_READERS = 256
LEAVES_S = 1.0
"""For one of them to be gone."""
PATIENCE_S = 10.0
"""For a whole request to come, and for what is told to be taken."""
A_SECOND = 1 << 20
"""Bytes to one reader."""
BLOCK = 1 << 16
SIGN_OF_LIFE_S = 5.0
FEED = "/feed"
SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Site:
    """What there is to have."""

    files: Mapping[str, tuple[str, bytes]]
    """Path → kind and content: the same for everybody, and without a token, for nothing is told in them."""
    token: str
    feed: Feed
    drawings: Mapping[str, Callable[[], bytes]]
    """Path → what is drawn now, as JSON; with the token."""


class Server(ThreadingHTTPServer):
    """Ends with the process, whoever is still connected."""

    daemon_threads = True

    def __init__(self, door: socket.socket, site: Site) -> None:
        """`door` listens already."""
        self.site = site
        self._places = threading.Semaphore(MOST_READERS)
        self._unproven: dict[socket.socket, None] = {}
        """Who has shown no token, the longest there first."""
        self._one = threading.Lock()
        super().__init__(door.getsockname(), Visit, bind_and_activate=False)
        self.socket.close()
        self.socket = door

    def process_request(self, request: Any, client_address: Any) -> None:
        """Where there is no more room, who has shown no token gives way: on a host of many users anybody can come, and
        stay as long as is waited for. Who has one stays, and then the new one is sent away."""
        if not self._places.acquire(blocking=False) and not self._is_made_room():
            self.shutdown_request(request)
            return
        with self._one:
            self._unproven[request] = None
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Makes room for another one when it is over."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.proven(request)
            self._places.release()

    def proven(self, request: socket.socket) -> None:
        """It has shown the token, or is over."""
        with self._one:
            self._unproven.pop(request, None)

    def _is_made_room(self) -> bool:
        with self._one:
            oldest = next(iter(self._unproven), None)
            if oldest is None:
                return False
            del self._unproven[oldest]
            with suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)
        return self._places.acquire(timeout=LEAVES_S)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who goes away in the middle is no matter of ours, and nothing that he sent is put on a terminal."""


def _head(connection: socket.socket) -> bytes:
    """What is sent until an empty line, so many bytes and so long, and no more: who sends a byte now and then holds
    nothing up for ever."""
    until, head = time.monotonic() + PATIENCE_S, b""
    while not _is_whole(head) and len(head) < MOST_HEAD:
        left = until - time.monotonic()
        if left <= 0:
            return b""
        connection.settimeout(left)
        block = connection.recv(MOST_HEAD - len(head))
        if not block:
            break
        head += block
    connection.settimeout(PATIENCE_S)
    return head


def _is_whole(head: bytes) -> bool:
    return b"\r\n\r\n" in head or b"\n\n" in head


class Visit(BaseHTTPRequestHandler):
    """One request; connections are not kept, so that none is held by who does nothing."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_S
    server_version, sys_version = "shareout", ""

    def setup(self) -> None:
        """What is read is bounded from the first byte."""
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = _head(self.connection)
        self._is_long = len(head) >= MOST_HEAD and not _is_whole(head)
        self.rfile.close()
        self.rfile = BytesIO(head)

    def log_message(self, *_: object) -> None:
        """Nothing: an address with a token may be in a request."""

    def do_GET(self) -> None:
        """All that can be asked for."""
        self._answer()

    def do_HEAD(self) -> None:
        """The same without its content."""
        self._answer()

    def _answer(self) -> None:
        self.close_connection = True
        site, path = self.server.site, self.path.partition("?")[0]
        file, draw = site.files.get(path), site.drawings.get(path)
        is_told = draw is not None or path == FEED
        # By names as browsers spell them: to HTTP a name is the same in any letters, and some programs send small ones.
        named = {name.title(): value for name, value in self.headers.items()}
        refused = refusal(named, site.token if is_told else None)
        if self._is_long:
            self._tell(431, "this is too long")
        elif len(self.headers.get_all("Host", [])) > 1:
            self._tell(400, "this host has one name at a time")
        elif refused:
            self._tell(*refused)
        elif file:
            self._send(200, *file)
        elif draw:
            self.server.proven(self.connection)
            self._send(200, "application/json", draw())
        elif is_told:
            self.server.proven(self.connection)
            self._feed()
        else:
            self._tell(404, "there is nothing here by this name")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the server itself refuses is told as all else, without what was sent."""
        self.close_connection = True
        if code == 501:
            code = 405
        self._tell(code, "this is not how it is asked for")

    def _tell(self, code: int, sentence: str) -> None:
        self._send(code, "text/plain; charset=utf-8", f"{sentence}\n".encode())

    def _send(self, code: int, kind: str, content: bytes) -> None:
        self._head(code, kind, len(content))
        if self.command != "HEAD":
            self._write(content)

    def _write(self, content: bytes) -> None:
        """No faster than any one reader may have it."""
        for at in range(0, len(content), BLOCK):
            if at:
                time.sleep(BLOCK / A_SECOND)
            self.wfile.write(content[at : at + BLOCK])

    def _head(self, code: int, kind: str, length: int | None) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in SAFE.items():
            self.send_header(name, value)
        self.end_headers()

    def _feed(self) -> None:
        """A line whenever there is something new, and now and then one that there is not, until the reader goes or
        takes nothing for too long."""
        self._head(200, "application/x-ndjson", None)
        version = 0
        while self.command != "HEAD":
            news = self.server.site.feed.after(version, SIGN_OF_LIFE_S)
            if news is None:
                return
            version, line = news
            self._write(line + b"\n")
