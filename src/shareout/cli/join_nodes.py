"""`join` in an allocation of Slurm: each of its nodes takes part as a host, as by disBatch's `sbatch dbUtil.sh`."""

from __future__ import annotations

import argparse
import os
import sys

from shareout.entry import Entry, own_program
from shareout.environment import user_environment
from shareout.errors import CannotStart, UsageError
from shareout.launch.slurm.allocation import count_of, is_in_step, step_environment

# A node may be in several allocations at once, and each is a host of its own. With `-c 4` a node of 8 cores has 2 at a
# time; what Slurm placed on one node is known there alone.
_NAMED = 'exec "$@" --name "$SLURMD_NODENAME-$SLURM_JOB_ID"'
_OF_CORES = ' -j "$(( SLURM_CPUS_ON_NODE / {0} > 0 ? SLURM_CPUS_ON_NODE / {0} : 1 ))"'


def goes_over_nodes() -> bool:
    """Whether this is a batch script, or a shell of salloc: what runs there runs on one host only, or on none of the
    allocation's."""
    return not is_in_step(os.environ) and count_of(os.environ) > 0


def join_on_nodes(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """Becomes a step that does this call on each node."""
    count = count_of(os.environ)
    if arguments.name is not None:
        raise UsageError(
            "--name is of one host, and each node of an allocation has a name of its own",
            way_out="Leave it out; or start one by hand: srun --nodes=1 --ntasks=1 … join …",
        )
    cores = os.environ.get("SLURM_CPUS_PER_TASK", "")
    divides = cores.isdigit() and int(cores) > 1 and arguments.slots is None
    script = _NAMED + (_OF_CORES.format(int(cores)) if divides else "")
    call = [
        "srun", f"--nodes={count}", f"--ntasks={count}", "--ntasks-per-node=1", "--cpu-bind=none", "--mpi=none",
        "--no-kill", "--kill-on-bad-exit=0", "--wait=0", "--unbuffered", "--", "sh", "-c", script, "sh",
        *own_program(entry), *sys.argv[1:], *([] if arguments.yes else ["--yes"]),
    ]  # fmt: skip
    try:
        os.execvpe(call[0], call, step_environment(user_environment()))
    except OSError as error:
        raise CannotStart(f"srun cannot be started: {error.strerror}") from error
