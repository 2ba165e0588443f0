"""How long a turn of the crew waits, for nothing is gained by being busy; and what is judged of what has ended then."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace
from typing import cast

from shareout.record.outcome import Attempt, Cause, State
from shareout.record.tallies.durations import Durations
from shareout.run.crew import Crew, Parts
from shareout.run.hands import Finished, Hands
from shareout.run.verdicts import Verdicts
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
        writer=SimpleNamespace(is_full=lambda: False),
    )
    crew = Crew(cast(Parts, parts), 1, 2, None)
    crew._next_tick = time.monotonic() + 1.0
    crew._fill()
    failed = Attempt(0, 0, 1, state=State.FAILED, start=0.0, end=1.0, slot=0, cause=Cause.EXIT)
    crew._verdicts.known([Finished(0, b"", 0, [failed], [Work(0, 1)])], is_stopping=False)
    crew._fill()
    crew._wait()
    assert waited[0] > 0.1


def test_what_failed_while_the_disk_was_full_is_let_off_though_there_is_room_at_the_verdict() -> None:
    hands = SimpleNamespace(was_hit=lambda slot, attempt: False, ran_others=lambda attempt: False)
    full = [True]
    verdicts = Verdicts(cast(Hands, hands), lambda: full[0])
    failed = Attempt(0, 0, 1, state=State.FAILED, start=0.0, end=1.0, slot=0, cause=Cause.EXIT, error="exit status 1")
    (known,) = verdicts.known([Finished(0, b"", 0, [failed], [Work(0, 1)])], is_stopping=False)
    full[0] = False
    assert [(one.state, one.error) for one in known.attempts] == [
        (State.STOPPED, "it costs no attempt, the disk was full: exit status 1")
    ]
    assert verdicts.were_full
    assert not verdicts, "nothing is in doubt of it"
