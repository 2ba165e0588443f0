"""`status --web`: how it goes, on a page of this host's own that is told what is new as it comes."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from socket import socket

from shareout.cli.options import Common
from shareout.cli.page_state import Look, Page, Prove
from shareout.cli.watch_launch import LaunchLook, launch_among
from shareout.cli.watched import Looks, StatusArguments
from shareout.entry import Entry
from shareout.environment import user_environment
from shareout.fields import dataclass
from shareout.record.folder import RunFolder
from shareout.show.report.live import LIVE_STYLE, PAGE
from shareout.show.report.live_script import LIVE_SCRIPT
from shareout.web.feed import Feed
from shareout.web.place import Place, place_at
from shareout.web.server import Server, Site

GRACE_S = 60.0
"""The page of a run is there for so long after its end, for who comes late or looks again."""
TOLD_S = 1.0
"""For who looks, to hear that it is over."""
WINDOWS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
"""One of them is set where there is something to show a page on."""
MOST_PROVEN = 1 << 30
"""Bytes of journals."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a run has told the process that serves its page; its standard input, which ends with the run."""

    token: str
    file: Path
    """Where the address stands for this user alone; removed when it is no more."""
    is_opened: bool

    @classmethod
    def read(cls) -> Given:
        """A line."""
        facts = json.loads(sys.stdin.readline())
        return cls(facts["token"], Path(facts["file"]), facts["open"])


def watch(asked: StatusArguments, common: Common, entry: Entry | None) -> int:
    """Until a signal ends it; of a run's own page, a while after the run."""
    with ExitStack() as stack:
        look, catch_up = _look(asked, common, entry, stack)
        prove = partial(_certificate, common)
        if asked.web_of is not None:
            given = Given.read()
            place = Place(socket(fileno=asked.web_of), given.token)
            stack.callback(_forget, given.file, place.address)
            return _serve(look, prove, place, is_opened=given.is_opened, before_last=catch_up)
        assert asked.web
        place = place_at(asked.web.port)
        print(place.address, flush=True)
        print(f"shareout: as long as this runs; from elsewhere, first: {place.tunnel}", file=sys.stderr)
        return _serve(look, prove, place, is_opened=asked.web.is_opened)


def _look(
    asked: StatusArguments, common: Common, entry: Entry | None, stack: ExitStack
) -> tuple[Look, Callable[[], None]]:
    """And what is done before the last one."""
    state = launch_among(asked.sources)
    if state is not None:
        return LaunchLook(state), lambda: None
    looks = stack.enter_context(Looks(asked, common, entry, is_early=asked.web_of is not None))
    return looks, looks.catch_up


def _certificate(common: Common, folders: Sequence[RunFolder]) -> str | None:
    from shareout.cli.proving import proof_of
    from shareout.merge.proof.complete import open_journals

    journals = open_journals(folders, lambda _: None)
    # What is gathered once for a picture is not worth minutes: whoever merges gets it.
    if sum(journal.size for journal in journals) > MOST_PROVEN:
        return None
    # By this process alone: beside its threads none is forked.
    proof = proof_of(journals, common, processes=1)
    return proof.certificate if proof else None


def _serve(
    look: Look, prove: Prove, place: Place, *, is_opened: bool, before_last: Callable[[], None] | None = None
) -> int:
    """`before_last`: it is the page of a run, which ends a while after it; this is done before the last look."""
    page = Page(look, prove)
    files = {
        "/": ("text/html; charset=utf-8", PAGE.encode()),
        "/page.css": ("text/css; charset=utf-8", LIVE_STYLE.encode()),
        "/page.js": ("text/javascript; charset=utf-8", LIVE_SCRIPT.encode()),
    }
    feed = Feed(page.state)
    server = Server(place.door, Site(files, place.token, feed, {"/throughput": page.throughput}))
    feed.start()
    opened = _open(place.address) if is_opened else None
    if before_last:
        threading.Thread(target=_end_after_run, args=(feed, server, before_last), daemon=True).start()
    try:
        server.serve_forever(poll_interval=0.2)
    finally:
        feed.stop()
        server.server_close()
        if opened is not None:
            opened.unlink(missing_ok=True)
    return 0


def _end_after_run(feed: Feed, server: Server, before_last: Callable[[], None]) -> None:
    # However the run ends, the kernel closes what it has held open.
    is_at_once = bool(sys.stdin.read())
    # At once: what serves others may end with the run.
    before_last()
    feed.last()
    threading.Event().wait(TOLD_S if is_at_once else GRACE_S)
    server.shutdown()


def _forget(file: Path, address: str) -> None:
    """Another run may have put its own there since."""
    with suppress(OSError):
        if file.read_text() == f"{address}\n":
            file.unlink()


def _open(address: str) -> Path | None:
    """By a file that only this user can read, which leads there: a browser's command line is seen by everybody."""
    import tempfile

    if not any(map(os.environ.get, WINDOWS)):
        # One that writes on this terminal would show nothing: the page needs its script.
        _not_opened()
        return None
    number, name = tempfile.mkstemp(prefix="shareout-", suffix=".html")
    with os.fdopen(number, "w") as file:
        file.write(f'<!DOCTYPE html><meta http-equiv="refresh" content="0;url={address}"><title>shareout</title>')
    # Beside the server: some are waited for until they end.
    threading.Thread(target=_show, args=(Path(name).as_uri(),), daemon=True).start()
    return Path(name)


def _show(address: str) -> None:
    import webbrowser

    own = user_environment()
    for name in os.environ.keys() - own.keys():
        del os.environ[name]
    os.environ.update(own)
    if not webbrowser.open(address):
        _not_opened()


def _not_opened() -> None:
    print("shareout: no browser could be opened here: open the address above", file=sys.stderr)
