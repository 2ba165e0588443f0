"""The script of an array is text from a plan and a few words: compared with what lies in scripts/, each line of which
was read and tried."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from shareout.config import load_settings
from shareout.errors import UsageError
from shareout.launch.slurm.queue import Element
from shareout.launch.slurm.rows import Recorded, row, why_again
from shareout.launch.slurm.script import Asked, Batch, as_time, batch_of, check_lines, script, spans, warned_s
from shareout.launch.standing import State
from shareout.machines import load_machines
from shareout.plan.plan import Plan, make_plan
from shareout.pool import open_pool

SCRIPTS = Path(__file__).parent / "scripts"
MACHINES = (
    '{"s0": [1, 4], "s1": {"perf": 1, "cores": 16, "memory": "8GiB"}, "s2": {"perf": 2, "cores": 8, "gpus": 2}, '
    '"s3": [1, 1]}'
)
CASES = {
    "plain": ("s0", "s1", "s2", "s3"),
    "some": ("s0", "s3"),
    "all-said": ("s1", "s2"),
}
ASKED = {
    "plain": Asked(),
    "some": Asked(seconds=90),
    "all-said": Asked(seconds=100_000, lines=("--partition=long", "--mail-type=END --mail-user=me@example.org")),
}
FOLDERS = {"plain": "/home/me/work", "some": "/it's a\n'folder'", "all-said": "/data/$x"}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("plan")
    (folder / "jobs.txt").write_text("".join(f"echo {number}\n" for number in range(40)))
    (folder / "machines.json").write_text(MACHINES)
    settings = load_settings(folder)
    return make_plan(open_pool(folder, settings), load_machines(folder / "machines.json"), settings)


@pytest.mark.parametrize("name", CASES)
def test_a_script_is_what_was_read(plan: Plan, name: str) -> None:
    asked = ASKED[name]
    cores, elements, memory, gpus = batch_of(plan, CASES[name], asked)
    words = ("/opt/main", "run", "--machine", "auto", "--configs", "my configs", "--expect", plan.fingerprint)
    made = script(
        Batch(
            "shareout-0123456789ab", plan.fingerprint, FOLDERS[name], elements=elements, cores=cores, memory=memory,
            gpus=gpus, words=words, asked=asked,
        )
    )  # fmt: skip
    assert made == (SCRIPTS / f"{name}.sh").read_text()
    subprocess.run(["sh", "-n"], input=made, text=True, check=True)


def test_the_shell_runs_what_the_script_says(tmp_path: Path) -> None:
    folder = tmp_path / "it's a\n$(folder)"
    folder.mkdir()
    shutil.copy("/bin/echo", tmp_path / "echo")
    words = (str(tmp_path / "echo"), "$HOME", "a b", "`x`", "'")
    batch = Batch("n", "f", str(folder), (0,), cores=1, memory=None, gpus=None, words=words, asked=Asked(60))
    told = subprocess.run(["sh", "-c", script(batch)], capture_output=True, text=True, check=True)
    assert told.stdout == "$HOME a b `x` '\n"


def test_numbers_are_told_as_slurm_reads_them() -> None:
    assert spans([5, 0, 1, 2, 9, 8]) == "0-2,5,8-9"
    assert spans([3]) == "3"
    assert [as_time(seconds) for seconds in (1, 3600, 3601, 86_400, 100_000)] == [
        "00:01:00", "01:00:00", "01:01:00", "1-00:00:00", "1-03:47:00",
    ]  # fmt: skip
    assert [warned_s(seconds) for seconds in (None, 2, 60, 86_400)] == [120, 1, 15, 120]


@pytest.mark.parametrize(
    "line", ["", "long", "--p\n#SBATCH --array=0-9", "--array=1", "-J x", "-N2", "--time=1", "-ofile", "--arr=0-9"]
)
def test_a_line_that_breaks_the_script_or_hides_the_array_is_refused(line: str) -> None:
    with pytest.raises(UsageError, match="--sbatch"):
        check_lines([line])
    check_lines(["-p long", "--mem=4G", "--account x", "-C gpu"])


def element(state: str, **more: object) -> Element:
    facts = {"status": 0, "restarts": 0, "reason": "None", "node": "n1", **more}
    return Element(7, 0, state, **facts)  # type: ignore[arg-type]


PREEMPTED = "slurmstepd: error: *** JOB 12 ON n2 CANCELLED AT 2026-11-27T10:08:43 DUE TO PREEMPTION ***"


@pytest.mark.parametrize(
    ("elements", "todo", "said", "state", "why"),
    [
        ([element("PENDING", reason="Priority", node="")], None, [], State.WAITING, "Priority"),
        ([element("PENDING", node="")], None, [], State.WAITING, ""),
        ([element("RUNNING")], None, [], State.RUNNING, ""),
        ([element("COMPLETING")], 0, [], State.RUNNING, ""),
        ([element("COMPLETED")], 0, [], State.DONE, ""),
        ([], 0, [], State.DONE, ""),
        ([], None, [], State.WAITING, "it is not in the queue"),
        ([], 4, [], State.STOPPED, "it is not in the queue"),
        ([element("PENDING", restarts=2, reason="BeginTime", node="")], 3, [PREEMPTED], State.WAITING,
         "it was preempted, and waits for start 3 (BeginTime)"),
        ([element("RUNNING", restarts=1)], 3, ["x"], State.RUNNING, "start 2: it was requeued"),
        ([element("CANCELLED", status=15)], 3, [], State.STOPPED, "it was cancelled on n1"),
        ([element("TIMEOUT")], 3, ["words"], State.STOPPED, "its time was up on n1: words"),
        ([element("FAILED", status=768)], 3, ["words"], State.STOPPED, "exit 3: words"),
        ([element("FAILED", status=512)], 3, ["no such plan"], State.REFUSED, "no such plan"),
        ([element("FAILED", status=9)], 3, [], State.STOPPED, "a signal has ended it: 9"),
        ([element("FAILED", status=768), Element(8, 0, "PENDING", 0, restarts=0, reason="Dependency", node="")], 3, [],
         State.WAITING, "array 2 of 2, 8, waits for the one before"),
    ],
)  # fmt: skip
def test_a_row_tells_what_became_of_a_machine(
    elements: list[Element], todo: int | None, said: list[str], state: State, why: str
) -> None:
    told = row(elements, Recorded(1, 0, todo), said, why_again(said, ""))
    assert (told["state"], told["why"]) == (state, why)
