"""How much a page is told: of very many machines, and when nothing is new."""

from __future__ import annotations

import json
import time
from pathlib import Path

from shareout.cli.page_state import Looked, Page
from shareout.fields import replace
from shareout.record.tallies.durations import Durations
from shareout.status.machine import Forecast, MachineStatus
from shareout.status.total import Counts, Status
from shareout.web.feed import patch, without_nulls

MACHINES = 500


def machine(number: int, done: int) -> MachineStatus:
    return MachineStatus(
        f"node{number:03}", "ab" * 32, jobs=20_000, done=done, failed=number % 7, skipped=0, running=64, is_live=True,
        rate=12.34, forecast=Forecast(3600.0 + number, 3500.0, 3700.0), active=(), durations=Durations(), arrivals=(),
        recent=(), first_start=1e9, last_end=1e9, damaged=0, path=Path("runs"), audits=0, audited=0,
    )  # fmt: skip


def status(done: int) -> Status:
    machines = tuple(machine(number, done) for number in range(MACHINES))
    counts = Counts(10**7, done * MACHINES, 1500, 0, 32_000)
    return Status(
        "ab" * 32, counts, machines=machines, absent={}, rate=6170.0, forecast=Forecast(4000.0, 3900.0, 4100.0),
        durations=Durations(), arrivals=(), earlier=0, earlier_absent=0, is_sample=True,
    )  # fmt: skip


def test_five_hundred_machines_are_told_in_25_kb_and_nothing_new_in_3() -> None:
    looks = iter([status(9_000), status(9_000), status(9_001)])
    page = Page(lambda: Looked(next(looks), {}, ()), lambda _: None)
    first, same, more = (without_nulls(page.state()) for _ in range(3))
    assert len(json.dumps(first, separators=(",", ":"))) <= 25_000
    assert len(json.dumps(patch(first, same), separators=(",", ":"))) <= 100
    # All of them did something: no change is larger.
    assert len(json.dumps(patch(same, more), separators=(",", ":"))) <= 25_000


def test_a_look_at_what_is_complete_tells_so_before_it_is_proven() -> None:
    over = replace(status(20_000), counts=Counts(10, 10))
    over = replace(over, machines=tuple(replace(one, is_live=False) for one in over.machines))
    began = time.time()
    page = Page(lambda: Looked(over, {}, ()), lambda _: "0f" * 32)
    assert page.state()["certificate"] is None
    assert page.state()["certificate"] == "0f" * 32
    assert page.state()["now"] >= int(began)
