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
KILLED = "birch"


def call(*words: str | Path, where: Path = ROOT) -> str:
    """Show a command as a user would type it, run it, show what it says."""
    shown = " ".join(os.path.relpath(word, where) if isinstance(word, Path) else word for word in words)
    print(f"\n\033[1m$ {shown}\033[0m" if sys.stdout.isatty() else f"\n$ {shown}", flush=True)
    done = subprocess.run([str(word) for word in words], cwd=where, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", flush=True)
    if done.returncode:
        sys.exit(f"the demo stopped: {shown} ended with {done.returncode}")
    return done.stdout


def say(*lines: str) -> None:
    """What happens next, in a newcomer's words."""
    print()
    for line in lines:
        print(f"\033[36m# {line}\033[0m" if sys.stdout.isatty() else f"# {line}", flush=True)


def run_and_kill(machine: str) -> None:
    """As when a machine loses its power: no warning, in the middle of its jobs."""
    where = STAGE / machine
    words = ["./percolation", "run", "--machine", machine, "--yes", "--quiet"]
    print(f"\n$ {' '.join(words)} &\n$ kill -9 $!", flush=True)
    process = subprocess.Popen(words, cwd=where)
    while process.poll() is None and not any(
        path.stat().st_size > 10_000 for path in where.glob("runs/*/*/journal.jsonl")
    ):
        time.sleep(0.01)
    process.kill()
    process.wait()


def main() -> None:
    began = time.monotonic()
    shutil.rmtree(STAGE, ignore_errors=True)
    program = ROOT / "build" / "percolation"
    say("When does a random forest let a fire through? 1,440 burnt forests tell, shared out over four machines.",
        "First one file is made, which holds Python, the job and every command:")  # fmt: skip
    call(Path(sys.executable).with_name("shareout"), "freeze", EXAMPLE / "main.py", "--name", "percolation")
    for machine in MACHINES:
        folder = STAGE / machine
        folder.mkdir(parents=True)
        shutil.copy2(program, folder / "percolation")
        shutil.copytree(EXAMPLE / "configs", folder / "configs")
    say(f"Copied with its configs into {len(MACHINES)} folders of build/demo, as onto {len(MACHINES)} machines: "
        f"{', '.join(MACHINES)}.",
        "Each works out alone who runs what. The four words are compared by people before they start:")  # fmt: skip
    call("./percolation", "plan", where=STAGE / MACHINES[0])
    say("Every machine runs its share, and talks to none of the others:")
    for machine in MACHINES:
        if machine == KILLED:
            say(f"{machine} is killed in the middle; the same command goes on where it was:")
            run_and_kill(machine)
        call("./percolation", "run", "--machine", machine, "--yes", where=STAGE / machine)
    home = STAGE / "home"
    shutil.copytree(STAGE / MACHINES[0] / "configs", home / "configs")
    shutil.copy2(program, home / "percolation")
    collected = [str(Path("..", machine, "runs")) for machine in MACHINES]
    say("Whatever came back is merged. It is complete, or nothing is written; the certificate would be the same",
        "for any number of machines, and with no kill:")  # fmt: skip
    call("./percolation", "merge-results", *collected, "-o", "percolation.csv", where=home)
    say("And how it went, on one page:")
    call("./percolation", "report", *collected, "-o", "report.html", where=home)
    shown = os.path.relpath(home, Path.cwd())
    say(f"The table: {shown}/percolation.csv",
        f"The page, for a browser: {shown}/report.html",
        f"The log of all machines: cd {shown} && ./percolation merge-logs {' '.join(collected)} | less",
        f"All of it took {time.monotonic() - began:.0f} s. Now yours: README.md.")  # fmt: skip


if __name__ == "__main__":
    main()
