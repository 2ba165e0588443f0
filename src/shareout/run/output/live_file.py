"""What runs now, in a small file that is rewritten at most once a second: for `status` from another terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from shareout.events import Counts, Running
from shareout.fields import asdict
from shareout.files import replace_file
from shareout.linux import host_name
from shareout.record.outcome import Attempt
from shareout.world import world

WRITE_S = 1.0
MOST_SHOWN = 1000


class LiveFile:
    """A Listener. The run does not depend on it: what cannot be written is not."""

    wants_every_attempt = False

    def __init__(self, path: Path, activity: Callable[[int], float | None], hold: Callable[[], None]) -> None:
        """`hold`: to be called now and then, to keep the folder."""
        self._path = path
        self._hold = hold
        self._activity = activity
        self._next = 0.0
        self._host = host_name()

    def began(self, counts: Counts) -> None:
        """Written at once, so that `status` knows of the run before its first job has ended."""
        self._write(counts, ())

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        """The next tick tells it."""
        return

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        """At most a thousand jobs are told, at most once a second."""
        if world.monotonic() >= self._next:
            self._next = world.monotonic() + WRITE_S
            self._write(counts, running)
            self._hold()

    def said(self, line: str) -> None:
        """It is in the log."""
        return

    def ended(self, counts: Counts, reason: str) -> None:
        """Taken away: a file that is there is of a run that lives, or was killed."""
        self._path.unlink(missing_ok=True)

    def _write(self, counts: Counts, running: Sequence[Running]) -> None:
        jobs = [{**asdict(one), "activity": self._activity(one.slot)} for one in running[:MOST_SHOWN]]
        facts = {
            "pid": world.getpid(),
            "host": self._host,
            "updated": world.time(),
            "counts": asdict(counts),
            "running": jobs,
        }
        try:
            # Not synced: after a power cut nothing of what it tells is true.
            replace_file(self._path, [json.dumps(facts).encode()], sync=False)
        except OSError:
            return
