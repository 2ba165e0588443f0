"""What is the same for all hosts of a launch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from shareout.fields import dataclass
from shareout.launch.needs import Needs
from shareout.launch.scripts import Item
from shareout.launch.tunnel import Server


@dataclass(frozen=True, slots=True)
class Journey:
    """Of one call."""

    items: Sequence[Item]
    needs: Needs
    card: Sequence[str]
    """The words that show the plan there."""
    globs: tuple[str, ...]
    home: Path
    patience_s: float
    """So long a host may be silent before it is given up."""
    compare: Callable[[str], list[str]]
    """What differs between the plan of a card and the one here, in sentences."""
    at_home: Callable[[str], Mapping[str, int]]
    """What of a machine's share is done and failed, where all of it has ended and its record is here; else nothing.
    What was taken away there since is not run once more."""
    every: str
    """How often each says how it stands."""
    ledgers: dict[str, tuple[str, str]]
    """By its place: the ledger that the first machine found there, and which machine that was."""
    server: Server | None = None
    """Of the work, where this launch serves it."""
