"""`--shard K/N`: N equal machines without a machines.json, of which this is the K-th, counted from 1 as test runners
count theirs. `SHAREOUT_SHARD` says the same where a scheduler's file has variables and no words to add.
"""

from __future__ import annotations

import argparse
import os
import re

from shareout.cli.options import Common
from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.machines import equal_names

FLAG, VARIABLE = "--shard", "SHAREOUT_SHARD"
MOST = 100_000


@dataclass(frozen=True, slots=True)
class Shard:
    """Which of how many."""

    number: int
    of: int

    @property
    def name(self) -> str:
        """The machine's, and its run directory's."""
        return equal_names(self.of)[self.number - 1]


def add_shard(parser: argparse._ActionsContainer) -> None:
    """For whoever plans, and whoever runs."""
    parser.add_argument(FLAG, metavar="K/N", help="the K-th of N equal machines, without machines.json")


def shard_asked(flag: str | None, machine: str | None, common: Common) -> Shard | None:
    """By the flag, else by the variable, which nothing that this process starts gets: a job may call shareout itself,
    for a pool of its own. Refused beside what says otherwise who is in the plan, or which of them this is."""
    variable = os.environ.pop(VARIABLE, None)
    said, text = (FLAG, flag) if flag is not None else (VARIABLE, variable)
    if text is None:
        return None
    shard = _read(said, text)
    if machine is not None:
        raise UsageError(
            f"{said} {text} and --machine {machine} each say which machine this is", way_out="Leave one of them out."
        )
    path = common.configs / "machines.json"
    # Neither wins: each is a plan of all machines, and on another host the other one might.
    if path.exists():
        raise UsageError(
            f"{said} {text} is a plan of {shard.of} equal machines, and {path} is another one",
            way_out="Say --machine NAME (or auto) for that one; for shards leave the file away, on every machine.",
        )
    return shard


def _read(said: str, text: str) -> Shard:
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text.strip())
    way_out = f"Write {said}{'=' if said == VARIABLE else ' '}K/N: 1/4 is the first of four, 4/4 the last."
    if found is None:
        raise UsageError(f'{said}: "{text}" is no shard', way_out=way_out)
    number, of = map(int, found.groups())
    if not 1 <= number <= of:
        raise UsageError(f"{said}: there is no shard {number} of {of}; they count from 1", way_out=way_out)
    if of > MOST:
        raise UsageError(f"{said}: {of:,} shards are more than {MOST:,}", way_out="Take fewer.")
    return Shard(number, of)
