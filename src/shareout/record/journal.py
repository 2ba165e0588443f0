"""One attempt ↔ one line. The journal of one start of a machine is JSON lines: a header (whose jobs these are), a
session (what this start owes, and where it runs), then attempts in the order in which they ended.

    {"job":314,"pos":7,"try":1,"state":"done","start":1763666581.123456,"end":…,"slot":0,"result":[1,2],"crc":"89abcdef"}

What was printed stands before the result: `"out":[6,"<hash>"]`, `"err":…`.

Keys stand in this order; crc is the CRC-32 of all before `,"crc"`, so that a flipped byte is never taken for
another job's success. Its bytes `"crc":"` stand nowhere else in a line: in a result, that key is written
`"\\u0063rc"`. The last line of an orderly end is a session again. A line of a kind that a reader does not know is
passed over, unless it says `"must":true`. Version 2.

Where the session says that there may be claims, a line `{"claim":…` stands before the first attempt at a position that
its start does not owe: it tells which positions were taken, how, and from whom.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

from shareout.choices import Order
from shareout.errors import RunDirectoryDamaged
from shareout.fields import dataclass, fields, replace
from shareout.ranges import Range, is_in, union
from shareout.record.lines.claim import Claim, How, Seal
from shareout.record.lines.form import ABOUT, fault_between, fault_of
from shareout.record.outcome import Attempt, Cause, Imprint, State
from shareout.record.values import decode, encode

# Lines of text that are only appended to, and no database: a kill leaves whole lines and at most one torn one, nothing
# has to be recovered before it is read, a copy of half of it is half of it, and `grep` reads it where we cannot run.
VERSION = 2
HEADER_LINES = 2
# Why a journal was begun, where it was not to run jobs.
AMENDED, TAKEN_OVER, ADOPTED = "amended", "taken over", "adopted from "
# `,"crc":"89abcdef"}` without the newline.
TAIL = 18


class BadLine(ValueError):
    """A line whose checksum or form is wrong."""


Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Session:
    """A start began or ended its work on its journal."""

    event: str
    time: float
    pid: int
    host: str
    code: str
    reason: str = ""
    """Of an end why it was one; of a start empty, where it is to run jobs."""
    about: Facts = ()
    """Of a start that runs jobs: the kernel's boot, and what decides the last bits of numbers."""

    def line(self, owed: Mapping[str, object] | None = None) -> bytes:
        """`owed`: of a start, what it owes."""
        facts: dict[str, object] = {
            "session": self.event,
            "time": self.time,
            "pid": self.pid,
            "host": self.host,
            "code": self.code,
        }
        facts = {**facts, "reason": self.reason, **(owed or {}), **dict(self.about)}
        return closed(json.dumps(facts, separators=(",", ":"))[:-1])


# What stands in the session's line: another start may owe something else.
_OWED = ("digest", "ranges", "audit", "version")
_OF_SESSION = (*_OWED, "claims", "claimed", "seal", "taken", "code", "start")


