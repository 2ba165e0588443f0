"""Journals to damage: a small machine's header, attempts at its jobs, and a run directory that holds them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from shareout.plan.ids import IdsAt, ids_as_told
from shareout.record.folder import RunFolder
from shareout.record.journal import Header, attempt_line, closed
from shareout.record.outcome import Attempt, Cause, State
from shareout.record.proof import Proof, proofs_of
from shareout.record.reader import JournalReader
from shareout.record.writer import JournalWriter

JOBS = 20


def header(jobs: int = JOBS, ranges: tuple[tuple[int, int], ...] = (), machine: str = "alice") -> Header:
    return Header("ab" * 32, "cd" * 32, machine, jobs, ranges or ((0, jobs),), (), "0.1.0", "", "python")


def attempt(position: int, state: State = State.DONE, number: int = 1, result: Any = None, jobs: int = JOBS) -> Attempt:
    """Of the job that the plan has there, where that is a position of the plan."""
    fine = state in (State.DONE, State.SKIPPED, State.REQUEUED)
    return Attempt(
        _ids_of(jobs)([position])[0] if position < jobs else position,
        position,
        number,
        state,
        100.0 + position,
        101.5 + position,
        position % 2,
        cause=Cause.NONE if fine else Cause.EXCEPTION,
        error=None if fine else "it broke",
        result=[position, "x"] if result is None and state is State.DONE else result,
    )


@cache
def _ids_of(jobs: int) -> IdsAt:
    ids_at = ids_as_told(header(jobs))
    assert ids_at is not None
    return ids_at


def ids_as_made(positions: Sequence[int]) -> list[int]:
    """The ids that `attempt` gives."""
    return _ids_of(JOBS)(positions)


def run_folder(path: Path, attempts: Sequence[Attempt] = (), made_for: Header | None = None) -> RunFolder:
    """A run directory with these attempts in its journal."""
    path.mkdir(parents=True, exist_ok=True)
    folder = RunFolder(path)
    writer = JournalWriter(folder, made_for or header())
    for one in attempts:
        writer.append(attempt_line(one))
    writer.close()
    return folder


def last_journal(folder: RunFolder) -> Path:
    """Of its last start; where there is none, where its first one's would be."""
    return next(reversed(folder.journals()), folder.journal(1, "0" * 8))


def proof_of(folder: RunFolder) -> Proof:
    """What the tally proves of the last journal."""
    return proofs_of(folder).get(last_journal(folder).name, Proof())


def done_positions(folder: RunFolder) -> list[int]:
    attempts = (one for path in folder.journals() for one in JournalReader(path).attempts())
    return [one.position for one in attempts if one.state is State.DONE]


def rewrite(folder: RunFolder, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """What somebody does to a journal by hand: lines as JSON, the header first, each closed with a right checksum."""
    lines = [json.loads(line) for line in last_journal(folder).read_bytes().splitlines()]
    change(lines)
    texts = [json.dumps({**facts, "crc": None}, separators=(",", ":")).replace(',"crc":null}', "") for facts in lines]
    # Times as the journal has them: in six digits.
    times = re.compile(r'"(start|end)":([0-9.]+)')
    texts = [times.sub(lambda found: f'"{found[1]}":{float(found[2]):.6f}', text) for text in texts]
    last_journal(folder).write_bytes(b"".join(map(closed, texts)))
