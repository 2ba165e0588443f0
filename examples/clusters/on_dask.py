"""Each machine of machines.json runs its share on a worker of a Dask cluster: python on_dask.py tcp://scheduler:8786

This folder, with configs/ and the executable ./shareout, is at the same place on all workers. Words behind the address
are for `run`. The same call again goes on; then ./shareout merge-results.
"""

import json
import subprocess
import sys
from pathlib import Path

from dask.distributed import Client


def run(machine: str, folder: str, words: list[str]) -> int:
    """On a worker. What ends the worker ends the run, and nothing is lost by it."""
    call = ["./shareout", "run", "--machine", machine, "--yes", "--progress", "none", *words]
    return subprocess.run(call, cwd=folder, check=False).returncode


def main(scheduler: str, *words: str) -> int:
    plan = json.loads(subprocess.check_output(["./shareout", "plan", "--json"]))
    machines = [one["name"] for one in plan["machines"]]
    words = ("--expect", plan["fingerprint"], *words)
    with Client(scheduler) as client:
        workers = sorted(client.nthreads())
        if len(workers) < len(machines):
            print(f"{len(workers)} workers are too few for {len(machines)} machines", file=sys.stderr)
            return 2
        # Each on a worker of its own; pure=False: asked again, it is done again.
        calls = [client.submit(run, machine, str(Path.cwd()), list(words), workers=[worker], pure=False)
                 for machine, worker in zip(machines, workers)]
        codes = client.gather(calls)
    print("\n".join(f"{machine}: exit {code}" for machine, code in zip(machines, codes)))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
