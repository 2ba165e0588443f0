"""A run inside a Slurm allocation uses the node that it is started on: where there are more, that must be meant."""

from __future__ import annotations

from collections.abc import Mapping

from shareout.errors import UsageError


def refuse_unmeant_nodes(environ: Mapping[str, str]) -> None:
    """For a run that no machine was named for. Of srun's steps each process is a run of its own, on one node; a batch
    script or a shell of salloc is on the first node only, and the others would stay idle without a word."""
    srun = "srun --ntasks-per-node=1 shareout run --machine auto --yes"
    way_out = (
        f"Write a machines.json with a machine for each node, and start a run on each: {srun}. "
        "Or say --machine all: this node runs every job."
    )
    # Within a step the allocation's nodes say nothing: srun has placed each task, and how many there are is what
    # counts.
    if "SLURM_STEP_ID" in environ:
        tasks = _number(environ, "SLURM_STEP_NUM_TASKS")
        if tasks > 1:
            raise UsageError(f"srun starts this {tasks} times, and each would run every job", way_out=way_out)
        return
    nodes = _number(environ, "SLURM_JOB_NUM_NODES") or _number(environ, "SLURM_NNODES")
    if nodes > 1:
        raise UsageError(
            f"this Slurm allocation has {nodes} nodes, and a run uses the one that it is started on", way_out=way_out
        )


def _number(environ: Mapping[str, str], name: str) -> int:
    text = environ.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else 0
