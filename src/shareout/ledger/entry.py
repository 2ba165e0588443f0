"""An entry: the whole state of a lane after one change, and its text, which is never changed.

`{"verb":"cut","low":0,"res":8,"hi":60,"owner":"alice/3-1f0c","doubt":"","kid":[60,64,100],"before":2,"failed":1,
"by":"bob/1-77aa","nonce":"9f3c"}`, a line of at most a kilobyte. Below `low` all is final: recorded, synced and in the
store; [low, res) is in flight with the owner; [res, hi) is free to be cut. `kid` is the stretch of the lane that this
entry makes, whose name is the entry's nonce: its low, res and hi; it is of whoever put the entry where something of it
is reserved, else nobody's. `doubt` is the nonce of the doubt that stands. `before` is the last entry before this one
that made a lane (0: none), so that whoever knows the roots finds all. `failed` counts failures among what is final.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from shareout.errors import RunDirectoryDamaged
from shareout.ledger.store import LONGEST_TEXT
from shareout.names import why_no_name

NOBODY = ""
VERBS = ("open", "take", "keep", "back", "aside", "done", "cut", "doubt", "seize")
MAKE_LANES = ("cut", "seize", "aside")
LARGEST = 1 << 63
LONGEST_OWNER = 320
"""Bytes of an owner as it stands in an entry, escapes included: two fit into one beside all the numbers."""
_NONCE = re.compile("[0-9a-z]{4,32}")
_INCARNATION = re.compile("[1-9][0-9]{0,8}-[0-9a-z]{4,16}")

Stretch = tuple[int, int, int]


class Entry(NamedTuple):
    """The state of a lane after a change; `verb` says which it was, `by` whose."""

    verb: str
    low: int
    res: int
    hi: int
    owner: str = NOBODY
    doubt: str = ""
    kid: Stretch | None = None
    before: int = 0
    failed: int = 0
    by: str = NOBODY
    nonce: str = ""

    @property
    def is_final(self) -> bool:
        """Nothing of the lane is left: no entry follows."""
        return self.low == self.hi

    def text(self) -> bytes:
        """As it stands in the store."""
        given = {name: list(value) if name == "kid" and value else value for name, value in self._asdict().items()}
        return json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()

    def kid_begins(self) -> Entry:
        """The state that the lane that this entry makes begins with, at its k = 0."""
        assert self.kid is not None
        low, res, hi = self.kid
        return Entry("", low, res, hi, owner=self.by if res > low else NOBODY, by=self.by)


def root_begins(low: int, hi: int) -> Entry:
    """The state that a machine's share of a phase begins with, by plan."""
    return Entry("", low, low, hi)


def name_of(owner: str) -> str:
    """The machine's or the guest's: an owner is one incarnation of it, `name/ordinal-nonce`."""
    return owner.rpartition("/")[0] or owner


def ordinal_of(owner: str) -> int:
    """Which start of it that is; 0 where it is none, but a machine that has not come."""
    _, slash, incarnation = owner.rpartition("/")
    return int(incarnation.partition("-")[0]) if slash else 0


def why_no_owner(owner: str) -> str:
    """Why it cannot stand in an entry; empty when it can."""
    name, slash, incarnation = owner.rpartition("/")
    if not slash or "/" in name or not _INCARNATION.fullmatch(incarnation):
        return "is no incarnation of a machine"
    if why := why_no_name(name):
        return why
    if len(json.dumps(owner, ensure_ascii=False).encode()) > LONGEST_OWNER:
        return "is too long for an entry"
    return ""


def parse(lane: str, k: int, text: bytes) -> Entry:
    """The entry that stands there. Whatever `Entry.text` would not have written is damage, told with its place."""
    found = object_of(text)
    if found is not None and list(found) == list(Entry._fields):
        for name, is_right in _RIGHT.items():
            if not is_right(found[name]):
                raise _odd(lane, k, f"its {name} is {shown(found[name])}")
        kid = found["kid"]
        entry = Entry(**{**found, "kid": None if kid is None else tuple(kid)})
        if why := _why_no_state(entry, k):
            raise _odd(lane, k, why)
        if entry.text() == text:
            return entry
    raise _odd(lane, k, f"there stands {shown(text.decode('utf-8', 'backslashreplace'))}")


def object_of(text: bytes) -> dict[str, Any] | None:
    """What a text of the store says; None where it is too long, or no object."""
    if len(text) > LONGEST_TEXT:
        return None
    try:
        found = json.loads(text.decode())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def is_number(value: object) -> bool:
    """Whether it can be a position, or a count of them."""
    return type(value) is int and 0 <= value < LARGEST


def is_nonce(value: object) -> bool:
    """Whether an entry can be called so."""
    return isinstance(value, str) and _NONCE.fullmatch(value) is not None


def _is_owner(value: object) -> bool:
    return isinstance(value, str) and not why_no_owner(value)


def _is_stretch(value: object) -> bool:
    return (
        isinstance(value, list) and len(value) == 3 and all(map(is_number, value)) and value[0] <= value[1] <= value[2]
    )


_RIGHT: dict[str, Callable[[object], bool]] = {
    "verb": lambda value: value in VERBS,
    **dict.fromkeys(("low", "res", "hi", "before", "failed"), is_number),
    "owner": lambda value: value == NOBODY or _is_owner(value),
    "doubt": lambda value: value == "" or is_nonce(value),
    "kid": lambda value: value is None or _is_stretch(value),
    "by": _is_owner,
    "nonce": is_nonce,
}


def _why_no_state(entry: Entry, k: int) -> str:
    """What no change could have led to, whatever stood before it."""
    kid = entry.kid
    if not entry.low <= entry.res <= entry.hi:
        return f"its low, res and hi are {entry.low}, {entry.res} and {entry.hi}"
    if entry.before >= max(k, 1):
        return f"the entry before it that made a lane would be {entry.before}"
    if (kid is not None) != (entry.verb in MAKE_LANES) or (kid is not None and kid[0] == kid[2]):
        return f'it makes {"no lane" if kid is None else "a lane"} by "{entry.verb}"'
    if entry.verb == "doubt" and entry.doubt != entry.nonce:
        return "it is a doubt and does not doubt"
    if (entry.verb in ("done", "seize")) and not entry.is_final:
        return f'something is left of its lane after "{entry.verb}"'
    return ""


def shown(value: object) -> str:
    """Control characters as they are typed, and no more than a line."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _odd(lane: str, k: int, what: str) -> RunDirectoryDamaged:
    return RunDirectoryDamaged(f"entry {k} of lane {lane} of the ledger is none: {what}")
