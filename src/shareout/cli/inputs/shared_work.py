"""Whether machines share the work of this call, and what cannot be shared."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.choices import Barriers
from shareout.cli.inputs.recorded_call import Call
from shareout.config import Settings
from shareout.errors import UsageError
from shareout.fields import dataclass, replace
from shareout.linux import host_name
from shareout.names import ALL, ANYBODY, AUTO, SCHEME, alike, why_no_name
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.record.reader import incarnations_of
from shareout.units import parse_duration

if TYPE_CHECKING:
    from shareout.joining.request import JoinRequest
    from shareout.joining.ways.network import Network
    from shareout.record.foreign.status_file import StatusFile

PATIENCE_S = 3600.0
"""So long a server is waited for that does not answer. A folder is waited for until somebody stops it."""


@dataclass(frozen=True, slots=True)
class Together:
    """What a call says of it, beside the settings."""

    is_alone: bool
    leaves: bool
    has_inputs: bool = True
    """Of its own, and not from the folder."""
    token_file: str | None = None
    patience: str | None = None
    files: tuple[StatusFile, ...] = ()
    """What all hosts take over."""
    network: Network | None = None
    """Where it is known already: a token may be read but once."""


def joins(settings: Settings, asked: Together) -> bool:
    """By `--join` or `[join] at`, unless `--alone` is said."""
    return bool(settings.join.at) and not asked.is_alone


def join_request(
    plan: Plan, settings: Settings, call: Call, asked: Together, groups: tuple[str, ...]
) -> JoinRequest | None:
    """What is asked of a ledger; None where a machine runs its own share."""
    if not joins(settings, asked):
        return None
    from shareout.joining.inputs.parcel import Parcel, parcel_of
    from shareout.joining.request import JoinRequest

    def parcel(drafts: Path) -> Parcel:
        return parcel_of(plan, call.configs, drafts, flags=call.flags, own=call.own, shards=call.shards)

    at = settings.join.at
    network = asked.network or network_at(at, asked.token_file)
    return JoinRequest(
        Path(at),
        settings.join.dead,
        asked.leaves,
        groups,
        parcel if asked.has_inputs else None,
        patience_s=_patience(asked.patience, math.inf if network is None else PATIENCE_S),
        network=network,
        files=asked.files,
    )


def as_files(words: Sequence[str]) -> tuple[Path, ...]:
    """Status files, which are read more than once: a pipe, as `<(…)` makes one, gives what it has only to the first."""
    paths = map(Path, words)
    return tuple(_copied(path) if path.is_fifo() or path.is_char_device() else path for path in paths)


def _copied(path: Path) -> Path:
    import atexit
    import shutil
    from tempfile import mkdtemp

    folder = mkdtemp(prefix="shareout-status-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = Path(folder, path.name)
    with path.open("rb") as source, copy.open("wb") as file:
        shutil.copyfileobj(source, file)
    return copy


def status_files(paths: Sequence[Path], plan: Plan, *, failed_too: bool, force: bool) -> tuple[StatusFile, ...]:
    """disBatch's, for all hosts. Refused where one of them tells of another list."""
    if not paths:
        return ()
    from shareout.adopt.status_files import check_status_files
    from shareout.record.foreign.status_file import StatusFile

    check_status_files(paths, plan, failed_too=failed_too, force=force)
    return tuple(StatusFile(path, path.name, failed_too, by_number=force) for path in paths)


def _patience(said: str | None, otherwise: float) -> float:
    if said is None:
        return otherwise
    try:
        return parse_duration(said)
    except ValueError as error:
        raise UsageError(f"--patience: {error}", way_out="Write it as 30s or 5m.") from error


