"""What a run says to its liaison, and when it comes back to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from shareout.joining.history import History
from shareout.joining.member import Member
from shareout.joining.pieces.luck import Luck
from shareout.ledger.calls import Root
from shareout.ledger.choose import Pace
from shareout.ledger.host import Host
from shareout.ledger.times import Times
from shareout.world import world

TIMES, SHORT = Times.of(120, 0), Times.of(15, 0)


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


class Listed:
    """One that takes any number of calls, and answers to none."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def may_ask(self) -> bool:
        return True

    def ask(self, *words: object, **also: object) -> int:
        self.asked.append(words[0])
        return len(self.asked)

    def answers(self) -> list[object]:
        return []


class Nothing:
    """To be shipped."""

    def ask(self, liaison: object) -> None:
        pass


def made(host: Host, liaison: Any, folder: Path) -> Member:
    return Member(
        host,
        liaison,
        cast(Any, Nothing()),
        lambda: Pace(1, 1.0),
        dict,
        luck=Luck(TIMES.silent, TIMES.dead),
        history=History(folder / "seen", "", folder, TIMES),
        open_at=world.since_boot(),
    )


def test_where_no_more_calls_are_taken_what_is_due_waits_for_an_answer(tmp_path: Path) -> None:
    host = Host("alice/1-aaaa", [Root("0.0", "alice", 0, 0, 9)], TIMES, lambda lane, k: f"{k:012}")
    liaison: Any = Deaf(3)
    member = made(host, liaison, tmp_path)
    while liaison.may_ask():
        member.turn()
    member.farewell()
    member.turn()
    assert member.patience() > 1, "its last beat is due, and cannot be told"
    liaison.room = 1
    assert member.patience() == 0


def test_among_very_many_hosts_each_beats_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def beats_in_a_minute(hosts: int) -> int:
        now = [1_000.0]
        monkeypatch.setattr(world, "since_boot", lambda: now[0])
        monkeypatch.setattr(world, "time", lambda: now[0])
        host = Host("alice/1-aaaa", [Root("0.0", "alice", 0, 0, 9)], SHORT, lambda lane, k: f"{k:012}")
        liaison: Any = Listed()
        member = made(host, liaison, tmp_path)
        for tick in range(600):
            now[0] = 1_000 + tick / 10
            for number in range(0 if tick % 60 else hosts):
                host.heard(f"host{number}/1-aaaa", 1.0, now[0])
            member.turn()
        return liaison.asked.count("beat")

    few, many = beats_in_a_minute(3), beats_in_a_minute(500)
    assert 80 < few < 100
    assert 20 < many <= few / 3
