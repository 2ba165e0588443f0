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

from shareout.fields import dataclass
from shareout.merge.gather import Journal
from shareout.merge.partition import Block, imprints_in
from shareout.merge.proof.complete import Summary

# 2: over blocks, which several processes hash at the same time. The first one was over all rows, one after the other;
# two forms must never give the same hash.
CONTEXT = "shareout 2 certificate"
PRINTED_CONTEXT = "shareout 2 outputs"
STREAM_CONTEXT = "shareout 2 stream"


def block_hash(block: Block) -> bytes:
    """BLAKE3 of its rows; 32 bytes."""
    return blake3(block.text).digest()


def printed_hash(block: Block) -> bytes:
    """The same of what its jobs have printed, each as `id TAB imprints LF`; empty where none of them has."""
    told = [
        b"%b\t%b\n" % (row[: row.index(b"\t")], imprints)
        for row, meta in zip(block.rows, block.metas, strict=False)
        if meta and (imprints := imprints_in(meta[1]))
    ]
    return blake3(b"".join(told)).digest() if told else b""


def printed_certificate(work: str, blocks: Iterable[tuple[int, bytes]]) -> str:
    """One hash over what the jobs are and what each has printed. Apart from the certificate: a job that prints the time
    of day has the same result all the same."""
    hasher = blake3(bytes.fromhex(work), derive_key_context=PRINTED_CONTEXT)
    for number, digest in sorted(blocks):
        hasher.update(number.to_bytes(8, "little") + digest)
    return hasher.hexdigest()


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


def work_of(journals: Sequence[Journal]) -> str:
    """What the jobs are, in hex. Of a stream only its name is in the plan; its lines are known when it is closed."""
    header = next((one.header for one in journals if one.header.seal), journals[0].header)
    if header.seal is None:
        return header.work
    hasher = blake3(bytes.fromhex(header.work), derive_key_context=STREAM_CONTEXT)
    hasher.update(header.seal.jobs.to_bytes(8, "little") + bytes.fromhex(header.seal.lines))
    return hasher.hexdigest()


@dataclass(frozen=True, slots=True)
class Proven:
    """Of a merge that is complete, and in which no records contradict each other."""

    certificate: str
    outputs: str
    """The same of what the jobs have printed."""

    @classmethod
    def of(cls, work: str, columns: Sequence[str], summary: Summary) -> Proven:
        """Both, of the same jobs."""
        return cls(certificate(work, columns, summary.blocks), printed_certificate(work, summary.printed))
