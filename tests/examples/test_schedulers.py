"""What lies in examples/ for schedulers and clusters does what it says: its lines are run as each would run them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.program import Machine

EXAMPLES = Path(__file__).parents[2] / "examples"
SCHEDULERS, CLUSTERS = EXAMPLES / "schedulers", EXAMPLES / "clusters"
# How each script says which elements its array has, and what an element is told; of three machines, the last.
SCRIPTS = {
    "slurm.sh": ("#SBATCH --array=0-2", {"SLURM_ARRAY_TASK_ID": "2", "SLURM_JOB_ID": "1", "SLURM_PROCID": "0"}),
    "pbs.sh": ("#PBS -J 0-2", {"PBS_ARRAY_INDEX": "2"}),
    "sge.sh": ("#$ -t 1-3", {"SGE_TASK_ID": "3"}),
    "lsf.sh": ('#BSUB -J "jobs[1-3]"', {"LSB_JOBINDEX": "3"}),
}
LONGEST_RECIPE = 40


@pytest.fixture
def there(here: Machine) -> Machine:
    """A folder as the examples want it: inputs, and ./shareout."""
    program = here.write("shareout", f'#!/bin/sh\nexec {shlex.join(here.program)} "$@"\n')
    program.chmod(0o755)
    return here.jobs(*["true"] * 12, machines='{"a": [1, 1], "b": [1, 1], "c": [1, 1]}')


def shell(there: Machine, words: list[str], **environ: str) -> str:
    """What it prints on standard error; it must go well."""
    done = subprocess.run(
        words, cwd=there.folder, env={**os.environ, **environ}, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def ran(there: Machine) -> list[str]:
    return sorted(path.name for path in there.folder.glob("runs/*/*"))


def document(name: str) -> Any:
    return yaml.safe_load((SCHEDULERS / name).read_text())


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_the_machine_of_its_element(there: Machine, name: str) -> None:
    array, environ = SCRIPTS[name]
    text = (SCHEDULERS / name).read_text()
    assert array in text.splitlines()
    shell(there, ["bash", "-n", str(SCHEDULERS / name)])
    shell(there, ["sh", str(SCHEDULERS / name)], PBS_O_WORKDIR=str(there.folder), **environ)
    assert ran(there) == ["c"]


def test_githubs_matrix_is_all_shards_and_is_merged(there: Machine) -> None:
    (there.folder / "configs" / "machines.json").unlink()
    jobs = document("github.yml")["jobs"]
    shards = jobs["shard"]["strategy"]["matrix"]["shard"]
    (run,) = [step["run"] for step in jobs["shard"]["steps"] if "run" in step]
    for shard in shards:
        line = run.replace("${{ matrix.shard }}", str(shard)).replace("${{ strategy.job-total }}", str(len(shards)))
        assert "${{" not in line
        shell(there, ["sh", "-ec", line])
    assert ran(there) == ["1-of-4", "2-of-4", "3-of-4", "4-of-4"]
    assert jobs["merge"]["needs"] == "shard"
    (merge,) = [step["run"] for step in jobs["merge"]["steps"] if "run" in step]
    shell(there, ["sh", "-ec", merge])
    assert len((there.folder / "results.csv").read_text().splitlines()) == 13


def test_gitlabs_parallel_jobs_are_all_shards_and_are_merged(there: Machine) -> None:
    (there.folder / "configs" / "machines.json").unlink()
    pipeline = document("gitlab.yml")
    count = pipeline["shard"]["parallel"]
    for number in range(1, count + 1):
        for line in pipeline["shard"]["script"]:
            shell(there, ["sh", "-ec", line], CI_NODE_INDEX=str(number), CI_NODE_TOTAL=str(count))
    for line in pipeline["merge"]["script"]:
        shell(there, ["sh", "-ec", line])
    assert len((there.folder / "results.csv").read_text().splitlines()) == 13
    assert {pipeline[name]["stage"] for name in ("shard", "merge")} == set(pipeline["stages"])


def test_an_index_of_kubernetes_runs_its_machine(there: Machine) -> None:
    job = document("kubernetes.yaml")
    spec = job["spec"]
    assert (job["kind"], spec["completionMode"], spec["podReplacementPolicy"]) == ("Job", "Indexed", "Failed")
    assert spec["backoffLimitPerIndex"] == 3
    assert spec["template"]["spec"]["restartPolicy"] == "Never", "what backoffLimitPerIndex asks for"
    count = spec["completions"]
    there.write("configs/machines.json", "{" + ", ".join(f'"m{number}": [1, 1]' for number in range(count)) + "}")
    (container,) = spec["template"]["spec"]["containers"]
    assert [one["name"] for one in container["volumeMounts"]] == [
        v["name"] for v in spec["template"]["spec"]["volumes"]
    ]
    for index in range(count):
        shell(there, container["command"], JOB_COMPLETION_INDEX=str(index))
    assert ran(there) == [f"m{number}" for number in range(count)]
    assert "complete: 12 of 12" in there.call("merge-results").out


# Stand for the clusters themselves: what of their names the recipes use, in one process.
DASK = """
import os
class Client:
    def __init__(self, address): assert address == "tcp://here:8786"
    def __enter__(self): return self
    def __exit__(self, *why): pass
    def nthreads(self): return {f"tcp://{n}": 1 for n in range(int(os.environ["WORKERS"]))}
    def submit(self, call, *words, workers, pure): return call(*words)
    def gather(self, calls): return calls
"""
RAY = """
import os
def init(address): assert address == "auto"
def nodes(): return [{"Alive": n > 0, "NodeID": str(n), "Resources": {"CPU": 2.0}}
                     for n in range(int(os.environ["WORKERS"]) + 1)]
def get(calls): return calls
def remote(**more):
    class Remote:
        def __init__(self, call): self.remote = call
        def options(self, num_cpus, scheduling_strategy): return self
    return Remote
"""
RAYS_STRATEGIES = "def NodeAffinitySchedulingStrategy(node, soft): assert node != '0'\n"


@pytest.mark.parametrize(("recipe", "address"), [("on_dask.py", "tcp://here:8786"), ("on_ray.py", "auto")])
def test_a_recipe_runs_a_machine_on_each_worker(there: Machine, recipe: str, address: str) -> None:
    there.write("cluster/dask/distributed.py", DASK)
    there.write("cluster/ray/__init__.py", RAY)
    there.write("cluster/ray/util/scheduling_strategies.py", RAYS_STRATEGIES)
    path = CLUSTERS / recipe
    assert len(path.read_text().splitlines()) <= LONGEST_RECIPE
    call = [sys.executable, str(path), address, "--quiet"]
    shell(there, call, PYTHONPATH=str(there.folder / "cluster"), WORKERS="3")
    assert ran(there) == ["a", "b", "c"]
    assert "complete: 12 of 12" in there.call("merge-results").out
    environ = {**os.environ, "PYTHONPATH": str(there.folder / "cluster"), "WORKERS": "2"}
    few = subprocess.run(call, cwd=there.folder, env=environ, capture_output=True, text=True, check=False)
    assert few.returncode == 2
    assert "are too few for 3 machines" in few.stderr
