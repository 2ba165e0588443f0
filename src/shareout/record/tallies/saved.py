"""The sums of a machine's journals in its folder: a cache, believed only when the hash of each journal is right."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from blake3 import blake3

from shareout.errors import CannotRead
from shareout.files import replace_file
from shareout.ranges import Range, without
from shareout.record.belonging import Belonging, IdsAt, ever_owed
from shareout.record.folder import RunFolder
from shareout.record.journal import Header
from shareout.record.proof import VERSION, hash_of_prefix, sealed
from shareout.record.reader import Damage, incarnations_of
from shareout.record.tallies.durations import Durations
from shareout.record.tallies.standing import ELSEWHERE, NEW, SPARED
from shareout.record.tallies.tally import Part, Tally

_OWN = bytes.maketrans(bytes([ELSEWHERE, SPARED]), bytes([NEW, NEW]))


def tally_of(
    folder: RunFolder, header: Header, ids_at: IdsAt | None = None, over: Sequence[Range] | None = None
) -> Tally:
    """The tally of a run directory: from the cache when it proves right, else from the first line. `header`: what its
    machine owes now; what it owed in earlier starts is known from their journals. `ids_at`: the plan's, to ask of each
    record that is read whether it belongs where it stands."""
    starts = incarnations_of(folder)
    ever = ever_owed([header, *(one.header for one in starts)])
    belonging = Belonging(header, ids_at, ever)
    owed = [*header.ranges, *header.audit] if over is None else list(over)
    former = list(without(ever, owed))
    try:
        tally = _cached(folder, _empty(owed, belonging, former), belonging) or _empty(owed, belonging, former)
    except MemoryError:
        raise CannotRead(f"{folder.path} wants too much memory") from None
    tally.catch_up([one.path for one in starts])
    return tally


def save(tally: Tally, path: Path, written: Mapping[str, Part] | None = None) -> None:
    """Cache the sums of all that was read, and of what was `written` by who applied it."""
    parts = {**tally.parts, **(written or {})}
    facts = {
        "tally": VERSION,
        "journals": {name: part.facts() for name, part in parts.items()},
        "ranges": [list(one) for one in tally.ranges],
        "former": [list(one) for one in tally.former.ranges] if tally.former else [],
        "former_tries": tally.former.tries if tally.former else {},
        "tries": tally.tries,
        "durations": tally.durations.facts(),
        "belonging": tally.belonging is not None and tally.belonging.knows_ids,
        "doubled": tally.doubled,
        "damage": [[one.path.name, one.line, one.offset, one.size, one.why] for one in tally.damage],
        "first_start": tally.first_start,
        "last_end": tally.last_end,
    }
    head = json.dumps(facts).encode("ascii") + b"\n"
    # What journals of others prove is not kept: they may be gone at the next start, and are looked at then anyway.
    states = tally.states.packed(_OWN if tally.counts[ELSEWHERE] or tally.counts[SPARED] else None)
    if tally.former:
        states += tally.former.states.packed()
    seal = blake3(head)
    for piece in states:
        seal.update(piece)
    # Not synced: what a power cut leaves of it is found by its seal, and the journal read.
    replace_file(path, [head, *states, seal.digest()], sync=False)


def _empty(owed: Sequence[Range], belonging: Belonging, former: Sequence[Range]) -> Tally:
    return Tally(owed, belonging, Tally(former) if former else None)


def _cached(folder: RunFolder, tally: Tally, belonging: Belonging) -> Tally | None:
    try:
        facts, states = sealed(folder.tally)
        former = tally.former.ranges if tally.former else []
        if [tuple(one) for one in facts["ranges"]] != [tuple(one) for one in tally.ranges]:
            return None
        if [tuple(one) for one in facts["former"]] != [tuple(one) for one in former]:
            return None
        # It was made where the ids were not known, and a record of a wrong job may be in it: all is read again, and
        # asked.
        if belonging.knows_ids and not facts["belonging"]:
            return None
        if not facts["belonging"]:
            # What was read before it was known stays unasked.
            tally.belonging = belonging.without_ids()
        for name, (offset, lines, damaged, told) in facts["journals"].items():
            hasher = hash_of_prefix(folder.path / name, offset)
            if hasher.hexdigest() != told:
                return None
            tally.parts[name] = Part(offset, lines, damaged, hasher)
        _restore(tally, facts, states, folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # A cache: whatever is wrong with it, the journals are read instead.
        return None
    return tally


def _restore(tally: Tally, facts: dict[str, Any], states: bytearray, folder: RunFolder) -> None:
    """Back to what `save` was given, but for the parts. KeyError, TypeError or ValueError of facts that are none,
    and the tally is then of no use."""
    end = tally.stand(states, 0, facts["tries"])
    if tally.former:
        end = tally.former.stand(states, end, facts["former_tries"])
    if end != len(states):
        raise ValueError("it is of another share")
    tally.durations = Durations.of(facts["durations"])
    tally.damage = [Damage(folder.path / one[0], *one[1:]) for one in facts["damage"]]
    for key in ("doubled", "first_start", "last_end"):
        setattr(tally, key, facts[key])
