"""What stands in a shared folder, read by what its entries say and when they came to stand: who had which position at a
moment, and who took over from whom."""

from __future__ import annotations

import base64
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from shareout.ledger.entry import Entry, name_of, parse, root_begins
from shareout.plan.plan import Plan


class Span(NamedTuple):
    """So long these positions were one host's: from when an entry stood there until the next did."""

    low: int
    stop: int
    name: str
    since: float
    until: float


class Seizure(NamedTuple):
    """Positions that one took over from another."""

    low: int
    hi: int
    whom: str
    by: str
    when: float


class History:
    """All entries of a ledger. `read` gives those of a lane: where each stands, its text, and when it came there."""

    def __init__(self, read: Callable[[str], Iterator[tuple[int, bytes, float]]], plan: Plan) -> None:
        self._read = read
        self.spans: list[Span] = []
        self.seizures: list[Seizure] = []
        self.opened: list[Seizure] = []
        """By a new start, of what an earlier one of the same machine had."""
        self.verbs: Counter[str] = Counter()
        self.is_over = True
        shares = ((place, plan.share(one.name).ranges) for place, one in enumerate(plan.machines))
        for place, ranges in shares:
            for phase, (low, hi) in enumerate(ranges):
                if low < hi:
                    self._walk(f"{place}.{phase}", root_begins(low, hi), 0.0)

    def owners(self, position: int, since: float, until: float) -> set[str]:
        """Whoever had it reserved at some moment between these."""
        return {
            one.name
            for one in self.spans
            if one.low <= position < one.stop and one.since <= until and one.until >= since
        }

    def why_twice(self, position: int) -> list[Seizure]:
        """What explains that it ran more than once."""
        return [one for one in [*self.seizures, *self.opened] if one.low <= position < one.hi]

    def _walk(self, lane: str, entry: Entry, since: float) -> None:
        for k, text, when in self._read(lane):
            newer = parse(lane, k, text)
            self._note(entry, since, when)
            self.verbs[newer.verb] += 1
            if newer.kid:
                self._walk(newer.nonce, newer.kid_begins(), when)
            if newer.verb == "seize" or (newer.verb == "open" and entry.owner):
                found = self.seizures if newer.verb == "seize" else self.opened
                found.append(Seizure(entry.low, entry.hi, name_of(entry.owner), name_of(newer.by), when))
            entry, since = newer, when
        self._note(entry, since, float("inf"))
        self.is_over &= entry.is_final

    def _note(self, entry: Entry, since: float, until: float) -> None:
        if entry.owner and entry.low < entry.res:
            self.spans.append(Span(entry.low, entry.res, name_of(entry.owner), since, until))


def history_in(shared: Path, plan: Plan) -> History:
    """Of the one ledger in a folder."""
    (ledger,) = (path.parent for path in shared.glob("*/*/ledger.json"))

    def read(lane: str) -> Iterator[tuple[int, bytes, float]]:
        for k in range(1, 1 << 30):
            path = ledger / "lanes" / lane / str(k)
            try:
                yield k, _text(path), os.lstat(path).st_mtime
            except FileNotFoundError:
                return

    return History(read, plan)


def history_served(home: Path, plan: Plan) -> History:
    """Of the one ledger of a `serve` below this folder, which has ended: its server tells when each entry came."""
    from shareout.serving.home import Home, homes_below
    from shareout.stores.nats import streams
    from shareout.stores.nats.address import address_of
    from shareout.stores.nats.opening import secured
    from shareout.stores.nats.store import Streams
    from shareout.stores.nats.token import read_token

    (found,) = homes_below(home / "runs")
    token = read_token(str(found.token_file), {}, "")
    port = address_of(found.address).port
    server = Home(found.path, f"nats://127.0.0.1:{port}", found.token_file).start(token)
    lanes: dict[str, list[tuple[int, bytes, float]]] = defaultdict(list)
    try:
        line = secured(address_of(f"nats://127.0.0.1:{port}"), token).connect()
        root, number = Streams("shareout").keys, 1
        while number:
            about = {"seq": number, "next_by_subj": f"{root}.lanes.>"}
            try:
                told = streams.asked(line, f"STREAM.MSG.GET.{root}", about)["message"]
            except streams.Refused:
                break
            lane, k = told["subject"].split(".")[-2:]
            when = datetime.fromisoformat(told["time"][:26].rstrip("Z") + "+00:00").timestamp()
            lanes[lane.replace("=2E", ".")].append((int(k), base64.b64decode(told["data"]), when))
            number = told["seq"] + 1
        line.close()
    finally:
        server.end()
    return History(lambda lane: iter(lanes[lane]), plan)


def _text(entry: Path) -> bytes:
    """By a symbolic link, or by a file where a host was refused these at its start."""
    if entry.is_symlink():
        return os.readlink(os.fsencode(entry)).replace(b"\x1f", b"/")
    return entry.read_bytes()
