"""Journals → rows in pool order, in bounded memory: gather all records by ranges of ids, then settle and write
range after range. Several processes share both steps; what comes out does not depend on how many.
"""

from __future__ import annotations

import gzip
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from shareout.merge.columns.beside import Beside
from shareout.merge.columns.printed import PrintedTexts
from shareout.merge.gather import Gatherer, Journal, NeedsMore, pieces_of
from shareout.merge.partition import BLOCK_SHIFT, Block, Outcomes, resolve, told
from shareout.merge.processes import divided, how_many
from shareout.merge.proof.audit import Comparison
from shareout.merge.proof.certificate import block_hash, printed_hash
from shareout.merge.proof.complete import Said, Summary, append_ranges, is_open
from shareout.merge.sheet import Sheet, Start
from shareout.merge.spool import Spool, SpoolWriter
from shareout.merge.tables import RowStore, TextForm, store_blocks
from shareout.merge.target import Relay, Target
from shareout.record.journal import HEADER_LINES
from shareout.record.logs.segments import stamp
from shareout.record.reader import Damage

# A partition of so many records takes some 40 MB in each process.
PARTITION_ROWS = 1 << 16
SHORTEST_LINE = 120
MOST_PARTITIONS = 1 << 16
# In each process, of what jobs have printed.
MOST_HELD = 64 << 20
MOST_DISAGREEMENTS = 1000


