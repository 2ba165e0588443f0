"""Which ledger a command means that is no run: one that was named, else that of `[join] at`, else one served here."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.cli.options import Common, add_token
from shareout.config import load_settings
from shareout.errors import UsageError
from shareout.names import SCHEME
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder

if TYPE_CHECKING:
    from shareout.cli.place.served import Served
    from shareout.joining.visiting import Visit
    from shareout.stores.charter import Charter

    Place = Path | Served
    """A folder that hosts share, or a run that is served."""

_ORIGIN, _LEDGER = re.compile("[0-9a-f]{16}"), re.compile("[0-9a-f]{8}")
_MARK = "ledger.json"


def add_ledger(parser: argparse.ArgumentParser) -> None:
    """Where hosts share their work."""
    told = "the hosts' folder, or nats://HOST:PORT (default: [join] at)"
    parser.add_argument("--join", dest="ledger", metavar="WHERE", help=told)
    add_token(parser)


def ledgers_in(folder: Path) -> list[Path]:
    """The ledgers that lie in a shared folder; where one of them was named itself, that one alone."""
    if is_ledger(folder):
        return [folder.absolute()]
    try:
        origins = [one for one in sorted(folder.iterdir()) if _ORIGIN.fullmatch(one.name)]
        found = [one for origin in origins for one in sorted(origin.iterdir()) if _LEDGER.fullmatch(one.name)]
    except OSError:
        return []
    return [one for one in found if os.path.lexists(one / _MARK)]


def is_ledger(folder: Path) -> bool:
    """Whether that is one of those that lie in a shared folder."""
    place = folder.absolute()
    is_named_so = _LEDGER.fullmatch(place.name) and _ORIGIN.fullmatch(place.parent.name)
    return bool(is_named_so) and os.path.lexists(place / _MARK)


def meant_place(named: str | None, common: Common) -> Place:
    """The same for who speaks to hosts and needs one."""
    place = shared_place(named, (), common)
    if place is None:
        raise UsageError(
            "which shared run is meant?",
            way_out="Name the folder that the hosts share: --join DIR; or the address of `serve`, with --token-file.",
        )
    return place


def shared_place(named: str | None, sources: Sequence[str], common: Common) -> Place | None:
    """The one that was named, by itself or among run directories; else that of the settings; else one that is served
    from here. None: there is none."""
    for one in [named] if named else [source for source in sources if is_shared(source)]:
        return _named_place(one, common)
    at = load_settings(common.configs).join.at if not sources and common.configs.is_dir() else ""
    if at.startswith(SCHEME):
        return _served_at(at, common)
    if at and ledgers_in(Path(at)):
        return Path(at)
    return None if sources else _served_here(common)


def _named_place(word: str, common: Common) -> Place:
    if word.startswith(SCHEME):
        return _served_at(word, common)
    if common.token_file is not None:
        raise UsageError("--token-file is for --join nats://HOST:PORT", way_out="A folder asks for no token.")
    if not ledgers_in(Path(word)):
        raise UsageError(f"no hosts share {word}: there is no ledger in it", way_out="Look whether it is mounted.")
    return Path(word)


def is_shared(source: str) -> bool:
    """Whether hosts share what lies there, or is served there."""
    return source.startswith(SCHEME) or bool(ledgers_in(Path(source)))


def _served_at(address: str, common: Common) -> Served:
    from shareout.cli.place.served import served_at

    return served_at(address, common.token_file)


def _served_here(common: Common) -> Served | None:
    from shareout.serving.home import homes_below

    if next(homes_below(common.runs), None) is None:
        return None
    from shareout.cli.place.served import served_here

    return served_here(common)


@contextmanager
def visiting(there: Place, plan: Plan | None) -> Iterator[Visit]:
    """The ledger of that plan; without one the only one there."""
    if isinstance(there, Path):
        with _visiting_folder(there, plan) as visit:
            yield visit
    else:
        with there.visiting(plan) as visit:
            yield visit


@contextmanager
def _visiting_folder(folder: Path, plan: Plan | None) -> Iterator[Visit]:
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
    with open_folder(place.parents[1], charter).closing() as store:
        yield Visit(store, roots_of(plan) if plan else (), checks_of(plan) if plan else frozenset())


def folders_in(there: Place, plan: Plan) -> list[RunFolder]:
    """What machines have shipped there; during a visit."""
    if not isinstance(there, Path):
        return there.folders()
    from shareout.ledger.beat import MACHINES

    machines = _place(there, plan) / MACHINES
    found = [RunFolder(one) for one in sorted(machines.iterdir())] if machines.is_dir() else []
    return [one for one in found if one.journals()]


def has_ledger(folder: Path, plan: Plan) -> bool:
    """Whether hosts share this plan there, or some groups of it."""
    return any(charter.plan == plan.hex for charter in _charters(ledgers_in(folder)).values())


def _charters(found: Sequence[Path]) -> dict[Path, Charter]:
    """Of these ledgers, as far as hosts of this version can work in them."""
    from shareout.stores.folder.opening import all_ledgers

    return {place: charter for place, charter in all_ledgers(found[0].parents[1]) if place in found} if found else {}


def only_ledger(folder: Path) -> Path:
    """The one that can be meant where no inputs say which: of several those are over from which hosts went on by
    another plan."""
    from shareout.joining.member import CLOSED

    found = ledgers_in(folder)
    if len(found) > 1:
        found = [one for one in found if not os.path.lexists(one / CLOSED)] or found
    if len(found) != 1:
        raise _several(folder, found)
    return found[0]


def _several(folder: Path, found: Sequence[Path]) -> UsageError:
    charters = _charters(found)
    about = {one: f" ({', '.join(charters[one].groups)})" for one in charters if charters[one].groups}
    listed = ", ".join(f"{one.parent.name}/{one.name}{about.get(one, '')}" for one in found)
    which = os.path.join(folder, found[0].parent.name, found[0].name) if found else "DIR"
    return UsageError(
        f"{folder} holds several ledgers: {listed}",
        way_out=f"Name the one that is meant: --join {which}; of several plans, the inputs at hand say it as well.",
    )


def _place(folder: Path, plan: Plan | None) -> Path:
    return only_ledger(folder) if plan is None else _place_of(folder, plan, ledgers_in(folder))


def _place_of(folder: Path, plan: Plan, found: Sequence[Path]) -> Path:
    """That of all of it; where there is none, the one of some groups."""
    from shareout.joining.terms import charter_of

    wanted = charter_of(plan, 0.0).folders
    if whole := [one for one in found if (one.parent.name, one.name) == wanted]:
        return whole[0]
    of_plan = [place for place, charter in _charters(found).items() if charter.plan == plan.hex]
    if len(of_plan) > 1:
        raise _several(folder, of_plan)
    if not of_plan:
        raise UsageError(
            f"{folder} holds no ledger of this plan, {plan.short_hex}",
            way_out="Say it where the inputs of that run are, or name another folder.",
        )
    return of_plan[0]
