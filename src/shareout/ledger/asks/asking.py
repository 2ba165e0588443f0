"""What one host knows of the asks, and what it asks itself: that a phase is over, that all is, or that all halt.

A value, as a lane is. Asks are put at the end of those that were seen, and decided anew whenever another was first: so
no phase is called over while somebody has asked for a part of it once more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from shareout.ledger.asks.ask import ASKS, Ask
from shareout.ledger.asks.asked import Asked, Phases, asked
from shareout.ledger.calls import Call
from shareout.ledger.times import LONG_AGO, Due, Moment, Times


class Asking(NamedTuple):
    """What is known, and what is under way."""

    phases: Phases
    state: Asked = Asked()
    is_known: bool = False
    """All asks were seen that stood when this host came: before that it touches nothing."""
    looked: Moment = LONG_AGO
    """When nothing newer was seen."""
    due: Due = LONG_AGO
    """From when on a call that was not answered is made again."""
    busy: bool = False
    """A call is under way."""
    put: Ask | None = None
    """What this host puts next; it may stand there already."""
    wish: Ask | None = None
    """What it would say as soon as it can."""

    @property
    def may_work(self) -> bool:
        """Whether anything is taken or handed out at all."""
        return self.is_known and not self.state.halt and not self.state.is_ended

    def deciding(
        self, open_phases: frozenset[int], failed: Mapping[int, int], me: str, nonce: Callable[[], str]
    ) -> Asking:
        """With what is to be put now. `open_phases`: those of which something is not final, among those that may run;
        `failed`: how many of each have failed."""
        state = self.state
        if self.put or not self.may_work:
            return self
        if self.wish:
            return self._replace(put=self.wish)
        if not me or (self.phases.is_stream and not state.is_closed):
            return self
        if state.phase + 1 < len(self.phases.starts):
            if state.phase in open_phases or state.blocked:
                return self
            count = max(0, failed.get(state.phase, 0))
            return self._replace(put=Ask("phase", me, nonce(), phase=state.phase, failed=count))
        return self if open_phases else self._replace(put=Ask("end", me, nonce()))

    def call(self, now: Moment, interval: float) -> Call | None:
        """What is due."""
        if self.busy or self.due > now or (self.put is None and now - self.looked < interval):
            return None
        return Call(ASKS, self.state.n + 1, self.put, now)

    def found(self, ask: Ask | None, now: Moment) -> Asking:
        """What stands behind the last that was seen: after a put something always does."""
        if ask is None:
            return self._replace(busy=False, looked=now, is_known=True)
        wish = None if ask == self.put == self.wish or ask.verb == "halt" else self.wish
        state = asked(self.state, ask, self.phases)
        return self._replace(busy=False, state=state, looked=LONG_AGO, put=None, wish=wish)

    def lost(self, now: Moment, times: Times) -> Asking:
        """No answer: a put may have come through."""
        return self._replace(busy=False, due=now + times.retry)

    def wake_at(self, interval: float) -> Due:
        """When something is due, if nothing is under way."""
        return max(self.due, LONG_AGO if self.put else self.looked + interval)
