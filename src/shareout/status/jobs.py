"""What became of each job, from journals of any machines and plans that belong together, in a few bytes a job."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter

from shareout.fields import dataclass
from shareout.plan.ids import ids_as_told
from shareout.ranges import Range
from shareout.record.belonging import Belonging, ever_owed
from shareout.record.folder import RunFolder
from shareout.record.journal import BadLine, Header, parse
from shareout.record.lines.common_line import Plain
from shareout.record.outcome import Attempt, Cause, State
from shareout.record.proof import Proof, proofs_of
from shareout.record.reader import Chunk, Incarnation, JournalReader, incarnations_of, newest_header, told

NEW, RUNNING, DONE, FAILED, ERROR, SKIPPED = ".", "r", "d", "!", "e", "s"
LETTERS = NEW + RUNNING + DONE + FAILED + ERROR + SKIPPED
# Beyond so many ids only those that journals speak of are held.
MOST_HELD = 1 << 27
_order_of = attrgetter("order")
_ERRORS = (Cause.UNSPAWNABLE, Cause.LOST_WORKER, Cause.BAD_RESULT)


@dataclass(frozen=True, slots=True)
class JobState:
    """One line of a list."""

    job: int
    state: str
    machine: str = ""
    attempt: int = 0
    exit: str = ""
    """An exit status, or the name of a signal."""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class _Source:
    """Whose a record is."""

    machine: str
    origin: str
    is_audit: bool

    @property
    def who(self) -> tuple[str, str]:
        """Whose requeue ends it, audits included."""
        return self.origin, self.machine


@dataclass(frozen=True, slots=True)
class _Known:
    """What one machine says of a job."""

    state: str
    source: _Source
    end: float
    seconds: float
    attempt: int = 1
    exit: str = "0"

    @property
    def order(self) -> tuple[bool, bool, float, str, str]:
        """Of several the least counts, as in a merge: never by which directory was named first."""
        machine, origin = self.source.machine, self.source.origin
        if self.state == DONE:
            return False, self.source.is_audit, self.end, machine, origin
        return True, False, -self.end, machine, origin


class JobStates:
    """Folded from journals, with a merge's choice between records of one job: done beats everything; of several that
    are done its machine's own beats an audit, then the first that ended counts; of the rest the last that ended. A
    requeue clears its machine's."""

    def __init__(self, folders: Sequence[RunFolder]) -> None:
        self.headers: list[Header] = [newest_header(folder) for folder in folders]
        """Of each folder the newest."""
        self.total = max((header.total for header in self.headers), default=0)
        held = self.total if self.total <= MOST_HELD else 0
        self._sources: list[_Source] = []
        # Fourteen bytes a job: ten million take 140 megabytes, and an object for each would take gigabytes.
        self._owner = array("H", bytes(2 * held))
        """Number of the source + 1 of a plain first try that is done; 0: none."""
        self._seconds = array("f", bytes(4 * held))
        self._ends = array("d", bytes(8 * held))
        self._odd: dict[int, list[_Known]] = {}
        """One a machine, of jobs of which more is known than a plain first try that is done."""
        self.damage: list[str] = []
        """What is damaged in the journals, in sentences."""
        self._running: dict[int, tuple[str, int]] = {}
        for folder in folders:
            proofs = proofs_of(folder)
            starts = incarnations_of(folder)
            owed = ever_owed([one.header for one in starts])
            for one in starts:
                self._fold(one, owed, proofs.get(one.path.name, Proof()).good)

    def runs(self, job: int, machine: str, attempt: int) -> None:
        """A live run directory tells that it runs now."""
        self._running[job] = (machine, attempt)

    def state(self, job: int) -> JobState:
        """Where it stands; `.` for an id of which nothing is known, also beyond the pool's end."""
        # Nearly all, so without making more of it than its line.
        if job < len(self._owner) and self._owner[job]:
            machine = self._sources[self._owner[job] - 1].machine
            return JobState(job, DONE, machine, attempt=1, exit="0", seconds=self._seconds[job])
        known = min(self._odd.get(job, ()), key=_order_of, default=None)
        if job in self._running and (known is None or known.state != DONE):
            return JobState(job, RUNNING, *self._running[job])
        if known is None:
            return JobState(job, NEW)
        machine = known.source.machine
        return JobState(job, known.state, machine, attempt=known.attempt, exit=known.exit, seconds=known.seconds)

    def all(self) -> Iterator[JobState]:
        """In pool order."""
        return map(self.state, range(self.total))

    def _fold(self, one: Incarnation, owed: Sequence[Range], proven: int) -> None:
        header = one.header
        own, audit = (self._number(_Source(header.machine, header.origin, is_audit)) for is_audit in (False, True))
        owner, seconds, ends, odd = self._owner, self._seconds, self._ends, self._odd
        held = len(self._owner)
        reader, belonging = JournalReader(one.path), Belonging(header, ids_as_told(header), owed)
        for chunk in reader.chunks():
            lines = list(zip(chunk.located(), chunk.plain, strict=True))
            # What is proven to be as its run wrote it was judged by that run; behind it, where a copy may have been cut
            # or edited, each record is asked.
            if chunk.offset + len(chunk.data) > proven:
                belonging.check(reader.path, _places_of(lines))
            for (offset, line), plain in lines:
                job = int(plain[0]) if plain[0] else -1
                # A job of which something odd is known goes the slow way for good.
                if job < 0 or job >= held or job in odd:
                    self._apply(reader, chunk, offset, line, header=header, belonging=belonging)
                    continue
                start, end = float(plain[2]), float(plain[3])
                number = audit if header.audit and header.audits(int(plain[1])) else own
                if owner[job]:
                    self._meet(job, number, end, end - start)
                else:
                    owner[job], ends[job], seconds[job] = number + 1, end, end - start
        self.damage += told(reader.damage)

    def _apply(
        self, reader: JournalReader, chunk: Chunk, offset: int, line: bytes, *, header: Header, belonging: Belonging
    ) -> None:
        record = reader.record_of(chunk, offset, line)
        if isinstance(record, Attempt):
            belonging.check(reader.path, [(offset, record.job, record.position)])
        if not isinstance(record, Attempt) or record.state in (State.STOPPED, State.RETRY):
            return
        job = record.job
        source = _Source(header.machine, header.origin, header.audits(record.position))
        if record.state is State.REQUEUED:
            self._stand(job, [one for one in self._known(job) if one.source.who != source.who])
            return
        seconds, code = record.end - record.start, record.signal or _told(record.exit)
        self._enter(job, _Known(_letter(record), source, record.end, seconds, attempt=record.attempt, exit=code))

    def _meet(self, job: int, number: int, end: float, seconds: float) -> None:
        """A plain one beside another. Of one machine, as in two copies of its journal, they are told apart in place."""
        if self._owner[job] != number + 1:
            self._enter(job, _Known(DONE, self._sources[number], end, seconds))
        elif end < self._ends[job]:
            self._ends[job], self._seconds[job] = end, seconds

    def _known(self, job: int) -> list[_Known]:
        if job in self._odd:
            return self._odd[job]
        owner = self._owner[job] if job < len(self._owner) else 0
        return [_Known(DONE, self._sources[owner - 1], self._ends[job], self._seconds[job])] if owner else []

    def _enter(self, job: int, fresh: _Known) -> None:
        """Beside what other machines say, whatever beats what: a requeue may end what counts now. Of one machine what
        comes later stands, but nothing after the first that is done."""
        others = [one for one in self._known(job) if one.source.who != fresh.source.who]
        mine = [one for one in self._known(job) if one.source.who == fresh.source.who and one.state == DONE]
        self._stand(job, [*others, min([fresh, *mine], key=_order_of)])

    def _stand(self, job: int, known: list[_Known]) -> None:
        if job < len(self._owner):
            self._owner[job] = 0
        self._odd[job] = known
        if not known:
            del self._odd[job]

    def _number(self, source: _Source) -> int:
        if source not in self._sources:
            self._sources.append(source)
        return self._sources.index(source)


