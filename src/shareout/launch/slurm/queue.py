"""What Slurm is asked and told, by its own programs: submit, look, signal, cancel. What it answers is the truth, and
nothing of it is kept: an array is found again by its name, which is made of plan and folder.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from shareout.environment import user_environment
from shareout.errors import CannotStart, ShareoutError, UsageError
from shareout.fields import dataclass
from shareout.launch.launcher import Unreached
from shareout.safe import safe

FIELDS = ("ArrayJobID", "ArrayTaskID", "State", "exit_code", "RestartCnt", "Reason", "NodeList")
WIDTH = 120
ANSWER_S = 60
END = "SLURM_JOB_END_TIME"
"""Of the job that submits, where one does: it is not that of what is submitted."""
WAITS = re.compile("temporarily unable to accept|retrying|Slurm controller not responding", re.IGNORECASE)
ACTIVE = frozenset((
    "PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING", "RESIZING", "REQUEUED", "REQUEUE_FED",
    "REQUEUE_HOLD", "SIGNALING", "SPECIAL_EXIT", "STAGE_OUT", "STOPPED",
))  # fmt: skip
WAITING = frozenset(("PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT"))


class Silent(ShareoutError):
    """Slurm does not answer. What it runs goes on."""

    exit_code = 3


class Unwilling(ShareoutError):
    """Slurm takes no array of ours, in its own words."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element of an array, as squeue tells it."""

    job: int
    index: int
    state: str
    status: int
    """As the kernel told how it ended."""
    restarts: int
    reason: str
    node: str

    @property
    def is_active(self) -> bool:
        """It runs, or will."""
        return self.state in ACTIVE

    @property
    def waits(self) -> bool:
        """It has no node."""
        return self.state in WAITING

    @property
    def exit(self) -> int | None:
        """Its exit code; None where a signal ended it."""
        return self.status >> 8 if not self.status & 0x7F else None


class Queue:
    """The arrays of one plan that were submitted from one folder, by this user."""

    def __init__(self, digest: str, folder: Path) -> None:
        self.name = name_of(digest, folder)

    def check(self) -> None:
        """Whether this host can submit at all."""
        missing = [name for name in ("sbatch", "squeue", "scancel") if not shutil.which(name)]
        if missing:
            raise UsageError(
                f"there is no {missing[0]} here: this host cannot submit to Slurm",
                way_out="Log in where jobs are submitted; without --submit the script for there is printed.",
            )

    def check_size(self, elements: Sequence[int]) -> None:
        """Raises Unwilling where this Slurm takes no array with such an element."""
        most = re.search(r"MaxArraySize\s*=\s*(\d+)", self._answer(["scontrol", "show", "config"]))
        if most and max(elements, default=0) >= int(most[1]):
            raise Unwilling(
                f"the plan has a machine number {max(elements)}, and arrays of this Slurm end at {int(most[1]) - 1}",
                way_out="Take fewer machines with more cores each (--nodes), or ask for a larger MaxArraySize.",
            )

    def submit(self, file: Path, after: int | None, said: Callable[[str], None]) -> int:
        """The number of the array. Where the queue is full sbatch waits a while by itself: that is told."""
        words = submission(file, after)
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace", env={name: text for name, text in user_environment().items() if name != END},
        )  # fmt: skip
        complaints = []
        try:
            assert process.stderr is not None
            for line in process.stderr:
                complaints.append(safe(line.strip()).removeprefix("sbatch: ").removeprefix("error: "))
                if WAITS.search(line):
                    said(f"sbatch waits: {complaints[-1]}")
            out, _ = process.communicate()
        finally:
            process.kill()
            process.wait()
        number = out.partition(";")[0].strip()
        if process.returncode or not number.isdigit():
            told = " · ".join(filter(None, complaints)) or f"exit {process.returncode}"
            raise Unwilling(f"sbatch refuses: {told}", way_out="Mend it, and say the same again.")
        return int(number)

    def elements(self) -> list[Element]:
        """All that Slurm still knows; what has ended it forgets after some minutes. Raises Unreached."""
        fields = ",".join(f"{field}:{WIDTH}" for field in FIELDS)
        words = ["squeue", "--noheader", "--array", "--states=all", *self._whose, f"--Format={fields}"]
        return sorted(
            filter(None, map(_element, self._answer(words).splitlines())), key=lambda one: (one.job, one.index)
        )

    def is_down(self, node: str) -> bool:
        """Whether Slurm holds a node for gone."""
        try:
            state = self._answer(["sinfo", "--noheader", f"--nodes={node}", "--format=%t"])
        except Unreached:
            return False
        return any(one.rstrip("*").startswith(("down", "fail")) for one in state.split())

    def cancel_waiting(self) -> None:
        """None of them begins any more."""
        self._answer(["scancel", *self._whose, "--state=PENDING"])

    def signal(self, name: str) -> None:
        """To the runs, and not to what they run."""
        self._answer(["scancel", *self._whose, "--state=RUNNING", "--batch", f"--signal={name}"])

    @property
    def _whose(self) -> list[str]:
        return [f"--user={os.getuid()}", f"--name={self.name}"]

    def _answer(self, words: Sequence[str]) -> str:
        try:
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=ANSWER_S,
                env=user_environment(), check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Unreached(f"{words[0]} does not answer") from None
        except OSError as error:
            raise CannotStart(f"{words[0]} cannot be started: {error.strerror}") from error
        if done.returncode:
            raise Unreached(safe(done.stderr.strip().partition("\n")[0]) or f"{words[0]}: exit {done.returncode}")
        return done.stdout


def name_of(digest: str, folder: Path) -> str:
    """Of all arrays of a plan from a folder, for two copies of the inputs are not one launch."""
    return f"shareout-{hashlib.sha256(f'{digest} {folder}'.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"


def submission(file: Path, after: int | str | None) -> list[str]:
    """A call of sbatch that prints the number of what it has submitted."""
    return ["sbatch", "--parsable", *([f"--dependency=afterany:{after}"] if after else []), str(file)]


def _element(line: str) -> Element | None:
    parts = [safe(line[at : at + WIDTH].strip()) for at in range(0, WIDTH * len(FIELDS), WIDTH)]
    if not all(part.isdigit() for part in (*parts[:2], *parts[3:5])):
        return None
    job, index, _, status, restarts = (int(part) if part.isdigit() else 0 for part in parts[:5])
    return Element(job, index, parts[2], status, restarts=restarts, reason=parts[5], node=parts[6])
