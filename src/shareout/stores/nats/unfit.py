"""Whether a server that somebody has can hold a ledger, and its account has room for one: told before it is begun."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from shareout.errors import UsageError
from shareout.stores.nats import streams
from shareout.stores.nats.beats import HEADERS
from shareout.stores.nats.link import Server
from shareout.stores.nats.shelves import PIECE
from shareout.stores.nats.store import Streams
from shareout.stores.nats.wire import Line, Lost, Nobody

READY_S = 12.0
"""An election of theirs takes up to nine."""
STREAMS = 4
ROOM = 64 << 20
"""Bytes on disk: what a run of ten million commands tells is about six times as much, and of few ones far less."""
MEMORY = 1 << 20
"""Bytes: a hundred hosts tell how they are in some of it."""
_NOT_ON = (10039, 10076)


def fit_line(server: Server, connected: Callable[[], Line]) -> Line:
    """To one that can. In one sentence why none can, with whom to ask."""
    line, about, why = _asked(connected)
    if why := why or _why(line, Streams(server.prefix), about):
        line.close()
        raise UsageError(
            f"{server.place} cannot hold a run: {why}",
            way_out="Ask who runs it; or leave --nats out, and `serve` starts a server of its own.",
        )
    return line


def _asked(connected: Callable[[], Line]) -> tuple[Line, dict[str, Any], str]:
    """What the account may have; or why that cannot be said. Servers of a cluster say nothing until they have agreed
    who leads them, which takes some seconds after a start: that is waited for."""
    until = time.monotonic() + READY_S
    while True:
        line = connected()
        try:
            return line, streams.asked(line, "INFO"), ""
        except Nobody:
            return line, {}, "JetStream is not enabled there"
        except (Lost, streams.Refused) as error:
            code = error.code if isinstance(error, streams.Refused) else streams.NOT_READY
            if code in _NOT_ON:
                return line, {}, "JetStream is not enabled there for this account"
            line.close()
            if code != streams.NOT_READY or time.monotonic() > until:
                raise
            time.sleep(streams.REST_S)
        except BaseException:
            line.close()
            raise


def _why(line: Line, names: Streams, about: dict[str, Any]) -> str:
    largest = line.about.get("max_payload")
    if isinstance(largest, int) and largest < PIECE + HEADERS:
        return f"it takes messages of {largest:,} bytes, and {PIECE + HEADERS:,} are needed (max_payload)"
    if not line.about.get("headers"):
        return "it is older than 2.2, and knows no headers"
    return "" if _has_begun(line, names) else _why_no_room(about)


def _has_begun(line: Line, names: Streams) -> bool:
    try:
        streams.asked(line, f"STREAM.INFO.{streams.named(names.pulse)}")
    except streams.Refused:
        return False
    return True


def _why_no_room(about: dict[str, Any]) -> str:
    """By what the account may have, and has; where it is divided by copies, by each of that."""
    allowed = about.get("limits", {})
    tiers = about.get("tiers") or {}
    checks = (
        ("max_streams", "streams", STREAMS, "streams"),
        ("max_storage", "storage", ROOM, "bytes on disk"),
        ("max_memory", "memory", MEMORY, "bytes of memory"),
    )
    for limit, used, needed, what in checks:
        most, has = allowed.get(limit, -1), about.get(used, 0)
        # An account of tiers has all its limits there.
        if not tiers and isinstance(most, int) and most >= 0 and most - has < needed:
            return f"its account may have {most:,} {what}, has {has:,}, and a run needs {needed:,} at least"
    return ""
