"""Whether it is the jobs that fail, or this host: one that fails everything would eat all the work in seconds.

After ten failures in a row it takes nothing, and gives back what has not begun, until the others' beats tell how they
fare. Where these do well it is this host, which goes; where they fail as well it is the jobs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shareout.events import Counts, Running
from shareout.record.outcome import Attempt, Cause, State

IN_A_ROW = 10
_BAD = (State.FAILED, State.RETRY)


class Seen(NamedTuple):
    """What another host said last of its own luck, and when that was heard."""

    done: int
    row: int
    at: float


class Luck:
    """A Listener of one run, which hears the others' beats."""

    wants_every_attempt = False

    def __init__(self, patience_s: float, longest_s: float) -> None:
        """`patience_s`: who is not heard of for so long says nothing; `longest_s`: so long it rests at most."""
        self._patience_s = patience_s
        self._longest_s = longest_s
        self._most = IN_A_ROW
        self._row = 0
        self._done = 0
        self._finished = 0
        self._others: dict[str, Seen] = {}
        self._before: dict[str, Seen] = {}
        self._since: float | None = None
        self.better = ""
        """A host whose jobs end well while here they fail, when that is known."""

    @property
    def rests(self) -> bool:
        """Whether nothing is to begin here."""
        return self._since is not None or self.better != ""

    @property
    def most(self) -> int:
        """After so many failures in a row it rests."""
        return self._most

    def facts(self) -> Mapping[str, int]:
        """For this host's beat."""
        return {"done": self._done, "row": self._row}

    def heard(self, name: str, told: Mapping[str, Any], now: float) -> None:
        """Another's, which has moved."""
        done, row = told.get("done"), told.get("row")
        if type(done) is int and type(row) is int:
            self._others[name] = Seen(done, row, now)

    def judge(self, now: float, *, has_company: bool) -> None:
        """Between two turns."""
        if self._since is not None and not self.better:
            self._compare(now - self._since, {name: one for name, one in self._others.items() if one.at > self._since})
        elif self._row >= self._most and has_company and not self.better:
            self._since, self._before = now, dict(self._others)

    def _compare(self, rested_s: float, fresh: Mapping[str, Seen]) -> None:
        self.better = next((name for name, one in fresh.items() if self._does_well(name, one)), "")
        all_fail = bool(fresh) and all(one.row for one in fresh.values())
        is_vain = rested_s > (self._longest_s if fresh else self._patience_s)
        if not self.better and (all_fail or is_vain or not self._row):
            # The jobs' own fault, as far as anybody knows: to rest as often again would only make it slower.
            self._since, self._row, self._most = None, 0, 2 * self._most

    def _does_well(self, name: str, one: Seen) -> bool:
        before = self._before.get(name)
        return (before is not None and one.done > before.done) or (one.row == 0 and one.done > 0)

    def began(self, counts: Counts) -> None:
        """Nothing has ended."""
        self._finished = counts.finished_here

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        """One that ended well ends the row. What is tried again elsewhere counts as well: there it may do better. What
        has failed before, here or elsewhere, and was asked for once more, tells of the job and not of this host."""
        bad = [one for one in attempts if one.state in _BAD and one.cause is not Cause.STOPPED and one.attempt == 1]
        well = counts.finished_here - self._finished - sum(one.state is State.FAILED for one in attempts)
        self._finished = counts.finished_here
        self._done += max(0, well)
        self._row = 0 if well > 0 else self._row + len(bad)

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        """Time tells nothing."""

    def said(self, line: str) -> None:
        """Nobody is told."""

    def ended(self, counts: Counts, reason: str) -> None:
        """It is over."""
