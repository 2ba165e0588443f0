"""The next commands of a batch, looked up some at a time before their turns.

Between two commands a worker's code has been pushed out of the processor's caches by the programs that ran, and each of
its steps takes several times as long as in a loop. So what can be known beforehand (the line, its variables, whether it
needs a shell) is found out for many jobs at once; only what begins and ends a command is done at its turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from shareout.run.command.spawn import Call, Launch
from shareout.run.command.variables import Described
from shareout.run.hands.far_side import JobsBetween

# Enough for a loop to be one, and few enough to hold no first command back.
AT_ONCE = 32


class Ahead:
    """Used for one batch after the other: `begin` each, walk `jobs_between`, and `take` once for each job."""

    def __init__(self, jobs_between: JobsBetween, describe: Described, launch: Launch) -> None:
        self._jobs_between = jobs_between
        self._describe = describe
        self._launch = launch
        self._attempt = 1
        self._environment: Mapping[bytes, bytes] = {}
        self._calls: list[Call | OSError | ValueError] = []

    def begin(self, attempt: int, environment: Mapping[bytes, bytes]) -> None:
        """Which try the jobs of the next batch are at, and what all of them are given."""
        self._attempt = attempt
        self._environment = environment

    def jobs_between(self, start: int, stop: int) -> Iterator[int]:
        """The ids of jobs, as they are asked for by `Turns`."""
        jobs = iter(self._jobs_between(start, stop))
        while some := list(islice(jobs, AT_ONCE)):
            # From the end, where it costs nothing to take one away; what a batch left that was taken back goes.
            self._calls = [self._looked_up(job) for job in reversed(some)]
            yield from some

    def take(self) -> Call:
        """Of the job that was yielded last. OSError or ValueError: it can never be started."""
        call = self._calls.pop()
        if isinstance(call, Exception):
            raise call
        return call

    def _looked_up(self, job: int) -> Call | OSError | ValueError:
        try:
            line, own = self._describe(job, self._attempt)
            return self._launch.call(line, {**self._environment, **own})
        except (OSError, ValueError) as error:
            # It is that job's, and told at its turn.
            return error
