"""Each machine of machines.json runs its share on a node of a Ray cluster: python on_ray.py auto

This folder, with configs/ and the executable ./shareout, is at the same place on all nodes. Words behind the address are
for `run`. The same call again goes on; then ./shareout merge-results.
"""

import json
import subprocess
import sys
from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On


@ray.remote(max_retries=0)
def run(machine: str, folder: str, words: list[str]) -> int:
    call = ["./shareout", "run", "--machine", machine, "--yes", "--progress", "none", *words]
    return subprocess.run(call, cwd=folder, check=False).returncode


def main(cluster: str, *words: str) -> int:
    plan = json.loads(subprocess.check_output(["./shareout", "plan", "--json"]))
    machines = [one["name"] for one in plan["machines"]]
    words = ("--expect", plan["fingerprint"], *words)
    ray.init(cluster)
    nodes = [one for one in ray.nodes() if one["Alive"]]
    if len(nodes) < len(machines):
        print(f"{len(nodes)} nodes are too few for {len(machines)} machines", file=sys.stderr)
        return 2
    # All CPUs of its node: no other task shares them.
    there = [run.options(num_cpus=one["Resources"].get("CPU", 1), scheduling_strategy=On(one["NodeID"], soft=False))
             for one in nodes]
    codes = ray.get([one.remote(machine, str(Path.cwd()), list(words)) for machine, one in zip(machines, there)])
    print("\n".join(f"{machine}: exit {code}" for machine, code in zip(machines, codes)))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
