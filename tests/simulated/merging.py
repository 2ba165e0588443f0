"""The merge of what all machines of a case left: complete, and with the certificate of a run that nothing disturbed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shareout.merge.partition import Block
from shareout.merge.proof.certificate import block_hash, certificate
from shareout.merge.proof.choose_record import Record, settle
from shareout.record.journal import attempt_line
from shareout.record.outcome import State
from simulated.laws import Broken
from simulated.plans import Case

if TYPE_CHECKING:
    from simulated.host import Host

ALWAYS = 90


def check_merge(case: Case, hosts: Sequence[Host]) -> None:
    """What is done, and which one of several records counts, is the merge's own decision."""
    records: dict[int, list[Record]] = defaultdict(list)
    for host in hosts:
        for record in _records(case, host):
            records[record[0]].append(record[1])
    failing = {job for job, script in enumerate(case.scripts) if script.fails >= ALWAYS}
    done, failed = {}, set()
    for job, mine in records.items():
        counted = settle(mine).counted
        if counted is not None and counted.state is State.DONE:
            done[job] = counted.payload
        elif counted is not None and counted.state is State.FAILED:
            failed.add(job)
    # Asked to end it ended well, which is what counts.
    failing -= {job for job in done if case.scripts[job].term == "exits"}
    missing = set(range(case.plan.jobs)) - set(done) - failed
    is_held = any(host.reasons["barrier"] for host in hosts)
    # What failed where it was before may wait behind a barrier where it is now.
    waiting = failed - failing if is_held and case.later else set()
    expected = {
        job: b"%d\t%d" % (job, job if case.is_python else 0)
        for job in range(case.plan.jobs)
        if job not in failing and job not in missing | waiting
    }
    if failed - failing - waiting or (missing and not is_held):
        raise Broken(f"the merge misses {sorted(missing)}, and {sorted(failed - failing)} failed")
    if _certificate(case, done) != _certificate(case, expected):
        raise Broken(f"another certificate than that of an undisturbed run: {done} and not {expected}")


def _records(case: Case, host: Host) -> list[tuple[int, Record]]:
    made = []
    for header, records in host.recorded():
        for one in records:
            if one.state in (State.STOPPED, State.RETRY):
                continue
            value = one.result if case.is_python else one.exit
            payload = b"%d\t%d" % (one.job, value) if one.state is State.DONE else attempt_line(one)[:-1]
            origin, is_audit = case.plan.origin_hex, header.audits(one.position)
            record = Record(host.number, host.name, origin, one.state, one.attempt, one.end, payload, b"", is_audit)
            made.append((one.job, record))
    return made


def _certificate(case: Case, rows: dict[int, bytes]) -> str:
    ordered = [rows[job] for job in sorted(rows)]
    blocks = [(0, block_hash(Block(0, ordered, b"\n".join(ordered) + b"\n", [])))] if ordered else []
    return certificate(case.plan.work.hex(), (), blocks)
