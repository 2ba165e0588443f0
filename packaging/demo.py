"""`make demo`: builds an executable of an example, runs it as four machines, merges, shows the result."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "percolation"
STAGE = ROOT / "build" / "demo"
MACHINES = ("ash", "birch", "cedar", "dogwood")


def call(*words: str | Path, where: Path = ROOT) -> str:
    """Show a command as a user would type it, run it, show what it says."""
    shown = " ".join(os.path.relpath(word, where) if isinstance(word, Path) else word for word in words)
    print(f"\n\033[1m$ {shown}\033[0m" if sys.stdout.isatty() else f"\n$ {shown}", flush=True)
    done = subprocess.run([str(word) for word in words], cwd=where, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", flush=True)
    if done.returncode:
        sys.exit(f"the demo stopped: {shown} ended with {done.returncode}")
    return done.stdout


def main() -> None:
    began = time.monotonic()
    shutil.rmtree(STAGE, ignore_errors=True)
    program = ROOT / "build" / "percolation"
    call(Path(sys.executable).with_name("shareout"), "freeze", EXAMPLE / "main.py", "--name", "percolation")
    for machine in MACHINES:
        folder = STAGE / machine
        folder.mkdir(parents=True)
        shutil.copy2(program, folder / "percolation")
        shutil.copytree(EXAMPLE / "configs", folder / "configs")
    print(f"\ncopied it with its configs into {len(MACHINES)} folders, as onto {len(MACHINES)} machines")
    call("./percolation", "plan", where=STAGE / MACHINES[0])
    for machine in MACHINES:
        call("./percolation", "run", "--machine", machine, "--yes", where=STAGE / machine)
    home = STAGE / "home"
    shutil.copytree(STAGE / MACHINES[0] / "configs", home / "configs")
    shutil.copy2(program, home / "percolation")
    collected = [str(Path("..", machine, "runs")) for machine in MACHINES]
    call("./percolation", "merge-results", *collected, "-o", "percolation.csv", where=home)
    call("./percolation", "report", *collected, "-o", "report.html", where=home)
    shown = os.path.relpath(home, Path.cwd())
    print(f"\nthe table is {shown}/percolation.csv; the log of all machines: merge-logs {shown}/../*/runs")
    print(f"how it went, to look at in a browser: {shown}/report.html")
    print(f"all of it took {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
