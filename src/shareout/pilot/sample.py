"""What was recorded of the first jobs of a share: the sample that a pilot reckons from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shareout.fields import dataclass, field
from shareout.ranges import Range, is_in
from shareout.record.folder import RunFolder
from shareout.record.outcome import Attempt, State
from shareout.record.reader import JournalReader, incarnations_of

COUNTED = (State.DONE, State.FAILED, State.RETRY)


@dataclass(slots=True)
class Sample:
    """Of jobs that have ended here, by position. What was tried several times took the sum of its tries."""

    seconds: dict[int, float] = field(default_factory=dict)
    ids: dict[int, int] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    peak_memory: int | None = None
    """Bytes of the largest; None where none was larger than what can be told apart from ours."""
    gaps: list[float] = field(default_factory=list)
    """Seconds that a slot had none, between two that it ran one after the other."""

    def settle(self) -> None:
        """What has not ended counts for nothing."""
        self.seconds = {position: self.seconds[position] for position in sorted(self.ended)}

    @property
    def idle_s(self) -> float:
        """The middle one of the gaps: those of a break, or of a retry's delay, are no part of a job."""
        gaps = sorted(self.gaps)
        return max(0.0, gaps[len(gaps) // 2]) if gaps else 0.0


def first_of(ranges: Sequence[Range], count: int) -> list[Range]:
    """The first so many positions, in the order in which they run."""
    found: list[Range] = []
    for start, stop in ranges:
        taken = min(stop - start, count)
        if taken > 0:
            found.append((start, start + taken))
            count -= taken
    return found


def sample_of(folder: RunFolder, wanted: Sequence[Range]) -> Sample:
    """Of what ran here; not of what was taken over from elsewhere."""
    sample = Sample()
    for one in incarnations_of(folder):
        if one.header.start.reason:
            continue
        last: dict[int, float] = {}
        for attempt in _attempts(JournalReader(one.path), wanted):
            _take(sample, attempt)
            before = last.get(attempt.slot)
            if before is not None:
                sample.gaps.append(attempt.start - before)
            last[attempt.slot] = attempt.end
    sample.settle()
    return sample


def _attempts(reader: JournalReader, wanted: Sequence[Range]) -> Iterator[Attempt]:
    """A journal may hold millions besides: they are passed over by what is known of them without parsing."""
    for chunk in reader.chunks():
        for (offset, line), (job, position, *_) in zip(chunk.located(), chunk.plain, strict=True):
            if job and not is_in(int(position), wanted):
                continue
            record = reader.record_of(chunk, offset, line)
            if isinstance(record, Attempt) and is_in(record.position, wanted):
                yield record


def _take(sample: Sample, attempt: Attempt) -> None:
    position = attempt.position
    if attempt.state is State.REQUEUED:
        sample.seconds.pop(position, None)
        sample.ended.discard(position)
        sample.failed.discard(position)
    elif attempt.state in COUNTED and position not in sample.ended:
        sample.ids[position] = attempt.job
        sample.seconds[position] = sample.seconds.get(position, 0.0) + max(0.0, attempt.duration)
        if attempt.peak_memory:
            sample.peak_memory = max(sample.peak_memory or 0, attempt.peak_memory)
        if attempt.state is not State.RETRY:
            sample.ended.add(position)
        if attempt.state is State.FAILED:
            sample.failed.add(position)
