"""Who comes late and is told what was put, in its order, knows what it would know had it looked at each."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from shareout.joining.messages import Answer
from shareout.joining.pieces.replay import Replay
from shareout.ledger.asks.ask import Ask, feed_of, parse_list
from shareout.ledger.calls import Call, stream_roots
from shareout.ledger.choose import Pace
from shareout.ledger.entry import Entry
from shareout.ledger.host import Host
from shareout.ledger.times import Times


class Ledger:
    """Keys that are put once, in the order in which they were; and the lists of asks."""

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}
        self.lists: dict[str, bytes] = {}
        self.asks: list[Ask] = []

    def feed(self, *lines: bytes) -> None:
        ask, text = feed_of(lines, "feed", f"{len(self.asks):08}")
        self.asks.append(ask)
        self.texts[f"asks/{len(self.asks)}"] = ask.text()
        if text:
            self.lists[ask.list] = text

    def answer(self, call: Call) -> Entry | Ask | None:
        if (text := call.text()) is not None:
            self.texts.setdefault(call.key, text)
        found = call.read(self.texts.get(call.key))
        if isinstance(found, Ask) and found.list:
            return parse_list(call.k, found, self.lists[found.list])
        return found

    def part(self, number: int, most: int) -> list[Any]:
        """As the liaison tells it."""
        put = []
        for key, text in list(self.texts.items())[number - 1 : number - 1 + most]:
            ask = self.asks[int(key.partition("/")[2]) - 1] if key.startswith("asks/") else None
            listed = self.lists[ask.list].decode() if ask and ask.list else None
            put.append([key, text.decode(), listed])
        return [number + most if number + most <= len(self.texts) else 0, put]


class Liaison:
    """One that may ask, and remembers from where it was asked to tell."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def may_ask(self) -> bool:
        return True

    def ask(self, call: str, number: int) -> int:
        assert call == "replay"
        self.asked.append(number)
        return len(self.asked)


def host_of(name: str) -> Host:
    numbers = itertools.count(1)
    return Host(f"{name}/1-aaaa", stream_roots(1000), Times.of(120, 60), lambda lane, k: f"{name}{next(numbers):08}")


def drive(host: Host, ledger: Ledger, now: float) -> None:
    while calls := host.calls(now):
        for call in calls:
            host.found(call, ledger.answer(call), now)


def known(host: Host) -> Any:
    return host.asking.state, {name: (lane.k, lane.entry) for name, lane in host.lanes.items()}


def trickled() -> Ledger:
    """Two hosts have done most of what came, and have the last of it in hand."""
    ledger, hosts = Ledger(), [host_of("alice"), host_of("bob")]
    for turn in range(30):
        now = 1000.0 + 10 * turn
        ledger.feed(*(b"job %d" % number for number in range(1 + turn % 3)))
        for host in hosts:
            host.wants(Pace(2, 1.0))
            drive(host, ledger, now)
            while grant := host.grant(2, now):
                if turn < 29:
                    host.ended(grant.start, grant.stop, failed=turn % 5 == 0)
            drive(host, ledger, now)
    return ledger


@pytest.mark.parametrize("most", [1, 7, 1_000])
def test_what_was_put_is_known_after_some_answers_as_after_a_look_at_each(most: int) -> None:
    ledger, late, other = trickled(), host_of("late"), host_of("late")
    late.able = other.able = False
    heard: list[Call] = []

    def met(call: Call, entry: Entry | Ask) -> None:
        heard.append(call)
        late.found(call, entry, 2000.0)

    replay, liaison = Replay(late, met), Liaison()
    while not replay.is_over:
        replay.ask(liaison)  # type: ignore[arg-type]
        replay.ask(liaison)  # type: ignore[arg-type]
        number = len(liaison.asked)
        assert not replay.heard(Answer(number + 1, 0.0))
        if number % 3 == 0:
            # Lost on its way: it is asked once more.
            assert replay.heard(Answer(number, 0.0, away="it does not answer"))
            replay.ask(liaison)  # type: ignore[arg-type]
            number += 1
        assert replay.heard(Answer(number, 0.0, ledger.part(liaison.asked[-1], most)))
    assert [call.key for call in heard] == list(ledger.texts), "each of them, once, in its order"
    drive(other, ledger, 2000.0)
    assert known(late) == known(other)
    assert late.lanes, "something is in hand still"
    drive(late, ledger, 2001.0)
    assert known(late) == known(other)


def test_where_a_list_is_not_there_yet_the_rest_is_looked_for_one_by_one() -> None:
    ledger, late = trickled(), host_of("late")
    late.able = False
    replay, liaison = Replay(late, lambda call, entry: late.found(call, entry, 2000.0)), Liaison()
    replay.ask(liaison)  # type: ignore[arg-type]
    _, put = ledger.part(1, 1_000)
    assert replay.heard(Answer(1, 0.0, [0, [[key, text, None] for key, text, _ in put]]))
    assert replay.is_over
    assert late.asking.state.n < len(ledger.asks)
    drive(late, ledger, 2001.0)
    assert late.asking.state.n == len(ledger.asks)


def test_what_is_no_entry_of_a_ledger_is_passed_over() -> None:
    late = host_of("late")
    replay, liaison = Replay(late, lambda call, entry: pytest.fail("it follows nothing")), Liaison()
    replay.ask(liaison)  # type: ignore[arg-type]
    odd = ["ledger", "parcel", "guests/1", "asks/0", "asks/2", "asks/x", "lanes/stream/-1", "lanes/nobodys/1", "asks/"]
    assert replay.heard(Answer(1, 0.0, [0, [[key, "{}", None] for key in odd]]))
    assert replay.is_over
