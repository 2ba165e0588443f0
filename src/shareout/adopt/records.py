"""What the journals of an earlier list prove, and what is left of what those jobs printed."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from operator import itemgetter
from zlib import crc32

from shareout.adopt.matching import NOBODY
from shareout.fields import dataclass, field, replace
from shareout.record.belonging import Belonging, own_ranges
from shareout.record.folder import RunFolder
from shareout.record.journal import TAIL, attempt_line, parse
from shareout.record.logs.segments import DamagedLog, read_segment
from shareout.record.outcome import Attempt, State
from shareout.record.reader import Chunk, JournalReader, incarnations_of, told
from shareout.units import counted

_FROM, _RESULT = b',"from":', b',"result":'
_RECORD = re.compile(rb"^(\S+) \S+ job=([0-9]+) try=([0-9]+) (.*)$", re.MULTILINE)


@dataclass(slots=True)
class DoneJobs:
    """Of one run directory: each job's last word, where that is done. Lines and not records: a third of the memory."""

    folder: RunFolder
    whence: str = ""
    """Its plan and machine, as adopted records tell them."""
    lines: dict[int, bytes] = field(default_factory=dict)
    tries: dict[int, int] = field(default_factory=dict)
    """Which attempt it was, where that is no common line."""
    strange: set[int] = field(default_factory=set)
    """Jobs that other code has done."""
    said: list[str] = field(default_factory=list)

    def adopted(self, jobs: Sequence[int], new: Sequence[int], positions: Sequence[int]) -> Iterator[bytes]:
        """The records of these as the first attempts of jobs of another list, with whence they are."""
        lines, tries, whence = self.lines, self.tries, _FROM + json.dumps(self.whence)[:-1].encode()
        for job, fresh, position in zip(jobs, new, positions, strict=True):
            if job in tries:
                attempt = parse(lines[job])
                assert isinstance(attempt, Attempt)
                origin = f"{self.whence}#{job}"
                yield attempt_line(replace(attempt, job=fresh, position=position, attempt=1, origin=origin))
                continue
            # Without a look at each key: a list may have a million. What an earlier adoption says of it is put aside.
            said, key, result = lines[job].split(b",", 2)[2][:-TAIL].partition(_RESULT)
            if _FROM in said:
                said = said[: said.index(_FROM)]
            body = b'{"job":%d,"pos":%d,%b%b#%d"%b%b' % (fresh, position, said, whence, job, key, result)
            yield b'%b,"crc":"%08x"}\n' % (body, crc32(body))


def done_jobs(folder: RunFolder, ids: array[int], code: str | None) -> DoneJobs:
    """Of those that have an id here. What is damaged is told, and counts as not done. `code`: only what ran by it. Not
    what ran as an audit: that is there to be compared, and stands for nobody's own."""
    found = DoneJobs(folder)
    starts = incarnations_of(folder)
    owned = own_ranges([one.header for one in starts])
    for start in starts:
        header = start.header
        found.whence = f"{header.origin[:16]}/{header.machine}"
        reader, belonging = JournalReader(start.path), Belonging(header, owed=owned)
        for chunk in reader.chunks():
            _fold(found, chunk, ids, belonging, is_ours=code is None or header.code == code)
        found.said += told(reader.damage)
    if count := len(found.strange - found.lines.keys()):
        jobs, them = counted(count, "job"), "it" if count == 1 else "them"
        found.said.append(f"{folder.path}: {jobs} done by other code; --adopt=any-code takes {them} over as well")
    return found


def _fold(found: DoneJobs, chunk: Chunk, ids: array[int], belonging: Belonging, *, is_ours: bool) -> None:
    lines = found.lines
    # A chunk of common lines that all belong is taken as it is, without a record made of any.
    if is_ours and chunk.lines and all(map(itemgetter(0), chunk.plain)):
        jobs, positions = (list(map(int, map(itemgetter(at), chunk.plain))) for at in (0, 1))
        if belonging.holds(jobs, positions):
            for job, line in zip(jobs, chunk.lines, strict=True):
                if ids[job] != NOBODY and job not in lines:
                    lines[job] = line
            return
    for line, plain in zip(chunk.lines, chunk.plain, strict=True):
        record = parse(line) if not plain[0] else None
        if plain[0]:
            job, position, state = int(plain[0]), int(plain[1]), State.DONE
        elif isinstance(record, Attempt):
            job, position, state = record.job, record.position, record.state
        else:
            continue
        if not belonging.holds([job], [position]):
            continue
        # A person has taken it back: what is done counts again only where it comes after that.
        if state is State.REQUEUED:
            lines.pop(job, None)
            found.tries.pop(job, None)
        elif state is State.DONE and not is_ours and ids[job] != NOBODY:
            found.strange.add(job)
        elif state is State.DONE and ids[job] != NOBODY and job not in lines:
            lines[job] = line
            if isinstance(record, Attempt):
                found.tries[job] = record.attempt


def printed(
    folder: RunFolder, jobs: Container[int], tries: Mapping[int, int], said: Callable[[str], None]
) -> Iterator[tuple[int, bytes, bytes]]:
    """Of all records in a log that these tries at jobs have left (the first try, where nothing is said): the job, when
    it was, and what stands behind the try. Damage is told, and costs what it touched."""
    for segment in folder.log_segments():
        try:
            for piece in read_segment(segment):
                for when, word, attempt, rest in _RECORD.findall(piece):
                    if (job := int(word)) in jobs and tries.get(job, 1) == int(attempt):
                        yield job, when, rest
        except DamagedLog as error:
            said(str(error))
        except OSError as error:
            said(f"{segment} cannot be read: {error.strerror}")
