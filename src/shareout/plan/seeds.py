"""The random seed of a job: from the pool's digest and the job's id, so from neither the machines nor the attempt."""

from __future__ import annotations

from blake3 import blake3

SEED_CONTEXT = "shareout 2 job seed"


def job_seed(pool_digest: bytes, job: int) -> int:
    """128 bits, as an int."""
    # Not a number for the pool plus the id: generators that are seeded by neighbouring numbers may give streams that
    # resemble each other, and a simulation would take that for an effect.
    digest = blake3(pool_digest + job.to_bytes(8, "little"), derive_key_context=SEED_CONTEXT).digest(length=16)
    return int.from_bytes(digest, "little")
