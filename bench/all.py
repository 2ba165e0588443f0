"""`make bench`: every row side by side with its peer, in one go; prints ratios, writes docs/bench.json.

bench/all.py [WORD …]     only the rows whose name has one of the words
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import peers
import rows
from measure import Result, measure

ROOT = Path(__file__).parents[1]


def main(words: list[str]) -> int:
    versions = peers.install()
    with TemporaryDirectory(prefix="shareout-bench-") as folder:
        chosen = [row for row in rows.all_rows(Path(folder)) if not words or any(word in row.what for word in words)]
        results = []
        for row in chosen:
            results.append(measure(row))
            print(line(results[-1]), flush=True)
    machine = {"cpu": cpu(), "cores": len(__import__("os").sched_getaffinity(0)), "kernel": platform.release()}
    facts = {"machine": machine, "python": platform.python_version(), "versions": versions}
    if not words:
        document = {**facts, "rows": [result.facts() for result in results]}
        (ROOT / "docs" / "bench.json").write_text(json.dumps(document, indent=1) + "\n")
    missed = [result for result in results if not result.holds]
    print(
        f"\n{machine['cpu']}, {machine['cores']} cores, Python {facts['python']}; "
        f"{len(missed)} of {len(results)} rows missed"
    )
    return 0


def line(result: Result) -> str:
    """what, against whom, the ratio with its least and most, what was promised, seconds and memory."""
    promised = f"{result.row.at_least:g}" if result.row.at_least is not None else "-"
    ours = sorted(run.wall_s for run in result.ours)[len(result.ours) // 2]
    theirs = sorted(run.wall_s for run in result.theirs)[len(result.theirs) // 2]
    mark = "" if result.holds else "   MISSED"
    return (
        f"{result.row.what:<44} {result.row.peer:<28} {result.ratio:6.2f}x "
        f"({min(result.ratios):.2f}-{max(result.ratios):.2f})"
        f"  promised {promised:>5}  {ours:7.2f} s against {theirs:7.2f} s  peak {result.peak_bytes / 1e6:5.0f} MB{mark}"
    )


def cpu() -> str:
    for text in Path("/proc/cpuinfo").read_text().splitlines():
        if text.startswith("model name"):
            return text.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
