"""Makes tests/vectors/plan.json: run by hand when version 2 of the algorithm is extended, never to change it."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from blake3 import blake3

from shareout.choices import Order
from shareout.costs.amount import read_cost
from shareout.costs.boundaries import cut_by_cost
from shareout.merge.proof.certificate import certificate
from shareout.plan import fingerprint
from shareout.plan.audit import audit_of
from shareout.plan.digest import POOL_CONTEXT, WORK_CONTEXT, HashedInput, digest_of
from shareout.plan.network import KEY_BYTES, round_keys
from shareout.plan.permutation import CONTEXT, Permutations
from shareout.plan.plan import WORK
from shareout.plan.seeds import job_seed
from shareout.plan.split import split, whole_weights

POOL = b"echo one\necho two\necho three\n"
MACHINES = b'{"alice": [1.0, 8], "bob": {"perf": 0.8, "cores": 4}}\n'
OTHER_MACHINES = b'{"alice": [1.0, 8], "bob": {"perf": 0.7, "cores": 4}}\n'
SINCE = (
    b"8d9511656eec2cfa7161edd4d0a7b8d0dbc2515b44e8039a3ec77ffe2bf01a9a:"
    b"a035f376428a913d6c9a21ca318b24993ad2a1f39863f785f0ae0f50d9530c7c"
)


def hashed(role: str, content: bytes) -> HashedInput:
    return HashedInput(role, role, len(content), blake3(content).digest())


def digests() -> list[dict[str, Any]]:
    plain = [("pool", POOL), ("machines", MACHINES)]
    made = []
    for kind, inputs in (
        ("text", plain),
        ("text", [*plain, ("seed", b"7")]),
        ("csv", plain),
        ("text", [*plain, ("settings", b'{"settings":{"commands.template":"echo {}"},"user":{"sim":{"scale":"2"}}}')]),
        ("jsonl", [*plain, ("settings", b"anything"), ("audit", b"1/3"), ("seed", b"seven")]),
        ("text", [*plain, ("kind", b"python")]),
        ("text", [*plain, ("audit", b"1/100")]),
        ("text", [*plain, ("seed", b"7"), ("order", b"given")]),
        ("text", [("pool", POOL), ("machines", OTHER_MACHINES), ("since", SINCE)]),
        ("groups", [("pool", POOL), ("pool:1", b"a.mp4\n"), ("pool:2", b"b.mp4\n"), ("machines", MACHINES)]),
    ):
        rows = [hashed(role, content) for role, content in inputs]
        numbers = [row for row in rows if row.role.startswith("pool") or row.role == "seed"]
        working = [row for row in rows if row.role.startswith("pool") or row.role in WORK]
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
                "work": digest_of(kind, working, WORK_CONTEXT).hex(),
            }
        )
    return made


def permutations() -> list[dict[str, Any]]:
    digest = bytes(range(32))
    made = []
    small = [(0, size) for size in (1, 2, 3, 10, 1000, 4096)] + [(1, 10), (2**31, 5)]
    for phase, size in (*small, (0, 4097), (0, 10**7), (0, 10**12), (3, 10**18)):
        # A phase's number alone matters, not the phases before it: 2^31 of them are not made here.
        shuffle = Permutations(digest, OnlyOne(phase, size), Order.SHUFFLED)[phase]
        last = [size - 1] if size > 10 else []
        positions = [*range(min(size, 10)), *last]
        stream = blake3(digest + phase.to_bytes(4, "little"), derive_key_context=CONTEXT).digest(KEY_BYTES)
        made.append(
            {
                "phase": phase,
                "size": size,
                "stream": stream[:16].hex(),
                **({"keys": [f"{one:016x}" for key in round_keys(stream)[:2] for one in key]} if size > 4096 else {}),
                "places": [[position, shuffle.at(position)] for position in positions],
            }
        )
    return made


class OnlyOne(list[int]):
    """The sizes of a plan's phases, where only one is ever asked for."""

    def __init__(self, phase: int, size: int) -> None:
        super().__init__([size])
        self._phase = phase

    def __getitem__(self, phase: Any) -> Any:
        assert phase == self._phase
        return super().__getitem__(0)


