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
        return

    def finished(self, attempts: Sequence[Attempt], counts: Counts) -> None:
        for attempt in attempts:
            try:
                self._call(attempt)
            except Exception as error:  # noqa: BLE001
                if not self._told:
                    self._told = True
                    say(f"shareout: on_result failed: {type(error).__name__}: {error}")

    def tick(self, counts: Counts, running: Sequence[Running]) -> None:
        return

    def said(self, line: str) -> None:
        return

    def ended(self, counts: Counts, reason: str) -> None:
        return
