"""`make bench`: every row side by side with its peer, in one go; prints ratios, and writes them into docs/.

bench/all.py [--quick] [WORD …]

With words: only the groups of rows whose name has one of them (`growth` is one), and nothing is written into
docs/. `--quick`: small sizes, to see that everything works; written into build/bench/.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import figures
import growth
import peers
import tree
from measure import measure
from place import QUICK, Place, Sizes
from results import Findings, growth_table, in_words, table, told
from rows import GROUPS
from written import put_between

ROOT = Path(__file__).parents[1]


def main(arguments: list[str]) -> int:
    quick = "--quick" in arguments
    words = [word for word in arguments if word != "--quick"]
    docs = _docs(quick=quick, partly=bool(words))
    findings = Findings(_machine(), peers.install())
    tree.adopt()
    began = time.monotonic()
    with TemporaryDirectory(prefix="shareout-bench-", ignore_cleanup_errors=True) as folder:
        place = Place(Path(folder), QUICK if quick else Sizes())
        if _is_wanted("growth", words):
            _grow(place, findings)
            _write(findings, docs)
        for name in GROUPS:
            if _is_wanted(name, words):
                _group(name, place, findings)
                _write(findings, docs)
    missed = findings.missed()
    print(f"\n{len(findings.lines)} rows in {time.monotonic() - began:.0f} s; {len(missed)} missed; written to {docs}")
    return 1 if findings.failures else 0


def _is_wanted(name: str, words: list[str]) -> bool:
    return not words or any(word in name for word in words)


def _grow(place: Place, findings: Findings) -> None:
    def failed(what: str, error: Exception) -> None:
        _failed(findings, what, error)

    for point in growth.points(place, failed):
        findings.points.append(point)
        print(f"{point.action:<20} {point.jobs:>9} {point.seconds:8.2f} s {point.peak_bytes / 1e6:6.0f} MB", flush=True)


def _group(name: str, place: Place, findings: Findings) -> None:
    """A peer that cannot be run, or fails, costs its own rows only."""
    try:
        for row in GROUPS[name](place):
            for line in told(measure(row)):
                findings.lines.append(line)
                print(in_words(line), flush=True)
    except Exception as error:  # noqa: BLE001
        _failed(findings, name, error)


def _failed(findings: Findings, what: str, error: Exception) -> None:
    findings.failures.append(f"Not measured: {what} ({error}).")
    print(findings.failures[-1], file=sys.stderr, flush=True)


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


def _machine() -> dict[str, object]:
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
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
