"""What a page is told of runs: short, for it is told again whenever it is new; and its drawings."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shareout.fields import dataclass, field
from shareout.plan.fingerprint import words
from shareout.record.folder import RunFolder
from shareout.record.tallies.durations import Durations
from shareout.report.history import History
from shareout.report.last_lines import last_lines
from shareout.show.report.over_time import ended_over_time
from shareout.show.report.paper import COLOURS, figure, shades
from shareout.status.groups import GroupStatus
from shareout.status.machine import MachineStatus
from shareout.status.total import Status

SILENT, RUNNING, FINISHED = range(3)
"""How a machine is, as the page's script has it too."""
LINES_SHOWN = 3
LONGEST_TEXT = 120
OURS = "ERROR failed: "
MOST_TRIES = 5
"""Of looks for what a failed job has printed: it may be nothing."""
MOST_ACTIVE = 20
MOST_LOG = 64 << 20
"""Bytes of a machine's log: a larger one is not unpacked for a page."""


@dataclass(frozen=True, slots=True)
class Looked:
    """How it stands, and where that was read."""

    status: Status
    groups: Mapping[str, GroupStatus]
    folders: Sequence[tuple[str, RunFolder]]
    """Each with the name of its machine."""
    group_of: Callable[[int], str | None] | None = None
    """Of which group a job is."""
    said: Mapping[str, str] = field(default_factory=dict)
    """Of machines of which more is known than that they run or do not."""
    counted: Mapping[str, int] = field(default_factory=dict)
    """How many jobs have ended on those whose journals are not here."""
    groups_at: float = 0.0
    """When groups were counted: more seldom than all else."""


Look = Callable[[], Looked | None]
Prove = Callable[[Sequence[RunFolder]], str | None]
"""The certificate of what is complete there; None where there is none."""


class Page:
    """What the page is told. The looks and the drawings are made by different threads, one at a time."""

    def __init__(self, look: Look, prove: Prove) -> None:
        self._look, self._prove = look, prove
        self._complete = 0
        self._certificate: str | None = None
        self._history = History()
        self._one = threading.Lock()
        self._lines: dict[tuple[str, int, int], list[str]] = {}
        self._tries: Counter[tuple[str, int, int]] = Counter()
        self._shade: dict[str, str] = {}

    def state(self) -> dict[str, Any]:
        """As it stands; short, for it is told again whenever it is new."""
        with self._one:
            looked = self._look()
            if looked is None:
                return {}
            status, groups = looked.status, looked.groups
            if set(self._history.folders) - set(looked.folders):
                # What is no more looked at, as an earlier plan's, is told no more.
                self._history = History(self._history.version)
            self._history.folders = looked.folders
            self._history.group_of = looked.group_of
            self._history.look()
            self._history.observe(looked.counted, time.time())
            counts, ahead = status.counts, status.forecast
            self._certify(looked)
            return {
                "fingerprint": words(bytes.fromhex(status.digest)),
                "digest": status.digest,
                "now": round(time.time()),
                "live": not status.is_over,
                "jobs": counts.jobs, "done": counts.done, "failed": counts.failed, "skipped": counts.skipped,
                "running": counts.running, "todo": counts.todo,
                "rate": _short(status.rate),
                "eta": round(ahead.seconds) if ahead else None,
                "eta_low": round(ahead.low) if ahead else None,
                "eta_high": round(ahead.high) if ahead else None,
                "machines": {one.name: _machine(one, looked.said.get(one.name)) for one in status.machines},
                "absent": dict(status.absent),
                "groups": {name: _group(one, self._history.durations.get(name)) for name, one in groups.items()},
                "groups_at": round(looked.groups_at),
                "active": _active(status),
                "failures": self._failures(),
                "history": self._history.version,
                "certificate": self._certificate,
            }  # fmt: skip

    def _certify(self, looked: Looked) -> None:
        """Once, at the second look at what is complete: that it is so is told first, for this may take a while."""
        counts, status = looked.status.counts, looked.status
        is_complete = counts.done + counts.skipped == counts.jobs and status.is_over and not looked.counted
        self._complete = self._complete + 1 if is_complete else 0
        if self._complete == 2:
            self._certificate = self._prove([folder for _, folder in looked.folders])
        elif not is_complete:
            self._certificate = None

    def throughput(self) -> bytes:
        """As the report draws it; nothing while nothing has ended."""
        with self._one:
            spans = self._history.spans()
            if not spans:
                return json.dumps({"drawn": "", "shade": {}}).encode()
            # Who has a colour keeps it: one that overtakes another does not change the picture.
            for name in shades({name: sum(one.ended.values()) for name, one in spans.items()}):
                number = len(self._shade)
                self._shade.setdefault(name, f"c{number if number < COLOURS else 'x'}")
            drawn = figure(ended_over_time(spans, self._shade))
            return json.dumps({"drawn": drawn, "shade": self._shade}).encode()

    def _failures(self) -> list[dict[str, Any]]:
        """The newest first, with the last lines of what each printed."""
        found = list(self._history.failures)
        known = {(machine, one.job, one.attempt) for machine, _, one in found}
        self._lines = {key: lines for key, lines in self._lines.items() if key in known}
        self._tries = Counter({key: count for key, count in self._tries.items() if key in known})
        unread: dict[RunFolder, list[tuple[str, int, int]]] = {}
        for machine, folder, one in found:
            key = (machine, one.job, one.attempt)
            # What it printed may come into the log a moment after its end stands in the journal.
            if not self._lines.get(key) and self._tries[key] < MOST_TRIES:
                self._tries[key] += 1
                unread.setdefault(folder, []).append(key)
        for folder, keys in unread.items():
            told = _lines_of(folder, [(job, attempt) for _, job, attempt in keys])
            self._lines.update({key: told.get(key[1], []) for key in keys})
        return [
            {
                "job": one.job,
                "machine": machine,
                "attempt": one.attempt,
                "error": (one.error or one.cause.value)[:LONGEST_TEXT],
                "lines": self._lines[machine, one.job, one.attempt],
            }
            for machine, _, one in reversed(found)
        ]


