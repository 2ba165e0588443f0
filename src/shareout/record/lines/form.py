"""The form of a record and of a header: which keys, of which type, in which range.

The one place that judges it, for every reader of journals. A checksum says that a line is what somebody wrote; the
form says that it can be a record at all. A key or a kind of line that this version does not know is no fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

from shareout.choices import Order
from shareout.record.lines.claim import How
from shareout.record.outcome import Cause, State

# As many as a pool may have; and seconds since 1970 of eleven digits, which is before the year 5139.
MOST, LATEST_S = 10**18, 1e11
# Of each thousand positions that it owes a run keeps a byte in memory, at the least.
MOST_OWED = 1 << 40
KINDS = ("python", "command")
_DIGEST = re.compile("[0-9a-f]{64}")
_STATES, _CAUSES = {state.value for state in State}, {cause.value for cause in Cause}
_WAYS = {how.value for how in How}


@cache
def _written() -> re.Pattern[bytes]:
    """The lines of attempts as this version writes them, but for results: such lines are JSON, and of a right form."""
    whole, time = "(?:0|[1-9][0-9]{0,17})", r"(?:0|[1-9][0-9]{0,10})\.[0-9]{1,9}"
    # Possessive: where what follows a text does not fit, the text is not given back sign by sign to try again.
    text = r'"(?:[ !#-\[\]-~]|\\["\\/bfnrt]|\\u[0-9a-f]{4})*+"'
    causes, others = "|".join(sorted(_CAUSES - {""})), "|".join(sorted(_STATES - {State.DONE.value}))
    span = f'","start":{time},"end":{time},"slot":{whole}'
    imprint = rf'\[{whole},"[0-9a-f]*"\]'
    kept = {"pid": "[1-9][0-9]{0,17}", "out": imprint, "err": imprint, "mem": whole, "from": text}
    more = "".join(f'(?:,"{key}":{value})?' for key, value in kept.items())
    failure = f'(?:,"exit":{whole})?(?:,"signal":{text})?(?:,"cause":"(?:{causes})")?(?:,"error":{text})?'
    how = f'(?:done{span},"exit":0|(?:{others}){span}{failure}){more}'
    line = rf'\{{"job":{whole},"pos":{whole},"try":[1-9][0-9]{{0,8}},"state":"{how},"crc":"[0-9a-f]{{8}}"\}}'
    return re.compile(line.encode("ascii"))


def is_as_written(line: bytes) -> bool:
    """Whether it is an attempt without a result, of a form that this version writes, which needs no closer look; False
    says that it does."""
    return _written().fullmatch(line) is not None


def fault_of(facts: Mapping[str, Any]) -> str | None:
    """Of an attempt, a header, a claim, or the end or beginning of a session: what cannot be; None when all is well."""
    for kind, form in _FORMS.items():
        if kind in facts:
            for key, (is_needed, is_right) in form.items():
                if key not in facts:
                    if is_needed:
                        return f"it has no {key}"
                elif not is_right(facts[key]):
                    return f"its {key} cannot be {_short(facts[key])}"
            return _FAULTS_OF_ALL[kind](facts)
    return None


def _short(value: object) -> str:
    said = repr(value)
    return said if len(said) <= 40 else f"{said[:37]}..."


def _is_whole(value: object, least: int = 0) -> bool:
    # Not by isinstance, for which True is a whole number.
    return type(value) is int and least <= value <= MOST


def _is_from_one(value: object) -> bool:
    return _is_whole(value, 1)


def _is_time(value: object) -> bool:
    # NaN is in no range.
    return type(value) in (int, float) and 0 <= value < LATEST_S  # type: ignore[operator]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_truth(value: object) -> bool:
    return isinstance(value, bool)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _is_one_of(known: Collection[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and value in known


def _are(is_right: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(is_right, value))


def _is_range(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_whole, value)) and value[0] <= value[1]


def _is_imprint(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and _is_whole(value[0]) and _is_text(value[1])


def _fault_of_attempt(facts: Mapping[str, Any]) -> str | None:
    if facts["state"] != State.DONE.value:
        return None
    if "exit" not in facts and "result" not in facts:
        return "it is done, and has no result"
    return f"it is done, with exit status {facts['exit']}" if facts.get("exit") else None


def fault_between(facts: Mapping[str, Any], owed: Mapping[str, Any]) -> str | None:
    """Of a header and the beginning of a session, each of a right form: what cannot be of both."""
    if missing := [key for key in ("digest", "ranges", "audit", "version") if key not in owed]:
        return f"it has no {missing[0]}"
    jobs, ranges = facts["jobs"], owed["ranges"]
    if not ranges:
        return "it has no ranges"
    if any(stop > jobs for _, stop in (*ranges, *owed["audit"])):
        return f"its ranges are no positions of a plan of {jobs} jobs"
    if sum(stop - start for start, stop in (*ranges, *owed["audit"])) > MOST_OWED:
        return "its ranges are more than any memory holds"
    return None


def _fault_of_header(facts: Mapping[str, Any]) -> str | None:
    jobs, phases = facts["jobs"], facts.get("phases", [])
    if phases and (phases[0] != 0 or phases != sorted(phases) or phases[-1] > jobs):
        return f"its phases cannot be {_short(phases)}"
    if facts["ancestors"] and facts["pool_jobs"] < jobs:
        return f"its pool_jobs cannot be {facts['pool_jobs']}, for its plan has {jobs}"
    if facts["pool_jobs"] and not facts["ancestors"]:
        return f"its pool_jobs cannot be {facts['pool_jobs']}, for its plan comes from no other"
    return None


def _no_fault(_: Mapping[str, Any]) -> str | None:
    return None


ABOUT = ("boot", "cpu", "cpu_class", "libc", "numerics", "pinned", "own")
"""What a session tells of where it ran."""

Form = Mapping[str, tuple[bool, Callable[[object], bool]]]
"""Of each key: whether it must be there, and what it may be."""

_FORMS: Mapping[str, Form] = {
    "job": {
        "job": (True, _is_whole),
        "pos": (True, _is_whole),
        "try": (True, _is_from_one),
        "state": (True, _is_one_of(_STATES)),
        "start": (True, _is_time),
        "end": (True, _is_time),
        "slot": (True, _is_whole),
        "exit": (False, _is_whole),
        "signal": (False, _is_text),
        "cause": (False, _is_one_of(_CAUSES)),
        "error": (False, _is_text),
        "pid": (False, _is_from_one),
        "out": (False, _is_imprint),
        "err": (False, _is_imprint),
        "mem": (False, _is_whole),
        "from": (False, _is_text),
    },
    "shareout": {
        "shareout": (True, _is_from_one),
        "origin": (True, _is_digest),
        "ordinal": (True, _is_whole),
        "nonce": (True, _is_text),
        "pool_digest": (True, _is_digest),
        "machine": (True, _is_text),
        "jobs": (True, _is_whole),
        "kind": (True, _is_one_of(KINDS)),
        "ancestors": (True, _are(_is_digest)),
        "pool_jobs": (True, _is_whole),
        "order": (False, _is_one_of([order.value for order in Order])),
        "phases": (False, _are(_is_whole)),
        "stream": (False, _is_truth),
        "work": (True, _is_text),
        "columns": (True, _are(_is_text)),
    },
    "claim": {
        "claim": (True, _is_text),
        "k": (True, _is_whole),
        "ranges": (True, _are(_is_range)),
        "how": (True, _is_one_of(_WAYS)),
        "from": (False, _is_text),
    },
    "sealed": {
        "sealed": (True, _is_whole),
        "lines": (True, _is_digest),
    },
    "session": {
        "session": (True, _is_text),
        "time": (True, _is_time),
        "pid": (True, _is_from_one),
        "host": (True, _is_text),
        "code": (True, _is_text),
        "reason": (True, _is_text),
        "digest": (False, _is_digest),
        "ranges": (False, _are(_is_range)),
        "audit": (False, _are(_is_range)),
        "version": (False, _is_text),
        "claims": (False, _is_truth),
        **dict.fromkeys(ABOUT, (False, _is_text)),
    },
}
_FAULTS_OF_ALL: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = {
    "job": _fault_of_attempt,
    "shareout": _fault_of_header,
    "session": _no_fault,
    "claim": _no_fault,
    "sealed": _no_fault,
}
