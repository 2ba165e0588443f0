"""What nodes an allocation has, and how many of their cores are for jobs, as Slurm's variables tell it."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from shareout.cli.over_nodes import retirement, worst
from shareout.errors import UsageError
from shareout.launch.slurm.allocation import (
    Node,
    count_of,
    expanded,
    is_in_step,
    nodes_of,
    step,
    step_environment,
)

NAMES = ["w1", "w2", "w3"]


def nodes(cores_per_job: float = 1, **environ: str) -> list[Node]:
    facts = {"SLURM_JOB_CPUS_PER_NODE": "8(x2),4", "SLURM_JOB_NODELIST": "w[1-3]", **environ}
    return nodes_of(facts, cores_per_job, lambda listed: NAMES if listed == "w[1-3]" else [])


def test_a_list_of_counts_is_read_as_slurm_writes_it() -> None:
    assert expanded("4(x3),2") == [4, 4, 4, 2]
    assert expanded("16") == [16]
    assert expanded("40,128(x2)") == [40, 128, 128]
    for odd in ("", "4(x", "four", "4,,2", "4(x2)3", "٤"):
        assert expanded(odd) == []


def test_who_asks_for_nodes_gets_all_their_cores() -> None:
    assert nodes(SLURM_TASKS_PER_NODE="1(x3)") == [Node("w1", 8), Node("w2", 8), Node("w3", 4)]


def test_who_asks_for_tasks_gets_as_many_jobs_at_a_time() -> None:
    told = {"SLURM_NTASKS": "5", "SLURM_TASKS_PER_NODE": "2(x2),1"}
    assert nodes(2, **told) == [Node("w1", 4), Node("w2", 4), Node("w3", 2)]
    assert nodes(1.5, **told) == [Node("w1", 3), Node("w2", 3), Node("w3", 2)]
    # More than there is room for: as many as there is.
    assert nodes(4, SLURM_NTASKS_PER_NODE="3", SLURM_TASKS_PER_NODE="3(x3)") == [
        Node("w1", 8), Node("w2", 8), Node("w3", 4),
    ]  # fmt: skip


def test_nodes_without_room_for_a_job_are_left_out_and_none_is_refused() -> None:
    assert nodes(8) == [Node("w1", 8), Node("w2", 8)]
    with pytest.raises(UsageError, match=r"none of 3 nodes has 9 cores for a job: 8\(x2\),4"):
        nodes(9)
    with pytest.raises(UsageError, match="does not tell of 3 nodes"):
        nodes(SLURM_JOB_CPUS_PER_NODE="8")


def test_a_step_is_told_from_a_batch_script() -> None:
    assert is_in_step({"SLURM_STEP_ID": "0"})
    assert not is_in_step({})
    assert not is_in_step({"SLURM_STEP_ID": "4294967291"})
    assert not is_in_step({"SLURM_STEP_ID": "batch"})
    assert [count_of({"SLURM_NNODES": text}) for text in ("3", "", "x")] == [3, 0, 0]
    assert count_of({"SLURM_JOB_NUM_NODES": "4", "SLURM_NNODES": "1"}) == 4


def test_a_step_gets_all_of_its_node_and_no_word_that_was_for_the_batch_script() -> None:
    words = step("w2", ["./main", "run"])
    assert words[0] == "srun"
    assert "--nodelist=w2" in words
    assert words[-2:] == ["./main", "run"]
    own = words[: words.index("--")]
    assert not [word for word in own if word.startswith(("-c", "--cpus-per-task", "--exact"))]
    batch = {"SLURM_CPUS_PER_TASK": "4", "SLURM_NTASKS": "20", "SLURM_JOB_ID": "1", "HOME": "/"}
    assert step_environment(batch) == {"SLURM_JOB_ID": "1", "HOME": "/"}


def test_a_signal_by_name_is_for_the_run_alone_and_one_for_all_leaves_the_shell() -> None:
    run = "trap 'echo heard; exit 7' USR1; trap 'echo all' TERM; echo ready; while :; do sleep 0.02; done"
    words = step("w1", ["sh", "-c", run])
    process = subprocess.Popen(
        words[words.index("--") + 1 :], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    os.killpg(process.pid, signal.SIGTERM)
    assert process.stdout.readline() == b"all\n"
    out, _ = process.communicate(b"USR1\n", timeout=20)
    assert out == b"heard\n"
    assert process.returncode == 7


def test_a_command_that_gives_back_is_told_as_disbatch_tells_it() -> None:
    assert retirement(["w2", "w3"], [0, 1], ["w1", "w4"], ["w2", "w3", "w5"]) == {
        "NODE": "w2,w3", "NODES": "w2,w3", "RETCODES": "0,1", "ACTIVE": "w1,w4", "RETIRED": "w2,w3,w5",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("codes", "code"), [([0, 0], 0), ([0, 1], 1), ([1, 3], 3), ([3, 2], 2), ([0, -9], 3), ([0, 137], 3), ([143, 1], 3)]
)
def test_the_worst_of_all_nodes_counts(codes: list[int], code: int) -> None:
    assert worst(codes) == code
