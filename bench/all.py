"""`make bench`: every row side by side with its peer, in one go; prints ratios, and writes them into docs/.

bench/all.py [--quick] [--side-by-side] [WORD …]

With words: only the parts whose name has one of them (`growth`, `kind`, groups of rows), and nothing is written into
docs/. `--quick`: small sizes, to see that everything works; written into build/bench/. `--side-by-side`: on a machine
of many cores several parts at once, each on two cores of its own; otherwise one after the other, on two cores.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import figures
import peers
from parts import CORES, Found, in_turn, names, side_by_side
from place import QUICK, Sizes
from results import Findings, growth_table, kinds_table, table
from written import put_between

ROOT = Path(__file__).parents[1]


def main(arguments: list[str]) -> int:
    flags = {word for word in arguments if word.startswith("--")}
    words = [word for word in arguments if word not in flags]
    if flags - {"--quick", "--side-by-side"}:
        print(__doc__, file=sys.stderr)
        return 2
    sizes = QUICK if "--quick" in flags else Sizes()
    docs = _docs(quick="--quick" in flags, partly=bool(words))
    way, wanted = side_by_side if "--side-by-side" in flags else in_turn, names(sizes, words)
    if not wanted:
        print(f"no part has {' or '.join(words)} in its name: {', '.join(names(sizes, []))}", file=sys.stderr)
        return 2
    machine, versions = _machine(), peers.install()
    findings = Findings(machine, versions)
    began, parts = time.monotonic(), dict[str, Found]()
    for name, found in way(wanted, sizes):
        parts[name] = found
        findings = _together(machine, versions, [parts[one] for one in wanted if one in parts])
        _write(findings, docs)
    missed = findings.missed()
    print(f"\n{len(findings.lines)} rows in {time.monotonic() - began:.0f} s; {len(missed)} missed; written to {docs}")
    return 1 if findings.failures else 0


def _together(machine: Mapping[str, object], versions: Mapping[str, str], parts: Iterable[Found]) -> Findings:
    findings = Findings(machine, versions)
    for found in parts:
        findings.lines += found.lines
        findings.points += found.points
        findings.passages += found.passages
        findings.failures += found.failures
    return findings


def _docs(*, quick: bool, partly: bool) -> Path:
    """Where it is written: only a whole measurement at full size goes into the documents."""
    if not quick and not partly:
        return ROOT / "docs"
    docs = ROOT / "build" / "bench"
    docs.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "docs" / "peers.md", docs)
    return docs


def _write(findings: Findings, docs: Path) -> None:
    (docs / "bench.json").write_text(json.dumps(findings.document(), indent=1) + "\n")
    put_between(docs / "peers.md", "benchmarks", table(findings))
    (docs / "bench.svg").write_text(figures.ratios(findings.lines))
    if findings.points:
        put_between(docs / "peers.md", "growth", growth_table(findings.points))
        (docs / "growth.svg").write_text(figures.curves(findings.points))
    if findings.passages:
        put_between(docs / "peers.md", "kinds", kinds_table(findings.passages))


def _machine() -> dict[str, object]:
    return {
        "cpu": _cpu(),
        "cores": min(CORES, len(os.sched_getaffinity(0))),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "load_before": os.getloadavg()[0],
    }


def _cpu() -> str:
    for text in Path("/proc/cpuinfo").read_text().splitlines():
        if text.startswith("model name"):
            return text.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
