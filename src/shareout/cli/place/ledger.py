"""Which ledger a command means that is no run: that of a folder that was named, else of `[join] at`."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.cli.inputs.shared_work import SCHEME
from shareout.cli.options import Common
from shareout.config import load_settings
from shareout.errors import UsageError
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder

if TYPE_CHECKING:
    from shareout.joining.visiting import Visit

MACHINES = "machines"
_ORIGIN, _LEDGER = re.compile("[0-9a-f]{16}"), re.compile("[0-9a-f]{8}")
_MARK = "ledger.json"


def add_ledger(parser: argparse.ArgumentParser) -> None:
    """The folder that hosts share."""
    parser.add_argument("--join", dest="ledger", metavar="DIR", help="the folder that hosts share (default: [join] at)")


def ledgers_in(folder: Path) -> list[Path]:
    """The ledgers that lie in a shared folder."""
    try:
        origins = [one for one in sorted(folder.iterdir()) if _ORIGIN.fullmatch(one.name)]
        found = [one for origin in origins for one in sorted(origin.iterdir()) if _LEDGER.fullmatch(one.name)]
    except OSError:
        return []
    return [one for one in found if os.path.lexists(one / _MARK)]


def meant_folder(named: str | None, common: Common) -> Path:
    """The same for who speaks to hosts and needs one."""
    folder = shared_folder(named, (), common)
    if folder is None:
        raise UsageError("which shared run is meant?", way_out="Name the folder that the hosts share: --join DIR.")
    return folder


def shared_folder(named: str | None, sources: Sequence[str], common: Common) -> Path | None:
    """The one that was named, by itself or among run directories; else that of the settings. None: there is none."""
    for one in [named] if named else [source for source in sources if ledgers_in(Path(source))]:
        _refuse_address(one)
        folder = Path(one)
        if not ledgers_in(folder):
            raise UsageError(
                f"no hosts share {folder}: there is no ledger in it", way_out="Look whether it is mounted."
            )
        return folder
    at = load_settings(common.configs).join.at if not sources and common.configs.is_dir() else ""
    _refuse_address(at)
    return Path(at) if at and ledgers_in(Path(at)) else None


def _refuse_address(place: str) -> None:
    if place.startswith(SCHEME):
        raise UsageError(
            f"hosts that share a run at {place} cannot be asked from here: only those of a folder can",
            way_out="Stop hosts by Ctrl-C on each; what is to run anew belongs into a list of its own.",
        )


@contextmanager
def visiting(folder: Path, plan: Plan | None) -> Iterator[Visit]:
    """The ledger of that plan; without one the only one there."""
    from shareout.joining.terms import charter_of, checks_of, roots_of
    from shareout.joining.visiting import Visit
    from shareout.stores.charter import read_charter
    from shareout.stores.folder.opening import open_folder

    place = _place(folder, plan)
    try:
        charter = read_charter((place / os.readlink(place / _MARK)).read_bytes(), place / _MARK)
    except OSError:
        # Kept in files and not in links, or gone this very moment: opening it says which.
        if plan is None:
            raise UsageError(
                f"{place} cannot be read without its plan", way_out="Say it where the inputs are."
            ) from None
        charter = charter_of(plan, 0.0)
    with open_folder(folder, charter).closing() as store:
        yield Visit(store, roots_of(plan) if plan else (), checks_of(plan) if plan else frozenset())


def folders_in(folder: Path, plan: Plan) -> list[RunFolder]:
    """What machines have shipped there."""
    machines = _place(folder, plan) / MACHINES
    found = [RunFolder(one) for one in sorted(machines.iterdir())] if machines.is_dir() else []
    return [one for one in found if one.journals()]


def _place(folder: Path, plan: Plan | None) -> Path:
    found = ledgers_in(folder)
    if plan is not None:
        return _place_of(folder, plan, found)
    if len(found) != 1:
        listed = ", ".join(f"{one.parent.name}/{one.name}" for one in found)
        raise UsageError(f"{folder} holds several ledgers: {listed}", way_out="Say it where the inputs of one are.")
    return found[0]


def _place_of(folder: Path, plan: Plan, found: Sequence[Path]) -> Path:
    """That of all of it; where there is none, the one of some groups."""
    from shareout.joining.terms import charter_of
    from shareout.stores.folder.opening import all_ledgers

    wanted = folder.joinpath(*charter_of(plan, 0.0).folders)
    if wanted in found:
        return wanted
    of_groups = {place: charter for place, charter in all_ledgers(folder) if charter.plan == plan.hex}
    if len(of_groups) > 1:
        listed = "; ".join(", ".join(one.groups) for one in of_groups.values())
        raise UsageError(
            f"{folder} holds several ledgers of this plan, of the groups {listed}",
            way_out="`halt`, `skip` and the like reach one alone: move the others away when their hosts have ended.",
        )
    if not of_groups:
        raise UsageError(
            f"{folder} holds no ledger of this plan, {plan.short_hex}",
            way_out="Say it where the inputs of that run are, or name another folder.",
        )
    return next(iter(of_groups))
