"""The pictures of the page in README and guide: of a real run, by a real browser. Run by `make pictures`. With a file's
name the report is put there, too, to be looked at."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parents[1]
sys.path.insert(0, str(HERE / "tests"))

from kit.browser import Browser, browser  # noqa: E402

DOCS = HERE / "docs"
MACHINES = {"atlas": [2, 4], "boreas": [1, 4], "ceres": [1, 2], "doris": [1, 2]}
SIZE = (1000, 1180)
JOBS, SIZES = 600, (16, 24, 32, 48)
SHOWN = 66
"""In per cent."""
JOB = """#!/bin/sh
# A simulation that takes its time, and sometimes does not converge.
n=$(printf '%d' "$1"); t=$(printf '%d' "$2")
echo "lattice $n at $t K"
sleep "0.$(( (n * 7919 + t * 104729) % 90 + 10 ))"
if [ $(( (n * 31 + t) % 113 )) -eq 7 ]; then
  echo "step 4000: residual 3.1e-02"; echo "step 5000: residual 2.9e-02"; echo "no convergence at $t K" >&2; exit 3
fi
"""


def example(folder: Path) -> list[subprocess.Popen[bytes]]:
    """Three of four machines at work on lattices in four groups."""
    (folder / "configs").mkdir(parents=True)
    (folder / "simulate").write_text(JOB)
    (folder / "simulate").chmod(0o755)
    (folder / "configs/machines.json").write_text(json.dumps(MACHINES))
    groups = {f"L{size}": f"./simulate {size} {{}}" for size in SIZES}
    pool = {"units": list(range(200, 200 + 3 * JOBS // len(SIZES), 3)), "groups": groups}
    (folder / "configs/jobs.groups.json").write_text(json.dumps(pool))
    return [start(folder, name) for name in MACHINES]


def start(folder: Path, name: str) -> subprocess.Popen[bytes]:
    """Its share."""
    words = [sys.executable, "-m", "shareout", "run", "--machine", name, "--yes", "--quiet"]
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def pictures(opened: Browser, name: str) -> None:
    """Light and dark."""
    for scheme in ("light", "dark"):
        opened.prefer(scheme)
        opened.picture(DOCS / f"{name}-{scheme}.png", is_whole=False)


def main() -> None:
    """When about two thirds are done."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "lattices"
        running = example(folder)
        words = [sys.executable, "-m", "shareout", "status", "--web"]
        while not list(folder.glob("runs/*/*/journal*")):
            time.sleep(0.1)
        page = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert page.stdout
        address = page.stdout.readline().strip()
        with browser(Path(name)) as opened:
            opened.size(*SIZE)
            opened.open(address)
            opened.wait(f"parseFloat(document.title) > {SHOWN}")
            pictures(opened, "page")
        page.send_signal(signal.SIGTERM)
        page.wait()
        for one in running:
            one.wait()
        if len(sys.argv) > 1:
            subprocess.run([*words[:3], "report", "-q"], cwd=folder, check=True)
            shutil.copy(folder / "report.html", sys.argv[1])


if __name__ == "__main__":
    main()
