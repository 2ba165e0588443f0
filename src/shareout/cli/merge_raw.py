"""`merge-logs --raw`: what the jobs have printed, byte for byte, in the order of the pool: as one machine would have
printed it that ran one job after the other.

Of each job that of the attempt that counts, as in a merged table. It tells what is missing, by its exit code as well.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from shareout.cli.inputs.run_folders import plan_at_hand, tell
from shareout.cli.options import Common
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.merge.columns.asked import Rows
from shareout.merge.columns.told import told_blocks
from shareout.merge.logs.by_time import LOG
from shareout.merge.proof.complete import open_journals, told_ranges
from shareout.merge.results import Merge
from shareout.merge.target import Target, is_standard_output
from shareout.ranges import Range, is_in
from shareout.record.folder import RunFolder
from shareout.record.logs.segments import machine_word
from shareout.record.outcome import Stream

SHOWN = 8
Piece = tuple[Stream, bytes]


@dataclass(frozen=True, slots=True)
class Raw:
    """What is wanted; empty lets all through."""

    machines: frozenset[bytes]
    jobs: tuple[Range, ...]
    streams: tuple[Stream, ...]


def streams_of(words: Sequence[str]) -> tuple[Stream, ...]:
    """Those of `--stream`; what was logged is no stream."""
    if LOG in words:
        raise UsageError("--raw has what was printed, and no records of logging", way_out="Say --stream out, or err.")
    return tuple(one for one in Stream if str(one) in words)


def write_raw(folders: Sequence[RunFolder], raw: Raw, output: Path, common: Common, entry: Entry | None) -> int:
    """0 when it is all that the jobs of the pool have printed; else 1."""
    journals = open_journals(folders, tell, None, partial(plan_at_hand, common, entry))
    if not journals:
        raise UsageError("no run directory here has recorded anything")
    lost: list[int] = []
    with Merge(journals, None) as merge:
        merge.gather()
        pieces = _pieces(merge, raw, lost)
        if is_standard_output(output):
            _print(pieces, raw)
        else:
            wanted = raw.streams or (Stream.OUT,)
            with Target(output) as target:
                texts = (data for stream, data in pieces if stream in wanted)
                target.write_all(texts, packed=output.name.endswith(".gz"))
                target.finish()
        summary = merge.summarize()
    if lost:
        some = ", ".join(map(str, lost[:SHOWN])) + (" …" if len(lost) > SHOWN else "")
        tell(f"the log does not have all that {len(lost):,} jobs printed ({some})")
    if summary.missing_ids:
        tell(
            f"{summary.missing:,} jobs have not ended ({told_ranges(summary.missing_ids)}): what they print is missing"
        )
    return int(bool(lost or summary.missing_ids))


def _print(pieces: Iterator[Piece], raw: Raw) -> None:
    """Where nobody said which stream, each goes to ours of the same name."""
    for stream, data in pieces:
        if stream is Stream.ERR and not raw.streams:
            sys.stdout.flush()
            sys.stderr.buffer.write(data)
            sys.stderr.flush()
        else:
            sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _pieces(merge: Merge, raw: Raw, lost: list[int]) -> Iterator[Piece]:
    texts = merge.read_texts(tell)
    words = [machine_word(journal.header.machine) for journal in merge.journals]
    for number, outcomes in enumerate(merge.outcomes()):
        part = texts.of_partition(number)
        for block in told_blocks(outcomes, outcomes.blocks(), (Rows.DONE, Rows.FAILED)):
            for job, meta in zip(block.jobs, block.metas, strict=True):
                if meta is None or (raw.machines and words[meta[0]] not in raw.machines):
                    continue
                if raw.jobs and not is_in(job, raw.jobs):
                    continue
                for stream in raw.streams or tuple(Stream):
                    data, is_whole = part.of(meta[0], job, meta[1], stream)
                    if not is_whole:
                        lost.append(job)
                    if data:
                        yield stream, data
