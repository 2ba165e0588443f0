"""What somebody takes back in a file while hosts work from it: the host that has recorded it asks all of them for it
once more, as `requeue` does.

As everywhere this holds for what is over for all hosts: a position that is in a lane still is asked for when it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from blake3 import blake3

from shareout.joining.liaison import Liaison
from shareout.joining.messages import Answer
from shareout.ledger.asks.ask import Ask, Stretch, list_text, name_of_list, words
from shareout.ledger.entry import name_of
from shareout.ledger.host import Host
from shareout.ledger.knowing import open_ranges
from shareout.ledger.store import COMMON
from shareout.ranges import is_in
from shareout.record.tallies.tally import Tally
from shareout.world import world

PAUSE_S = 1.0
"""Between two looks whether what is wanted is over."""


class TakenBack:
    """One ask at a time is prepared: its list goes to the store before it."""

    def __init__(self, host: Host, tally: Tally, wanted: list[int], file: Path) -> None:
        """`wanted`: positions that failed here, as they come; those that are asked for are taken out. `file`: where the
        list of some may be written."""
        self._host, self._tally, self._wanted, self._file = host, tally, wanted, file
        self._next = 0.0
        self._under_way = 0
        self._ready: tuple[Ask, int] | None = None

    def ask(self, liaison: Liaison) -> None:
        """Whatever comes next, if nothing is under way."""
        if self._ready is None and self._wanted and world.monotonic() >= self._next:
            self._next = world.monotonic() + PAUSE_S
            self._prepare()
        if self._ready is not None and not self._under_way and liaison.may_ask():
            ask, length = self._ready
            self._under_way = liaison.ask("ship", COMMON, name_of_list(ask.list), str(self._file), length)

    def heard(self, answer: Answer) -> bool:
        """Whether it was an answer to a call of ours. What is lost is asked again."""
        if not self._under_way or answer.number != self._under_way:
            return False
        self._under_way = 0
        if self._ready is not None and not answer.away and answer.told >= self._ready[1]:
            self._host.say(self._ready[0])
            self._ready = None
        return True

    def _prepare(self) -> None:
        asking = self._host.asking
        if asking.wish is not None or not asking.may_work:
            return
        still = open_ranges(self._host)
        over = [position for position in sorted(set(self._wanted)) if not is_in(position, still)]
        if not over:
            return
        self._wanted[:] = [position for position in self._wanted if position not in over]
        stretches = self._stretches(over)
        text = list_text(stretches)
        self._file.write_bytes(text)
        me, n = name_of(self._host.me), asking.state.n + 1
        ask = Ask("requeue", words(me), self._host.nonce("requeue", n), list=blake3(text).hexdigest(), jobs=len(over))
        self._ready = ask._replace(stretches=stretches), len(text)

    def _stretches(self, positions: Sequence[int]) -> tuple[Stretch, ...]:
        return tuple(Stretch(at, at + 1, max(1, self._tally.attempts_of(at)), 1) for at in positions)
