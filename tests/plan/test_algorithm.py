"""The algorithm of docs/algorithm.md, written a second time from that page alone, against ours and the vectors."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import accumulate
from math import ceil, isqrt, lcm
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from shareout.choices import Order
from shareout.costs.amount import read_cost
from shareout.costs.boundaries import cut_by_cost
from shareout.merge.proof.certificate import certificate
from shareout.plan import fingerprint
from shareout.plan.audit import audit_of
from shareout.plan.digest import POOL_CONTEXT, WORK_CONTEXT, HashedInput, digest_of
from shareout.plan.permutation import Permutations
from shareout.plan.seeds import job_seed
from shareout.plan.split import split, whole_weights

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "plan.json").read_text())


def derive(context: str, material: bytes, length: int = 32) -> bytes:
    return blake3(material, derive_key_context=context).digest(length=length)


def framed(word: str) -> bytes:
    return len(word).to_bytes(4, "little") + word.encode()


def page_digest(kind: str, inputs: list[dict[str, str]], context: str) -> bytes:
    material = framed(kind)
    for one in inputs:
        content = one["text"].encode()
        material += framed(one["role"]) + len(content).to_bytes(8, "little") + blake3(content).digest()
    return derive(context, material)


def page_stream(digest: bytes, phase: int, length: int) -> bytes:
    return derive("shareout 2 permutation", digest + phase.to_bytes(4, "little"), length)


def page_list(digest: bytes, phase: int, size: int) -> list[int]:
    stream = page_stream(digest, phase, 4 * size + 64)
    places, i, at = list(range(size)), size, 0
    while i >= 2:
        word = int.from_bytes(stream[at : at + 2], "little")
        at += 2
        if word < 65536 // i * i:
            i -= 1
            j = word % (i + 1)
            places[i], places[j] = places[j], places[i]
    return places


def page_place(digest: bytes, phase: int, size: int, position: int) -> int:
    if size <= 4096:
        return page_list(digest, phase, size)[position]
    a = isqrt(size - 1) + 1
    b = -(-size // a)
    stream = page_stream(digest, phase, 96)
    numbers = [int.from_bytes(stream[at : at + 8], "little") for at in range(0, 96, 8)]
    x = position
    while True:
        halves = [x // b, x % b]
        for step in range(6):
            changed, other = step % 2, 1 - step % 2
            t = (halves[other] + numbers[2 * step]) * (numbers[2 * step + 1] | 1) % 2**64
            t = (t ^ (t >> 32)) * 0xBF58476D1CE4E5B9 % 2**64
            halves[changed] = (halves[changed] + (t >> 16)) % (a, b)[changed]
        x = halves[0] * b + halves[1]
        if x < size:
            return x


def page_split(sizes: list[int], weights: list[Fraction]) -> list[list[int]]:
    """How much of each phase every machine gets."""
    scale = lcm(*(weight.denominator for weight in weights))
    w = [int(weight * scale) for weight in weights]
    total, jobs = sum(w), list(accumulate(sizes, initial=0))
    r = [[n * one % total for one in w] for n in jobs]
    bounds = [jobs[-1] * so_far // total for so_far in accumulate(w, initial=0)]
    rounded_up = [bounds[k + 1] - bounds[k] > jobs[-1] * w[k] // total for k in range(len(w))]
    machines = range(len(w))
    order = [k for k in machines if rounded_up[k]] + [k for k in machines if not rounded_up[k]]
    orders = {len(sizes): order}
    for p in range(len(sizes), 0, -1):
        if sizes[p - 1]:
            order = (
                [k for k in order if 0 < r[p][k] <= r[p - 1][k]]
                + [k for k in order if r[p][k] == 0]
                + [k for k in order if r[p][k] > r[p - 1][k]]
            )
        orders[p - 1] = order
    ahead: set[int] = set()
    had, made = [0] * len(w), []
    for p in range(1, len(sizes) + 1):
        if sizes[p - 1]:
            grows = {k for k in machines if r[p][k] > r[p - 1][k]}
            falls = {k for k in machines if 0 < r[p][k] <= r[p - 1][k]}
            free = sum(r[p]) // total - len(ahead & grows)
            able = [k for k in orders[p] if k in ((falls & ahead) | (grows - ahead))]
            ahead = (ahead & grows) | set(able[:free])
        has = [jobs[p] * w[k] // total + (k in ahead) for k in machines]
        made.append([now - before for now, before in zip(has, had, strict=True)])
        had = has
    return made


@pytest.mark.parametrize("case", VECTORS["digests"], ids=lambda case: case["fingerprint"])
def test_digests_are_those_of_version_2(case: dict[str, Any]) -> None:
    rows = [
        HashedInput(one["role"], "", len(one["text"].encode()), blake3(one["text"].encode()).digest())
        for one in case["inputs"]
    ]
    deciding = [one for one in case["inputs"] if one["role"].startswith("pool") or one["role"] == "seed"]
    digest = digest_of(case["kind"], rows)
    assert digest.hex() == case["digest"] == page_digest(case["kind"], case["inputs"], "shareout 2 plan digest").hex()
    assert fingerprint.words(digest) == case["fingerprint"]
    working = [one for one in case["inputs"] if one in deciding or one["role"] in ("settings", "kind")]
    assert case["work"] == page_digest(case["kind"], working, WORK_CONTEXT).hex()
    assert case["pool_digest"] == page_digest(case["kind"], deciding, POOL_CONTEXT).hex()
    assert all(one["blake3"] == blake3(one["text"].encode()).hexdigest() for one in case["inputs"])


@pytest.mark.parametrize("case", VECTORS["permutations"], ids=lambda case: f"{case['phase']}-{case['size']}")
def test_permutations_are_those_of_version_2(case: dict[str, Any]) -> None:
    digest = bytes(range(32))
    assert page_stream(digest, case["phase"], 16).hex() == case["stream"]
    if case["phase"] < 100:
        shuffle = Permutations(digest, [0] * case["phase"] + [case["size"]], Order.SHUFFLED)[case["phase"]]
        assert [[position, shuffle.at(position)] for position, _ in case["places"]] == case["places"]
        assert [[shuffle.position_of(place), place] for _, place in case["places"]] == case["places"]
    for position, place in case["places"]:
        assert page_place(digest, case["phase"], case["size"], position) == place


@pytest.mark.parametrize("case", VECTORS["splits"], ids=lambda case: f"{case['sizes'][0]}")
def test_splits_are_those_of_version_2(case: dict[str, Any]) -> None:
    weights = [Fraction(one) for one in case["weights"]]
    bounds = split(case["sizes"], weights)
    assert [list(one) for one in zip(*bounds, strict=True)] == case["bounds"]
    assert [list(accumulate(one, initial=0)) for one in page_split(case["sizes"], weights)] == case["bounds"]


@pytest.mark.parametrize("case", VECTORS["costs"], ids=lambda case: case["costs"][0][0])
def test_shares_by_cost_are_those_of_version_2(case: dict[str, Any]) -> None:
    phases = [[read_cost(text) for text in phase] for phase in case["costs"]]
    assert phases == case["billionths"]
    assert phases == [[max(1, int(Fraction(text) * 10**9)) for text in phase] for phase in case["costs"]]
    weights = [Fraction(one) for one in case["weights"]]
    sums = list(map(sum, phases))
    cut = cut_by_cost(list(map(len, phases)), sums, whole_weights(weights), lambda phase: [phases[phase]])
    assert [list(one) for one in zip(*cut.bounds, strict=True)] == case["bounds"]
    had, so_far = [0] * len(weights), 0
    for costs, bounds in zip(phases, case["bounds"], strict=True):
        so_far += sum(costs)
        lacks = [max(Fraction(0), so_far * w - had[k] * sum(weights)) for k, w in enumerate(weights)]
        for k in range(len(weights)):
            end = 2 * sum(costs) * sum(lacks[: k + 1]) / sum(lacks) if costs else Fraction(0)
            middles = [sum(costs[:b]) + sum(costs[: b + 1]) for b in range(len(costs))]
            assert bounds[k + 1] == sum(middle <= end for middle in middles)
            had[k] += sum(costs[bounds[k] : bounds[k + 1]])


@pytest.mark.parametrize("case", VECTORS["audits"], ids=lambda case: f"{case['machine']}-{case['part']}")
def test_audits_are_those_of_version_2(case: dict[str, Any]) -> None:
    share, part = [(start, stop) for start, stop in case["share"]], Fraction(case["part"])
    assert [list(one) for one in audit_of(bytes(range(32)), case["machine"], share, part)] == case["audit"]
    positions = [(start, stop - start) for start, stop in share]
    length = sum(count for _, count in positions)
    c = max(ceil(part * length), min(2, length))
    m = min(16, c)
    stream = derive("shareout 2 audit", bytes(range(32)) + case["machine"].to_bytes(4, "little"), 256)
    page: list[list[int]] = []
    for i in range(m):
        free = (length - c) * (i + 1) // m - (length - c) * i // m
        first = c * i // m + (length - c) * i // m + int.from_bytes(stream[16 * i : 16 * i + 16], "little") % (free + 1)
        last = first + c * (i + 1) // m - c * i // m
        before = 0
        for start, count in positions:
            low, high = max(first, before), min(last, before + count)
            if low < high:
                page.append([start + low - before, start + high - before])
            before += count
    assert page == case["audit"]


@pytest.mark.parametrize("case", VECTORS["certificates"], ids=lambda case: case["certificate"][:8])
def test_certificates_are_those_of_version_2(case: dict[str, Any]) -> None:
    blocks: dict[int, bytes] = {}
    for job, result in case["results"]:
        blocks[job >> 16] = blocks.get(job >> 16, b"") + f"{job}\t{result}\n".encode()
    hashes = {number: blake3(text).digest() for number, text in blocks.items()}
    assert certificate(case["work"], case["columns"], hashes.items()) == case["certificate"]
    material = bytes.fromhex(case["work"]) + len(case["columns"]).to_bytes(4, "little")
    material += b"".join(map(framed, case["columns"]))
    material += b"".join(number.to_bytes(8, "little") + hashes[number] for number in sorted(hashes))
    assert derive("shareout 2 certificate", material).hex() == case["certificate"]


def test_seeds_are_those_of_version_2() -> None:
    for case in VECTORS["seeds"]:
        seed = job_seed(bytes(32), case["job"])
        page = derive("shareout 2 job seed", bytes(32) + case["job"].to_bytes(8, "little"), 16)
        assert str(seed) == case["seed"] == str(int.from_bytes(page, "little"))


def test_a_fingerprint_is_matched_by_its_words_or_its_digits() -> None:
    digest = bytes.fromhex("7f0000013f54dcc1" + "00" * 24)
    assert fingerprint.words(digest) == "lusab-babad-gutih-tugad"
    for typed in ("lusab-babad-gutih-tugad", "LUSAB-babad-gutih-tugad ", "7f0000013f54dcc1", digest.hex()):
        assert fingerprint.matches(typed, digest)
    for typed in ("7f00000", "lusab-babad-gutih", "", "8f0000013f54dcc1", digest.hex() + "00"):
        assert not fingerprint.matches(typed, digest)