def _places_of(lines: Sequence[tuple[tuple[int, bytes], Plain]]) -> list[tuple[int, int, int]]:
    return [(offset, int(plain[0]), int(plain[1])) for (offset, _), plain in lines if plain[0]]


def attempts_of(folders: Sequence[RunFolder], job: int) -> Iterator[tuple[Header, Attempt]]:
    """All that journals say of one job, in their order: found by its first bytes, so that a large journal is fast."""
    # Searched for as bytes: to parse all lines would take as long as the whole list.
    needle = b'{"job":%d,' % job
    starts = [one for folder in folders for one in incarnations_of(folder)]
    headers: dict[RunFolder, list[Header]] = {}
    for one in starts:
        headers.setdefault(one.folder, []).append(one.header)
    for one in starts:
        owed = ever_owed(headers[one.folder])
        belonging, base = Belonging(one.header, ids_as_told(one.header), owed), 0
        with one.path.open("rb") as file:
            rest = b""
            while block := file.read(1 << 22):
                block = rest + block
                cut = block.rfind(b"\n") + 1
                rest = block[cut:]
                for at, line in _found(block[:cut], needle):
                    try:
                        record = parse(line)
                    except BadLine:
                        continue
                    if isinstance(record, Attempt):
                        belonging.check(one.path, [(base + at, job, record.position)])
                        yield one.header, record
                base += cut


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a job on one machine."""

    header: Header
    attempt: Attempt


def settled_of(folders: Sequence[RunFolder], job: int) -> list[Settled]:
    """What each machine has recorded of a job in the end, done or failed; what counts in a merge stands first."""
    sources: dict[tuple[str, str], list[Settled]] = {}
    for header, attempt in attempts_of(folders, job):
        sources.setdefault((header.origin, header.machine), []).append(Settled(header, attempt))
    found = [one for source in sources.values() if (one := _last_word(source))]
    return sorted(found, key=_precedence)


def _last_word(source: Sequence[Settled]) -> Settled | None:
    """Of one machine, copies of its journal included: nothing from before a requeue, and the first that is done."""
    moments = [_moment(one) for one in source if one.attempt.state is State.REQUEUED]
    left = [one for one in source if not moments or _moment(one) > max(moments)]
    done = [one for one in left if one.attempt.state is State.DONE]
    failed = [one for one in left if one.attempt.state is State.FAILED]
    return min(done, key=_moment) if done else max(failed, key=_moment, default=None)


def _moment(one: Settled) -> tuple[int, float]:
    return one.attempt.attempt, one.attempt.end


def _precedence(one: Settled) -> tuple[bool, bool, float, str, str]:
    source = _Source(one.header.machine, one.header.origin, one.header.audits(one.attempt.position))
    return _Known(_letter(one.attempt), source, one.attempt.end, one.attempt.duration).order


def _found(block: bytes, needle: bytes) -> Iterator[tuple[int, bytes]]:
    at = block.find(needle)
    while at >= 0:
        end = block.find(b"\n", at)
        if at == 0 or block[at - 1] == 10:
            yield at, block[at:end]
        at = block.find(needle, max(end, at + 1))


def _letter(record: Attempt) -> str:
    if record.state is State.DONE:
        return DONE
    if record.state is State.SKIPPED:
        return SKIPPED
    return ERROR if record.cause in _ERRORS else FAILED


def _told(code: int | None) -> str:
    return "" if code is None else str(code)


Texts = Callable[[int], str]
