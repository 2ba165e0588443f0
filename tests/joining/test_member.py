"""What a run says to its liaison, and when it comes back to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from shareout.joining.history import History
from shareout.joining.member import Member
from shareout.joining.pieces.luck import Luck
from shareout.ledger.calls import Root
from shareout.ledger.choose import Pace
from shareout.ledger.host import Host
from shareout.ledger.times import Times
from shareout.world import world

TIMES = Times.of(120, 0)


class Deaf:
    """A liaison whose store does not answer: it takes so many calls."""

    def __init__(self, most: int) -> None:
        self.room = most

    def may_ask(self) -> bool:
        return self.room > 0

    def ask(self, *words: object, **also: object) -> int:
        self.room -= 1
        return self.room

    def answers(self) -> list[object]:
        return []


class Nothing:
    """To be shipped."""

    def ask(self, liaison: object) -> None:
        pass


def test_where_no_more_calls_are_taken_what_is_due_waits_for_an_answer(tmp_path: Path) -> None:
    host = Host("alice/1-aaaa", [Root("0.0", "alice", 0, 0, 9)], TIMES, lambda lane, k: f"{k:012}")
    liaison: Any = Deaf(3)
    member = Member(
        host,
        liaison,
        cast(Any, Nothing()),
        lambda: Pace(1, 1.0),
        dict,
        luck=Luck(TIMES.silent, TIMES.dead),
        history=History(tmp_path / "seen", "", tmp_path, TIMES),
        open_at=world.since_boot(),
    )
    while liaison.may_ask():
        member.turn()
    member.farewell()
    member.turn()
    assert member.patience() > 1, "its last beat is due, and cannot be told"
    liaison.room = 1
    assert member.patience() == 0
