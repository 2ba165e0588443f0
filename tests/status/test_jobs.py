"""What `list` knows of each job is what the journals say, in whatever order they are read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.journals import last_journal
from shareout.record.folder import RunFolder
from shareout.record.journal import Header, attempt_line
from shareout.record.outcome import Attempt, Cause, State
from shareout.status.jobs import JobStates, attempts_of

STEPS = st.lists(st.sampled_from(["done", "failed", "retry", "requeued", "skipped", "stopped"]), max_size=5)


def expected(steps: list[str]) -> str:
    now = "."
    for step in steps:
        if step == "requeued":
            now = "."
        elif now == "d" or step in ("retry", "stopped"):
            continue
        else:
            now = {"done": "d", "failed": "!", "skipped": "s"}[step]
    return now


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_states_follow_the_records(
    tmp_path_factory: pytest.TempPathFactory, jobs: list[list[str]], source: random.Random
) -> None:
    folder = RunFolder(tmp_path_factory.mktemp("jobs"))
    header = Header("ab" * 32, "cd" * 32, "alice", len(jobs), ((0, len(jobs)),), (), "0", "", "python", order="given")
    waiting = {job: list(enumerate(steps, 1)) for job, steps in enumerate(jobs) if steps}
    lines = [header.lines()]
    while waiting:
        job = source.choice(sorted(waiting))
        number, step = waiting[job].pop(0)
        if not waiting[job]:
            del waiting[job]
        cause = Cause.EXIT if step in ("failed", "retry") else Cause.NONE
        lines.append(attempt_line(Attempt(job, job, number, State(step), 1.0, 2.5, 0, cause=cause)))
    last_journal(folder).write_bytes(b"".join(lines))
    states = JobStates([folder])
    assert [one.state for one in states.all()] == [expected(steps) for steps in jobs]
    for job, steps in enumerate(jobs):
        assert [attempt.state.value for _, attempt in attempts_of([folder], job)] == steps


def test_done_on_one_machine_beats_failed_on_another(tmp_path: Path) -> None:
    folders = []
    for number, state in enumerate([State.FAILED, State.DONE, State.FAILED]):
        folder = RunFolder(tmp_path / str(number))
        folder.path.mkdir()
        header = Header("ab" * 32, "cd" * 32, f"m{number}", 1, ((0, 1),), (), "0", "", "python")
        cause = Cause.SIGNAL if state is State.FAILED else Cause.NONE
        record = Attempt(0, 0, 1, state, 1.0, 2.0, 0, cause=cause)
        last_journal(folder).write_bytes(header.lines() + attempt_line(record))
        folders.append(folder)
    (only,) = JobStates(folders).all()
    assert (only.state, only.machine) == ("d", "m1")
