"""How long a turn of the crew waits: nothing is gained by being busy."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace
from typing import cast

from shareout.record.outcome import Attempt, Cause, State
from shareout.record.tallies.durations import Durations
from shareout.run.crew import Crew, Parts
from shareout.run.hands import Finished
from shareout.settings_values import Halt
from shareout.supply import Work


def test_a_retry_that_is_due_waits_idly_while_a_failure_that_may_halt_the_run_is_judged() -> None:
    waited: list[float] = []
    hands = SimpleNamespace(
        patience=lambda: math.inf,
        appetite=lambda slot: 1,
        take_back=lambda behind_s=0.0: (),
        was_hit=lambda slot, attempt: True,
        ran_others=lambda attempt: False,
    )
    parts = SimpleNamespace(
        hands=hands,
        orders=SimpleNamespace(next=lambda appetite: None, next_due=lambda: time.monotonic()),
        tally=SimpleNamespace(done=0, failed=0, durations=Durations()),
        limits=SimpleNamespace(halt=Halt("now", "fail", count=1)),
        watch=SimpleNamespace(patience=lambda durations: 1.0),
        selector=SimpleNamespace(select=waited.append),
        background=lambda: False,
        others=None,
    )
    crew = Crew(cast(Parts, parts), 1, 2, None)
    crew._next_tick = time.monotonic() + 1.0
    crew._fill()
    failed = Attempt(0, 0, 1, state=State.FAILED, start=0.0, end=1.0, slot=0, cause=Cause.EXIT)
    crew._verdicts.known([Finished(0, b"", 0, [failed], [Work(0, 1)])], is_stopping=False)
    crew._fill()
    crew._wait()
    assert waited[0] > 0.1
