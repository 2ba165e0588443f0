"""The random seed of a job: from the pool's digest and the job's id, so from neither the machines nor the attempt."""

from __future__ import annotations

from blake3 import blake3

SEED_CONTEXT = "shareout 2 job seed"


def job_seed(pool_digest: bytes, job: int) -> int:
    """128 bits, as an int."""
    digest = blake3(pool_digest + job.to_bytes(8, "little"), derive_key_context=SEED_CONTEXT).digest(length=16)
    return int.from_bytes(digest, "little")
