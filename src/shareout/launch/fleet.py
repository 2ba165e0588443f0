"""All hosts at once: a thread a host, which mostly waits for a line; one picture of them for who looks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event, Thread

from shareout.launch.errand import Errand
from shareout.launch.launcher import Refusal, Unreached
from shareout.launch.ssh import Jumps, Ssh
from shareout.launch.standing import OVER, Standing, Standings, State

LOOK_S = 1.0
KEEP_S = 5.0
"""Between two writings of what is only a cache."""


class Fleet:
    """The errands of one call."""

    def __init__(self, errands: Sequence[Errand], jumps: Jumps, standings: Standings, leaving: Event) -> None:
        self.errands, self._jumps, self.standings, self._leaving = errands, jumps, standings, leaving
        self._ended = Event()
        self._failure: Exception | None = None

    def run(self, steps: Callable[[Errand], None], shown: Callable[[Sequence[Standing]], None]) -> None:
        """Each does these steps, until all have ended. Ctrl-C ends the view: whatever runs there goes on."""
        threads = [Thread(target=self._one, args=(errand, steps), daemon=True) for errand in self.errands]
        keeps_at = 0.0
        try:
            for thread in threads:
                thread.start()
            while self._failure is None and any(thread.is_alive() for thread in threads):
                # Not by join: a signal would be heard only when one ends.
                self._ended.wait(LOOK_S)
                self._ended.clear()
                if (now := time.monotonic()) >= keeps_at:
                    keeps_at = now + KEEP_S
                    self.standings.keep()
                shown(self.standings.now())
        finally:
            self._leaving.set()
            for errand in self.errands:
                errand.launcher.close()
            self._jumps.close()
            self.standings.keep()
        if self._failure is not None:
            raise self._failure

    def once(self, machine: str, steps: Callable[[Errand], None]) -> None:
        """One of them does these steps as well, after all."""
        errand = next(one for one in self.errands if one.machine == machine)
        self._leaving.clear()
        try:
            errand.run(lambda: steps(errand))
        finally:
            self._leaving.set()
            errand.launcher.close()
            self._jumps.close()

    def ask_for_passwords(self) -> None:
        """Before anything else, where there is a terminal: all are reached, and those whose ssh wants to ask get the
        terminal, one after the other."""
        far = [(errand, errand.launcher) for errand in self.errands if isinstance(errand.launcher, Ssh)]
        threads = [Thread(target=_tried, args=(launcher,), daemon=True) for _, launcher in far]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for errand, launcher in far:
            if launcher.asks:
                try:
                    launcher.open_asking()
                except (Refusal, Unreached):
                    errand.tell(State.REFUSED, why="ssh has said why, above")

    def _one(self, errand: Errand, steps: Callable[[Errand], None]) -> None:
        try:
            if self.standings.of(errand.machine).state not in OVER:
                errand.run(lambda: steps(errand))
        except Exception as failure:  # noqa: BLE001
            # That nobody reads standard output any more, say: it is the caller's to tell, once.
            self._failure = self._failure or failure
            self._leaving.set()
        self._ended.set()


def _tried(launcher: Ssh) -> None:
    # What fails for another reason is told, and tried again, in its turn.
    with suppress(Refusal, Unreached):
        launcher.open()
