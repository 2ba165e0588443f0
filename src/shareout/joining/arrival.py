"""What is asked of the store before a run begins: whether its name is free, and which number a guest has."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from shareout.errors import RunDirectoryInUse, UsageError, cannot_record
from shareout.files import replace_file
from shareout.joining.liaison import Liaison
from shareout.joining.member import refused
from shareout.joining.messages import Answer
from shareout.joining.pieces.facts import Facts, facts_of
from shareout.ledger.entry import name_of
from shareout.ledger.times import Times
from shareout.units import format_duration
from shareout.world import world

PATIENCE_S = 60.0
"""So long a start waits for the folder."""
ALL = 1 << 20


def answered(liaison: Liaison, folder: Path | str, call: str, *words: Any, body: bytes = b"") -> Answer:
    """The answer to a call, waited for. Refused where none comes, or the store is away: nothing has begun yet."""
    number, until = liaison.ask(call, *words, body=body), world.monotonic() + PATIENCE_S
    while (left := until - world.monotonic()) > 0:
        world.readable([liaison.fileno()], left)
        for answer in liaison.answers():
            if answer.number == number:
                return _usable(answer, folder)
    raise UsageError(f"{folder} does not answer", way_out="Look whether it can be reached; then run again.")


def _usable(answer: Answer, folder: Path | str) -> Answer:
    if answer.refusal:
        raise refused(answer.refusal)
    if answer.away:
        raise UsageError(f"{folder} cannot be joined: {answer.away}", way_out="Mend it, or name another folder.")
    return answer


def refuse_living(liaison: Liaison, folder: Path | str, name: str, dead: Collection[str], times: Times) -> None:
    """Where a host of that name goes on elsewhere. `dead`: its starts of which this host knows that they are over.
    Nothing is waited for where nobody has that name, or it said that it leaves."""
    seen, hosts = _said(liaison, folder, name)
    if seen is None or seen.owner in dead or seen.leaves:
        return
    until = world.monotonic() + times.silent + times.beat(hosts) - times.beat()
    while (left := until - world.monotonic()) > 0:
        world.sleep(min(left, times.beat()))
        now, _ = _said(liaison, folder, name)
        if now is not None and (now.owner, now.number) != (seen.owner, seen.number):
            raise RunDirectoryInUse(
                f"{name} is alive elsewhere: it has moved in {folder} within the last {format_duration(times.silent)}",
                way_out="Give this host another name, or stop that one.",
            )


def _said(liaison: Liaison, folder: Path | str, name: str) -> tuple[Facts | None, int]:
    """The last word of who has that name, and how many hosts have said something."""
    beats = answered(liaison, folder, "beats", ALL).told
    facts = facts_of(beats[name].encode("latin-1")) if name in beats else None
    return facts if facts and name_of(facts.owner) == name else None, len(beats)


def number_of_guest(liaison: Liaison, folder: Path | str, name: str, file: Path) -> int:
    """Which guest this is. Drawn once and kept in its file, so that it is the same after a kill, and of two hosts never
    the same."""
    nonce, number = _kept(file)
    if not nonce:
        # Kept before anybody sees it: killed in between, it finds its number by it.
        nonce = os.urandom(8).hex()
        _keep(file, nonce, 0)
    own = json.dumps({"guest": name, "nonce": nonce}, separators=(",", ":")).encode("ascii")
    if number and answered(liaison, folder, "get", f"guests/{number}").body == own:
        return number
    number = 0
    while True:
        number += 1
        stands = answered(liaison, folder, "get", f"guests/{number}").body
        if stands is None:
            stands = answered(liaison, folder, "put", f"guests/{number}", body=own).body
        if stands == own:
            break
    _keep(file, nonce, number)
    return number


def _kept(file: Path) -> tuple[str, int]:
    try:
        facts = json.loads(file.read_bytes())
        return str(facts["nonce"]), int(facts["number"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", 0


def _keep(file: Path, nonce: str, number: int) -> None:
    try:
        replace_file(file, [json.dumps({"nonce": nonce, "number": number}).encode("ascii") + b"\n"])
    except OSError as error:
        raise cannot_record(file, error, way_out="Name another place with --runs DIR.") from error