def splits() -> list[dict[str, Any]]:
    cases = [
        ([10], ["8", "3.2"]),
        ([3], ["8", "3.2"]),
        ([0], ["1"]),
        ([1], ["1", "1", "1"]),
        ([10**18], ["0.000001", "1000000", "1"]),
        ([1000], ["0.1", "0.2", "0.3", "0.4"]),
        ([5, 5, 0, 5, 5], ["8", "1", "1"]),
        ([2, 4, 1, 1, 6], ["2", "2", "2", "3", "3"]),
        ([6, 1, 1, 1, 1, 100], ["0.3", "0.2", "0.5"]),
        ([7, 3, 10**12, 1, 1, 1, 1, 1], ["1", "0.8", "1.25", "0.5", "3", "0.1"]),
    ]
    return [
        {"sizes": sizes, "weights": weights, "bounds": [list(one) for one in zip(*bounds, strict=True)]}
        for sizes, weights in cases
        for bounds in [split(sizes, [Fraction(weight) for weight in weights])]
    ]


def costs() -> list[dict[str, Any]]:
    """Of phases, in running order."""
    cases: list[tuple[list[list[str]], list[str]]] = [
        ([["1", "2", "3", "4"]], ["1", "1"]),
        ([["5", "1", "1", "1", "1", "1"]], ["1", "1"]),
        ([["1", "9"], ["1", "1", "1"], ["2", "2"]], ["1", "1"]),
        ([["0.5", "2.5"], ["1"], ["4"], [], ["0.000000001", "1"]], ["8", "1", "1"]),
        ([["2", "7", "1"], ["1"], ["1"], ["3", "3", "3", "30"]], ["0.3", "0.2", "0.5"]),
        ([["1e9", "0", "12.3456789019", "1e-9"] * 5], ["0.000001", "1000000", "1"]),
    ]
    return [
        {"costs": written, "billionths": phases, "weights": weights, "bounds": _bounds(phases, weights)}
        for written, weights in cases
        for phases in [[[read_cost(text) for text in phase] for phase in written]]
    ]


def _bounds(phases: list[list[int]], weights: list[str]) -> list[list[int]]:
    whole = whole_weights([Fraction(weight) for weight in weights])
    cut = cut_by_cost(list(map(len, phases)), list(map(sum, phases)), whole, lambda phase: [phases[phase]])
    return [list(one) for one in zip(*cut.bounds, strict=True)]


def audits() -> list[dict[str, Any]]:
    cases = [
        (0, [[0, 1000]], "0.05"),
        (1, [[0, 1000]], "0.05"),
        (0, [[700, 707], [1010, 1011]], "0.3"),
        (0, [[3, 6]], "1"),
        (0, [[3, 5]], "0.001"),
        (7, [[0, 4], [5, 9], [10, 14], [15, 19]], "0.5"),
        (0, [[5, 10**18]], "0.01"),
    ]
    return [
        {
            "machine": machine,
            "share": share,
            "part": part,
            "audit": audit_of(bytes(range(32)), machine, [(start, stop) for start, stop in share], Fraction(part)),
        }
        for machine, share, part in cases
    ]


def certificates() -> list[dict[str, Any]]:
    cases: list[tuple[list[str], dict[int, str]]] = [
        ([], {0: "0", 1: "0", 2: "0"}),
        (["alpha", "estimate"], {0: "[1,2.5]", 1: "[2,7]", 70000: "[3,0]"}),
        ([], {}),
    ]
    made = []
    for columns, results in cases:
        blocks: dict[int, bytes] = {}
        for job, result in results.items():
            blocks[job >> 16] = blocks.get(job >> 16, b"") + f"{job}\t{result}\n".encode()
        hashes = [(number, blake3(text).digest()) for number, text in blocks.items()]
        proof = certificate("07" * 32, columns, hashes)
        made.append({"work": "07" * 32, "columns": columns, "results": list(results.items()), "certificate": proof})
    return made


def seeds() -> list[dict[str, Any]]:
    return [{"job": job, "seed": str(job_seed(bytes(32), job))} for job in (0, 1, 314, 10**17)]


def all_vectors() -> dict[str, Any]:
    return {
        "digests": digests(),
        "permutations": permutations(),
        "splits": splits(),
        "costs": costs(),
        "audits": audits(),
        "seeds": seeds(),
        "certificates": certificates(),
    }


if __name__ == "__main__":
    target = Path(__file__).parents[1] / "vectors" / "plan.json"
    target.write_text(json.dumps(all_vectors(), indent=1) + "\n")
