"""What a job takes: told when it can never fit, also in the last of many jobs; given to it when it does."""

from __future__ import annotations

import sys

import pytest

from kit.program import Machine

UNEQUAL = '{"alice": {"perf": 1, "cores": 2, "gpus": 1, "memory": "4GiB"}, "bob": [1, 8]}'


@pytest.mark.module_only("many jobs, read by the same code")
def test_what_can_never_fit_is_told_by_plan_and_by_run_in_the_last_of_many_jobs(here: Machine) -> None:
    here.jobs(
        *["true"] * 100_100, "#SHAREOUT NEED cores=9 memory=5GiB", *["true"] * 8,
        "#SHAREOUT NEED cores=1 gpus=2", *["true"] * 8, machines=UNEQUAL,
    )  # fmt: skip
    for told in (here.call("plan", code=2), here.run(code=2)):
        assert "takes 9 cores, and alice has 2" in told.err
        assert "takes 2 GPUs, and alice has 1" in told.err
        assert "job 1001" in told.err
    assert "takes 9 cores, and bob has 8" in here.call("plan", code=2).err
    assert "takes 9 cores, and this host has" in here.run(machine="all", code=2).err
    assert not list(here.folder.glob("runs/*/*/journal.*.jsonl")), "no job was started"


@pytest.mark.module_only("many jobs, read by the same code")
def test_needs_in_rows_are_read_to_the_last_one(here: Machine) -> None:
    rows = [f"{number},{1 if number < 120_000 else 3}" for number in range(120_003)]
    here.jobs(machines='{"alice": [1, 2]}')
    (here.folder / "configs" / "jobs.txt").unlink()
    here.write("configs/jobs.csv", "x,cores\n" + "\n".join(rows) + "\n")
    here.write("configs/runner.config", "[run]\nneeds = cores\n[commands]\ntemplate = true {x}\n")
    assert "job 120000 takes 3 cores, and alice has 2; job 120001 takes" in here.call("plan", code=2).err
    here.write("configs/jobs.csv", "x,cores\n1,many\n")
    told = here.call("plan", code=2)
    assert 'job 0: "many" is not a number' in told.err
    here.write("configs/jobs.csv", "x,cores\n1,\n2,2\n3,0.5\n")
    here.call("plan")
    here.run()
    assert len(here.records()) == 3


@pytest.mark.module_only("the variables are read by the same code")
def test_where_all_gpus_are_hidden_no_job_is_given_one(here: Machine) -> None:
    here.jobs('echo "sees ${CUDA_VISIBLE_DEVICES-all}"', machines='{"alice": {"perf": 1, "cores": 2, "gpus": 2}}')
    for hidden in ("", "-1"):
        here.environ = {"CUDA_VISIBLE_DEVICES": hidden}
        told = here.run("--gpus-per-job", "1", code=2)
        assert "takes 1 GPU, and alice has 0: CUDA_VISIBLE_DEVICES hides them all" in told.err
        here.run("--memory-per-job", "1MiB")
        assert f"sees {hidden}\n" in here.call("show", "0").out
        here.call("requeue", "0")
    here.environ = {"ROCR_VISIBLE_DEVICES": "5"}
    here.jobs('echo "is given $ROCR_VISIBLE_DEVICES${CUDA_VISIBLE_DEVICES-}"')
    here.call("run", "--machine", "all", "--yes", "--gpus-per-job", "1")
    assert "is given 5\n" in here.call("show", "0").out


def test_python_jobs_are_told_the_cores_that_each_takes(here: Machine) -> None:
    here.script(
        "import os\nfrom shareout import run\n"
        "def job(cores): return [os.environ['OMP_NUM_THREADS'], os.environ['MKL_NUM_THREADS']]\n"
        "if __name__ == '__main__':\n    run(job, pool=[{'cores': n} for n in (1, 2, 0.5)])\n"
    )
    here.write("configs/runner.config", "[run]\nneeds = cores\n")
    here.environ = {"MKL_NUM_THREADS": "7"}
    here.run()
    results = {facts["job"]: facts["result"] for facts in here.records()}
    assert results == {0: ["1", "7"], 1: ["2", "7"], 2: ["1", "7"]}, "what the user set stays"


def test_a_python_job_that_takes_no_gpu_is_not_told_of_those_of_the_job_before_it(here: Machine) -> None:
    here.script(
        "import os\nfrom shareout import run\n"
        "def job(gpus): return os.environ.get('CUDA_VISIBLE_DEVICES')\n"
        "if __name__ == '__main__':\n    run(job, pool=[{'gpus': n % 2} for n in range(8)])\n",
        machines='{"alice": {"perf": 1, "cores": 1, "gpus": 1}}',
    )
    here.write("configs/runner.config", "[run]\nneeds = gpus\n")
    here.run()
    assert {facts["job"]: facts["result"] for facts in here.records()} == {n: "0" if n % 2 else None for n in range(8)}


def test_a_job_that_is_killed_for_its_memory_is_tried_again_with_more(here: Machine) -> None:
    """Counted with more, so that fewer run beside it."""
    here.jobs(
        "#SHAREOUT NEED memory=100MiB",
        f"test $SHAREOUT_ATTEMPT = 2 || {{ touch first; exec {sys.executable} -c "
        "'x = bytearray(300_000_000); import time; time.sleep(60)'; }; test ! -e beside",
        "while [ ! -e first ]; do sleep 0.01; done; touch beside; sleep 1; rm beside",
        machines='{"alice": {"perf": 1, "cores": 2, "memory": "250MiB"}}',
    )
    here.write("configs/runner.config", "[limits]\nretry_memory_factor = 2\nretries = 1\nmemory = 150MB\n")
    here.run()
    assert [facts["state"] for facts in here.records() if facts["job"] == 0] == ["retry", "done"]
