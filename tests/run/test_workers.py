"""What workers are told of processes that may have ended meanwhile."""

from __future__ import annotations

import os
from selectors import BaseSelector
from types import SimpleNamespace
from typing import cast

from shareout.events import Running
from shareout.record.outcome import Cause
from shareout.run.hands import Order
from shareout.run.hands.seat import Seat
from shareout.run.hands.shared import Control
from shareout.run.hands.workers import Workers
from shareout.run.processes.children import Children
from shareout.supply import Work


def test_a_worker_that_has_died_by_itself_is_not_ended_for_its_time() -> None:
    """While the parent waited for its disk: the job's end is its own then, and no timeout."""
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 2"], {})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    reader, writer = os.pipe()
    seat = Seat(0, pid, down=writer, up=reader, control=Control(), mark="")
    workers = Workers(
        1,
        lambda slot: seat,
        name=lambda position: (position, ""),
        heard=lambda kind, facts: None,
        children=cast(Children, SimpleNamespace(add=lambda pid: None)),
        runs=lambda slot, pid: None,
        selector=cast(BaseSelector, SimpleNamespace(register=lambda handle, events: None)),
        grace=1.0,
        single=True,
    )
    workers.start(0, Order(Work(0, 1)))
    workers.end(Running(0, 0, 1, started=seat.control.since, fraction=None, text=""), Cause.TIMEOUT)
    assert seat.cause is None
    os.waitpid(pid, 0)
    os.close(reader)
    os.close(writer)
