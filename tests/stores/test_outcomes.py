"""Outcomes that a program is told: each once, and with the job as it was given, however soon it has ended."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path

from kit.nats import opened_there, serving
from shareout.record.journal import attempt_line
from shareout.record.outcome import Attempt, State
from shareout.serving.outcomes import Outcomes


def ended(job: int) -> bytes:
    return attempt_line(Attempt(job, job, 1, state=State.DONE, start=1.0, end=2.0, slot=0))


def told(reader: int) -> list[tuple[int, object]]:
    lines = os.read(reader, 1 << 16).splitlines() if os.get_blocking(reader) else []
    return [(one["job"], one["given"]) for one in map(json.loads, lines)]


def test_what_ends_before_its_job_is_known_here_is_told_when_it_is(tmp_path: Path) -> None:
    known = ["first"]
    reader, writer = os.pipe()
    with (
        serving(tmp_path / "served") as program,
        closing(opened_there(tmp_path / "served", program.port, "t")) as store,
    ):
        outcomes = Outcomes(store, lambda job: known[job], writer)
        text = b"".join(map(ended, (1, 0, 7)))
        assert store.ship("alice", "journal.1-abcdabcd.jsonl", 0, text) == len(text)
        outcomes.step()
        assert told(reader) == [(0, "first")]
        assert outcomes.waits
        outcomes.step()
        known.append("second")
        outcomes.step()
        assert told(reader) == [(1, "second")]
        # Of one that nobody has given, that it ended is told at the end all the same.
        outcomes.finish()
        assert told(reader) == [(7, None)]
        assert not outcomes.waits
