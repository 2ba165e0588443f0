"""The algorithm of docs/algorithm.md, written a second time from that page alone, against ours and the vectors."""

from __future__ import annotations

import json
from fractions import Fraction
from math import ceil, isqrt
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from shareout.plan import fingerprint
from shareout.plan.audit import audit_of
from shareout.plan.digest import POOL_CONTEXT, HashedInput, digest_of
from shareout.plan.permutation import Permutation
from shareout.plan.seeds import job_seed
from shareout.plan.split import split

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


def page_place(digest: bytes, phase: int, size: int, position: int) -> int:
    a = isqrt(size - 1) + 1
    b = -(-size // a)
    stream = derive("shareout 1 permutation", digest + phase.to_bytes(4, "little"), 96)
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


@pytest.mark.parametrize("case", VECTORS["digests"], ids=lambda case: case["fingerprint"])
def test_digests_are_those_of_version_1(case: dict[str, Any]) -> None:
    rows = [
        HashedInput(one["role"], "", len(one["text"].encode()), blake3(one["text"].encode()).digest())
        for one in case["inputs"]
    ]
    deciding = [one for one in case["inputs"] if one["role"].startswith("pool") or one["role"] == "seed"]
    digest = digest_of(case["kind"], rows)
    assert digest.hex() == case["digest"] == page_digest(case["kind"], case["inputs"], "shareout 1 plan digest").hex()
    assert fingerprint.words(digest) == case["fingerprint"]
    assert case["pool_digest"] == page_digest(case["kind"], deciding, POOL_CONTEXT).hex()
    assert all(one["blake3"] == blake3(one["text"].encode()).hexdigest() for one in case["inputs"])


@pytest.mark.parametrize("case", VECTORS["permutations"], ids=lambda case: f"{case['phase']}-{case['size']}")
def test_permutations_are_those_of_version_1(case: dict[str, Any]) -> None:
    permutation = Permutation(bytes(range(32)), case["phase"], case["size"])
    for position, place in case["places"]:
        assert permutation.at(position) == place
        assert permutation.position_of(place) == position
        assert page_place(bytes(range(32)), case["phase"], case["size"], position) == place


@pytest.mark.parametrize("case", VECTORS["splits"], ids=lambda case: f"{case['size']}")
def test_splits_are_those_of_version_1(case: dict[str, Any]) -> None:
    assert [list(one) for one in split(case["size"], [Fraction(one) for one in case["weights"]])] == case["ranges"]


@pytest.mark.parametrize("case", VECTORS["audits"], ids=lambda case: case["part"])
def test_audits_are_those_of_version_1(case: dict[str, Any]) -> None:
    share, part = [(start, stop) for start, stop in case["share"]], Fraction(case["part"])
    assert [list(one) for one in audit_of(share, part)] == case["audit"]
    page = []
    for start, stop in share:
        length = stop - start
        count = ceil(part * length)
        pieces = min(16, count)
        for i in range(pieces):
            begin = start + count * i // pieces + (length - count) * i // pieces
            page.append([begin, begin + count * (i + 1) // pieces - count * i // pieces])
    assert page == case["audit"]


def test_seeds_are_those_of_version_1() -> None:
    for case in VECTORS["seeds"]:
        seed = job_seed(bytes(32), case["job"])
        page = derive("shareout 1 job seed", bytes(32) + case["job"].to_bytes(8, "little"), 16)
        assert str(seed) == case["seed"] == str(int.from_bytes(page, "little"))


def test_a_fingerprint_is_matched_by_its_words_or_its_digits() -> None:
    digest = bytes.fromhex("7f0000013f54dcc1" + "00" * 24)
    assert fingerprint.words(digest) == "lusab-babad-gutih-tugad"
    for typed in ("lusab-babad-gutih-tugad", "LUSAB-babad-gutih-tugad ", "7f0000013f54dcc1", digest.hex()):
        assert fingerprint.matches(typed, digest)
    for typed in ("7f00000", "lusab-babad-gutih", "", "8f0000013f54dcc1", digest.hex() + "00"):
        assert not fingerprint.matches(typed, digest)