@dataclass(frozen=True, slots=True)
class Header:
    """The first two lines: which jobs, which machine, and what one start of it owes."""

    digest: str
    pool_digest: str
    machine: str
    jobs: int
    ranges: tuple[tuple[int, int], ...]
    audit: tuple[tuple[int, int], ...]
    version: str
    code: str
    kind: str
    """`python` or `command`: what the jobs are."""
    ancestors: tuple[str, ...] = ()
    """Digests of the plans that these inputs were rebalanced from, oldest first."""
    pool_jobs: int = 0
    """How many jobs the oldest of those plans has, whose ids are used; 0 when there is none."""
    order: str = Order.SHUFFLED
    """Or `given`: positions are places, and what has run is no random sample."""
    phases: tuple[int, ...] = ()
    """Where each phase begins, when there are several."""
    work: str = ""
    """The hash of what the jobs are: the same for all plans of them."""
    columns: tuple[str, ...] = ()
    """What the results are called in a table, where that was said."""
    origin: str = ""
    """The digest of the plan that this one continues, whose positions these are; as a rule its own."""
    ordinal: int = 0
    """Which start of this machine it was, and by chance eight digits that tell it from any other of that number."""
    nonce: str = ""
    claims: bool = False
    """Whether claims may follow."""
    claimed: tuple[Range, ...] = ()
    """What those that follow hold: no part of these two lines."""
    stream: bool = False
    """Its jobs came while it went on: how many there are is known by what was claimed, and for certain by a seal."""
    seal: Seal | None = None
    """Of a stream that was closed: no part of these two lines."""
    taken: tuple[Range, ...] = ()
    """What of that was taken over from a machine that was silent: it may have done some of it all the same."""
    start: Session = Session("start", 0.0, 1, "", "")

    def __post_init__(self) -> None:
        object.__setattr__(self, "origin", self.origin or self.digest)

    @property
    def total(self) -> int:
        """How many ids there are."""
        return self.pool_jobs or self.jobs

    @property
    def is_joined(self) -> bool:
        """Whether this start took part in a ledger: it owes nothing by plan, and claims what it runs."""
        return self.claims and not self.audit and all(start == stop for start, stop in self.ranges)

    @property
    def whence(self) -> str:
        """The plan and machine of an earlier list whose jobs this start adopted, and ran none itself; else empty."""
        return self.start.reason.removeprefix(ADOPTED) if self.start.reason.startswith(ADOPTED) else ""

    @property
    def own(self) -> Sequence[Range]:
        """What is this machine's own, and no audit: its share, and what it claimed."""
        return union((*self.ranges, *self.claimed)) if self.claimed else self.ranges

    def audits(self, position: int) -> bool:
        """Whether what this start recorded there is an audit, and not its own."""
        return is_in(position, self.audit) and not is_in(position, self.own)

    @property
    def root(self) -> str:
        """The digest of the plan that the ids come from: run directories with the same one merge."""
        return self.ancestors[0] if self.ancestors else self.origin

    def lines(self) -> bytes:
        """Both."""
        # No `asdict`: it copies each of what may be a million ranges.
        facts = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _OF_SESSION}
        if self.order == Order.SHUFFLED:
            del facts["order"]
        for name in ("phases", "stream"):
            if not facts[name]:
                del facts[name]
        owed = {key: getattr(self, key) for key in (*_OWED, *(["claims"] if self.claims else []))}
        head = closed(json.dumps({"shareout": VERSION, **facts}, separators=(",", ":"))[:-1])
        return head + replace(self.start, code=self.code).line(owed)


def closed(body: str) -> bytes:
    """A line from all of it but the closing brace."""
    # Against flipped bytes and torn writes, for which four bytes are enough; not against people, whom no hash would
    # stop that stands in the line itself.
    raw = body.encode("ascii")
    return b'%b,"crc":"%08x"}\n' % (raw, crc32(raw))


def attempt_line(attempt: Attempt) -> bytes:
    """Any attempt, in the order of keys that readers rely on."""
    body = (
        f'{{"job":{attempt.job},"pos":{attempt.position},"try":{attempt.attempt},"state":"{attempt.state.value}",'
        f'"start":{attempt.start:.6f},"end":{attempt.end:.6f},"slot":{attempt.slot}'
    )
    if attempt.exit is not None:
        body += f',"exit":{attempt.exit}'
    for key, text in (("signal", attempt.signal), ("cause", attempt.cause.value), ("error", attempt.error)):
        if text:
            body += f',"{key}":{json.dumps(text)}'
    if attempt.pid:
        body += f',"pid":{attempt.pid}'
    body += imprinted(attempt.out, attempt.err)
    if attempt.peak_memory:
        body += f',"mem":{attempt.peak_memory}'
    if attempt.origin:
        body += f',"from":{json.dumps(attempt.origin)}'
    if attempt.state is State.DONE and attempt.exit is None:
        body += f',"result":{encode(attempt.result)}'
    return closed(body)


def imprinted(out: Imprint | None, err: Imprint | None) -> str:
    """How a record tells what was printed; nothing, when nothing was."""
    told = f',"out":[{out.size},"{out.hash}"]' if out else ""
    return told + f',"err":[{err.size},"{err.hash}"]' if err else told


def claim_line(claim: Claim) -> bytes:
    """Stands before the first attempt at any position that only it allows."""
    facts: dict[str, object] = {"claim": claim.lane, "k": claim.k, "ranges": claim.ranges, "how": claim.how}
    if claim.origin:
        facts["from"] = claim.origin
    return closed(json.dumps(facts, separators=(",", ":"))[:-1])


def well_ended_line(
    job: int, position: int, start: float, end: float, slot: int, pid: int, printed: str, peak_memory: int | None
) -> bytes:
    """The same as `attempt_line` for a command that ended with 0 at its first try, in a quarter of the time. `printed`
    comes from `imprinted`."""
    body = (
        f'{{"job":{job},"pos":{position},"try":1,"state":"done","start":{start:.6f},"end":{end:.6f},"slot":{slot},'
        f'"exit":0,"pid":{pid}{printed}'
    )
    if peak_memory:
        body += f',"mem":{peak_memory}'
    return closed(body)


