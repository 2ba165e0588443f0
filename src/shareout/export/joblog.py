"""GNU parallel's job log: a head line, then a line a job in the order in which they ended.

    Seq  Host  Starttime  JobRuntime  Send  Receive  Exitval  Signal  Command

Seq is the id + 1, as `{#}`. Send is 0: nothing is transferred. Receive is what the job printed on standard output, in
bytes.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

from shareout.export.runs import Ended, Runs
from shareout.record.outcome import Attempt

HEADER = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"


def joblog_lines(runs: Runs) -> Iterator[bytes]:
    """The file, from what there is now."""
    yield HEADER.encode()
    yield from map(joblog_line, runs.ended())


def joblog_line(ended: Ended) -> bytes:
    """Of one job."""
    fields = [str(field) for field in joblog_fields(ended)]
    # Where parallel writes a NUL for a line break, and a tab as it is, which makes another field.
    fields[-1] = fields[-1].replace("\n", "\\n").replace("\t", "\\t")
    fields[3] = fields[3].rjust(10)
    return ("\t".join(fields) + "\n").encode("utf-8", "surrogateescape")


def joblog_fields(ended: Ended) -> tuple[int | str | float, ...]:
    """What its columns hold."""
    attempt = ended.attempt
    code, number = _exit_and_signal(attempt)
    return (
        ended.row.id + 1, ended.host, f"{attempt.start:.3f}", f"{max(0.0, attempt.end - attempt.start):.3f}",
        0, attempt.out.size if attempt.out else 0, code, number, ended.row.text,
    )  # fmt: skip


def _exit_and_signal(attempt: Attempt) -> tuple[int, int]:
    """A job that a signal ended has exit value 0 there, and the signal's number."""
    if attempt.signal:
        return 0, signal.Signals[attempt.signal].value
    if attempt.exit is None:
        return int(attempt.error is not None), 0
    return attempt.exit, 0
