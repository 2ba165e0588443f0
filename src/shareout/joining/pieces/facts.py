"""What a beat says of a host, as others read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from shareout.ledger.store import LONGEST_BEAT


class Facts(NamedTuple):
    """What a beat says, as far as others need it."""

    owner: str
    rate: float
    number: int
    """Which of its beats it is."""
    leaves: bool
    """It is the last one."""
    told: Mapping[str, Any]
    """All that it says."""


def fitting(facts: dict[str, Any]) -> bytes:
    """As long as a beat may be: of the jobs that run now, as many as find room."""
    running = facts["live"].get("running", [])
    while len(text := json.dumps(facts).encode("ascii")) > LONGEST_BEAT and running:
        del running[len(running) // 2 :]
    return text if len(text) <= LONGEST_BEAT else json.dumps({**facts, "live": {}}).encode("ascii")


def facts_of(text: bytes) -> Facts | None:
    """Of a beat. Advice, of which nothing is believed that is no name and no number."""
    try:
        told: Any = json.loads(text)
        number, leaves = int(told["count"]), bool(told.get("leaves", False))
        return Facts(str(told["owner"]), max(0.0, float(told["rate"])), number, leaves, told)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
