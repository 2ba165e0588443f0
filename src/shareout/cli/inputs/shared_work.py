"""Whether machines share the work of this call, and what cannot be shared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.config import Settings
from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.names import ALL
from shareout.plan.plan import Plan
from shareout.pool.runmaker import RunmakerPool
from shareout.record.folder import RunFolder
from shareout.record.reader import incarnations_of

if TYPE_CHECKING:
    from shareout.joining.joined import JoinRequest


@dataclass(frozen=True, slots=True)
class Together:
    """What a call says of it, beside the settings."""

    is_alone: bool
    leaves: bool


def join_request(settings: Settings, asked: Together) -> JoinRequest | None:
    """By `--join` or `[join] at`, unless `--alone` is said."""
    if not settings.join.at or asked.is_alone:
        return None
    from shareout.joining.joined import JoinRequest

    return JoinRequest(Path(settings.join.at), settings.join.dead, leaves=asked.leaves)


def refuse_unshared(plan: Plan, machine: str, flags: Sequence[str]) -> None:
    """What holds only where each machine runs its own share."""
    alone = "--alone runs this machine's share by itself."
    if machine == ALL:
        raise UsageError("all is no machine that others could share with", way_out="Name one of machines.json.")
    if flags:
        raise UsageError(f"{flags[0]} is about one machine's share, and --join shares all of them", way_out=alone)
    if len(plan.pool.phases) > 1:
        raise UsageError("a pool with barriers cannot be shared by --join", way_out=alone)
    if any(plan.share(one.name).audit for one in plan.machines):
        raise UsageError("[run] audit and --join exclude each other: who runs what is not known before", way_out=alone)
    if isinstance(getattr(plan.pool, "whole", plan.pool), RunmakerPool):
        raise UsageError("a runs.txt cannot be shared by --join", way_out=alone)


def refuse_to_change(folders: Sequence[RunFolder]) -> None:
    """What has ended for all machines of a ledger is not one machine's to take back."""
    for folder in folders:
        starts = incarnations_of(folder)
        if starts and starts[-1].header.is_joined:
            raise UsageError(
                f"{folder.path} is of a run whose machines share their work, where what has ended has ended for all",
                way_out="Put these jobs into a list of their own, and run that.",
            )
