"""How far all work is, by the entries of the ledger alone, in the order in which they were put."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from shareout.ledger.asks.ask import Ask, parse_ask, parse_list
from shareout.ledger.asks.asked import Asked, asked
from shareout.ledger.calls import Root
from shareout.ledger.entry import Entry, parse, root_begins
from shareout.ledger.knowing import phases_of

_KEY = re.compile(r"lanes/([^/]+)/([1-9][0-9]*)")
_ASK = re.compile(r"asks/([1-9][0-9]*)")


def _no_list(ask: Ask) -> bytes:
    raise AssertionError(f"nobody gives the list {ask.list}")


class Lanes:
    """What is known of them."""

    def __init__(
        self, roots: Sequence[Root], checks: frozenset[int] = frozenset(), listed: Callable[[Ask], bytes] = _no_list
    ) -> None:
        """`checks`: phases that begin only when nothing of the one before has failed. `listed` gives the text of an
        ask's list."""
        self._phases = phases_of(roots, checks)
        self._listed = listed
        self._asked = Asked()
        self._open: dict[str, Entry] = {
            root.lane: root_begins(root.low, root.hi) for root in roots if root.low < root.hi
        }
        self._failed_before = 0
        self.rests = 0
        """How often it was asked that all hosts go, by a person, or because all is over."""
        self.on_ask: Callable[[Ask, Asked, int], None] = lambda ask, before, n: None
        """Told each ask, before it counts, with what those before it come to, and its number."""

    def learn(self, key: str, text: bytes) -> None:
        """What stands at a key. An entry that is none is damage, told with its place."""
        if found := _ASK.fullmatch(key):
            self._heed(int(found[1]), parse_ask(int(found[1]), text))
            return
        found = _KEY.fullmatch(key)
        if found is None:
            return
        entry = parse(found[1], int(found[2]), text)
        if entry.kid is not None:
            self._open[entry.nonce] = entry.kid_begins()
        if entry.is_final:
            self._failed_before += entry.failed
            self._open.pop(found[1], None)
        else:
            self._open[found[1]] = entry

    def _heed(self, n: int, ask: Ask) -> None:
        before = self._asked
        self.rests += ask.verb in ("halt", "end")
        self.on_ask(ask, before, n)
        # What comes with a feed is the stream's to hear: here only the number of its jobs counts.
        is_stream = ask.verb in ("feed", "engine")
        with_list = parse_list(n, ask, self._listed(ask)) if ask.list and not is_stream else ask
        self._asked = asked(before, with_list, self._phases)
        if fed := self._asked.fed_since(before):
            self._open[fed.lane] = root_begins(fed.low, fed.hi)
        for made in self._asked.made_since(before):
            self._open[made.lane] = root_begins(made.low, made.hi)
            self._failed_before -= sum((one.stop - one.start) * one.failed for one in made.stretches)

    @property
    def asked(self) -> Asked:
        """To what all asks come."""
        return self._asked

    @property
    def jobs(self) -> int:
        """How many there are by now."""
        return self._asked.fed if self._phases.is_stream else self._phases.stop

    @property
    def is_over(self) -> bool:
        """All is final, and hosts have told each other so; or a barrier lets nothing more through. Before that they
        may still have something to tell."""
        is_ended = self._asked.is_ended or (not self.jobs and (self._asked.is_closed or not self._phases.is_stream))
        return self._asked.blocked > 0 or (not self._open and is_ended)

    @property
    def has_skips(self) -> bool:
        """Somebody has asked for jobs to be skipped."""
        return bool(self._asked.skipped)

    @property
    def left(self) -> int:
        """How many positions are not final."""
        return sum(entry.hi - entry.low for entry in self._open.values())

    @property
    def failed(self) -> int:
        """Of those that are."""
        return self._failed_before + sum(entry.failed for entry in self._open.values())