def network_at(at: str, token_file: str | None) -> Network | None:
    """Where that is no folder, but an address of a network ledger."""
    if not at.startswith(SCHEME):
        if token_file is not None:
            raise UsageError("--token-file is for --join nats://HOST:PORT", way_out="A folder asks for no token.")
        return None
    from shareout.joining.ways.network import Network
    from shareout.stores.nats.address import address_of
    from shareout.stores.nats.token import VARIABLE, read_token, refuse_where_nothing_speaks

    refuse_where_nothing_speaks()
    address = address_of(at)
    way_out = f"Copy the file that `serve` has written, and say --token-file FILE; or set {VARIABLE}."
    return Network(address, read_token(token_file, os.environ, way_out))


def of_anybody(call: Call) -> Call:
    """Where no machines.json names any machine, and hosts share a folder: the same plan on each, whatever it is called.
    All come as guests."""
    return replace(call, own=(ANYBODY, 1)) if call.own else call


def admit_guest(plan: Plan, said: str | None) -> str:
    """The name under which a host joins that no machine of the plan is: its own, unless it is said. Refused where it is
    a machine's, which nobody is to be by accident."""
    name = said or host_name().partition(".")[0] or "guest"
    # It names a folder as well.
    if why := why_no_name(name) or ("has a slash" if "/" in name else "is a folder's" if name in (".", "..") else ""):
        raise UsageError(f"{name!r} cannot be a name: it {why}", way_out="Say --name NAME.")
    taken = {alike(one.name): one.name for one in plan.machines}
    if alike(name) in taken and alike(name) != ANYBODY:
        machine = taken[alike(name)]
        raise UsageError(
            f'"{machine}" is a machine of the plan, and has a share of it',
            way_out=f"`run --machine {machine} --join DIR` runs as that one; --name OTHER joins beside it.",
        )
    if alike(name) in (ALL, AUTO, ANYBODY):
        raise UsageError(f'"{name}" has a meaning of its own, and names no host', way_out="Say --name NAME.")
    plan.admit(name)
    return name


def folder_of_launch(at: str, *, is_here: bool) -> str:
    """From its beginning, as each host of a launch has it. Refused what is no such folder."""
    if at.startswith(SCHEME):
        raise UsageError(
            f"{at} is an address, and a launch shares work by a folder that all hosts mount",
            way_out="--serve serves it from here; to another server each host goes by itself: "
            "run --machine NAME --join nats://HOST:PORT --token-file FILE.",
        )
    if not os.path.isabs(at) and not is_here:
        raise UsageError(
            f"{at} is another folder on each host", way_out="Name it from its beginning: --join /mnt/experiment."
        )
    return os.path.abspath(at)


def refuse_unshared(plan: Plan, machine: str, flags: Sequence[str]) -> None:
    """What holds only where each machine runs its own share."""
    alone = "--alone runs this machine's share by itself."
    if machine == ALL:
        raise UsageError("all is no machine that others could share with", way_out="Name one of machines.json.")
    if flags:
        raise UsageError(f"{flags[0]} is about one machine's share, and --join shares all of them", way_out=alone)
    if any(plan.share(one.name).audit for one in plan.machines):
        raise UsageError("[run] audit and --join exclude each other: who runs what is not known before", way_out=alone)


def refuse_barriers_alone(plan: Plan, settings: Settings, machine: str) -> None:
    """Those that the machines of `[join] at` would have kept together, where one of them runs by itself."""
    is_one = len(plan.machines) == 1 or machine == ALL
    if len(plan.pool.phases) > 1 and not is_one and settings.run.barriers is not Barriers.LOCAL:
        raise UsageError(
            f"the pool has barriers, and one machine of {len(plan.machines)} cannot keep them alone",
            way_out="Leave --alone out; or say --barriers local: each machine keeps its own.",
        )


def refuse_to_change(folders: Sequence[RunFolder]) -> None:
    """What has ended for all machines of a ledger is not one machine's to take back."""
    for folder in folders:
        starts = incarnations_of(folder)
        if starts and starts[-1].header.is_joined:
            raise UsageError(
                f"{folder.path} is of a run whose machines share their work, and all of them must hear of it",
                way_out="Name the folder that they share: --join DIR.",
            )
