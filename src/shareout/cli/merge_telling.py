"""What a merge found, in words for a person and in keys for a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from shareout.choices import Order
from shareout.cli.inputs.run_folders import tell
from shareout.cli.rates import rate_facts
from shareout.fields import asdict
from shareout.merge.gather import Journal
from shareout.merge.proof.audit import Comparison
from shareout.merge.proof.certificate import Proven
from shareout.merge.proof.complete import Said, Summary, ranges_of, told_ranges
from shareout.merge.proof.unlike import judge
from shareout.units import counted

SHOWN = 5
# So that a script can hold the document; `disagreed` has the number of all.
MOST_DISAGREEMENTS = 1000
LONGEST = 160


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
        "adopted": dict(sorted(summary.adopted.items())),
        "damaged": len(summary.damage),
        "missing_ids": [list(one) for one in ranges_of(summary.missing_ids)],
        "failed_ids": [list(one) for one in ranges_of(summary.failed_ids)],
        "failure_rate": rate_facts(summary.failure_rate),
        "changed": [str(journal.path) for journal in summary.changed],
        "disagreed": summary.disagreed,
        "disagreements": [
            {"job": job, "results": [asdict(one) for one in said]}
            for job, said in summary.disagreements[:MOST_DISAGREEMENTS]
        ],
        "audit": _audit_facts(summary),
        "codes": {machine: sorted(codes) for machine, codes in summary.codes.items()},
        "complete": summary.is_complete,
        # All keys are always there: a script need not ask.
        "certificate": None,
        "outputs": None,
        "outputs_differ": len(summary.prints_differ),
        "claims": summary.claims,
        "answer": None,
    }


def _audit_facts(summary: Summary) -> dict[str, Any]:
    found, verdict = summary.comparison, judge(summary.comparison, summary.about)
    suspect = verdict.suspicion
    return {
        "compared": found.jobs,
        "disagreed": found.disagreed,
        "failed": dict(found.failed),
        "pairs": [
            {"machines": list(pair), "jobs": count, "differ": found.differ[pair]}
            for pair, count in sorted(found.both.items())
        ],
        "alone": list(suspect.alone),
        "unsure": list(suspect.unsure),
        "unlike": [
            {"machines": dict(zip(one.kinds, one.machines, strict=True)), "jobs": one.jobs, "differ": one.differ}
            for one in verdict.unlike
        ],
    }


def complete_lines(summary: Summary, proof: Proven | None) -> list[str]:
    """That nothing is missing, the certificate, and that audits agree, when there were some."""
    skipped = f", {summary.skipped} skipped" if summary.skipped else ""
    lines = [f"complete: {summary.done} of {summary.total} jobs, each counted once{skipped}"]
    if proof:
        lines.append(f"certificate {proof.certificate}")
        if summary.printed:
            lines.append(f"outputs     {proof.outputs}")
    if summary.comparison.jobs and not summary.comparison.disagreed:
        lines.append(f"audit: {summary.comparison.jobs} jobs ran on more than one machine, to the same result")
    return lines


def incomplete_lines(
    summary: Summary, owners: Mapping[str | None, int], journals: Sequence[Journal], *, longest_first: bool
) -> list[str]:
    """What is missing and whose; where jobs ran in a random order, also what the others say of all."""
    lines = [missing_sentence(summary, owners)]
    if (
        not longest_first
        and not summary.adopted
        and all(journal.header.order == Order.SHUFFLED for journal in journals)
    ):
        lines.append(_sample_sentence(summary))
    return lines


def _sample_sentence(summary: Summary) -> str:
    """What the part that is there says of all jobs."""
    said = "positions are shuffled: what is there is a random sample of all jobs"
    if summary.failure_rate is None:
        return said
    share, low, high = (100 * part for part in summary.failure_rate)
    if low == high:
        return f"all jobs have ended; {share:.3g}% of them failed"
    return f"{said}; {share:.3g}% of it failed, of all it is {low:.3g}% to {high:.3g}%"


def missing_sentence(summary: Summary, owners: Mapping[str | None, int]) -> str:
    """What keeps a merge from being complete."""
    said = f"not complete: {summary.done} of {summary.total} jobs are done"
    if summary.is_open:
        said += "; their stream was not closed, as far as the journals here know"
    if summary.failed:
        said += f"; failed: {summary.failed} ({told_ranges(summary.failed_ids)})"
    if summary.missing:
        said += f"; missing: {summary.missing} ({told_ranges(summary.missing_ids)})"
    if owners:
        whose = [f"{count} of {name or 'machines that left no run directory here'}" for name, count in owners.items()]
        said += f", {', '.join(whose[:SHOWN])}{' …' if len(whose) > SHOWN else ''}"
    return said


def tell_oddities(summary: Summary) -> None:
    """What a person should know although it stops nothing."""
    if summary.twice:
        why = f" ({summary.taken} were taken over from a machine that was silent)" if summary.taken else ""
        tell(f"{counted(summary.twice, 'job')} ran twice: of each, the first that finished counts{why}")
    if summary.prints_differ:
        some = ", ".join(map(str, summary.prints_differ[:SHOWN]))
        tell(
            f"what {counted(len(summary.prints_differ), 'job')} printed differs from one time to the other ({some}"
            f"{' …' if len(summary.prints_differ) > SHOWN else ''}); that of the first that finished counts"
        )
    for whence, count in sorted(summary.adopted.items())[:SHOWN]:
        tell(f"{counted(count, 'job')} adopted from {whence}, which ran another list")
    # Counted, and not left out: who adds up what was told must come to the number of all.
    if others := sorted(summary.adopted.items())[SHOWN:]:
        tell(f"and {sum(count for _, count in others):,} from {len(others)} more")
    for damage in summary.damage[:SHOWN]:
        tell(
            f"{damage.path}:{damage.line}: {damage.size} bytes at offset {damage.offset} are damaged "
            f"({damage.why}); what they recorded does not count"
        )
    if len(summary.damage) > SHOWN:
        tell(f"and {len(summary.damage) - SHOWN} more damaged places")
    for journal in summary.changed[:SHOWN]:
        tell(f"{journal.path} is not what its run wrote: the tally beside it was made of other lines")
        tell(f"bring it home anew; if it is right as it is, remove {journal.folder.tally} and merge again")
    _tell_codes(summary)
    _tell_comparison(summary)


def _tell_codes(summary: Summary) -> None:
    """A fix between two runs is no mistake, but who looks at the table should know of it."""
    by_code: dict[str, list[str]] = {}
    for machine, codes in summary.codes.items():
        for code in codes:
            by_code.setdefault(code[:16] or "unknown", []).append(machine)
    if len(by_code) > 1:
        told = "; ".join(f"{code} on {', '.join(machines[:SHOWN])}" for code, machines in sorted(by_code.items()))
        tell(f"not all results are of the same code: {told}")
        tell("if the difference matters: bring the right program to the others, and there `requeue --all` and run")


def _tell_comparison(summary: Summary) -> None:
    found = summary.comparison
    for machine, times in sorted(found.failed.items()):
        tell(f"{machine} failed at {times} audited jobs that another machine did")
    for job, said in summary.disagreements[:SHOWN]:
        tell(f"records of job {job} disagree: {'; '.join(_said(one) for one in said[:SHOWN])}")
    if summary.disagreed > SHOWN:
        tell(f"and of {summary.disagreed - SHOWN} more jobs")
    verdict = judge(found, summary.about)
    for unlike in verdict.unlike:
        tell(unlike.sentence())
    if verdict.way_out:
        tell(f"unlike machines may differ in the last bits: {verdict.way_out}")
    suspect, within = verdict.suspicion, verdict.within
    for machine in suspect.alone:
        tell(f"{machine} differs from {_counted_others(machine, within)}: {_against(machine, within)}")
    if suspect.unsure:
        tell(f"{' or '.join(suspect.unsure)} is wrong: {_quarrels(suspect.unsure, within)}")
    if summary.disagreements:
        tell(f"who is right, another machine tells: `replay {summary.disagreements[0][0]}` there")


def _said(one: Said) -> str:
    """Both ends of a long result are shown, for two may differ in either."""
    result = one.result
    if len(result) > LONGEST:
        result = f"{result[: LONGEST // 2]} … {result[-LONGEST // 2 :]}"
    return f"{one.machine} says {result} ({one.journal})"


def _counted_others(machine: str, found: Comparison) -> str:
    others = {name for pair, count in found.differ.items() if count and machine in pair for name in pair} - {machine}
    return f"{('one', 'two', 'three', 'four')[len(others) - 1] if len(others) < 5 else len(others)}"


def _against(machine: str, found: Comparison) -> str:
    """From whom a machine differs, and why that says something."""
    if machine in found.outvoted:
        return f"{found.outvoted[machine]} times the others agree on another result"
    others = [name for pair, count in sorted(found.differ.items()) if count and machine in pair for name in pair]
    others = [name for name in dict.fromkeys(others) if name != machine]
    said = f"it disagrees with {_quarrels([machine], found)}"
    agreed = sum(found.both[pair] for pair in combinations(sorted(others), 2) if not found.differ[pair])
    return said + (f", who agree with each other on all {agreed} that they share" if agreed else "")


def _quarrels(machines: Sequence[str], found: Comparison) -> str:
    """`alice on 3 of 12 jobs, carol on 1 of 9` for one machine; `alice and bob disagree on 3 of 12 jobs` for some."""
    pairs = [pair for pair, count in sorted(found.differ.items()) if count and any(name in machines for name in pair)]
    if len(machines) > 1:
        return ", ".join(f"{' and '.join(pair)} disagree on {_share(pair, found)}" for pair in pairs[:SHOWN])
    (only,) = machines
    return ", ".join(f"{pair[0] if pair[1] == only else pair[1]} on {_share(pair, found)}" for pair in pairs[:SHOWN])


def _share(pair: tuple[str, str], found: Comparison) -> str:
    return f"{found.differ[pair]} of the {found.both[pair]} jobs that both ran"
