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
        self.commands = []

    def submit(self, command: str) -> int:
        """Its number, from 0."""
        self.commands.append(command)
        self.tasks.append(self.feed.submit(command))
        return len(self.tasks) - 1

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
        return {
            "TaskId": number,
            "TaskCmd": self.commands[number],
            "ReturnCode": ended.exit if ended.exit is not None else -1,
            "Start": ended.start,
            "End": ended.end,
            "Elapsed": ended.end - ended.start,
        }
