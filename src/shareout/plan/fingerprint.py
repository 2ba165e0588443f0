"""A digest as a person reads it aloud: proquints of its first eight bytes, and sixteen hex digits.

Four words of consonant-vowel-consonant-vowel-consonant, 16 bits each, most significant first.
"""

from __future__ import annotations

import re

# Not words of a language: a list of 65,536 would have to be shipped, and be the same for ever.
CONSONANTS = "bdfghjklmnprstvz"
VOWELS = "aiou"


def words(digest: bytes) -> str:
    """`lusab-babad-gutih-tugad` for 7f000001 3f54dcc1."""
    return "-".join(_quintet(digest[at] << 8 | digest[at + 1]) for at in range(0, 8, 2))


def short_hex(digest: bytes) -> str:
    """Sixteen hex digits, as the folders of runs are named."""
    return digest[:8].hex()


# Sixty-four bits, which a person compares, stand against slips. Somebody who searched long enough would find two plans
# with the same words, so nothing trusts them: journals hold the whole digest, and are compared by that.
def matches(expected: str, digest: bytes) -> bool:
    """Whether what a person typed names this digest: the words, or at least sixteen of its hex digits."""
    typed = re.sub(r"\s+", "", expected).lower()
    if re.fullmatch(r"[0-9a-f]{16,64}", typed):
        return digest.hex().startswith(typed)
    return typed == words(digest)


def _quintet(value: int) -> str:
    return (
        CONSONANTS[value >> 12 & 15]
        + VOWELS[value >> 10 & 3]
        + CONSONANTS[value >> 6 & 15]
        + VOWELS[value >> 4 & 3]
        + CONSONANTS[value & 15]
    )
