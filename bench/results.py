"""Everything that was measured: as JSON, as lines on the way, and as the tables of docs/peers.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import kinds
from growth import ACTIONS, Point
from kinds import Passage
from measure import Result, middle
from place import told_count


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the table: a ratio to a peer, or a quantity of ours. `promised` is its least or its most."""

    what: str
    peer: str
    unit: str
    values: Sequence[float]
    promised: float | None
    ours_s: Sequence[float]
    theirs_s: Sequence[float]
    peak_bytes: int

    @property
    def is_ratio(self) -> bool:
        return self.unit == "×"

    @property
    def holds(self) -> bool:
        value = middle(self.values)[0]
        return self.promised is None or (value >= self.promised if self.is_ratio else value <= self.promised)


@dataclass(slots=True)
class Findings:
    """What is known so far."""

    machine: Mapping[str, object]
    versions: Mapping[str, str]
    lines: list[Told] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def document(self) -> dict[str, object]:
        return {
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "rows": [_facts(line) for line in self.lines],
            "growth": [
                {"action": one.action, "jobs": one.jobs, "seconds": list(one.wall_s), "peak_bytes": one.peak_bytes}
                for one in self.points
            ],
            "kinds": [asdict(one) for one in self.passages],
            "not_measured": self.failures,
        }

    def missed(self) -> list[Told]:
        return [line for line in self.lines if not line.holds]


def told(result: Result) -> Iterator[Told]:
    """The ratio, if there is a peer, and the row's other aspects."""
    row = result.row
    ours = [run.wall_s for run in result.ours]
    if result.theirs:
        yield Told(row.what, row.peer, "×", result.ratios, row.at_least, ours, result.theirs, result.peak_bytes)
    for number, aspect in enumerate(row.aspects):
        values = [quantities[number] for quantities in result.quantities]
        yield Told(aspect.what, "", aspect.unit, values, aspect.at_most, ours, (), result.peak_bytes)


def in_words(line: Told) -> str:
    """For a terminal."""
    value, least, most = map(digits, middle(line.values))
    promised = f"  promised {_promised(line)}" if line.promised is not None else ""
    mark = "" if line.holds else "   MISSED"
    against = f" | {line.peer}" if line.peer else ""
    seconds = f"  {digits(middle(line.ours_s)[0])} s"
    seconds += f" against {digits(middle(line.theirs_s)[0])} s" if line.theirs_s else ""
    unit = "×" if line.is_ratio else f" {line.unit}"
    return f"{line.what + against:<84} {value}{unit} ({least} … {most}){promised}{seconds}{mark}"


def table(findings: Findings) -> str:
    """As Markdown: ratios to peers, then quantities, then the machine and the versions."""
    rows = ["![How many times as fast as a peer](bench.svg)", ""]
    rows.append("| what | against | times as fast | least … most | promised | ours | theirs | our memory |")
    rows.append("| --- | --- | --: | --: | --: | --: | --: | --: |")
    for line in findings.lines:
        if line.is_ratio:
            value, least, most = map(digits, middle(line.values))
            ours, theirs = (f"{digits(middle(some)[0])} s" for some in (line.ours_s, line.theirs_s))
            shown = [f"**{value}**" if line.holds else f"**{value}** (short)", f"{least} … {most}", _promised(line)]
            memory = f"{line.peak_bytes / 1e6:.0f} MB"
            rows.append(_row([line.what, line.peer, *shown, ours, theirs, memory]))
    rows += ["", "| what | median | least … most | promised |", "| --- | --: | --: | --: |"]
    for line in findings.lines:
        if not line.is_ratio:
            value, least, most = map(digits, middle(line.values))
            mark = "" if line.holds else " (short)"
            rows.append(_row([line.what, f"{value} {line.unit}{mark}", f"{least} … {most}", _promised(line)]))
    rows += ["", *findings.failures, *([""] if findings.failures else []), _conditions(findings)]
    return "\n".join(rows)


def growth_table(points: Iterable[Point]) -> str:
    """Seconds and memory, an action a row, a size a column."""
    found = {(one.action, one.jobs): one for one in points}
    sizes = sorted({jobs for _, jobs in found})
    rows = [_row(["", *(f"{told_count(jobs)} jobs" for jobs in sizes)]), _row(["---", *("--:" for _ in sizes)])]
    for action in ACTIONS:
        if any((action, jobs) in found for jobs in sizes):
            cells = [_cell(found.get((action, jobs))) for jobs in sizes]
            rows.append(_row([action, *cells]))
    return "\n".join(["![How time and memory grow](growth.svg)", "", *rows])


def kinds_table(passages: Iterable[Passage]) -> str:
    """Seconds and memory, a kind of pool a row, an action a column."""
    found = {(one.kind, one.action): one for one in passages}
    jobs = told_count(max((one.jobs for one in found.values()), default=0))
    rows = [_row([f"{jobs} jobs", *kinds.ACTIONS, "the run, in times of a grid's"])]
    rows.append(_row(["---", *("--:" for _ in kinds.ACTIONS), "--:"]))
    for kind in kinds.NAMES:
        mine = [found.get((kind, action)) for action in kinds.ACTIONS]
        if any(mine):
            run = found.get((kind, kinds.RUN))
            fold = digits(run.in_grids) if run and run.in_grids else ""
            rows.append(_row([kind, *(_took(one.wall_s, one.peak_bytes) if one else "" for one in mine), fold]))
    return "\n".join(rows)


def digits(value: float) -> str:
    """Three digits, as people write them."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _cell(point: Point | None) -> str:
    return _took(point.seconds, point.peak_bytes) if point else ""


def _took(seconds: float, peak_bytes: int) -> str:
    return f"{digits(seconds)} s, {peak_bytes / 1e6:.0f} MB"


def _promised(line: Told) -> str:
    if line.promised is None:
        return ""
    return digits(line.promised) if line.is_ratio else f"≤ {digits(line.promised)} {line.unit}"


def _conditions(findings: Findings) -> str:
    facts = findings.machine
    peers = ", ".join(f"{name} {version}" for name, version in findings.versions.items())
    return (
        f"Measured on {facts['date']}: {facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}, Python "
        f"{facts['python']}; {peers}."
    )


def _facts(line: Told) -> dict[str, object]:
    value, least, most = middle(line.values)
    return {
        "what": line.what,
        "against": line.peer or None,
        "unit": line.unit,
        "median": value,
        "min": least,
        "max": most,
        "promised": line.promised,
        "holds": line.holds,
        "ours_s": list(line.ours_s),
        "theirs_s": list(line.theirs_s),
        "peak_bytes": line.peak_bytes,
    }


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
