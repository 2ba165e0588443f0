"""What this host has seen of each lane, kept over its starts: entries are never removed, so a folder that shows fewer
was set back, and whoever went on from there would run again what is done, and put entries where others stood."""

from __future__ import annotations

import json
import math
from itertools import islice
from pathlib import Path

from shareout.errors import RunDirectoryDamaged
from shareout.files import replace_file
from shareout.joining.liaison import Liaison
from shareout.joining.messages import Answer
from shareout.ledger.asks.ask import ASKS
from shareout.ledger.calls import key_of
from shareout.ledger.times import Times

KEPT_S = 5.0
"""What was seen within it may be forgotten by a kill."""
BACK = 8
"""So far back, in powers of two, entries are looked at again."""

Place = tuple[str, int]
"""A lane, and the number of an entry."""


class History:
    """Of one ledger."""

    def __init__(self, file: Path, ledger: str, folder: Path | str, times: Times) -> None:
        """`ledger`: which one it is; what is kept of another says nothing."""
        self._file, self._ledger, self._folder = file, ledger, folder
        self._patience_s = times.silent + (times.dead / 2 if math.isinf(times.slack) else 0.0)
        """So long an entry must be missed: a look may lag."""
        self._every_s = times.probe
        self._seen = self._read()
        self._is_kept = True
        self._keeps_at = self._looks_at = 0.0
        self._missed: dict[Place, float] = {}
        """Since when entries that were seen are missed."""
        self._under_way = 0
        self._place: Place = ("", 0)
        self._turn = 0

    def saw(self, lane: str, k: int) -> None:
        """An entry stands there."""
        self._missed.pop((lane, k), None)
        if k > self._seen.get(lane, 0):
            self._seen[lane] = k
            self._is_kept = False

    def misses(self, lane: str, k: int, now: float) -> bool:
        """Whether nothing was seen where something was: this look says nothing then. RunDirectoryDamaged when that
        lasts for longer than any look may lag."""
        if k > self._seen.get(lane, 0):
            return False
        since = self._missed.setdefault((lane, k), now)
        if now - since > self._patience_s:
            what = f"ask {k}" if lane == ASKS else f"entry {k} of lane {lane}"
            raise RunDirectoryDamaged(
                f"the ledger in {self._folder} has gone back: {what} is missing, and this host has "
                f"seen {self._seen[lane]} of them",
                way_out="Was a backup restored there? Bring back what was there since; or, when no host works from it, "
                "move that ledger away and join again: journals at home stay, and what they prove is not run again.",
            )
        return True

    def turn(self, liaison: Liaison, now: float) -> None:
        """Keeps what is new, and looks at one entry again, now and then."""
        if not self._is_kept and now >= self._keeps_at:
            self._keeps_at = now + KEPT_S
            self._keep()
        if self._under_way or now < self._looks_at or not self._seen or not liaison.may_ask():
            return
        self._looks_at = now + self._every_s
        self._place = next(iter(self._missed), None) or self._next_place()
        self._under_way = liaison.ask("get", key_of(*self._place))

    def _next_place(self) -> Place:
        """Of each lane in turn the last entry, and some before it: where a host has put more since, what is missing
        lies behind that."""
        rounds, number = divmod(self._turn, len(self._seen))
        self._turn += 1
        lane, last = next(islice(self._seen.items(), number, None))
        return lane, max(1, last + 1 - (1 << rounds % BACK))

    def heard(self, answer: Answer) -> bool:
        """Whether it was an answer to a call of ours."""
        if not self._under_way or answer.number != self._under_way:
            return False
        self._under_way = 0
        if answer.body is not None:
            self._missed.pop(self._place, None)
        elif not answer.away:
            self.misses(*self._place, answer.began)
        return True

    def _read(self) -> dict[str, int]:
        try:
            facts = json.loads(self._file.read_bytes())
            if facts["ledger"] == self._ledger:
                return {str(lane): int(k) for lane, k in facts["seen"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass
        return {}

    def _keep(self) -> None:
        try:
            facts = {"ledger": self._ledger, "seen": self._seen}
            replace_file(self._file, [json.dumps(facts).encode("ascii") + b"\n"], sync=False)
        except OSError:
            # The run tells by its journal that nothing can be written here.
            return
        self._is_kept = True

    def close(self) -> None:
        """All of it is kept."""
        if not self._is_kept:
            self._keep()
