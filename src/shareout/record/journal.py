"""One attempt ↔ one line. The journal is JSON lines: a header, then attempts in the order in which they ended.

    {"job":314,"pos":7,"try":1,"state":"done","start":1763666581.123456,"end":…,"slot":0,"result":[1,2],"crc":"89abcdef"}

Keys stand in this order; crc is the CRC-32 of all before `,"crc"`, so that a flipped byte is never taken for
another job's success. Its bytes `"crc":"` stand nowhere else in a line: in a result, that key is written
`"\\u0063rc"`. Lines with `"session"` tell when a process began and ended. Version 1.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any
from zlib import crc32

from shareout.choices import Order
from shareout.record.lines.form import fault_of
from shareout.record.outcome import Attempt, Cause, State
from shareout.record.values import decode, encode

VERSION = 1
# `,"crc":"89abcdef"}` without the newline.
TAIL = 18


class BadLine(ValueError):
    """A line whose checksum or form is wrong."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line: which plan, which machine, which code."""

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

    @property
    def total(self) -> int:
        """How many ids there are."""
        return self.pool_jobs or self.jobs

    @property
    def root(self) -> str:
        """The digest of the plan that the ids come from: run directories with the same one merge."""
        return self.ancestors[0] if self.ancestors else self.digest

    def line(self) -> bytes:
        """As the journal has it; the usual order, and no phases, go without saying."""
        facts = {"shareout": VERSION, **asdict(self)}
        if self.order == Order.SHUFFLED:
            del facts["order"]
        if not self.phases:
            del facts["phases"]
        return closed(json.dumps(facts, separators=(",", ":"))[:-1])


@dataclass(frozen=True, slots=True)
class Session:
    """A process began or ended its work on this journal."""

    event: str
    time: float
    pid: int
    host: str
    code: str
    reason: str = ""

    def line(self) -> bytes:
        """As the journal has it."""
        facts = {"session": self.event, "time": self.time, "pid": self.pid, "host": self.host, "code": self.code}
        # Not an Attempt with a word of its own: a session is nobody's job, and readers that count jobs pass it over.
        return closed(json.dumps({**facts, "reason": self.reason}, separators=(",", ":"))[:-1])


def closed(body: str) -> bytes:
    """A line from all of it but the closing brace."""
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
    for key, number in (("pid", attempt.pid), ("out", attempt.output_bytes), ("mem", attempt.peak_memory)):
        if number:
            body += f',"{key}":{number}'
    if attempt.origin:
        body += f',"from":{json.dumps(attempt.origin)}'
    if attempt.state is State.DONE and attempt.exit is None:
        body += f',"result":{encode(attempt.result)}'
    return closed(body)


def well_ended_line(
    job: int, position: int, start: float, end: float, slot: int, pid: int, output_bytes: int, peak_memory: int | None
) -> bytes:
    """The same as `attempt_line` for a command that ended with 0 at its first try, in a quarter of the time."""
    body = (
        f'{{"job":{job},"pos":{position},"try":1,"state":"done","start":{start:.6f},"end":{end:.6f},"slot":{slot},'
        f'"exit":0,"pid":{pid}'
    )
    if output_bytes:
        body += f',"out":{output_bytes}'
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


def parse(line: bytes) -> Attempt | Header | Session | None:
    """What a line says, or BadLine; None for a line of a kind that this version does not know."""
    body = check(line)
    try:
        facts = decode(body + b"}")
    except (ValueError, RecursionError):
        raise BadLine("it is no JSON") from None
    if fault := fault_of(facts):
        raise BadLine(fault)
    if "job" in facts:
        # Readers find a job by these bytes.
        if not line.startswith(b'{"job":%d,' % facts["job"]):
            raise BadLine("it does not begin with its job")
        return _attempt(facts)
    if "shareout" in facts:
        return _header(facts)
    if "session" in facts:
        keys = ("time", "pid", "host", "code", "reason")
        return Session(facts["session"], *(facts[key] for key in keys))
    return None


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
        output_bytes=facts.get("out", 0),
        peak_memory=facts.get("mem"),
        origin=facts.get("from"),
    )


def _header(facts: dict[str, Any]) -> Header:
    plain = {key: facts[key] for key in ("digest", "pool_digest", "machine", "jobs", "version", "code", "kind")}
    ranges, audit = (tuple((start, stop) for start, stop in facts[key]) for key in ("ranges", "audit"))
    ancestors, pool_jobs = tuple(facts["ancestors"]), facts.get("pool_jobs", 0)
    more = {
        "order": facts.get("order", Order.SHUFFLED),
        "phases": tuple(facts.get("phases", ())),
        "work": facts["work"],
        "columns": tuple(facts["columns"]),
    }
    return Header(**plain, ranges=ranges, audit=audit, ancestors=ancestors, pool_jobs=pool_jobs, **more)