def _lines_of(folder: RunFolder, wanted: list[tuple[int, int]]) -> dict[int, list[str]]:
    try:
        if sum(segment.stat().st_size for segment in folder.log_segments()) > MOST_LOG:
            return {}
        found = last_lines(folder, wanted, lambda _: None)
    except OSError:
        return {}
    return {job: _printed(lines) for job, lines in found.items()}


def _printed(lines: list[str]) -> list[str]:
    """The last ones; without what is told above them anyway."""
    if lines and lines[-1].startswith(OURS):
        lines = lines[:-1]
    return [line[:LONGEST_TEXT] for line in lines[-LINES_SHOWN:]]


def _machine(one: MachineStatus, said: str | None) -> list[object]:
    """By place and not by name: of five hundred machines all is told in 25 kB."""
    state = RUNNING if one.is_live else FINISHED if not one.left else SILENT
    ahead = round(one.forecast.seconds) if one.forecast and one.is_live else None
    heard = round(one.last_end) if state == SILENT and one.last_end else 0
    rate = _short(one.rate) if one.is_live else 0
    told: list[object] = [one.done, one.failed, one.running, one.todo, one.jobs, rate, ahead, state, heard]
    return [*told, said[:LONGEST_TEXT]] if said else told


def _group(one: GroupStatus, took: Durations | None) -> list[float]:
    counts = one.counts
    told: list[float] = [counts.done, counts.failed, counts.running, counts.todo, counts.jobs]
    return [*told, _short(took.percentile(50)), _short(took.percentile(90))] if took else told


def _active(status: Status) -> list[list[object]]:
    """Those that have run longest."""
    longest = sorted(status.active, key=lambda one: one.started)[:MOST_ACTIVE]
    return [
        [one.job, one.machine, one.slot, one.attempt, round(one.started), one.text[:LONGEST_TEXT]] for one in longest
    ]


def _short(number: float) -> float:
    return float(f"{number:.3g}")
