"""Everybody who is told how a run goes, as one Listener; what is said is in the log as well."""

from __future__ import annotations

from collections.abc import Sequence

from shareout.choices import Numerics
from shareout.events import Counts, Listener, Running
from shareout.numerics.machine import HostNumerics
from shareout.record.journal import parse
from shareout.record.logs.segments import LogWriter
from shareout.record.outcome import Attempt, State
from shareout.run.hands import Finished


class Listeners:
    """Passes on."""

    def __init__(self, listeners: Sequence[Listener], log: LogWriter) -> None:
        self._listeners = listeners
        self._log = log

    @property
    def wants_every_attempt(self) -> bool:
        """Whether anybody does."""
        return any(one.wants_every_attempt for one in self._listeners)

    def began(self, counts: Counts) -> None:
        """In the order in which they were given, as in all that follows."""
        for one in self._listeners:
            one.began(counts)

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        """What did not end well is in the log before anybody is told."""
        for attempt in attempts:
            if attempt.state in (State.FAILED, State.RETRY):
                self._log.record(
                    f"{attempt.state.value}: {attempt.error}", level="ERROR", job=attempt.job, attempt=attempt.attempt
                )
        for one in self._listeners:
            one.finished(attempts, counts)

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        """The log hears nothing of it."""
        for one in self._listeners:
            one.tick(counts, running)

    def said(self, line: str) -> None:
        """In the log first."""
        self._log.record(line)
        for one in self._listeners:
            one.said(line)

    def ended(self, counts: Counts, reason: str) -> None:
        """The log is told by whoever ends the run."""
        for one in self._listeners:
            one.ended(counts, reason)


def tell_numerics(found: HostNumerics, log: LogWriter, listener: Listener) -> None:
    """What decides the last bits of results; said where the user's own variables stand against the setting."""
    log.record(found.sentence())
    if found.numerics == Numerics.PORTABLE and found.own:
        listener.said(f"numerics = portable, but your own stands: {found.own}; it must be the same on every machine")


def told_of(finished: Sequence[Finished], judged: Sequence[Sequence[Attempt]], wants_every: bool) -> list[Attempt]:
    """What listeners are told of that has ended: what did not end well, or all of it."""
    told = [attempt for attempts in judged for attempt in attempts]
    for one in finished if wants_every else ():
        told += [done for line in one.lines.splitlines() if isinstance(done := parse(line), Attempt)]
    return told
