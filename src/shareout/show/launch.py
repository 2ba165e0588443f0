"""How a launch goes: on a terminal a line a host that is redrawn, elsewhere a line when something changes; and the last
line, which always says how many of how many are where."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from shareout.launch.standing import OVER, Standing, State
from shareout.safe import one_line, safe
from shareout.show.beside import may_steer, say, write
from shareout.show.pace import told_time
from shareout.show.tables import clip, table

PLAIN_S = 10.0
SHOWN = 4
"""Of what is named."""
SILENT_S = 7
"""A host that has said nothing for longer is told as such."""


class LaunchView:
    """Of one call. Quiet, it tells only what is wrong."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet, self._steers = quiet, may_steer() and not quiet
        self._drawn = 0
        self._told_at = time.monotonic()

    def told(self, one: Standing) -> None:
        """A host's state has changed. On a terminal the table shows it."""
        is_wrong = one.state in (State.REFUSED, State.GIVEN_UP, State.STOPPED)
        if not self._steers and (is_wrong or not self._quiet):
            say(f"{one.machine}: {one.state}" + (f": {one.why}" if one.why else ""))

    def beside(self, line: str) -> None:
        """What is of no host: above the table, where there is one."""
        if self._drawn:
            write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0
        say(line)

    def shown(self, rows: Sequence[Standing]) -> None:
        """Again and again."""
        if self._steers:
            self._draw(rows)
        elif not self._quiet and time.monotonic() - self._told_at >= PLAIN_S:
            self._told_at = time.monotonic()
            say(summary(rows))

    def ended(self, rows: Sequence[Standing]) -> None:
        """The last look, and what a person must know of each that did not end well."""
        if self._quiet:
            return
        told = [one for one in rows if one.why and one.state in OVER] if self._steers else []
        if self._steers:
            self._draw(rows)
        for one in told:
            say(f"{one.machine}: {one.why}")
        # The table ends with it: once more only where it is not the last line.
        if told or not self._steers:
            say(summary(rows))

    def _draw(self, rows: Sequence[Standing]) -> None:
        size = _size()
        lines = [*status_text(rows, size.columns - 1).splitlines(), summary(rows)]
        most = max(3, size.lines - 1)
        if len(lines) > most:
            lines = [*lines[: most - 2], "…", lines[-1]]
        up = f"\x1b[{self._drawn}F\x1b[J" if self._drawn else ""
        texts = [clip(line, size.columns - 1) for line in lines]
        # After the titles comes a line a host. What was heard last of one that is not reached is paler.
        for number, one in enumerate(rows[: len(lines) - 2], 1):
            if one.state == State.UNREACHABLE:
                texts[number] = f"\x1b[2m{texts[number]}\x1b[0m"
        write(up + "".join(f"{text}\n" for text in texts))
        self._drawn = len(lines)


def status_text(rows: Sequence[Standing], columns: int | None) -> str:
    """The table."""
    now = time.time()
    cells = [[one.machine, one.address, str(one.state), *_counts(one), _note(one, now)] for one in rows]
    text = table(["machine", "host", "state", "jobs", "done", "failed", ""], cells, right={3, 4, 5})
    return "\n".join(clip(line, columns) if columns else safe(line) for line in text.splitlines())


def differing_lines(found: Sequence[tuple[str, Sequence[str]]], home: Path) -> list[str]:
    """Files of one name that are not the same on all machines."""
    more = f", as are {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    lines = [f"{one_line(path)} is another file on {' and '.join(of[:SHOWN])}" for path, of in found[:SHOWN]]
    where = f": each is in the folder of its machine, {home}/MACHINE"
    return [f"shareout: {line}" for line in [*lines[:-1], *[f"{line}{more}{where}" for line in lines[-1:]]]]


def summary(rows: Sequence[Standing]) -> str:
    """How many of how many are where."""
    jobs, done = sum(one.jobs for one in rows), sum(one.done + one.failed for one in rows)
    failed = sum(one.failed for one in rows)
    counts = Counter(one.state for one in rows)
    missing = [f"{one.machine} ({one.state})" for one in rows if not one.started]
    parts = [f"{sum(one.started for one in rows)} of {len(rows)} started"]
    parts += [f"{counts[state]} {state}" for state in State if counts[state]]
    parts += [f"{done:,} of {jobs:,} jobs" + (f", {failed:,} failed" if failed else "")]
    return " · ".join(parts) + (f"; not: {', '.join(missing[:12])}" if missing else "")


def _counts(one: Standing) -> list[str]:
    return [f"{one.jobs:,}", f"{one.done:,}", f"{one.failed:,}" if one.failed else ""]


def _note(one: Standing, now: float) -> str:
    silent_s = now - one.heard if one.heard else 0
    heard = f"heard {told_time(silent_s)} ago" if silent_s >= SILENT_S and one.state not in OVER else ""
    why = one_line(one.why.strip().partition("\n")[0])
    # The reason may be longer than a line.
    return ", ".join(part for part in (heard, why) if part)


def _size() -> os.terminal_size:
    try:
        return os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        return os.terminal_size((80, 24))
