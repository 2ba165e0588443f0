"""A launch for a page: what its hosts have told by now, and the records that are home."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shareout.cli.page_state import Looked
from shareout.launch.standing import OVER, STARTED, Standing, State, all_kept
from shareout.record.folder import RunFolder
from shareout.record.reader import newest_header
from shareout.record.sources import run_folders_below
from shareout.record.tallies.durations import Durations
from shareout.status.machine import Forecast, MachineStatus
from shareout.status.total import Counts, Status

FILE, HOME = "state.json", "home"
SILENT_S = 7.0
"""A host that is followed says something every other second."""
FRESH_S = 10.0
"""As long as somebody follows, the file is written every second."""


def launch_among(sources: Sequence[str]) -> Path | None:
    """The state of the launch whose folder is named; None where another thing is."""
    file = Path(sources[0]) / FILE if len(sources) == 1 else None
    return file if file is not None and (file.is_file() or file.parent.name == "launch") else None


class LaunchLook:
    """At the file that a launch keeps."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._homes: dict[str, RunFolder] = {}

    def __call__(self) -> Looked | None:
        """As its hosts stand; None before the first word of one."""
        try:
            facts = json.loads(self._file.read_bytes())
            rows = all_kept(facts)
        except FileNotFoundError:
            return None
        now = time.time()
        is_followed = now - float(facts.get("time", 0)) < FRESH_S
        home = [one for one in rows if one.state in OVER and self._home(one.machine)]
        counts = Counts(sum(one.jobs for one in rows))
        for one in rows:
            counts.done, counts.failed = counts.done + one.done, counts.failed + one.failed
            counts.running += one.running if one.state == State.RUNNING else 0
        machines = tuple(_machine(one, facts["digest"], self._file, is_followed=is_followed) for one in rows)
        status = Status(
            facts["digest"],
            counts,
            machines=machines,
            absent={},
            rate=sum(one.rate for one in machines),
            forecast=_slowest(rows) if is_followed else None,
            durations=Durations(),
            arrivals=(),
            earlier=0,
            earlier_absent=0,
            is_sample=True,
        )
        return Looked(
            status,
            {},
            [(one.machine, self._homes[one.machine]) for one in home],
            said={one.machine: said for one in rows if (said := _said(one, now, is_followed=is_followed))},
            counted={one.machine: one.done + one.failed for one in rows if one not in home},
        )

    def _home(self, machine: str) -> bool:
        if machine not in self._homes:
            place = self._file.parent.parent / HOME / machine
            for one in run_folders_below(place) if place.is_dir() else ():
                if newest_header(one).machine == machine:
                    self._homes[machine] = one
        return machine in self._homes


def _machine(one: Standing, digest: str, file: Path, *, is_followed: bool) -> MachineStatus:
    runs = is_followed and one.state == State.RUNNING
    return MachineStatus(
        one.machine,
        digest,
        jobs=one.jobs,
        done=one.done,
        failed=one.failed,
        skipped=0,
        running=one.running if runs else 0,
        # What is on its way is not over.
        is_live=is_followed and one.state not in OVER,
        rate=one.rate if runs else 0.0,
        forecast=_forecast(one),
        active=(),
        durations=Durations(),
        arrivals=(),
        recent=(),
        first_start=None,
        last_end=one.heard or None,
        damaged=0,
        path=file,
        audits=0,
        audited=0,
    )  # fmt: skip


def _forecast(one: Standing) -> Forecast | None:
    return None if one.eta is None else Forecast(one.eta, one.eta_low or 0.0, one.eta_high or one.eta)


def _slowest(rows: Sequence[Standing]) -> Forecast | None:
    """It is over when the last one is; unknown as long as one that has something left is not known to end."""
    left = [one for one in rows if one.done + one.failed < one.jobs]
    if any(one.eta is None or one.state not in STARTED for one in left):
        return None
    known: list[Any] = [_forecast(one) for one in left]
    return max(known, key=lambda one: one.seconds, default=Forecast(0.0, 0.0, 0.0))


def _said(one: Standing, now: float, *, is_followed: bool) -> str:
    """Its state in the launch, and why."""
    why = one.why.strip().partition("\n")[0]
    words = [str(one.state), *([why] if why else [])]
    if not is_followed and one.state not in OVER:
        words = ["not followed now"]
    return ": ".join(words) if one.state != State.RUNNING or not is_followed else ""
