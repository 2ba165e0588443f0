"""A run on a terminal: a bar, the rate, the time left, and the jobs that run, redrawn in place.

Every line is cut to the width of the terminal at the moment it is drawn, so that a resize never leaves
wrapped lines behind. A terminal that goes away makes the view silent, and nothing else. The cursor is not hidden:
a run that is killed or paused leaves the terminal as it was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TextIO

from shareout.events import Counts, Running
from shareout.record.outcome import Attempt, State
from shareout.show.beside import write
from shareout.show.pace import Pace, told_time
from shareout.show.tables import clip, width

CLEAR_BELOW = "\x1b[J"
LEAST_BAR = 10
MOST_BAR = 60


class LiveView:
    """A Listener that draws."""

    wants_every_attempt = False

    def __init__(self, screen: TextIO, title: str) -> None:
        self._screen = screen
        self._title = title
        self._drawn = 0
        self._drawn_columns = 0
        self._pace = Pace()

    def began(self, counts: Counts) -> None:
        self._pace.add(time.monotonic(), counts.finished_here)
        self.tick(counts, ())

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        lines = [
            f"job {attempt.job} {'failed' if attempt.state is State.FAILED else 'will be tried again'}: {attempt.error}"
            for attempt in attempts
            if attempt.state in (State.FAILED, State.RETRY)
        ]
        for line in lines[:3]:
            self.said(line)
        if len(lines) > 3:
            self.said(f"and {len(lines) - 3} more")

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        now = time.monotonic()
        self._pace.add(now, counts.finished_here)
        columns, rows = self._size()
        lines = [clip(line, columns - 1) for line in self._lines(counts, running, columns, rows, now)]
        self._write(self._erased(columns) + "\n".join(lines) + "\n")
        self._drawn, self._drawn_columns = len(lines), columns

    def said(self, line: str) -> None:
        columns, _ = self._size()
        self._write(self._erased(columns) + clip(line, 4 * columns) + "\n")
        self._drawn = 0

    def ended(self, counts: Counts, reason: str) -> None:
        self.tick(counts, ())
        self._drawn = 0

    def _lines(self, counts: Counts, running: Sequence[Running], columns: int, rows: int, now: float) -> list[str]:
        todo = counts.jobs - counts.done - counts.failed - counts.skipped
        share = (counts.jobs - todo) / max(1, counts.jobs)
        rate = self._pace.rate(now, counts.finished_here)
        eta = told_time(self._pace.eta_s(now, counts.finished_here, todo)) if todo else "0s"
        figures = f" {100 * share:5.1f}%  {counts.done:,} done"
        figures += f"  {counts.failed:,} failed" if counts.failed else ""
        bar = min(MOST_BAR, columns - 2 - width(figures))
        first = (_bar(share, bar) if bar >= LEAST_BAR else "") + figures
        second = f"{todo:,} to do  {counts.running} running  {rate:.3g}/s  ETA {eta}  {self._title}"
        shown = max(0, min(len(running), rows - 5))
        lines = [first, second, *(_job(one, columns) for one in running[:shown])]
        if shown < len(running):
            lines.append(f"  and {len(running) - shown} more jobs")
        return lines

    def _erased(self, columns: int) -> str:
        """To the first line drawn; lines that a narrower terminal has wrapped since are more than were drawn."""
        if not self._drawn:
            return ""
        folded = -(-self._drawn_columns // columns) if columns < self._drawn_columns else 1
        return f"\x1b[{self._drawn * folded}F{CLEAR_BELOW}"

    def _size(self) -> tuple[int, int]:
        try:
            size = os.get_terminal_size(self._screen.fileno())
        except (OSError, ValueError):
            return 80, 24
        return max(20, size.columns), max(6, size.lines)

    def _write(self, text: str) -> None:
        write(text)


def _bar(share: float, columns: int) -> str:
    full = int(share * columns)
    return "█" * full + "░" * (columns - full)


def _job(one: Running, columns: int) -> str:
    elapsed = told_time(max(0.0, time.time() - one.started))
    progress = f"{100 * one.fraction:3.0f}% " if one.fraction is not None else ""
    again = f" try {one.attempt}" if one.attempt > 1 else ""
    return f"  {one.slot:>3}  {elapsed:>7}  {progress}{one.job}{again}: {one.text}"
