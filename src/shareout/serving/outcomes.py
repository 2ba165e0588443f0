"""What becomes of each job, a JSON line as it ends, for a program that reads it: of this call all that there is, and
what comes.

Who reads slowly holds nothing up: what he has not taken yet stays at the server, on its disk, and is fetched when there
is room in his pipe. So a program may first give all its jobs and then read.
"""

from __future__ import annotations

import json
import os
import select
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from shareout.errors import OutputLost
from shareout.fields import asdict
from shareout.number_set import NumberSet
from shareout.record.outcome import State
from shareout.serving.results import Ended, Results, Told
from shareout.stores.nats.store import NatsStore

LOT = 1_000
"""Lines that are made at once."""
MOST_EARLY = 10_000
"""So many are waited for whose jobs are not known: more come of a host that lies."""
AT_ONCE = select.PIPE_BUF
"""A pipe that is ready has room for so much: to write it waits for nobody."""


class Outcomes:
    """Of one call of `serve`."""

    def __init__(self, net: NatsStore, given: Callable[[int], Any], handle: int) -> None:
        """`given`: a job as it was given. `handle`: where the lines go."""
        self._net, self._results = net, Results(net, from_now=False)
        self._given, self._handle = given, handle
        self._coming: Iterator[Told] = iter(())
        self._done = NumberSet()
        self._early: list[Told] = []
        """Of jobs that are not known here yet: a quick host may tell of one before what brought it was seen."""
        self._text = b""
        net.listen(files=True)

    @property
    def waits(self) -> bool:
        """For its reader, or for the job that something is of."""
        return bool(self._text or self._early)

    def step(self) -> bool:
        """Writes what there is room for. Whether there may be more at once."""
        # News wake, and say nothing that is not looked up: they are not kept.
        self._net.news(0.0)
        if not self._text:
            self._text = self._lines([*self._early, *(self._lot() or self._lot_anew())])
        while self._text:
            if not select.select([], [self._handle], [], 0)[1]:
                return False
            self._write(self._text[:AT_ONCE])
        return bool(self._text)

    def finish(self) -> None:
        """All of it, however slowly it is read."""
        while True:
            while self._text:
                self._write(self._text[:AT_ONCE])
            lot = [*self._early, *(self._lot() or self._lot_anew())]
            if not lot:
                return
            # What is not known now nobody has given.
            self._text = self._lines(lot) + self._without_job()

    def _lot_anew(self) -> list[Told]:
        self._coming = self._results.looked_up()
        return self._lot()

    def _lot(self) -> list[Told]:
        return list(islice((one for one in self._coming if self._is_news(one)), LOT))

    def _is_news(self, one: Told) -> bool:
        """A job is done once: of two hosts that did it, because one was taken for dead, the second says nothing new."""
        attempt = one[1]
        return self._done.add(attempt.job) if attempt.state is State.DONE else attempt.job not in self._done

    def _lines(self, lot: list[Told]) -> bytes:
        """But for those whose job is not known yet."""
        lines, self._early = [], []
        for one in lot:
            try:
                lines.append(self._line(one, self._given(one[1].job)))
            except IndexError:
                self._early.append(one)
        return b"".join(lines) + (self._without_job() if len(self._early) > MOST_EARLY else b"")

    def _without_job(self) -> bytes:
        lines = b"".join(self._line(one, None) for one in self._early)
        self._early = []
        return lines

    def _line(self, one: Told, given: Any) -> bytes:
        machine, attempt = one
        return json.dumps(asdict(Ended.of(machine, attempt, given))).encode("ascii") + b"\n"

    def _write(self, data: bytes) -> None:
        try:
            self._text = self._text[os.write(self._handle, data) :]
        except OSError as error:
            raise OutputLost(error) from error
