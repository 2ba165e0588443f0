"""The entry's `on_result`, called in the parent after each job. What it raises is told once, and harms nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from shareout.events import Counts, Running
from shareout.record.outcome import Attempt
from shareout.show.beside import say


class OnResult:
    """A Listener."""

    wants_every_attempt = True

    def __init__(self, call: Callable[[Any], Any]) -> None:
        self._call = call
        self._told = False

    def began(self, counts: Counts) -> None:
        """Nothing: there is no result yet."""
        return

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        """The user's function, once for each attempt. A run is worth more than what looks on: it may fail."""
        for attempt in attempts:
            try:
                self._call(attempt)
            except Exception as error:  # noqa: BLE001
                # Once: a function that fails, fails for each of ten million jobs.
                if not self._told:
                    self._told = True
                    say(f"shareout: on_result failed: {type(error).__name__}: {error}")

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        """Nothing."""
        return

    def said(self, line: str) -> None:
        """Nothing: other views tell it."""
        return

    def ended(self, counts: Counts, reason: str) -> None:
        """Nothing: `on_end` of the entry is called by `run` itself."""
        return
