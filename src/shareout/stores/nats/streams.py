"""What of JetStream is used here: streams, in which a message is put behind a subject's last one, or not at all.

All looks go to the leader of a stream (no direct gets): a follower that is cut off would say "nothing new" for ever.
Nothing is watched and no list is believed; there is no consumer, so that none can be late or say that all was told.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Sequence
from typing import Any

from shareout.fields import dataclass
from shareout.ledger.store import Away
from shareout.stores.nats.wire import Line, Lost, Message, Nobody, headers_of

API = "$JS.API"
EXPECTED = "Nats-Expected-Last-Subject-Sequence"
NOT_FOUND, NO_STREAM, IN_USE = 10037, 10059, 10058
_FULL = (10047, 10023, 10077, 10028, 10002)
"""No room on its disk, in its limits, or in the stream's."""
_TOO_FEW = (10005, 10074)
"""Servers for so many copies."""
NOT_READY = 10008
"""A cluster that has not agreed yet who leads it."""
REST_S = 0.3
COPIES = 3
AT_ONCE = 1_000
"""Subjects in one call: a server answers to some more at most."""
_ONLY_FIRST = {10071, 10164}
"""Another message is the subject's last one."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A message in a stream."""

    number: int
    """Its place in the stream."""
    subject: str
    data: bytes
    at: int
    """What its header `at` says, where it has one."""


class Refused(Exception):
    """By JetStream, with its own number for it."""

    def __init__(self, code: int, told: str) -> None:
        super().__init__(told)
        self.code = code


def asked(line: Line, call: str, about: dict[str, Any] | None = None) -> dict[str, Any]:
    """An answer of the API."""
    return _answer(line.request(f"{API}.{call}", json.dumps(about).encode() if about else b"").data)


def named(root: str) -> str:
    """A stream's name, by what its subjects begin with: it has no dots."""
    return root.replace(".", "-")


def make(line: Line, stream: str, settings: dict[str, Any], patience_s: float = 0.0) -> int:
    """A stream, where it is not there yet; one that is there stays as it is. In how many servers it lies: in three of
    a cluster that has so many, so that it outlives one of them. So long it is waited for servers that are starting."""
    about = {"name": named(stream), "num_replicas": COPIES if "cluster" in line.about else 1, **settings}
    until = time.monotonic() + patience_s
    while True:
        try:
            told = asked(line, f"STREAM.CREATE.{named(stream)}", about)
        except Refused as error:
            if error.code in (*_TOO_FEW, NOT_READY) and time.monotonic() < until:
                time.sleep(REST_S)
                continue
            if error.code == IN_USE:
                told = asked(line, f"STREAM.INFO.{named(stream)}")
            elif error.code in _TOO_FEW and about["num_replicas"] > 1:
                about["num_replicas"] = 1
                continue
            else:
                raise
        return int(told.get("config", {}).get("num_replicas", 1))


def put(line: Line, subject: str, data: bytes, *, behind: int, at: int | None = None) -> int | None:
    """Behind the message of that number, which must be the subject's last one; 0: it must have none. Its own number;
    None where another one is there. Without an expectation, when `behind` is negative."""
    headers = {EXPECTED: str(behind)} if behind >= 0 else {}
    if at is not None:
        headers["at"] = str(at)
    try:
        told = _answer(line.request(subject, data, headers).data)
    except Refused as error:
        if error.code in _ONLY_FIRST:
            return None
        raise
    number = told.get("seq")
    if not isinstance(number, int):
        raise Lost("it does not say what it has stored")
    return number


def settings_of_beats(stream: str, longest: int) -> dict[str, Any]:
    """In memory, the last one of each: they cost no disk, and are gone with the server."""
    each = {"storage": "memory", "max_msgs_per_subject": 1, "allow_direct": True}
    return {"subjects": [f"{stream}.*"], **each, "max_msg_size": longest}


def last(line: Line, stream: str, subject: str) -> Stored | None:
    """The subject's last message. None where there is none; Refused with NO_STREAM where there is no such stream."""
    return _found(line, stream, {"last_by_subj": subject})


def last_of(line: Line, stream: str, subjects: Sequence[str]) -> dict[str, bytes]:
    """Of each of these subjects the last message, in one call, where that is only a hint: whichever server of a cluster
    has them may answer. Of a stream, or a server, that has no such call, one after the other."""
    told: list[Message] = []
    try:
        for start in range(0, len(subjects), AT_ONCE):
            part = subjects[start : start + AT_ONCE]
            about = json.dumps({"multi_last": part, "batch": len(part)}).encode()
            told += line.request_all(f"{API}.DIRECT.GET.{named(stream)}", about, len(part))
    except Nobody:
        found = {subject: last(line, stream, subject) for subject in subjects}
        return {subject: one.data for subject, one in found.items() if one}
    return {one.headers["Nats-Subject"]: one.data for one in told if one.headers.get("Nats-Subject") in subjects}


def following(line: Line, stream: str, subject: str, number: int) -> Stored | None:
    """The subject's first message from that place of the stream on."""
    return _found(line, stream, {"seq": number, "next_by_subj": subject})


def subjects(line: Line, stream: str, pattern: str) -> dict[str, int]:
    """Those that match, with how many messages each has. As the stream's leader has them now; of very many, some."""
    told = asked(line, f"STREAM.INFO.{named(stream)}", {"subjects_filter": pattern})
    found = told.get("state", {}).get("subjects") or {}
    return {str(name): int(count) for name, count in found.items()}


def end_of(line: Line, stream: str) -> int:
    """The number of its last message, of all subjects."""
    return int(asked(line, f"STREAM.INFO.{named(stream)}")["state"]["last_seq"])


def _found(line: Line, stream: str, about: dict[str, Any]) -> Stored | None:
    try:
        told = asked(line, f"STREAM.MSG.GET.{named(stream)}", about)
    except Refused as error:
        if error.code == NOT_FOUND:
            return None
        raise
    try:
        message = told["message"]
        above = headers_of(base64.b64decode(message.get("hdrs", "")))
        data = base64.b64decode(message.get("data", ""))
        return Stored(int(message["seq"]), str(message["subject"]), data, int(above.get("at", 0)))
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise Lost("it answers as no server does") from None


def _answer(data: bytes) -> dict[str, Any]:
    try:
        told = json.loads(data)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Lost("it answers as no server does")
    if error := told.get("error"):
        raise Refused(int(error.get("err_code", 0)), str(error.get("description", "it refuses")))
    return told


def away(place: str, error: Lost | Refused) -> Away:
    """What a call met in the middle of the work, as a sentence."""
    if isinstance(error, Lost):
        return Away(f"{place} cannot be reached: {error}")
    if error.code in _FULL:
        return Away(f"{place} has no room left: {error}")
    if error.code == NO_STREAM:
        return Away(f"{place} does not have this ledger any more")
    return Away(f"{place} refuses: {error}")
