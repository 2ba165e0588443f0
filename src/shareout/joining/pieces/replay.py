"""What was put into the ledger before this host came, in the order in which it was: a call brings hundreds, where each
would be asked for by itself. Of a stream whose jobs trickle there may be a hundred thousand."""

from __future__ import annotations

from collections.abc import Callable

from shareout.joining.liaison import Liaison
from shareout.joining.messages import Answer
from shareout.ledger.asks.ask import ASKS, Ask, parse_list
from shareout.ledger.calls import Call
from shareout.ledger.entry import Entry
from shareout.ledger.host import Host
from shareout.world import world


class Replay:
    """Of one start. It ends at once where the store cannot tell."""

    def __init__(self, host: Host, met: Callable[[Call, Entry | Ask], None]) -> None:
        """`met` hears each of them, as if it had been called for."""
        self._host, self._met = host, met
        self._from, self._under_way = 1, 0
        self.is_over = False

    def ask(self, liaison: Liaison) -> None:
        """For what comes next, if nothing is under way."""
        if not (self.is_over or self._under_way) and liaison.may_ask():
            self._under_way = liaison.ask("replay", self._from)

    def heard(self, answer: Answer) -> bool:
        """Whether it was an answer to a call of ours. What is lost is asked again."""
        if not self._under_way or answer.number != self._under_way:
            return False
        self._under_way = 0
        if not answer.away:
            self._from, put = answer.told
            are_met = all(self._is_met(*one) for one in put)
            self.is_over = self._from == 0 or not are_met
        return True

    def _is_met(self, key: str, text: str, listed: str | None) -> bool:
        """Not where a list is not there yet: then it is asked for in its turn."""
        call = call_for(self._host, key)
        if call is None:
            return True
        found = call.read(text.encode("latin-1"))
        if isinstance(found, Ask) and found.list:
            if listed is None:
                return False
            found = parse_list(call.k, found, listed.encode("latin-1"))
        if found is not None:
            self._met(call, found)
        return True


def call_for(host: Host, key: str) -> Call | None:
    """The look of that host which finds it; None for what is no entry that follows the last one known."""
    kind, _, rest = key.partition("/")
    lane, _, k = rest.rpartition("/") if kind == "lanes" else (ASKS, "", rest)
    if kind not in ("lanes", ASKS) or not k.isdecimal():
        return None
    known = host.asking.state.n if lane == ASKS else host.lanes[lane].k if lane in host.lanes else -1
    return Call(lane, int(k), None, world.since_boot()) if int(k) == known + 1 else None
