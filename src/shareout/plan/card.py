"""A card of at most 1 KB that lets another machine say where its inputs differ, without sending them.

The pool's lines are cut into at most 65,536 leaves. The card holds a hash of every input, short hashes of 192
runs of leaves (the first that differs says where differences begin), and for every bit of a leaf's number
two sums over the leaves that have it set or clear: a single leaf that differs is then named exactly.
"""

from __future__ import annotations

import mmap
from base64 import b85decode, b85encode
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from blake3 import blake3

from shareout.errors import InputError, Place
from shareout.fields import dataclass
from shareout.plan import fingerprint
from shareout.plan.digest import HashedInput, without_states
from shareout.plan.plan import Plan
from shareout.pool.compressed import text_of

TITLE = "shareout card 1"
LEAF_BITS = 16
# What 1 KB has room for. In base 85 runs and sums take 600 characters; as hex digits they would take 960, and no input
# could be named beside them.
RUNS = 192
# Two bytes: one run in 65,536 that differs is passed over, and the place told is a later one. That is borne here, for
# whether anything differs at all is said by the whole hash of the input.
RUN_BYTES = 2
SUM_BYTES = 3
SUM_MASK = (1 << 8 * SUM_BYTES) - 1


@dataclass(frozen=True, slots=True)
class Lines:
    """What a card knows about the pool's lines; `ends` is the hash with all line ends made alike."""

    count: int
    leaf: int
    ends: str
    runs: bytes
    sums: bytes

    @property
    def leaves(self) -> int:
        """How many leaves the lines make, the last one perhaps shorter."""
        return -(-self.count // self.leaf)


@dataclass(frozen=True, slots=True)
class Card:
    """A card as it is printed, and as it is read back."""

    digest: str
    inputs: tuple[tuple[str, str, str], ...]
    """Role, file name, sixteen hex digits of its hash."""
    lines: Lines | None

    def text(self) -> str:
        """As it is printed: at most 1 KB. `read_card` reads it."""
        head = [TITLE, f"digest {self.digest}"]
        inputs = [f"input {role} {digest} {name[:80]}" for role, name, digest in self.inputs]
        if self.lines is None:
            return "\n".join([*head, *inputs]) + "\n"
        one = self.lines
        tail = [
            f"lines {one.count} {one.leaf} {one.ends}",
            f"runs {b85encode(one.runs).decode()}",
            f"sums {b85encode(one.sums).decode()}",
        ]
        return "\n".join([*head, *inputs, *tail]) + "\n"


def make_card(plan: Plan) -> Card:
    """Of this plan's inputs. Of a pool that is no file, only its hash is told."""
    pool = next((one for one in plan.inputs if one.role == "pool"), None)
    lines = describe_lines(text_of(Path(pool.path)), has_states=_has_states(plan)) if pool and pool.path else None
    return Card(fingerprint.words(plan.digest), tuple(_named(one) for one in plan.inputs), lines)


def read_card(text: str, where: str) -> Card:
    """What `plan --card` printed, perhaps with blank lines or indentation from a mail around it."""
    rows = [line.split() for line in text.splitlines() if line.strip()]
    try:
        if rows[0] != TITLE.split():
            raise ValueError
        inputs = tuple((row[1], " ".join(row[3:]), row[2]) for row in rows if row[0] == "input")
        said = {row[0]: row[1:] for row in rows}
        lines = None
        if "lines" in said:
            count, leaf, ends = said["lines"]
            lines = Lines(int(count), int(leaf), ends, b85decode(said["runs"][0]), b85decode(said["sums"][0]))
            if lines.leaf < 1 or len(lines.sums) != 2 * LEAF_BITS * SUM_BYTES:
                raise ValueError
        return Card(said["digest"][0], inputs, lines)
    except (ValueError, IndexError, KeyError):
        raise InputError(
            "this is not a card", where=Place(where), way_out="Paste all that `plan --card` printed."
        ) from None


def compare(plan: Plan, card: Card) -> list[str]:
    """What differs, in sentences; empty when the plans are the same."""
    if fingerprint.words(plan.digest) == card.digest:
        return []
    here = {one.role: _named(one) for one in plan.inputs}
    there = {one[0]: one for one in card.inputs}
    said = []
    for role in dict.fromkeys([*there, *here]):
        if role not in here:
            said.append(f"{there[role][1] or role} is given only there")
        elif role not in there:
            said.append(f"{here[role][1] or role} is given only here")
        elif here[role][2] != there[role][2]:
            said.append(_differing(plan, role, here[role][1], card.lines))
    return said or ["the inputs are the same; the kind of pool or the version of shareout differs"]


def describe_lines(path: Path, like: Lines | None = None, *, has_states: bool = False) -> Lines:
    """The lines part of a card, cut into the same leaves and runs as another one's when that is given."""
    count = _count(path)
    size = like.leaf if like else max(1, -(-count // (1 << LEAF_BITS)))
    cut = like.leaves if like else -(-count // size)
    ends = blake3()
    sums = [0] * (2 * LEAF_BITS)
    leaves = []
    for number, block in enumerate(_blocks(path, size)):
        if has_states:
            block = list(map(without_states, block))
        # A hash of its own, for a difference that no eye sees: with other line ends every leaf is another one, and all
        # that could be said is that the files differ from their first line on.
        ends.update(b"".join(line.rstrip(b"\r\n") + b"\n" for line in block))
        digest = blake3(b"".join(block)).digest(length=8)
        leaves.append(digest)
        value = int.from_bytes(digest[:SUM_BYTES], "little")
        for bit in range(LEAF_BITS):
            at = 2 * bit + (number >> bit & 1)
            sums[at] = (sums[at] + value) & SUM_MASK
    runs = b"".join(blake3(b"".join(leaves[start:stop])).digest(length=RUN_BYTES) for start, stop in _runs(cut))
    packed = b"".join(one.to_bytes(SUM_BYTES, "little") for one in sums)
    return Lines(count, size, ends.hexdigest()[:16], runs, packed)


def _differing(plan: Plan, role: str, name: str, lines: Lines | None) -> str:
    if role != "pool":
        return f"{name} differs"
    path = next(one.path for one in plan.inputs if one.role == role)
    return _pool_sentence(plan, name, path, lines)


def _pool_sentence(plan: Plan, name: str, path: str, theirs: Lines | None) -> str:
    if theirs is None or not path:
        return f"{name} differs"
    mine = describe_lines(text_of(Path(path)), like=theirs, has_states=_has_states(plan))
    if mine.ends == theirs.ends:
        return f"{name}: only line ends differ"
    # With lines more or fewer all leaves behind the first difference have moved, so that most of them differ: the sums
    # name a single leaf, and are not asked then.
    counts = "" if mine.count == theirs.count else f" ({mine.count} lines here, {theirs.count} there)"
    first, stop = (None if counts else _differing_leaf(mine, theirs)) or _first_differing_run(mine, theirs)
    start = first * theirs.leaf + 1
    last = min(stop * theirs.leaf, max(mine.count, theirs.count))
    where = f"line {start}" if start >= last else f"lines {start}-{last}"
    return f"{name} differs first in {where}{counts}"


def _differing_leaf(mine: Lines, theirs: Lines) -> tuple[int, int] | None:
    """The one leaf that differs, when it is one: of every bit's two sums exactly one differs, by the same amount."""
    number, amounts = 0, set()
    for bit in range(LEAF_BITS):
        clear, is_set = (_sum(mine, 2 * bit + side) - _sum(theirs, 2 * bit + side) & SUM_MASK for side in (0, 1))
        if bool(clear) == bool(is_set):
            return None
        number |= bool(is_set) << bit
        amounts.add(clear or is_set)
    return (number, number + 1) if len(amounts) == 1 else None


def _first_differing_run(mine: Lines, theirs: Lines) -> tuple[int, int]:
    """The leaves of the first run whose hashes differ; what is beyond the other's end when none does."""
    for number, (start, stop) in enumerate(_runs(theirs.leaves)):
        at = slice(number * RUN_BYTES, (number + 1) * RUN_BYTES)
        if mine.runs[at] != theirs.runs[at]:
            return start, stop
    return theirs.leaves, max(theirs.leaves + 1, mine.leaves)


def _sum(lines: Lines, at: int) -> int:
    return int.from_bytes(lines.sums[at * SUM_BYTES : (at + 1) * SUM_BYTES], "little")


def _runs(leaves: int) -> Iterator[tuple[int, int]]:
    runs = min(RUNS, leaves)
    for number in range(runs):
        yield leaves * number // runs, leaves * (number + 1) // runs


def _named(one: HashedInput) -> tuple[str, str, str]:
    return one.role, Path(one.path).name or one.role, one.blake3.hex()[:16]


def _has_states(plan: Plan) -> bool:
    """Whether letters that change while it runs stand in the pool: they are no difference."""
    return any(one.has_states for one in plan.pool.inputs)


def _count(path: Path) -> int:
    """Lines, the last one also without an end."""
    if not path.stat().st_size:
        return 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        count, at = 0, 0
        # Counted before a line is hashed, for the number of lines says how large a leaf is. To go through the lines
        # twice, as objects of Python, would cost more than this does.
        while block := mapped[at : at + (1 << 20)]:
            count += block.count(b"\n")
            at += len(block)
        return count + (mapped[-1:] != b"\n")


def _blocks(path: Path, size: int) -> Iterator[list[bytes]]:
    with path.open("rb") as file:
        while block := list(islice(file, size)):
            yield block
