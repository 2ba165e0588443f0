"""An ask: what a person or a host would have of all hosts of a ledger, and its text, which is never changed.

`{"verb":"requeue","by":"ann at node7","nonce":"9f3c","whom":"","now":false,"phase":0,"failed":0,"list":"5d0c…",
"jobs":3,"why":""}`, a line of at most a kilobyte, the n-th of all asks. Every host reads all of them in their order,
and so comes to the same: `asked` tells to what. The positions that an ask is about stand in a list beside it, named by
its hash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from shareout.errors import RunDirectoryDamaged
from shareout.ledger.entry import is_nonce, is_number, object_of, shown, why_no_owner

ASKS = "asks"
"""Where they stand; no lane is called so."""
VERBS = ("phase", "end", "drain", "halt", "resume", "requeue", "skip", "feed", "close", "engine")
WITH_LIST = ("requeue", "skip", "feed", "engine")
LISTED = ("stretches", "lines")
"""What stands in a list, and not in the text."""
LONGEST_WORDS = 200
"""Bytes of what is said in words."""
MOST_STRETCHES = 1 << 20
"""In one list."""
MOST_LINES, MOST_BYTES = 10_000, 1 << 20
"""Of the jobs that come with one ask, as they are asked for here."""
_HASH = re.compile("[0-9a-f]{64}")


class Stretch(NamedTuple):
    """Positions that an ask is about, and the outcome of theirs that it clears."""

    start: int
    stop: int
    tries: int = 0
    """The number of the try that came to it; 0: there is none yet, and they are in a lane still."""
    failed: int = 0
    """1: they failed."""


class Ask(NamedTuple):
    """One of them; what a verb has no use for is empty."""

    verb: str
    by: str
    nonce: str
    whom: str = ""
    """The incarnation that is drained."""
    now: bool = False
    """A halt ends what runs."""
    phase: int = 0
    """The one that is over."""
    failed: int = 0
    """How many of it have failed."""
    list: str = ""
    """The BLAKE3 hash of the list's text, in hex."""
    jobs: int = 0
    """How many positions are in it."""
    why: str = ""
    stretches: tuple[Stretch, ...] = ()
    """What the list says; no part of the text."""
    lines: bytes = b""
    """What it says where more jobs come, each with its newline, or of what each host is to run once; no part of the
    text either."""

    def text(self) -> bytes:
        """As it stands in the store."""
        given = {name: value for name, value in self._asdict().items() if name not in LISTED}
        return json.dumps(given, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def name_of_list(digest: str) -> str:
    """What a list is called on the shelf that all have in common."""
    return f"asked-{digest}"


def list_text(stretches: tuple[Stretch, ...]) -> bytes:
    """As it lies there."""
    return json.dumps(stretches, separators=(",", ":")).encode("ascii") + b"\n"


def feed_of(lines: Sequence[bytes], by: str, nonce: str) -> tuple[Ask, bytes]:
    """The ask that brings these jobs, and the list that is to lie beside it; none where a single one is short."""
    from blake3 import blake3

    only = lines[0].decode("ascii", "replace") if len(lines) == 1 else ""
    if only.isascii() and _is_words(only) and only:
        return Ask("feed", by, nonce, jobs=1, why=only), b""
    text = b"".join(b"%b\n" % line for line in lines)
    return Ask("feed", by, nonce, list=blake3(text).hexdigest(), jobs=len(lines)), text


def engine_of(facts: Mapping[str, object], by: str, nonce: str) -> tuple[Ask, bytes]:
    """The ask that each host runs a command before its first job or after its last, and the list that says which."""
    from blake3 import blake3

    text = json.dumps(facts).encode("ascii") + b"\n"
    return Ask("engine", by, nonce, list=blake3(text).hexdigest()), text


def words(text: str) -> str:
    """As much of it as an ask has room for, in one line."""
    line = " ".join(text.split()).encode("ascii", "backslashreplace")[:LONGEST_WORDS].decode("ascii")
    return "".join(one for one in line if one.isprintable())


def parse_ask(n: int, text: bytes) -> Ask:
    """The ask that stands there. Whatever `Ask.text` would not have written is damage, told with its place."""
    found = object_of(text)
    if found is not None and tuple(found) == Ask._fields[: -len(LISTED)]:
        if why := _why_not(found):
            raise _odd(n, why)
        ask = Ask(**found)
        if ask.verb == "feed" and not ask.list:
            # A single job that is short stands in the ask itself: an idle host has it the sooner.
            ask = ask._replace(lines=ask.why.encode("ascii") + b"\n")
        if ask.text() == text:
            return ask
    raise _odd(n, f"there stands {shown(text.decode('utf-8', 'backslashreplace'))}")


def parse_list(n: int, ask: Ask, text: bytes) -> Ask:
    """With what its list says."""
    from blake3 import blake3

    try:
        if blake3(text).hexdigest() != ask.list:
            raise ValueError
        if ask.verb in ("feed", "engine"):
            return ask._replace(lines=_lines_in(text, ask.jobs if ask.verb == "feed" else 1))
        stretches = tuple(Stretch(*one) for one in json.loads(text))
        if list_text(stretches) != text:
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise _odd(n, "its list is another, or cut short") from None
    if not _are_in_order(stretches):
        raise _odd(n, "its list is none of positions, in their order")
    if sum(one.stop - one.start for one in stretches) != ask.jobs:
        raise _odd(n, f"its list is not of {ask.jobs} positions")
    return ask._replace(stretches=stretches)


def _lines_in(text: bytes, count: int) -> bytes:
    if text.count(b"\n") != count or not text.endswith(b"\n"):
        raise ValueError
    return text


def _are_in_order(stretches: Sequence[Stretch]) -> bool:
    ends = [0, *(one.stop for one in stretches)]
    if any(one.start < end for one, end in zip(stretches, ends, strict=False)):
        return False
    return all(all(map(is_number, one)) and one.start < one.stop and one.failed <= 1 for one in stretches)


def _is_words(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_WORDS and value.isprintable()


def _is_owner(value: object) -> bool:
    return isinstance(value, str) and not why_no_owner(value)


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


_RIGHT: dict[str, Callable[[object], bool]] = {
    "verb": lambda value: value in VERBS,
    "nonce": is_nonce,
    "now": lambda value: type(value) is bool,
    **dict.fromkeys(("by", "why"), _is_words),
    **dict.fromkeys(("phase", "failed", "jobs"), is_number),
}


def _why_not(found: dict[str, Any]) -> str:
    # What only some verbs have is empty in all others.
    whom = _is_owner if found["verb"] == "drain" else lambda value: value == ""
    named = _is_hash if found["verb"] in WITH_LIST else lambda value: value == ""
    if found["verb"] == "feed" and found["why"]:
        named = lambda value: value == "" and found["jobs"] == 1 and found["why"].isascii()  # noqa: E731
    for name, is_right in {**_RIGHT, "whom": whom, "list": named}.items():
        if not is_right(found[name]):
            return f"its {name} is {shown(found[name])}"
    return ""


def _odd(n: int, what: str) -> RunDirectoryDamaged:
    return RunDirectoryDamaged(f"ask {n} of the ledger is none: {what}")
