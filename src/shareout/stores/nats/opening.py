"""A ledger on a NATS server is made by who serves it, and opened by who joins; all refusals come within a second."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from shareout.errors import UsageError
from shareout.ledger.store import LONGEST_TEXT
from shareout.stores.charter import Charter, read_charter
from shareout.stores.nats import streams
from shareout.stores.nats.address import Address
from shareout.stores.nats.beats import HEADERS, Beats
from shareout.stores.nats.link import Server
from shareout.stores.nats.shelves import PIECE, Shelves
from shareout.stores.nats.spelling import spelled
from shareout.stores.nats.store import MARK, NatsStore, Streams
from shareout.stores.nats.token import NAME, Token, client_context, papers_of
from shareout.stores.nats.unfit import fit_line
from shareout.stores.nats.wire import Door, Forbidden, Line, Lost, is_of_tls, word_of

LARGEST = 1 << 20
PREFIX = "shareout"
FIRST_S = 10.0
"""So long the first line is waited for: hundreds of hosts may come at the same moment."""
READY_S = 5.0
"""So long servers are waited for that have been started together a moment ago."""
_CHARTER = re.compile(rb"charter-[0-9a-f]{16}")


def secured(address: Address, token: Token, prefix: str = PREFIX) -> Server:
    """A server that knows that token; or the one that somebody has, into which it lets."""
    if entrance := token.entrance:
        others = [one for one in entrance.addresses if one != address]
        return Server([address, *others], entrance.door(), entrance.prefix, is_ours=False)
    context = client_context(papers_of(token))
    return Server([address], Door(lambda: context, NAME, is_tls_first=True), prefix, is_ours=True)


def open_nats(server: Server, charter: Charter | None, source: str) -> NatsStore:
    """The ledger that is served there. A UsageError where there is none, where it is another one than that of the
    charter, or where `source` (of the token, in words) opens nothing; None as charter: whichever it is."""
    line = connected(server, source)
    try:
        names = Streams(server.prefix)
        mark = _mark(line, names)
        if mark is None:
            raise UsageError(
                f"there is no ledger at {server.place}", way_out="Start `serve` there, for all machines; then join it."
            )
        return _opened(server, line, names, mark, charter)
    except BaseException as error:
        line.close()
        raise _told(server, error) from error


def make_nats(server: Server, charter: Charter, source: str) -> NatsStore:
    """The same, made where there is none yet: by `serve` alone, so that who mistypes an address makes none."""
    for machine in charter.machines:
        spelled(machine)
    line = connected(server, source) if server.is_ours else _fit(server, source)
    try:
        names = Streams(server.prefix)
        copies = _make_streams(line, names)
        mark = _mark(line, names) or _made(line, names, charter)
        store = _opened(server, line, names, mark, charter)
        store.copies = copies
        return store
    except BaseException as error:
        line.close()
        raise _told(server, error) from error


def _fit(server: Server, source: str) -> Line:
    try:
        return fit_line(server, lambda: connected(server, source))
    except (Lost, Forbidden, streams.Refused) as error:
        raise _told(server, error) from error


def _told(server: Server, error: BaseException) -> BaseException:
    """What an opened line met, as a sentence."""
    if isinstance(error, Lost):
        return _unusable(server, str(error))
    if isinstance(error, streams.Refused):
        return _unwilling(server, str(error)) if not server.is_ours else _unusable(server, str(error))
    return _unwilling(server, str(error)) if isinstance(error, Forbidden) else error


def connected(server: Server, source: str) -> Line:
    """A line, or the sentence why there is none."""
    try:
        return server.connect(FIRST_S)
    except Forbidden as error:
        raise UsageError(
            f"{server.place} does not let us in: {error}", way_out=f"Show it what it asks for; this was {source}."
        ) from error
    except Lost as error:
        raise _unusable(server, str(error)) from error
    except OSError as error:
        raise _not_of_us(server, source, error) from error


def _not_of_us(server: Server, source: str, error: OSError) -> UsageError:
    if not is_of_tls(error):
        return _unusable(server, word_of(error))
    if not server.is_ours:
        told = getattr(error, "verify_message", "") or getattr(error, "reason", "") or "its TLS is another"
        return UsageError(
            f"{server.place} and we do not believe each other: {str(told).lower().replace('_', ' ')}",
            way_out="Name its `ca`, and the `cert` and `key` that it asks for, in a context of `nats`: --login FILE.",
        )
    reason = getattr(error, "reason", "") or ""
    if "CERTIFICATE_VERIFY_FAILED" in reason or "UNKNOWN_CA" in reason or "DECRYPT_ERROR" in reason:
        return UsageError(
            f"the token of {source} is not that of {server.place}",
            way_out="Copy the token anew from where `serve` runs: it prints where its file is.",
        )
    return UsageError(
        f"what answers at {server.place} is no ledger of ours: it does not speak TLS as one does",
        way_out="Look at the address that `serve` prints.",
    )


def _unusable(server: Server, told: str) -> UsageError:
    what = "`serve` runs" if server.is_ours else "a NATS server runs"
    return UsageError(
        f"{server.place} cannot be reached: {told}",
        way_out=f"Look whether {what} there, and whether that port is open to this host.",
    )


def _unwilling(server: Server, told: str) -> UsageError:
    root = server.prefix
    return UsageError(
        f"{server.place} does not let us do what a ledger needs: {told}",
        way_out=f"Its operators have to let this account publish to $JS.API.> and {root}.>, subscribe to _INBOX.> and "
        f"{root}.>, and make four streams.",
    )


def _make_streams(line: Line, names: Streams) -> int:
    """In how many servers what is told lies."""
    safe: dict[str, Any] = {"retention": "limits", "storage": "file", "max_age": 0}
    # What stands is never changed, also not by one who has the token and sends what he likes: of a subject only the
    # first message is taken, and nothing is taken back.
    once = {"discard": "new", "max_msgs_per_subject": 1, "discard_new_per_subject": True}
    for_ever = {"deny_delete": True, "deny_purge": True, "allow_direct": False}
    entries = {**safe, **once, **for_ever, "max_msg_size": LONGEST_TEXT + HEADERS}
    copies = streams.make(line, names.keys, {"subjects": [f"{names.keys}.>"], **entries}, READY_S)
    # As many as the first one found, without waiting again.
    safe["num_replicas"] = copies
    files = {**safe, **for_ever, "discard": "new", "max_msg_size": PIECE + HEADERS}
    streams.make(line, names.files, {"subjects": [f"{names.files}.>"], **files})
    # A disk that takes nothing more shows in what is written again and again.
    streams.make(line, names.pulse, {"subjects": [names.pulse], **safe, "max_msgs": 1, "max_msg_size": HEADERS})
    Beats(names.beats).make(line)
    return copies


def _mark(line: Line, names: Streams) -> bytes | None:
    try:
        found = streams.last(line, names.keys, names.key(MARK))
    except streams.Refused as error:
        if error.code == streams.NO_STREAM:
            return None
        raise
    if found is None:
        return None
    if not _CHARTER.fullmatch(found.data):
        raise UsageError(
            "what stands there as a ledger is none of this program", way_out="Use the same program on all hosts."
        )
    return found.data


def _made(line: Line, names: Streams, charter: Charter) -> bytes:
    """Ours where nobody was first."""
    new = charter.made_now()
    name = f"charter-{new.nonce}"
    Shelves(names.files).grow(line, names.charter(name.encode()), 0, new.text())
    with suppress(streams.Refused):
        streams.put(line, names.key(MARK), name.encode(), behind=0)
    mark = _mark(line, names)
    if mark is None:
        raise Lost("it does not show what was put there")
    return mark


def _opened(server: Server, line: Line, names: Streams, mark: bytes, charter: Charter | None) -> NatsStore:
    text = b""
    shelves = Shelves(names.files)
    while len(text) < LARGEST and (data := shelves.piece(line, names.charter(mark), len(text), PIECE)):
        text += data
    found = read_charter(text, server.place)
    if charter is not None:
        charter.refuse_other(found, server.place)
    return NatsStore(server, line, names, found, mark)
