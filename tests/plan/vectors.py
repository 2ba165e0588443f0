"""Makes tests/vectors/plan.json: run by hand when version 1 of the algorithm is extended, never to change it."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from blake3 import blake3

from shareout.plan import fingerprint
from shareout.plan.audit import audit_of
from shareout.plan.digest import POOL_CONTEXT, HashedInput, digest_of
from shareout.plan.permutation import Permutation, _round_keys
from shareout.plan.seeds import job_seed
from shareout.plan.split import split

POOL = b"echo one\necho two\necho three\n"
MACHINES = b'{"alice": [1.0, 8], "bob": {"perf": 0.8, "cores": 4}}\n'


def hashed(role: str, content: bytes) -> HashedInput:
    return HashedInput(role, role, len(content), blake3(content).digest())


def digests() -> list[dict[str, Any]]:
    plain = [("pool", POOL), ("machines", MACHINES)]
    made = []
    for kind, inputs in (
        ("text", plain),
        ("text", [*plain, ("seed", b"7")]),
        ("csv", plain),
        ("jsonl", [*plain, ("settings", b"anything"), ("seed", b"seven")]),
        ("text", [*plain, ("kind", b"python")]),
        ("text", [*plain, ("seed", b"7"), ("order", b"given")]),
        ("groups", [("pool", POOL), ("pool:1", b"a.mp4\n"), ("pool:2", b"b.mp4\n"), ("machines", MACHINES)]),
    ):
        rows = [hashed(role, content) for role, content in inputs]
        numbers = [row for row in rows if row.role.startswith("pool") or row.role == "seed"]
        digest = digest_of(kind, rows)
        made.append(
            {
                "kind": kind,
                "inputs": [
                    {"role": role, "text": content.decode(), "blake3": blake3(content).hexdigest()}
                    for role, content in inputs
                ],
                "digest": digest.hex(),
                "fingerprint": fingerprint.words(digest),
                "pool_digest": digest_of(kind, numbers, POOL_CONTEXT).hex(),
            }
        )
    return made


def permutations() -> list[dict[str, Any]]:
    digest = bytes(range(32))
    made = []
    for phase, size in ((0, 1), (0, 2), (0, 3), (0, 10), (1, 10), (0, 1000), (0, 10**7), (0, 10**12), (3, 10**18)):
        permutation = Permutation(digest, phase, size)
        last = [size - 1] if size > 10 else []
        positions = [*range(min(size, 10)), *last]
        made.append(
            {
                "phase": phase,
                "size": size,
                "keys": [[f"{key:016x}", f"{factor:016x}"] for key, factor in _round_keys(digest, phase)][:2],
                "places": [[position, permutation.at(position)] for position in positions],
            }
        )
    return made


def splits() -> list[dict[str, Any]]:
    cases = [
        (10, ["8", "3.2"]),
        (3, ["8", "3.2"]),
        (0, ["1"]),
        (1, ["1", "1", "1"]),
        (10**18, ["0.000001", "1000000", "1"]),
        (1000, ["0.1", "0.2", "0.3", "0.4"]),
    ]
    return [
        {"size": size, "weights": weights, "ranges": split(size, [Fraction(weight) for weight in weights])}
        for size, weights in cases
    ]


def audits() -> list[dict[str, Any]]:
    cases = [([[0, 1000]], "0.05"), ([[700, 707], [1010, 1011]], "0.3"), ([[3, 6]], "1"), ([[5, 10**18]], "0.01")]
    return [
        {"share": share, "part": part, "audit": audit_of([(start, stop) for start, stop in share], Fraction(part))}
        for share, part in cases
    ]


def seeds() -> list[dict[str, Any]]:
    return [{"job": job, "seed": str(job_seed(bytes(32), job))} for job in (0, 1, 314, 10**17)]


def all_vectors() -> dict[str, Any]:
    return {
        "digests": digests(),
        "permutations": permutations(),
        "splits": splits(),
        "audits": audits(),
        "seeds": seeds(),
    }


if __name__ == "__main__":
    target = Path(__file__).parents[1] / "vectors" / "plan.json"
    target.write_text(json.dumps(all_vectors(), indent=1) + "\n")
