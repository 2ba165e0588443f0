"""`run --results NAME.csv`: what each job printed, a row a job as soon as it has ended, in the columns that GNU
parallel's `--results NAME.csv` has; `.tsv` and `.json` as there.

    Seq,Host,Starttime,JobRuntime,Send,Receive,Exitval,Signal,Command,V1,Stdout,Stderr

What is recorded is in the journal; this is for who reads such files already.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from shareout.errors import UsageError, cannot_write
from shareout.events import Counts, Running
from shareout.export.joblog import joblog_fields
from shareout.export.runs import Ended
from shareout.fields import replace
from shareout.linux import host_name
from shareout.pool import Pool
from shareout.record.outcome import Attempt, State, Stream

_FINAL = (State.DONE, State.FAILED)
HEAD = ("Seq", "Host", "Starttime", "JobRuntime", "Send", "Receive", "Exitval", "Signal", "Command")


class ResultTable:
    """An OutputSink, and a Listener that waits for what a job printed. The same command goes on with its file; a first
    run begins it anew, as with `--joblog`."""

    wants_every_attempt = True
    lost = ""

    def __init__(self, path: Path, machine: str, pool: Pool) -> None:
        self._path, self._machine, self._pool = path, machine, pool
        self._host = host_name()
        self._printed: dict[int, dict[Stream, bytearray]] = {}
        self._ended: dict[int, Attempt] = {}
        if path.is_dir() or not path.parent.is_dir():
            raise UsageError(f"{path} is no place for a table", way_out="Name a file after --results, in a folder.")

    def began(self, counts: Counts) -> None:
        """With the line of titles, where it begins."""
        goes_on = bool(counts.done + counts.failed) and self._path.is_file() and self._path.stat().st_size > 0
        if not goes_on:
            self._write("wb", b"" if self._is_json else self._line([*HEAD, *self._values_named(), "Stdout", "Stderr"]))

    def add(self, data: bytes, job: int, attempt: int, *, stream: Stream, first: bool) -> None:
        """Kept until its job has ended: of the last attempt alone, as there."""
        if first or job not in self._printed:
            self._printed[job] = {one: bytearray() for one in Stream}
        self._printed[job][stream] += data

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        """Written with the next step: more of what it printed may come."""
        self._ended |= {one.job: one for one in attempts if one.state in _FINAL}

    def step(self, unfinished: Collection[int]) -> None:
        """One write for all that have ended, and have all their output here."""
        whole = [job for job in self._ended if job not in unfinished]
        if whole:
            self._write("ab", b"".join(self._row(self._ended.pop(job)) for job in whole))

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        """Nothing has ended."""
        return

    def said(self, line: str) -> None:
        """It has no place for sentences."""
        return

    def ended(self, counts: Counts, reason: str) -> None:
        """What was printed comes before `close`."""
        return

    def close(self) -> None:
        """All that has ended is written."""
        self.step(())

    @property
    def _is_json(self) -> bool:
        return self._path.suffix == ".json"

    def _values_named(self) -> list[str]:
        """Of the first job; where rows differ in length, later ones have as many as fit."""
        return [f"V{place}" for place in range(1, len(self._values(0)) + 1)] if len(self._pool) else ["V1"]

    def _values(self, job: int) -> Sequence[str]:
        values = self._pool.values(job)
        return values.columns if getattr(self._pool, "has_columns", False) else values.words

    def _row(self, attempt: Attempt) -> bytes:
        row = replace(self._pool.row(attempt.job), text=self._pool.command(attempt.job))
        told = joblog_fields(Ended(row, attempt, self._machine, self._host))
        printed = self._printed.pop(attempt.job, {})
        texts = [printed.get(stream, b"").decode("utf-8", "surrogateescape") for stream in Stream]
        values = self._values(attempt.job)
        if not self._is_json:
            # A row has as many fields as there are titles.
            count = len(self._values_named())
            fitting = [*values[: count - 1], " ".join(values[count - 1 :])] if len(values) > count else list(values)
            return self._line([*told, *fitting, *[""] * (count - len(fitting)), *texts])
        facts: dict[str, Any] = dict(zip(HEAD, told, strict=True)) | {
            "V": list(values),
            "Stdout": texts[0],
            "Stderr": texts[1],
        }
        facts |= {name: float(facts[name]) for name in ("Starttime", "JobRuntime")}
        return (json.dumps(facts) + "\n").encode("ascii")

    def _line(self, fields: Sequence[object]) -> bytes:
        text = io.StringIO()
        csv.writer(text, delimiter="\t" if self._path.suffix == ".tsv" else ",", lineterminator="\n").writerow(fields)
        return text.getvalue().encode("utf-8", "surrogateescape")

    def _write(self, mode: str, data: bytes) -> None:
        try:
            with self._path.open(mode) as file:
                file.write(data)
        except OSError as error:
            raise cannot_write(self._path, error, way_out="Name another place after --results.") from error
