"""One hash over what the jobs are and (job id, result): the same for any number of machines, any weights, any order,
any history and any order of reading; another one for any other work or result.

Jobs are taken in blocks of 65,536 ids. A block's hash is BLAKE3 of its rows in pool order, each as
`id TAB result LF` with the result in the journal's own compact JSON. The certificate is BLAKE3 in derive-key
mode over the work hash, the names of the result's columns and, of every block that has a row, its number (8 bytes,
little-endian) and hash. It proves what was done to whoever does the same again, not who did it: it is no signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from blake3 import blake3

from shareout.merge.partition import Block

# 2: over blocks, which several processes hash at the same time. The first one was over all rows, one after the other;
# two forms must never give the same hash.
CONTEXT = "shareout 2 certificate"


def block_hash(block: Block) -> bytes:
    """BLAKE3 of its rows; 32 bytes."""
    return blake3(block.text).digest()


def certificate(work: str, columns: Sequence[str], blocks: Iterable[tuple[int, bytes]]) -> str:
    """From the blocks' numbers and hashes, in any order."""
    hasher = blake3(bytes.fromhex(work), derive_key_context=CONTEXT)
    hasher.update(len(columns).to_bytes(4, "little"))
    for name in columns:
        # Lengths go first, so that no two lists of names are the same bytes.
        encoded = name.encode("utf-8", "surrogateescape")
        hasher.update(len(encoded).to_bytes(4, "little") + encoded)
    # Not a sum of the rows' hashes, which would need no order at all: parts of such a sum can cancel each other out.
    # Nor a tree: nobody asks for a proof of a part, and of 10^12 jobs there are but fifteen million blocks.
    for number, digest in sorted(blocks):
        hasher.update(number.to_bytes(8, "little") + digest)
    return hasher.hexdigest()
