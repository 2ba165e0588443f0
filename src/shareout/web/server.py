"""The server of the page: read only, on loopback only, a thread a reader, and no reader can harm another."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any

from shareout.fields import dataclass
from shareout.web.doors import refusal
from shareout.web.feed import Feed

MOST_HEAD = 8 << 10
MOST_READERS = 256
PATIENCE_S = 10.0
"""For a request to come, and for what is told to be taken."""
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
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, port: int, site: Site) -> None:
        self.site = site
        self._readers = threading.Semaphore(MOST_READERS)
        super().__init__(("127.0.0.1", port), Visit)

    def process_request(self, request: Any, client_address: Any) -> None:
        """More than there is room for are sent away at once."""
        if not self._readers.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Makes room for another one when it is over."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._readers.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who goes away in the middle is no matter of ours, and nothing that he sent is put on a terminal."""


class _Head(BufferedIOBase):
    """What is read of a request: so many bytes, and no more."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._left = MOST_HEAD

    def readline(self, size: int | None = -1) -> bytes:
        """As of a file that ends there."""
        most = self._left if size is None or size < 0 else min(size, self._left)
        line = bytes(self._source.readline(most)) if most else b""
        self._left -= len(line)
        return line

    @property
    def is_full(self) -> bool:
        """More may stand behind it."""
        return self._left == 0

    def close(self) -> None:
        """The connection's own side, too."""
        self._source.close()


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
        self.rfile = self._head_read = _Head(self.rfile)

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
        refused = refusal(dict(self.headers), site.token if is_told else None)
        if self._head_read.is_full:
            self._tell(431, "this is too long")
        elif refused:
            self._tell(*refused)
        elif file:
            self._send(200, *file)
        elif draw:
            self._send(200, "application/json", draw())
        elif is_told:
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
            self.wfile.write(content)

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
            self.wfile.write(line + b"\n")
