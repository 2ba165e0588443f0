"""Earlier ledgers of the same jobs are closed before a new one is worked from: nobody starts jobs by two of them.

A host that lives there is never closed out: it is named, and this one refused. What is silent there and has not said
that it left may only stand still. So the closing is put, and waited for as long as that ledger says that a host is
given: whoever goes on after it sees first that it is closed, or starts nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from shareout.errors import RunDirectoryInUse, UsageError
from shareout.joining.arrival import answered
from shareout.joining.liaison import Liaison
from shareout.joining.member import CLOSED
from shareout.joining.pieces.facts import facts_of
from shareout.ledger.times import Times
from shareout.units import format_duration
from shareout.world import world


class Elder(NamedTuple):
    """One of them."""

    place: str
    dead_s: float
    is_closed: bool
    beats: dict[str, tuple[str, int]]
    """Of each host that has not said that it leaves, which start it was, and its last beat's number."""


class Closing:
    """By one host, at its start."""

    def __init__(self, liaison: Liaison, folder: Path | str, plan: str, dead: Collection[str]) -> None:
        """`plan`: which one is worked from now; `dead`: starts of this host's own that are over."""
        self._liaison, self._folder = liaison, folder
        self._text = json.dumps({"closed": plan}, separators=(",", ":")).encode("ascii")
        self._dead = dead

    def close_all(self, into: Path, said: Callable[[str], None]) -> None:
        """What hosts have recorded there comes to `into`. RunDirectoryInUse where one is worked from."""
        for number, elder in enumerate(_elders(self._liaison, self._folder)):
            if not elder.is_closed:
                self._close(number, elder, said)
            while answered(self._liaison, self._folder, "inherit", number, str(into)).told:
                continue

    def _close(self, number: int, elder: Elder, said: Callable[[str], None]) -> None:
        silent = {name for name, (owner, _) in elder.beats.items() if owner not in self._dead}
        if silent:
            self._watch(number, elder, Times.of(elder.dead_s, 0.0).silent, silent)
        answered(self._liaison, self._folder, "close", number, body=self._text)
        if silent:
            names, wait = ", ".join(sorted(silent)), format_duration(elder.dead_s)
            said(
                f"{elder.place} is of an earlier plan for these jobs, and closed now; {names} did not say there that "
                f"it left: what it may still start is waited for, {wait}"
            )
            self._watch(number, elder, elder.dead_s, silent)

    def _watch(self, number: int, elder: Elder, seconds: float, names: Collection[str]) -> None:
        until = world.monotonic() + seconds
        while (left := until - world.monotonic()) > 0:
            world.sleep(min(left, elder.dead_s / 24))
            now = _elders(self._liaison, self._folder)[number].beats
            if moved := [name for name in names if name in now and now[name] != elder.beats[name]]:
                raise RunDirectoryInUse(
                    f"{moved[0]} works on these jobs by an earlier plan: its beat in {elder.place} moves",
                    way_out="Stop it there, or give it these inputs; nobody must do them by two plans.",
                )


def _elders(liaison: Liaison, folder: Path | str) -> list[Elder]:
    found = []
    for place, dead_s, is_closed, beats in answered(liaison, folder, "elders").told:
        facts = {name: facts_of(text.encode("latin-1")) for name, text in beats.items()}
        living = {name: (one.owner, one.number) for name, one in facts.items() if one and not one.leaves}
        found.append(Elder(place, dead_s, is_closed, living))
    return found


def refuse_closed(liaison: Liaison, folder: Path | str) -> float:
    """Where others have gone on from this ledger. The moment before it was looked at."""
    answer = answered(liaison, folder, "get", CLOSED)
    if answer.body is not None:
        raise UsageError(
            f"the ledger of this plan in {folder} is closed: hosts went on by {_told_plan(answer.body)}",
            way_out="Give this host the inputs that the others have now (`plan --card` there, `plan --compare` here).",
        )
    return answer.began


def _told_plan(body: bytes) -> str:
    try:
        return f"the plan {str(json.loads(body)['closed'])[:16]}"
    except (ValueError, KeyError, TypeError):
        return "another plan"
