"""The calls of disBatch's DisBatcher, for programs that have them: tasks go to a stream that `shareout serve` serves.

    shareout serve --stream tasks                       # says where it is, and where its token lies
    shareout join nats://HOST:PORT --token-file TOKEN   # on each host
"""

from __future__ import annotations

import shareout


class DisBatcher:
    """`submit` takes a task, `syncTasks` waits for some, `wait_one_task` for the next, `done` ends it all."""

    def __init__(self, address: str, token_file: str) -> None:
        self.feed = shareout.Feed(address, token_file)
        self.tasks = []

    def submit(self, text: str) -> int:
        """A task, or several lines with directives; how many tasks there are now."""
        self.tasks += self.feed.lines(text.splitlines())
        return len(self.tasks)

    def syncTasks(self, numbers) -> dict:  # noqa: N802: it is called so there
        """The reports of these, when all are over."""
        return {number: self._report(number) for number in numbers}

    def wait_one_task(self) -> dict | None:
        """The report of the next that ends; None where none is left."""
        future = self.feed.wait_one()
        if future is None:
            return None
        return self._report(self.tasks.index(future))

    def done(self) -> None:
        """No more tasks come."""
        self.feed.end()
        self.feed.sync()
        self.feed.close()

    def _report(self, number: int) -> dict:
        ended = self.tasks[number].result()
        code = ended.exit if ended.exit is not None else -1
        return {
            "Flags": f"{'R' if code else ' '}{'O' if ended.out else ' '}{'E' if ended.err else ' '} ",
            "TaskId": number,
            "TaskStreamIndex": number + 1,
            "TaskRepIndex": -1,
            "Host": ended.machine,
            "PID": ended.pid,
            "ReturnCode": code,
            "Elapsed": ended.end - ended.start,
            "Start": ended.start,
            "End": ended.end,
            "OutBytes": ended.out,
            "OutData": "",  # what it printed is in the log: `shareout show ID`
            "ErrBytes": ended.err,
            "ErrData": "",
            "TaskCmd": ended.given,
        }