# Why a spool by ranges of ids, and no sort: ids are numbers from 0, so a record's range is known from the record
# alone and one pass puts it there, where a sort by comparisons passes over all rows again and again. Not a dict in
# memory: ten million rows are gigabytes of objects. Not a database: it would be written, indexed and read, for the
# sake of one walk in order.
class Merge:
    """A context manager, because of its temporary files (in the folder `where`)."""

    def __init__(
        self,
        journals: Sequence[Journal],
        where: Path | None,
        *,
        meta: bool = False,
        lean: bool = False,
        processes: int = 0,
    ) -> None:
        self.journals = journals
        self.total = max((journal.header.total for journal in journals), default=0)
        self.rows = 0
        self.damage: list[tuple[int, Damage]] = []
        self.beside = Beside()
        """What tables are to have beside the results."""
        self._lean = lean and not meta
        self._where = where
        self._processes = processes or how_many()
        self._shift = _shift(self.total, sum(journal.size for journal in journals))
        self._stack = ExitStack()
        self._spool = Spool([])

    def __enter__(self) -> Merge:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def gather(self) -> None:
        """Read all journals."""
        pieces = pieces_of(self.journals)
        count = min(self._processes, max(1, len(pieces)))
        enter = self._stack.enter_context
        # In the table's folder, which must have room for it anyway: /tmp may be small, or memory.
        files: list[IO[bytes]] = [enter(TemporaryFile(dir=self._where)) for _ in range(count)]  # noqa: SIM115

        def work(number: int) -> dict[str, Any]:
            partitions = (max(0, self.total - 1) >> self._shift) + 1
            writer = SpoolWriter(files[number], partitions, self._shift)
            gatherer = Gatherer(writer, lean=self._lean)
            # Dealt out in turn: one machine may have done nearly all, and its journal would be read by one process
            # alone.
            for piece in pieces[number::count]:
                gatherer.read(piece)
            return {"index": writer.finish(), "pieces": gatherer.facts}

        self._spool = Spool([file.fileno() for file in files])
        told: dict[int, dict[str, Any]] = {}
        for number, facts in enumerate(divided(count, work, NeedsMore)):
            self._spool.load(number, facts["index"])
            told.update({one["piece"]: one for one in facts["pieces"]})
        lines: dict[int, int] = {}
        for piece in pieces:
            one, journal = told[piece.number], piece.journal.number
            # A piece counts lines from its own beginning, for nobody knows how many are before it; a person wants the
            # line of the file.
            before = lines.get(journal, HEADER_LINES)
            path = piece.journal.path
            self.damage += [(journal, Damage(path, before + line, *rest)) for line, *rest in one["damage"]]
            lines[journal] = before + one["lines"]
            if one["misplaced"]:
                line, job, position = one["misplaced"]
                raise piece.journal.belonging.refusal(path, before + line, job, position)
            self.rows += one["rows"]

    def outcomes(self) -> Iterator[Outcomes]:
        """Of every partition, in order; also of those that no record speaks of."""
        partitions = (max(0, self.total - 1) >> self._shift) + 1 if self.total else 0
        for number in range(partitions):
            yield self._resolved(number)

    def blocks(self) -> Iterator[Block]:
        """All rows in pool order."""
        for number in self._spool.filled():
            yield from self._resolved(number).blocks()

    def table_blocks(self) -> Iterator[Block]:
        """The same as a table has them: with what stands beside the results, and jobs that are not done."""
        if self.beside.is_nothing:
            yield from self.blocks()
            return
        # Who asks again begins anew.
        self.beside.notes.clear()
        for number, outcomes in enumerate(self.outcomes()):
            yield from self.beside.dressed(number, outcomes, outcomes.blocks())

    def read_texts(self, said: Callable[[str], None]) -> PrintedTexts:
        """What the jobs have printed, from their logs; open as long as the merge is."""
        texts = PrintedTexts(self.journals, self._shift, self._where, self._processes)
        self._stack.enter_context(texts)
        texts.gather(said)
        return texts

    def starts(self) -> list[Start]:
        """What the rows of each journal have in common."""
        headers = [journal.header for journal in self.journals]
        return [Start(one.machine, None if one.start.reason else stamp(one.start.time)) for one in headers]

    def first_row(self) -> bytes | None:
        """`job TAB result` of the first job that is done."""
        return next((block.rows[0] for block in self.blocks()), None)

    def summarize(self) -> Summary:
        """What became of all jobs, without writing them."""
        return self._in_order(None)

    def write_text(self, form: TextForm, sheet: Sheet, target: Target, *, packed: bool) -> tuple[Summary, Sheet]:
        """Write all rows; again, with other columns, when a result turns out not to fit."""
        while True:
            # Which columns there are is known when all results were seen, and most often the first one tells. To look
            # at all of them before writing any would read everything twice, always; so the rare misfit is written
            # twice.
            head = form.head(sheet)
            # Packed without a time, so that the same rows are the same bytes.
            begun = target.begin(gzip.compress(head, mtime=0) if packed and head else head)
            count = self._writers()
            relay = Relay(count, begun)

            def write(number: int, blocks: Iterable[Block], sheet: Sheet = sheet, relay: Relay = relay) -> None:
                pieces = (form.piece(block, sheet) for block in blocks)
                # A block is a gzip member of its own, which `zcat` reads as one file: so they are packed side by
                # side, and the bytes do not depend on how many processes there were.
                packs = (gzip.compress(piece, 6, mtime=0) for piece in pieces) if packed else pieces
                # Who is alone need not know how long all of it is before its first byte is written.
                for data in packs if relay.is_alone else (b"".join(packs),):
                    target.write_at(relay.turn(number, len(data)), data)

            self.beside.notes.clear()
            try:
                summary = self._in_order(write, sheet, count)
            finally:
                relay.close()
            fitting = sheet.fitting()
            if fitting is None:
                return summary, sheet
            sheet = fitting

    def write_store(self, store: RowStore, sheet: Sheet, path: Path) -> Sheet:
        """The same for a format that one process writes."""
        while True:
            store_blocks(self.table_blocks, store, sheet, path)
            fitting = sheet.fitting()
            if fitting is None:
                return sheet
            sheet = fitting

    def _writers(self) -> int:
        """How many processes write a table: one alone where what jobs of one range of ids have printed is much."""
        texts = self.beside.texts
        return 1 if texts is not None and texts.largest_partition > MOST_HELD else self._processes

    def _in_order(
        self, write: Callable[[int, Iterable[Block]], None] | None, sheet: Sheet | None = None, count: int = 0
    ) -> Summary:
        partitions = (max(0, self.total - 1) >> self._shift) + 1 if self.total else 0
        count = count or self._processes

        def work(number: int) -> dict[str, Any]:
            told = []
            # Dealt out in turn and not in stretches: the pieces of all processes come up together, and none waits
            # long for its place in the file.
            for partition in range(number, partitions, count):
                outcomes = self._resolved(partition)
                blocks = list(outcomes.blocks())
                if write is not None:
                    write(number, self.beside.dressed(partition, outcomes, blocks))
                told.append(self._facts(outcomes, blocks))
            return {"partitions": told, "shapes": sheet.shapes() if sheet else [], "notes": self.beside.notes.facts()}

        answers = divided(count, work, NeedsMore)
        summary = self._summary_of_journals()
        journals = [str(journal.path) for journal in self.journals]
        for partition in range(partitions):
            _add(summary, answers[partition % count]["partitions"][partition // count], journals)
        if sheet is not None:
            for one in answers:
                sheet.learn(one["shapes"])
                # One process alone has noted it in its own.
                if count > 1:
                    self.beside.notes.learn(one["notes"])
        return summary

    def _summary_of_journals(self) -> Summary:
        """What journals tell before a job is looked at: what is damaged or changed, and which code ran."""
        summary = Summary(self.total, is_open=is_open(self.journals))
        summary.damage = [damage for _, damage in self.damage]
        # A journal that is not what was written because of damage is told as damaged, and not a second time.
        damaged = {number for number, damage in self.damage if damage.offset < self.journals[number].proof.changed}
        summary.changed = [one for one in self.journals if one.proof.changed and one.number not in damaged]
        for journal in self.journals:
            # What was taken over or amended ran no code here.
            if not journal.header.start.reason:
                summary.codes.setdefault(journal.header.machine, set()).add(journal.header.code)
                summary.about[journal.header.machine] = dict(journal.header.start.about)
        return summary

    def _resolved(self, number: int) -> Outcomes:
        plains, odd = self._spool.partition(number)
        base = number << self._shift
        width = min(1 << self._shift, self.total - base)
        return resolve(self.journals, plains, odd, base, width, meta=not self._lean)

    def _facts(self, outcomes: Outcomes, blocks: Sequence[Block]) -> dict[str, Any]:
        missing, failed = outcomes.unfinished()
        disagreements = [
            [job, [[one.machine, told(one), one.journal] for one in records]]
            for job, records in outcomes.disagreements[:MOST_DISAGREEMENTS]
        ]
        return {
            "done": outcomes.done,
            "failed": len(outcomes.failed),
            "skipped": len(outcomes.skipped),
            "twice": outcomes.twice,
            "taken": outcomes.taken,
            "missing_ids": missing.tobytes().hex(),
            "failed_ids": failed.tobytes().hex(),
            "blocks": [[block.number, block_hash(block).hex()] for block in blocks],
            "printed": [[block.number, hashed.hex()] for block in blocks if (hashed := printed_hash(block))],
            "prints_differ": outcomes.prints_differ,
            "disagreements": disagreements,
            "disagreed": len(outcomes.disagreements),
            "comparison": outcomes.comparison.facts(),
            "adopted": [
                [whence, count]
                for number, count in outcomes.of_journals.items()
                if count and (whence := self.journals[number].header.whence)
            ],
        }


def _shift(total: int, size: int) -> int:
    """Partitions are 2^shift ids wide: never narrower than a block, and few enough to know them all."""
    # By the size of the journals, for nobody has counted their records yet: the shortest line makes it the most that
    # there can be. A power of two, so that a record finds its partition by a shift.
    partitions = max(1, min(MOST_PARTITIONS, size // SHORTEST_LINE // PARTITION_ROWS))
    return max(BLOCK_SHIFT, (-(-max(1, total) // partitions) - 1).bit_length())


def _add(summary: Summary, facts: dict[str, Any], journals: Sequence[str]) -> None:
    summary.done += facts["done"]
    summary.failed += facts["failed"]
    summary.skipped += facts["skipped"]
    summary.twice += facts["twice"]
    summary.taken += facts["taken"]
    for name, to in (("missing_ids", summary.missing_ids), ("failed_ids", summary.failed_ids)):
        flat = array("Q")
        flat.frombytes(bytes.fromhex(facts[name]))
        append_ranges(to, flat)
    summary.blocks += [(number, bytes.fromhex(digest)) for number, digest in facts["blocks"]]
    summary.printed += [(number, bytes.fromhex(digest)) for number, digest in facts["printed"]]
    summary.prints_differ += facts["prints_differ"]
    summary.comparison.merge(Comparison.of(facts["comparison"]))
    for whence, count in facts["adopted"]:
        summary.adopted[whence] = summary.adopted.get(whence, 0) + count
    summary.disagreed += facts["disagreed"]
    summary.disagreements += [
        (job, [Said(machine, text, journals[number]) for machine, text, number in said])
        for job, said in facts["disagreements"]
    ]