def check(line: bytes) -> bytes:
    """The line without its tail, or BadLine. `line` has no newline."""
    body = line[:-TAIL]
    if line[-TAIL:] == b',"crc":"%08x"}' % crc32(body):
        return body
    if line[-TAIL:-10] != b',"crc":"' or line[-2:] != b'"}':
        raise BadLine("cut or overwritten")
    raise BadLine("its checksum is wrong")


Line = Attempt | Session | Claim | Seal | None
"""What a line can say; None: nothing that this version knows."""


def parse(line: bytes) -> Line:
    """What a line says, or BadLine; None for a line of a kind that this version does not know, and for a header."""
    facts = _facts(line)
    if "job" in facts:
        # Readers find a job by these bytes.
        if not line.startswith(b'{"job":%d,' % facts["job"]):
            raise BadLine("it does not begin with its job")
        return _attempt(facts)
    if "session" in facts:
        return _session(facts)
    if "claim" in facts:
        return _claim(facts)
    if "sealed" in facts:
        return Seal(facts["sealed"], facts["lines"])
    if facts.get("must") is True:
        raise RunDirectoryDamaged(
            f"a line was written by a newer shareout, and must not be passed over: {line[:80].decode('ascii')} …",
            way_out="Use the newer program; nothing was changed.",
        )
    return None


def parse_header(first: bytes, second: bytes) -> Header:
    """The first two lines, or BadLine."""
    facts, owed = _facts(first), _facts(second)
    if "shareout" not in facts or owed.get("session") != "start":
        raise BadLine("it is another record")
    if fault := fault_between(facts, owed):
        raise BadLine(fault)
    return _header(facts, owed)


def _facts(line: bytes) -> dict[str, Any]:
    """Of a line of a right form, or of an unknown kind."""
    body = check(line)
    try:
        facts = decode(body + b"}")
    except (ValueError, RecursionError):
        raise BadLine("it is no JSON") from None
    if fault := fault_of(facts):
        raise BadLine(fault)
    return facts  # type: ignore[no-any-return]


def _attempt(facts: dict[str, Any]) -> Attempt:
    return Attempt(
        facts["job"],
        facts["pos"],
        attempt=facts["try"],
        state=State(facts["state"]),
        start=facts["start"],
        end=facts["end"],
        slot=facts["slot"],
        exit=facts.get("exit"),
        signal=facts.get("signal"),
        cause=Cause(facts.get("cause", "")),
        error=facts.get("error"),
        result=facts.get("result"),
        pid=facts.get("pid"),
        out=Imprint.of(facts.get("out")),
        err=Imprint.of(facts.get("err")),
        peak_memory=facts.get("mem"),
        origin=facts.get("from"),
    )


def _claim(facts: dict[str, Any]) -> Claim:
    ranges = tuple((start, stop) for start, stop in facts["ranges"])
    return Claim(facts["claim"], facts["k"], ranges, How(facts["how"]), facts.get("from", ""))


def _session(facts: dict[str, Any]) -> Session:
    return Session(
        facts["session"],
        facts["time"],
        facts["pid"],
        host=facts["host"],
        code=facts["code"],
        reason=facts["reason"],
        about=tuple((key, facts[key]) for key in ABOUT if key in facts),
    )


def _header(facts: dict[str, Any], owed: dict[str, Any]) -> Header:
    ranges, audit = (tuple((start, stop) for start, stop in owed[key]) for key in ("ranges", "audit"))
    return Header(
        owed["digest"],
        facts["pool_digest"],
        machine=facts["machine"],
        jobs=facts["jobs"],
        ranges=ranges,
        audit=audit,
        version=owed["version"],
        code=owed["code"],
        kind=facts["kind"],
        ancestors=tuple(facts["ancestors"]),
        pool_jobs=facts["pool_jobs"],
        order=facts.get("order", Order.SHUFFLED),
        phases=tuple(facts.get("phases", ())),
        stream=facts.get("stream", False),
        work=facts["work"],
        columns=tuple(facts["columns"]),
        origin=facts["origin"],
        ordinal=facts["ordinal"],
        nonce=facts["nonce"],
        claims=owed.get("claims", False),
        start=_session(owed),
    )
