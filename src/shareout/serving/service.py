"""Serving one run: its server is looked after, what hosts tell and ship is laid into a folder, until all is over."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from contextlib import suppress

from shareout.fields import dataclass
from shareout.joining.terms import checks_of, roots_of
from shareout.ledger.asks.ask import Ask, name_of_list
from shareout.ledger.store import COMMON, Away, whole
from shareout.plan.plan import Plan
from shareout.serving.keeper import Keeper, Onlooker
from shareout.serving.lanes import Lanes
from shareout.serving.mirror import Mirror
from shareout.serving.outcomes import Outcomes
from shareout.serving.stream import Stream
from shareout.stores.folder.store import FolderStore
from shareout.stores.nats.store import NatsStore

LOOK_S = 0.3
BEATS_S = 1.0
SOON_S = 0.01


@dataclass(frozen=True, slots=True)
class Standing:
    """How it is now."""

    jobs: int
    left: int
    failed: int
    seen: int
    """How many are over, of which some are not final yet."""
    hosts: tuple[str, ...]
    """Those that are at work, or wait for work."""
    is_over: bool
    """Nothing is left for any host to do, or to tell."""
    is_halted: bool
    """Somebody has asked all hosts to stop."""
    rests: int
    """How often all hosts have been asked to go."""
    has_skips: bool
    """Somebody has asked for jobs to be skipped."""
    refusal: str
    """Why no more jobs are taken, where they ended badly."""


class Service:
    """Of one run."""

    def __init__(
        self,
        net: NatsStore,
        home: FolderStore,
        keeper: Keeper | Onlooker,
        lanes: Lanes,
        *,
        stream: Stream | None = None,
        outcomes: Outcomes | None = None,
    ) -> None:
        """What hosts have shipped to `net` comes to `home`. `stream`: jobs still come; `outcomes`: ends are told."""
        self.net, self.home = net, home
        self._outcomes = outcomes
        self._keeper = keeper
        self._lanes, self._stream = lanes, stream
        # The ledger's folder lies among the run directories of its origin.
        self._mirror = Mirror(net, home, self._lanes.learn, home.path.parent)
        self._next_beats = 0.0

    def run_while(self, goes_on: Callable[[], bool]) -> None:
        """As long as that is so."""
        while goes_on():
            if not self._step():
                self._wait()

    def run(self, told: Callable[[Standing], None], *, keeps: bool = False) -> Standing:
        """Until all is over and everybody has gone, or is taken for dead; for ever, if it keeps on. `told` hears how it
        is at every look."""
        over_since: float | None = None
        while True:
            has_more = self._step()
            standing = self.standing()
            told(standing)
            now = time.monotonic()
            is_over = standing.is_over or (self._stream is not None and self._stream.failed)
            over_since = (over_since or now) if is_over else None
            # Who is there says so several times in that while, also one that has come a moment ago: it still has to
            # hear that all is over.
            has_rested = over_since is not None and now - over_since >= max(2 * BEATS_S, self.net.dead_s / 6)
            if has_rested and not has_more and not keeps and not standing.hosts:
                self._finish()
                return standing
            if not has_more:
                self._wait()

    def lay_down(self) -> None:
        """All that hosts have shipped until now."""
        with suppress(Away):
            while self._mirror.step():
                pass

    def _finish(self) -> None:
        """What came in between: a host says that it goes when all of its own has arrived."""
        while self._step():
            pass
        if self._outcomes:
            self._outcomes.finish()

    def _step(self) -> bool:
        """What is due. Whether there is more at once."""
        self._keeper.look(self.net)
        with suppress(Away):
            # Nothing is lost by it: all of it is asked for again. A server that is away is the keeper's to mend, or its
            # owner's; a folder here that is full is told by what else cannot write there.
            has_more = self._mirror.step()
            if self._stream and not has_more:
                has_more = self._stream.step()
            if self._outcomes:
                has_more = self._outcomes.step() or has_more
            if time.monotonic() >= self._next_beats:
                self._next_beats = time.monotonic() + BEATS_S
                self._mirror.beats()
            return has_more
        return False

    def _wait(self) -> None:
        """For a line of the stream, for what hosts ship where somebody is told of it, or so long."""
        seconds, handles = self._stream.waits_for(LOOK_S) if self._stream else (LOOK_S, [])
        if self._outcomes is None:
            select.select(handles, [], [], seconds)
        else:
            # Who is to read, and does not, is looked at more often than he can be woken for.
            self.net.news(min(seconds, SOON_S) if self._outcomes.waits else seconds, handles)

    def standing(self) -> Standing:
        """As far as it is known here."""
        hosts = tuple(sorted(self._mirror.present(self.net.dead_s)))
        over, failed = self._mirror.over()
        jobs = self._lanes.jobs
        final = jobs - self._lanes.left
        failed = max(self._lanes.failed, failed) if self._lanes.left else self._lanes.failed
        seen = max(final, min(over, jobs)) if self._lanes.left else final
        is_over = self._lanes.is_over
        return Standing(
            jobs,
            self._lanes.left,
            failed=failed,
            seen=seen,
            hosts=hosts,
            is_over=is_over,
            is_halted=self._lanes.asked.halt is not None,
            rests=self._lanes.rests,
            has_skips=self._lanes.has_skips,
            refusal=self._stream.refusal if self._stream else "",
        )


def lanes_of(plan: Plan, net: NatsStore) -> Lanes:
    """As they begin, where asks bring their lists from there."""

    def listed(ask: Ask) -> bytes:
        return whole(net, COMMON, name_of_list(ask.list))

    return Lanes(roots_of(plan), checks_of(plan), listed)
