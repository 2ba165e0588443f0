"""disBatch's status file: fifteen fields a task, separated by tabs, in the order in which tasks ended.

    R O   5  13  -1  alice  7517  3  0.010  1795498979.067  1795498979.078  11  'leaked out\\n'  0  ''  exit 3

Flags: R the exit code is not 0, O it printed something, E on standard error, S it was taken over from another status
file, B and C a barrier.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from shareout.export.runs import Ended, Runs
from shareout.export.snippets import Snippets
from shareout.pool import Barrier
from shareout.record.outcome import Attempt, State, Stream, imprint_on

HEADER = (
    "ROE[ PSZ]\tTaskID\tLineNum\tRepeatIndex\tNode\tPID\tReturnCode\tElapsed\tStart\tFinish\tBytesOfLeakedOutput\t"
    "OutputSnippet\tBytesOfLeakedError\tErrorSnippet\tCommand"
)


def status_lines(runs: Runs) -> Iterator[bytes]:
    """The file, from what there is now: it grows as the runs go on."""
    if runs.header:
        yield HEADER.encode() + b"\n"
    with Snippets(runs) as snippets:
        barriers = _Barriers(runs)
        for ended in runs.ended():
            yield _line(ended, snippets)
            yield from barriers.passed_with(ended)


def _line(ended: Ended, snippets: Snippets) -> bytes:
    row, attempt = ended.row, ended.attempt
    code = _exit_code(attempt)
    told = {"R": code, "O": attempt.out, "E": attempt.err, "S": attempt.origin}
    flags = "".join(flag if is_so else " " for flag, is_so in told.items())
    # As there: -1 is a task that is no repetition, and a process that never was.
    repeat = -1 if row.repeat is None else row.repeat
    task = row.id if row.task < 0 else row.task
    where = (task, row.line or row.id + 1, repeat, ended.host, attempt.pid or -1, code)
    printed: list[object] = []
    for stream in Stream:
        imprint = imprint_on(attempt, stream)
        # A snippet stands as Python writes a text, for so disBatch does.
        said = repr(snippets.of(attempt, stream).decode("utf-8", "replace"))
        printed += [imprint.size if imprint else 0, said]
    return _joined(flags, where, attempt.start, end=attempt.end, printed=printed, command=row.text)


def _joined(
    flags: str,
    where: tuple[object, ...],
    start: float,
    end: float,
    command: str,
    printed: Sequence[object] = (0, "''", 0, "''"),
) -> bytes:
    times = (f"{max(0.0, end - start):.3f}", f"{start:.3f}", f"{end:.3f}")
    # A line break, which a task of a file cannot have, would begin another task.
    fields = (flags, *where, *times, *printed, command.replace("\n", "\\n"))
    return ("\t".join(map(str, fields)) + "\n").encode("utf-8", "surrogateescape")


def _exit_code(attempt: Attempt) -> int:
    """Negative for a signal, as Python tells it."""
    if attempt.state is State.DONE:
        return attempt.exit or 0
    if attempt.exit is None:
        return 1
    return 128 - attempt.exit if attempt.signal and attempt.exit > 128 else attempt.exit


class _Barriers:
    """A barrier's line stands where all tasks before it had ended; disBatch counts barriers as tasks."""

    def __init__(self, runs: Runs) -> None:
        self._barriers = runs.plan.pool.barriers
        self._cuts = [barrier.job for barrier in self._barriers]
        self._ended = [0] * (len(self._cuts) + 1)
        """Between each barrier and the one before."""
        self._passed = self._before = 0

    def passed_with(self, ended: Ended) -> Iterator[bytes]:
        """The lines of barriers before which nothing is left, now that this one has ended."""
        self._ended[bisect_right(self._cuts, ended.row.id)] += 1
        while self._passed < len(self._cuts):
            barrier = self._barriers[self._passed]
            if self._before + self._ended[self._passed] < barrier.job:
                return
            self._before = barrier.job
            self._passed += 1
            yield _barrier_line(barrier, ended)


def _barrier_line(barrier: Barrier, ended: Ended) -> bytes:
    where = (barrier.task, barrier.line, -1, ended.host, -1, 0)
    when = ended.attempt.end
    return _joined(("C" if barrier.check else "B") + "    ", where, when, end=when, command=barrier.text)
