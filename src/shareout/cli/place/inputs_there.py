"""The inputs of a run that hosts share, as they lie in the folder: for who looks at it, or asks, and has none here."""

from __future__ import annotations

import atexit
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.cli.inputs.recorded_call import Inputs
from shareout.cli.inputs.run_folders import folders_here, inputs_for
from shareout.cli.options import Common
from shareout.cli.place.ledger import has_ledger, only_ledger
from shareout.entry import Entry
from shareout.errors import ShareoutError, UsageError
from shareout.plan.plan import Plan

if TYPE_CHECKING:
    from shareout.cli.place.ledger import Place

INPUTS = "inputs"


def plan_meant(place: Place, common: Common, entry: Entry | None) -> Plan:
    """Of the run that hosts share there, for whoever asks something of it: by the inputs at hand; where none are, or
    only such as ran here once and are of something else, by those that lie there."""
    has_own = (common.configs / "machines.json").is_file()
    here = folders_here(common)
    if not isinstance(place, Path):
        return inputs_for(common, entry, here)[0] if has_own else place.plan(common, entry)
    if has_own or here:
        plan, _ = inputs_for(common, entry, here)
        if has_own or has_ledger(place, plan):
            return plan
    ledger = only_ledger(place)
    found = inputs_there(ledger, common, entry)
    if found is None:
        raise UsageError(
            f"there are no inputs here, and none in {ledger}",
            way_out="Say it where the inputs of that run are, or name their folder with --configs DIR.",
        )
    return found[0]


def inputs_there(ledger: Path, common: Common, entry: Entry | None) -> Inputs | None:
    """The plan that the hosts of a ledger have; None where nobody has put its inputs there, or they are not whole."""
    from shareout.cli.guest import call_of_parcel
    from shareout.joining.inputs.parcel import KEY, LONGEST, Parcel, read_parcel
    from shareout.stores.folder.ways import WAYS

    try:
        root = os.open(ledger, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    parcel: Parcel | None = None
    try:
        for way in WAYS:
            with suppress(OSError, ValueError):
                parcel = read_parcel(_file(ledger, os.fsdecode(way.read(root, KEY.encode()))).read_bytes()[:LONGEST])
                break
        if parcel is None:
            return None
        here = _laid_out(ledger, {one.place: one.hash for one in parcel.pieces})
        call = call_of_parcel(parcel, here, {}, entry, looks=True)
        plan, settings = call.plan(common, entry, local_barriers=True, kind=parcel.kind)
    # Whatever is wrong with them: who asks is told that there are no inputs, as where none were put.
    except (OSError, ValueError, ShareoutError):
        return None
    finally:
        os.close(root)
    # The digest is of the bytes: what somebody has changed there makes another plan, and is not taken.
    return (plan, settings) if plan.hex == parcel.plan else None


def _file(ledger: Path, name: str) -> Path:
    """What lies there under its hash; nothing else is followed, or waited for."""
    path = ledger / INPUTS / name
    if "/" in name or path.is_symlink() or not path.is_file():
        raise FileNotFoundError(path)
    return path


def _laid_out(ledger: Path, places: dict[str, str]) -> Path:
    """As a folder of inputs: links, for of a large pool nobody wants a copy to look at one job."""
    from tempfile import mkdtemp

    here, mine = Path(mkdtemp(prefix="shareout-inputs-")), os.getpid()

    def clear() -> None:
        # Processes that are forked from this one end as well.
        if os.getpid() == mine:
            shutil.rmtree(here, ignore_errors=True)

    atexit.register(clear)
    for place, name in places.items():
        path = here / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(_file(ledger, name).absolute())
    (here / "configs").mkdir(exist_ok=True)
    return here
