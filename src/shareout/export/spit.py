"""spit's server log: a line an event, of `key=value` fields, for the Miller one-liners that its users have.

    time=1448500946.994581,op=stats,start=1448500946.626452,end=1448500946.722344
    time=1448500946.999955,op=mark-done,ok=true,ntodo=544,nassigned=17,ndone=439,nfailed=0,ntotal=1000,task_id=439

A job is given when it starts, by its last attempt; what only a server has (`ready`, `accept`, a port) is left out. A
task's id is its line in the pool.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from shareout.export.runs import Ended, Runs
from shareout.fields import dataclass
from shareout.record.outcome import State

# An end is a start and what a steady clock measured: the next start, by the clock on the wall, may be so much before.
CLOCK_S = 1e-3


@dataclass(slots=True)
class _Counts:
    todo: int
    assigned: int = 0
    done: int = 0
    failed: int = 0

    def line(self, when: float, event: str, task: str = "") -> bytes:
        """An event at a time in seconds, with the counts as they are now."""
        total = self.todo + self.assigned + self.done + self.failed
        fields = (
            f"time={when:.6f},op={event},ntodo={self.todo},nassigned={self.assigned},ndone={self.done}"
            f",nfailed={self.failed},ntotal={total}{task}\n"
        )
        return fields.encode("utf-8", "surrogateescape")


def log_lines(runs: Runs) -> Iterator[bytes]:
    """In order of time. When each job was given is held, in a few bytes a job."""
    starts, jobs = _given(runs)
    counts = _Counts(runs.states.total)
    # When a job was given is known only from when it ended: so all are gone through twice, once for the starts alone.
    given, end = 0, 0.0
    for ended in runs.ended():
        before, end = end, ended.attempt.end
        until = max(ended.attempt.start, end - CLOCK_S)
        while given < len(starts) and starts[given] <= until:
            # As there: counted before this one is given.
            yield counts.line(max(before, starts[given]), "give", _task(runs, jobs[given]))
            counts.todo -= 1
            counts.assigned += 1
            given += 1
        yield b"time=%.6f,op=stats,start=%.6f,end=%.6f\n" % (end, ended.attempt.start, end)
        yield _marked(runs, counts, ended)
    if not counts.todo and not counts.assigned and given:
        yield counts.line(end, "exit")


def _marked(runs: Runs, counts: _Counts, ended: Ended) -> bytes:
    counts.assigned -= 1
    if ended.attempt.state is State.DONE:
        counts.done += 1
        word = "mark-done,ok=true"
    else:
        counts.failed += 1
        word = "mark-failed,ok=true"
    return counts.line(ended.attempt.end, word, _task(runs, ended.row.id))


def _given(runs: Runs) -> tuple[array[float], array[int]]:
    """Starts in order, and the jobs that started then."""
    starts, jobs = array("d"), array("q")
    for ended in runs.ended():
        starts.append(ended.attempt.start)
        jobs.append(ended.row.id)
    # By index, in arrays: a list of pairs would be a hundred bytes a job.
    order = array("q", sorted(range(len(starts)), key=starts.__getitem__))
    return array("d", map(starts.__getitem__, order)), array("q", map(jobs.__getitem__, order))


def _task(runs: Runs, job: int) -> str:
    text = " ".join(runs.plan.pool.values(job).words)
    # A line break would begin another event.
    return ",task_id=" + text.replace("\n", "\\n")
