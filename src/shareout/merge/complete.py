"""Is every job there, once? Reads all journals, keeps for each job where its one counted outcome stands."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from shareout.errors import PlanMismatch
from shareout.record.folder import RunFolder
from shareout.record.journal import Header, parse
from shareout.record.outcome import Attempt, State
from shareout.record.reader import Damage, JournalReader, read_header

NEW, DONE, FAILED, SKIPPED = 0, 1, 2, 3
_PLAIN = re.compile(rb'\{"job":(\d+),"pos":(\d+),"try":\d+,"state":"done","start":[0-9.]+,"end":([0-9.]+),')


@dataclass(slots=True)
class Collected:
    """The counted outcome of every job: which journal, at which offset."""

    header: Header
    folders: Sequence[RunFolder]
    states: bytearray
    journals: array[int]
    offsets: array[int]
    twice: int = 0
    foreign: int = 0
    machines: dict[str, Header] = field(default_factory=dict)
    damage: list[tuple[RunFolder, Damage]] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)

    def count(self, state: int) -> int:
        return self.states.count(state)

    @property
    def is_complete(self) -> bool:
        return self.count(DONE) + self.count(SKIPPED) == len(self.states)

    def ids(self, state: int) -> list[tuple[int, int]]:
        """The ids in a state, as ranges start … stop-1."""
        ranges: list[tuple[int, int]] = []
        at = self.states.find(state)
        while at >= 0:
            rest = self.states[at : at + (1 << 16)]
            length = len(rest) - len(rest.lstrip(bytes([state])))
            if ranges and ranges[-1][1] == at:
                ranges[-1] = (ranges[-1][0], at + length)
            else:
                ranges.append((at, at + length))
            at = self.states.find(state, at + length)
        return ranges


def collect(folders: Sequence[RunFolder]) -> Collected:
    """Refuses journals of different plans; of a job that ran twice, the first that finished counts."""
    headers = [read_header(folder.journal) for folder in folders]
    first = headers[0]
    for folder, header in zip(folders, headers, strict=True):
        if header.digest != first.digest:
            raise PlanMismatch(
                f"{folder.path} is of plan {header.digest[:16]}, {folders[0].path} of plan {first.digest[:16]}",
                way_out="Merge the directories of one plan at a time.",
            )
    jobs = first.jobs
    made = Collected(first, folders, bytearray(jobs), array("H", bytes(2 * jobs)), array("Q", bytes(8 * jobs)))
    for number, (folder, header) in enumerate(zip(folders, headers, strict=True)):
        made.machines[header.machine] = header
        made.codes.add(header.code)
        _read(made, number, folder, header)
    return made


def _read(made: Collected, number: int, folder: RunFolder, header: Header) -> None:
    reader = JournalReader(folder.journal)
    ranges = [*header.ranges, *header.audit]
    states, journals, offsets, jobs = made.states, made.journals, made.offsets, len(made.states)
    for offset, line in reader.located():
        plain = _PLAIN.match(line)
        if plain is None:
            record = parse(line)
            if not isinstance(record, Attempt):
                continue
            job, position, state = record.job, record.position, record.state
            end = record.end
        else:
            job, position, state, end = int(plain[1]), int(plain[2]), State.DONE, float(plain[3])
        if job >= jobs or not any(start <= position < stop for start, stop in ranges):
            made.foreign += 1
            continue
        if state is State.DONE:
            if states[job] == DONE:
                made.twice += 1
                if journals[job] == number or end >= _end_of(made, job):
                    continue
            states[job], journals[job], offsets[job] = DONE, number, offset
        elif states[job] != DONE:
            if state in (State.FAILED, State.SKIPPED):
                states[job], journals[job], offsets[job] = (
                    (FAILED if state is State.FAILED else SKIPPED),
                    number,
                    offset,
                )
            elif state is State.REQUEUED:
                states[job] = NEW
    made.damage += [(folder, one) for one in reader.damage]


def _end_of(made: Collected, job: int) -> float:
    """When the outcome that counts so far ended: looked up only for jobs that ran twice."""
    journal = made.folders[made.journals[job]].journal
    with journal.open("rb") as file:
        file.seek(made.offsets[job])
        found = _PLAIN.match(file.readline())
    return float(found[3]) if found else 0.0
