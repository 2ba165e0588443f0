"""One hash over (job id, result): the same for any number of machines, any history and any order of reading.

Jobs are taken in blocks of 65,536 ids. A block's hash is BLAKE3 of its rows in pool order, each as
`id TAB result LF` with the result in the journal's own compact JSON. The certificate is BLAKE3 in derive-key
mode over the pool's digest and, of every block that has a row, its number (8 bytes, little-endian) and hash.
"""

from __future__ import annotations

from collections.abc import Iterable

from blake3 import blake3

from shareout.merge.partition import Block

CONTEXT = "shareout 2 certificate"


def block_hash(block: Block) -> bytes:
    return blake3(block.text).digest()


def certificate(pool_digest: str, blocks: Iterable[tuple[int, bytes]]) -> str:
    """From the blocks' numbers and hashes, in any order."""
    hasher = blake3(bytes.fromhex(pool_digest), derive_key_context=CONTEXT)
    for number, digest in sorted(blocks):
        hasher.update(number.to_bytes(8, "little") + digest)
    return hasher.hexdigest()
