"""What `list` knows of each job is what the journals say, in whatever order they are read."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.journals import last_journal
from shareout.merge.proof.choose_record import Record, settle
from shareout.record.folder import RunFolder
from shareout.record.journal import Header, attempt_line
from shareout.record.outcome import Attempt, Cause, State
from shareout.status.jobs import JobStates, attempts_of, settled_of

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


MACHINES = {"bob": (((0, 1),), ()), "alice": (((1, 2),), ((0, 1),)), "all": (((0, 2),), ())}
TIMES = st.permutations(range(12))
SAID = st.fixed_dictionaries(
    {name: st.lists(st.sampled_from(["done", "failed", "skipped", "requeued"]), max_size=3) for name in MACHINES}
)


@settings(max_examples=150, deadline=None)
@given(SAID, TIMES, st.permutations(sorted(MACHINES)))
def test_of_several_records_of_a_job_the_one_counts_that_a_merge_takes(
    tmp_path_factory: pytest.TempPathFactory, said: dict[str, list[str]], times: list[int], named: list[str]
) -> None:
    path, records, moments = tmp_path_factory.mktemp("jobs"), [], iter(times)
    for name, (ranges, audit) in MACHINES.items():
        (path / name).mkdir()
        header = Header("ab" * 32, "cd" * 32, name, 2, ranges, audit, "0", "", "python", order="given")
        lines = [header.lines()]
        for number, (word, at) in enumerate(zip(said[name], sorted(islice(moments, 3)), strict=False), 1):
            state, cause = State(word), Cause.EXIT if word == "failed" else Cause.NONE
            attempt = Attempt(0, 0, number, state, 1.0, 2.0 + at, 0, cause=cause, result=name)
            lines.append(attempt_line(attempt))
            payload = f"0\t{name}".encode() if state is State.DONE else lines[-1]
            records.append(
                Record(0, name, header.origin, state, number, attempt.end, payload, is_audit=header.audits(0))
            )
        last_journal(RunFolder(path / name)).write_bytes(b"".join(lines))
    counted = settle(records).counted
    folders = [RunFolder(path / name) for name in named]
    found = JobStates(folders).state(0)
    expected = {State.DONE: "d", State.FAILED: "!", State.SKIPPED: "s"}[counted.state] if counted else "."
    assert (found.state, found.machine) == (expected, counted.machine if counted else "")
    if counted and counted.state is not State.SKIPPED:
        assert settled_of(folders, 0)[0].header.machine == counted.machine
