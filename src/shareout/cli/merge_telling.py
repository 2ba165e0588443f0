"""What a merge found, in words for a person and in keys for a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shareout.merge.complete import Summary, ranges_of, told_ranges
from shareout.merge.gather import Journal
from shareout.merge.settle import suspects
from shareout.show.beside import say

SHOWN = 5


def tell(sentence: str) -> None:
    """Beside the table and the report: on standard error."""
    say(f"shareout: {sentence}")


def facts_of(summary: Summary, journals: Sequence[Journal]) -> dict[str, Any]:
    """The keys of `--json` that do not depend on what was written."""
    return {
        "digest": journals[0].header.root,
        "jobs": summary.total,
        "done": summary.done,
        "failed": summary.failed,
        "skipped": summary.skipped,
        "missing": summary.missing,
        "twice": summary.twice,
        "foreign": summary.foreign,
        "damaged": len(summary.damage),
        "missing_ids": [list(one) for one in ranges_of(summary.missing_ids)],
        "failed_ids": [list(one) for one in ranges_of(summary.failed_ids)],
        "disagreements": [
            {"job": job, "results": [{"machine": machine, "result": text.decode()} for machine, text in said]}
            for job, said in summary.disagreements
        ],
        "complete": summary.is_complete,
        "certificate": None,
        "answer": None,
    }


def missing_sentence(summary: Summary, owners: Mapping[str | None, int]) -> str:
    """What keeps a merge from being complete."""
    said = f"not complete: {summary.done} of {summary.total} jobs are done"
    if summary.failed:
        said += f"; failed: {summary.failed} ({told_ranges(summary.failed_ids)})"
    if summary.missing:
        said += f"; missing: {summary.missing} ({told_ranges(summary.missing_ids)})"
    if owners:
        whose = [f"{count} of {name or 'machines that left no run directory here'}" for name, count in owners.items()]
        said += f", {', '.join(whose[:SHOWN])}{' …' if len(whose) > SHOWN else ''}"
    return said


def tell_oddities(summary: Summary, journals: Sequence[Journal]) -> None:
    """What a person should know although it stops nothing."""
    if summary.twice:
        tell(f"{summary.twice} jobs ran twice: of each, the first that finished counts")
    if summary.foreign:
        tell(f"{summary.foreign} records are of jobs that are not their machine's; they do not count")
    for folder, damage in summary.damage[:SHOWN]:
        tell(
            f"{folder.journal}:{damage.line}: {damage.size} bytes at offset {damage.offset} are damaged "
            f"({damage.why}); what they recorded does not count"
        )
    if len(summary.damage) > SHOWN:
        tell(f"and {len(summary.damage) - SHOWN} more damaged places")
    if len({journal.header.code for journal in journals}) > 1:
        tell("the machines ran different versions of the code")
    if summary.disagreements:
        _tell_disagreements(summary)


def _tell_disagreements(summary: Summary) -> None:
    for job, said in summary.disagreements[:SHOWN]:
        told = "; ".join(f"{machine} says {text.decode()[:200]}" for machine, text in said)
        tell(f"machines disagree on job {job}: {told}")
    if len(summary.disagreements) > SHOWN:
        tell(f"and on {len(summary.disagreements) - SHOWN} more jobs")
    ranked = suspects([said for _, said in summary.disagreements])
    if len(ranked) > 1 and ranked[0][1] > ranked[1][1]:
        tell(f"{ranked[0][0]} disagrees most, {ranked[0][1]} times: look at that machine first")
    elif len(ranked) == 1:
        tell(f"{ranked[0][0]} disagrees with the others {ranked[0][1]} times: look at that machine first")
