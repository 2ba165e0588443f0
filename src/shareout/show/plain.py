"""A run told in plain `key=value` lines: for pipes, files and batch systems."""

from __future__ import annotations

import time
from collections.abc import Sequence

from shareout.events import Counts, Running
from shareout.record.outcome import Attempt, State
from shareout.show.beside import say
from shareout.show.pace import BRIEF_S, Pace, told_seconds, told_time


class PlainView:
    """A Listener. A reader that leaves does not harm the run."""

    wants_every_attempt = False

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._next = 0.0
        self._pace = Pace()

    def began(self, counts: Counts) -> None:
        """A line with event=start."""
        self._next = time.monotonic() + self._interval_s
        self._pace.add(time.monotonic(), counts.finished_here)
        self._line("start", counts)

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        """Nothing: the lines are as many in a run of ten million jobs as in one of ten."""
        return

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        """A line with event=progress whenever the interval is over."""
        now = time.monotonic()
        self._pace.add(now, counts.finished_here)
        if now >= self._next:
            self._next = now + self._interval_s
            self._line("progress", counts)

    def said(self, line: str) -> None:
        """As errors are told, so that one filter catches both."""
        self._print(f"shareout: {line}")

    def ended(self, counts: Counts, reason: str) -> None:
        """A last line, whose event is the reason."""
        self._line(reason, counts)

    def _line(self, event: str, counts: Counts) -> None:
        now = time.monotonic()
        todo = counts.todo
        eta = told_time(self._pace.eta_s(now, counts)).replace(" ", "")
        rate, over_s = self._pace.rate(now, counts.finished_here), self._pace.over_s(now)
        # At the end, for who goes by the place of a word.
        brief = f" over={told_seconds(over_s)}" if rate and over_s < BRIEF_S else ""
        percent = 100 * (counts.jobs - todo) / max(1, counts.jobs)
        self._print(
            f"event={event} percent={percent:.1f} done={counts.done} failed={counts.failed} running={counts.running} "
            f"todo={todo} rate={rate:.3g} eta={eta}{brief}"
        )

    def _print(self, line: str) -> None:
        say(line)


class WarningsView(PlainView):
    """For `--quiet`: only what is said, for it is out of the ordinary. What became of the jobs is told at the end."""

    def __init__(self) -> None:
        super().__init__(0)

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        """Nothing."""
        return

    def _line(self, event: str, counts: Counts) -> None:
        return


class SentencesView(WarningsView):
    """For a terminal that shows what jobs print: only what a person should know besides, in words."""

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        """Only failures, each with its reason."""
        for attempt in attempts:
            if attempt.state is State.FAILED:
                self._print(f"job {attempt.job} failed: {attempt.error}")

    def said(self, line: str) -> None:
        """In words alone: it stands among what jobs print."""
        self._print(line)
