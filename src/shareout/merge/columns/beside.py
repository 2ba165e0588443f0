"""Blocks of results → blocks of a table's rows: which jobs have one, and what stands in it beside the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from shareout.fields import dataclass, field
from shareout.merge.columns.asked import ERROR, STATE, STDERR, STDOUT, Parse, Rows
from shareout.merge.columns.parsed import Unreadable, read_as
from shareout.merge.columns.printed import PartitionTexts, PrintedTexts
from shareout.merge.columns.told import Told, told_blocks
from shareout.merge.partition import Block, Meta, Outcomes
from shareout.merge.sheet import LINE, Sheet
from shareout.record.outcome import Stream

# What is written at once: a job may have printed as much as memory holds, and a block has 65,536 of them.
MOST_TEXT = 4 << 20
STREAMS = {STDOUT: Stream.OUT, STDERR: Stream.ERR}
_NAMES = {Parse.JSON: "JSON", Parse.CSV: "CSV of one row", Parse.NUMBER: "number"}
SHOWN = 8


@dataclass(slots=True)
class Notes:
    """What is to tell of the texts, when all of them were seen: of each oddity how many jobs, and the first ones."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[int]] = field(default_factory=dict)

    def add(self, what: str, job: int) -> None:
        """One more."""
        self.counts[what] += 1
        some = self.first.setdefault(what, [])
        if len(some) < SHOWN:
            some.append(job)

    def clear(self) -> None:
        """A table is written anew."""
        self.counts.clear()
        self.first.clear()

    def facts(self) -> dict[str, Any]:
        """As JSON can say it."""
        return {what: [count, self.first[what]] for what, count in self.counts.items()}

    def learn(self, facts: Mapping[str, Any]) -> None:
        """What another process has noted."""
        for what, (count, some) in facts.items():
            self.counts[what] += count
            self.first[what] = sorted([*self.first.get(what, ()), *some])[:SHOWN]

    def sentences(self) -> list[str]:
        """For a person."""
        return [
            f"{what}: {count:,} job{'s' * (count > 1)} ({', '.join(map(str, self.first[what]))}"
            f"{' …' if count > len(self.first[what]) else ''})"
            for what, count in sorted(self.counts.items())
        ]


@dataclass(frozen=True, slots=True)
class Beside:
    """What a table has beside the results."""

    rows: tuple[Rows, ...] = (Rows.DONE,)
    inputs: Callable[[int], Any] | None = None
    """A job's inputs, laid out as a result is: a dict by name, a list by place, a text."""
    has_lines: bool = False
    """Whether these are lines."""
    named: tuple[str, ...] = ()
    """What inputs by place are called."""
    with_state: bool = False
    texts: PrintedTexts | None = None
    streams: tuple[str, ...] = ()
    parse: Parse = Parse.TEXT
    notes: Notes = field(default_factory=Notes)

    def before(self) -> tuple[Sheet, ...]:
        """The parts of a row before the result."""
        if self.inputs is None:
            return ()
        return (Sheet("inputs", self.named, base=LINE if self.has_lines else "input"),)

    def after(self) -> tuple[Sheet, ...]:
        """And those behind it."""
        state = (Sheet("state", (STATE, ERROR), base=STATE),) if self.with_state else ()
        return (*state, *(Sheet("printed", base=name) for name in self.streams))

    @property
    def is_nothing(self) -> bool:
        """Whether rows are those of the results alone."""
        return self.rows == (Rows.DONE,) and self.inputs is None and not self.with_state and not self.streams

    def dressed(self, number: int, outcomes: Outcomes, blocks: Iterable[Block]) -> Iterator[Block]:
        """The blocks of one range of ids, its number given, as a table has them."""
        if self.is_nothing:
            yield from blocks
            return
        texts = self.texts.of_partition(number) if self.texts and self.streams else None
        for block in told_blocks(outcomes, blocks, self.rows):
            for part in _in_pieces(block, texts):
                yield self._dressed(part, texts)

    def _dressed(self, block: Told, texts: PartitionTexts | None) -> Block:
        beside: list[Sequence[Any]] = []
        jobs = block.jobs
        if self.inputs is not None:
            beside.append(list(map(self.inputs, jobs)))
        if self.with_state:
            beside.append([{STATE: state, ERROR: error} for state, error in block.states])
        if texts is not None:
            for name in self.streams:
                of_jobs = zip(jobs, block.metas, strict=True)
                beside.append([self._text(texts, name, job, meta) for job, meta in of_jobs])
        return Block(block.number, block.rows, b"\n".join(block.rows) + b"\n", block.metas, beside)

    def _text(self, texts: PartitionTexts, name: str, job: int, meta: Meta | None) -> Any:
        if meta is None:
            return None
        data, is_whole = texts.of(meta[0], job, meta[1], STREAMS[name])
        if not is_whole:
            self.notes.add(f"the log does not have all that was printed on {name}", job)
        if not data:
            return None
        parse = self.parse if name == STDOUT else Parse.TEXT
        try:
            value = read_as(data, name, parse)
        except Unreadable:
            self.notes.add(f"{name} is no {_NAMES[parse]}, and stands as text", job)
            value = read_as(data, name, Parse.TEXT)
        if isinstance(value, dict) and parse is Parse.TEXT:
            self.notes.add(f"{name} is no UTF-8, and stands as base64 in {name}_base64", job)
        return value


def _in_pieces(block: Told, texts: PartitionTexts | None) -> Iterator[Told]:
    """By how much its jobs have printed: the same pieces however many processes there are."""
    if texts is None:
        yield block
        return
    start, held = 0, 0
    for at, (job, meta) in enumerate(zip(block.jobs, block.metas, strict=True)):
        size = texts.size(meta[0], job, meta[1]) if meta else 0
        if at > start and held + size > MOST_TEXT:
            yield block.part(start, at)
            start, held = at, 0
        held += size
    yield block.part(start, len(block.jobs))
