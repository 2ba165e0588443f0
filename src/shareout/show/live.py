"""A run on a terminal: a bar, the rate, the time left, and the jobs that run, redrawn in place.

Every line is cut to the width of the terminal at the moment it is drawn, so that a resize never leaves
wrapped lines behind. A terminal that goes away makes the view silent, and nothing else. The cursor is not hidden:
a run that is killed or paused leaves the terminal as it was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TextIO

from shareout.events import Counts, Running
from shareout.record.outcome import Attempt, State
from shareout.show.beside import write
from shareout.show.fold import folded
from shareout.show.pace import Pace, told_rate, told_time
from shareout.show.tables import clip, width

# Two codes of the terminal are all that it needs: no library is frozen into every executable for them.
CLEAR_BELOW = "\x1b[J"
LEAST_BAR = 10
MOST_BAR = 60
MOST_TOLD = 3
"""Of the failures between two frames."""
FORGET_S = 2.0
LASTING_S = 1.0
"""From then on it is shown what a job printed last."""
TAIL = 1 << 12
"""So many bytes of it are looked at."""


# Not on the alternate screen of a terminal, as full-screen programs have it: what a run has said must stand there
# when it is over.
class LiveView:
    """A Listener that draws. Messages go above the frame, which is drawn again in the same write."""

    wants_every_attempt = False

    def __init__(self, screen: TextIO, title: str, outputs: Callable[[int], Iterable[Path]] = lambda slot: ()) -> None:
        """`outputs`: the files that the job of a slot prints into."""
        self._screen = screen
        self._title = title
        self._outputs = outputs
        self._frame: list[str] = []
        self._columns, self._at = 0, 0.0
        self._news: list[str] = []
        self._failed = 0
        self._tried_again = 0
        self._pace = Pace()

    def began(self, counts: Counts) -> None:
        """The first frame, before the first job has started."""
        self._pace.add(time.monotonic(), counts.finished_here)
        self.tick(counts, ())

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        """Failures are told with the next frame, a few of many; that a job is tried again is only counted."""
        for attempt in attempts:
            if attempt.state is State.RETRY:
                self._tried_again += 1
            elif attempt.state is State.FAILED:
                self._failed += 1
                # When each of a thousand jobs a second fails, the first few say why, and a line for each would scroll
                # away all else.
                if self._failed <= MOST_TOLD:
                    self._news.append(f"job {attempt.job} failed: {attempt.error}")

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        """Draws the frame anew, for the width that the terminal has now."""
        now = time.monotonic()
        self._pace.add(now, counts.finished_here)
        columns, rows = self._size()
        if self._failed > MOST_TOLD:
            self._news.append(f"and {self._failed - MOST_TOLD:,} more failed")
        self._failed = 0
        self._draw(self._lines(counts, running, columns, rows, now), columns)

    def said(self, line: str) -> None:
        """Shown at once, above the frame."""
        self._news.append(line)
        self._draw(self._frame, self._size()[0])

    def ended(self, counts: Counts, reason: str) -> None:
        """The last frame stays; what follows is written below it."""
        self.tick(counts, ())
        self._frame = []

    def _draw(self, frame: list[str], columns: int) -> None:
        """The news, and a frame below them in the place of the last one."""
        news = [folded(clip(line, 4 * columns), columns) for line in self._news]
        # One column stays free: a terminal whose last column is full may have gone to the next line, or not, and the
        # frame would climb by one at each redraw.
        lines = [*news, *(clip(line, columns - 1) for line in frame)]
        self._news.clear()
        # Erased and drawn by one write: by two the terminal would show the gap between them, as flicker.
        self._write(self._erased(columns) + "".join(f"{line}\n" for line in lines))
        self._frame, self._columns, self._at = frame, columns, time.monotonic()

    def _lines(self, counts: Counts, running: Sequence[Running], columns: int, rows: int, now: float) -> list[str]:
        todo = counts.todo
        share = (counts.jobs - todo) / max(1, counts.jobs)
        rate = told_rate(self._pace.rate(now, counts.finished_here), self._pace.over_s(now))
        eta = told_time(self._pace.eta_s(now, counts))
        figures = f" {100 * share:5.1f}%  {counts.done:,} done"
        figures += f"  {counts.failed:,} failed" if counts.failed else ""
        figures += f"  {self._tried_again:,} tried again" if self._tried_again else ""
        bar = min(MOST_BAR, columns - 2 - width(figures))
        first = (_bar(share, bar) if bar >= LEAST_BAR else "") + figures
        second = f"{todo:,} to do  {counts.running} running  {rate}  ETA {eta}  {self._title}"
        shown = max(0, min(len(running), rows - 5))
        lines = [first, second, *(self._job(one, columns) for one in running[:shown])]
        if shown < len(running):
            lines.append(f"  and {len(running) - shown} more jobs")
        return lines

    def _job(self, one: Running, columns: int) -> str:
        lasted_s = max(0.0, time.time() - one.started)
        progress = f"{100 * one.fraction:3.0f}% " if one.fraction is not None else ""
        again = f" try {one.attempt}" if one.attempt > 1 else ""
        told = f"  {one.slot:>3}  {told_time(lasted_s):>7}  {progress}{one.job}{again}: {one.text}"
        # The file of a slot where jobs come and go may be the next one's already.
        last = _last_line(self._outputs(one.slot)) if lasted_s >= LASTING_S else ""
        if not last:
            return told
        # Whichever of the two is short leaves room to the other.
        least = max(columns // 2, columns - 1 - width(last := f" · {last}"))
        return clip(told, least) + last

    def _erased(self, columns: int) -> str:
        """To the first line drawn; lines that a narrower terminal has wrapped since are more than were drawn.

        A program that was stopped for a while does not know what stands there now: it draws below.
        """
        if not self._frame or time.monotonic() - self._at > FORGET_S:
            return ""
        folded = -(-self._columns // columns) if columns < self._columns else 1
        return f"\x1b[{len(self._frame) * folded}F{CLEAR_BELOW}"

    def _size(self) -> tuple[int, int]:
        try:
            size = os.get_terminal_size(self._screen.fileno())
        except (OSError, ValueError):
            return 80, 24
        return max(20, size.columns or 80), max(6, size.lines or 24)

    def _write(self, text: str) -> None:
        write(text)


def _bar(share: float, columns: int) -> str:
    full = int(share * columns)
    return "█" * full + "░" * (columns - full)


def _last_line(paths: Iterable[Path]) -> str:
    """Of the file that was printed into last; of a bar that draws itself anew in its line, how it stands now."""
    try:
        path = max(paths, key=lambda one: one.stat().st_mtime)
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL))
            text = file.read(TAIL).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
