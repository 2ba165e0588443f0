"""Where runs stand, for the commands that tell it: which run directories are meant, and the plan when it is at hand."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from shareout.cli.inputs.recorded_call import Inputs, names_configs, recalled
from shareout.cli.options import Common, add_token
from shareout.cli.planning import plan_of
from shareout.entry import Entry, kind_of
from shareout.errors import CannotRead, ShareoutError, UsageError
from shareout.names import SCHEME
from shareout.plan.plan import Plan
from shareout.record.folder import JOURNALS, RunFolder
from shareout.record.headers import check_folders
from shareout.record.journal import Header
from shareout.record.reader import newest_header
from shareout.record.sources import Sources, find_sources, run_folders_below
from shareout.show.beside import say

HEX = "[0-9a-f]" * 16
"""As folders of plans are named, for a search by pattern."""
MOST_NEAR = 8


def add_sources(
    parser: argparse.ArgumentParser,
    told: str = "run directories, folders of them, or nats://HOST:PORT (default: --runs)",
) -> None:
    """Run directories by place, for commands that are about whole runs."""
    parser.add_argument("sources", nargs="*", metavar="DIR", help=told)
    add_token(parser)


def add_places(parser: argparse.ArgumentParser) -> None:
    """The same where an id stands by itself."""
    parser.add_argument(
        "--in",
        dest="sources",
        action="append",
        default=[],
        metavar="DIR",
        help="run directories, or nats://HOST:PORT (default: --runs)",
    )
    add_token(parser)


def places_among(words: Sequence[str], sources: Sequence[str]) -> tuple[list[str], list[str]]:
    """Ids, and the run directories that were named: by --in, or behind the ids as other commands take them."""
    # What looks like an id is one: a folder that is named 7 is written ./7.
    named = [word for word in words if not re.fullmatch(r"[0-9,\s-]+", word)]
    places = [word for word in named if "/" in word or Path(word).exists()]
    return [word for word in words if word not in places], [*sources, *places]


def one_id(words: Sequence[str]) -> str:
    """Of a command that is about one job."""
    if len(words) != 1:
        raise UsageError(f"one job is asked for, found {' '.join(words) or 'none'}", way_out="Say one id.")
    return words[0]


def tell(sentence: str) -> None:
    """A sentence beside the output: it never mixes with what a script reads."""
    say(f"shareout: {sentence}")


@contextmanager
def folders_of(sources: Sequence[str], common: Common, *, has_logs: bool = False) -> Iterator[list[RunFolder]]:
    """Those that were named, else all under `--runs`."""
    with sources_of(list(sources) or [str(runs_here(common))], common, has_logs=has_logs) as found:
        yield found.folders


@contextmanager
def sources_of(sources: Sequence[str], common: Common, *, has_logs: bool = True) -> Iterator[Sources]:
    """All that was named, of which an address is brought here for that time; `has_logs`: with what jobs printed."""
    with ExitStack() as stack:
        if any(one.startswith(SCHEME) for one in sources):
            from shareout.cli.place.brought import brought

            sources = stack.enter_context(brought(sources, common, has_logs=has_logs)).places
        elif common.token_file is not None:
            raise UsageError("--token-file is for nats://HOST:PORT", way_out="A folder asks for no token.")
        try:
            found = stack.enter_context(find_sources(sources, tell))
        except UsageError:
            _refuse_where_nobody_came(sources)
            raise
        yield found


def _refuse_where_nobody_came(sources: Sequence[str]) -> None:
    """A run that is served, of which no host has begun anything yet."""
    from shareout.serving.home import homes_below

    for home in (one for source in sources for one in homes_below(Path(source))):
        raise UsageError(
            f"no host has begun a job yet of the run that is served at {home.address}",
            way_out=f"Have one join it: join {home.address} --token-file {home.token_file}",
        ) from None


def runs_here(common: Common) -> Path:
    """What `--runs` names; where it was not said and there is none, the only folder of runs that is near."""
    if common.runs.is_dir():
        return common.runs
    near = sorted(runs_near()) if common.runs == Path("runs") else []
    if len(near) == 1:
        tell(f"there is no folder runs here; this is {near[0]}")
        return near[0]
    if near:
        listed = ", ".join(map(str, near[:MOST_NEAR])) + (" …" if len(near) > MOST_NEAR else "")
        raise UsageError(
            f"there is no folder runs here, but {len(near)} near: {listed}", way_out="Name one of them with --runs DIR."
        )
    raise UsageError(
        f"there is no folder {common.runs}: nothing has run here yet",
        way_out="Name run directories, or the folder that holds them with --runs DIR.",
    )


def runs_near() -> set[Path]:
    """Folders of runs: this one, one in a folder here, or beside the program; never further, for another project's
    would look like this one's."""
    if any(next(Path().glob(f"{below}{JOURNALS}"), None) for below in ("", "*/", f"{HEX}/*/")):
        return {Path()}
    near = [*Path().glob("*/runs"), Path(sys.argv[0]).resolve().parent / "runs"]
    return {Path(os.path.relpath(one)) for one in near if any(one.glob(f"{HEX}/*/{JOURNALS}"))}


def of_one_plan(folders: Sequence[RunFolder], plan: Plan | None) -> list[RunFolder]:
    """Those whose jobs have the same ids: of the plan at hand when it is among them, else of the last one worked on.
    What their headers say is refused where it cannot be."""
    headers = [(folder, newest_header(folder)) for folder in folders]
    chosen = chosen_root(headers, plan)
    found = [folder for folder, header in headers if header.root == chosen]
    check_folders(found, plan)
    return found


def meant(sources: Sequence[str], folders: Sequence[RunFolder], plan: Plan | None) -> list[RunFolder]:
    """All of them where somebody named directories, and else those of one plan."""
    # Named ones may be of several plans, as before and after a rebalance: `status` counts what the older ones settled.
    if not sources:
        return of_one_plan(folders, plan)
    check_folders(folders, plan)
    return list(folders)


def chosen_root(headers: Sequence[tuple[RunFolder, Header]], plan: Plan | None) -> str:
    """Of which plan's jobs to speak, where nobody named directories: one rule for all commands."""
    newest: dict[str, float] = {}
    for folder, header in headers:
        # By the files' times and not by their last records: that would mean to open every journal at its end, also on a
        # slow network mount.
        newest[header.root] = max(newest.get(header.root, 0.0), folder.worked_on())
    ours = {header.root for _, header in headers if plan is not None and header.origin == plan.origin_hex}
    chosen = next(iter(ours), max(newest, key=lambda root: newest[root]))
    # Told and not refused, as named directories of two plans are: a folder of runs fills up with old plans, and each
    # look would need a flag.
    if len(newest) > 1:
        why = "that of the inputs at hand" if ours else "the last one that was worked on"
        others = ", ".join(root[:16] for root in newest if root != chosen)
        tell(f"this is plan {chosen[:16]}, {why}; directories of {others} are left out")
    return chosen


def chooser(common: Common, entry: Entry | None) -> Callable[[Sequence[tuple[RunFolder, Header]]], str]:
    """The same rule for who opens journals without knowing yet which of them have a header."""

    def choose(headers: Sequence[tuple[RunFolder, Header]]) -> str:
        return chosen_root(headers, plan_at_hand(common, entry, [folder for folder, _ in headers]))

    return choose


def plan_at_hand(common: Common, entry: Entry | None, folders: Sequence[RunFolder]) -> Plan | None:
    """When the inputs are here and whole. Telling how runs stand does without it otherwise."""
    found = inputs_at_hand(common, entry, folders)
    return found[0] if found else None


def inputs_at_hand(
    common: Common, entry: Entry | None, folders: Sequence[RunFolder], *, from_shared: bool = True
) -> Inputs | None:
    """From the configs, else from what the call of the newest of these runs named; when it is here and whole. Of runs
    that lie in a folder which hosts share, from there as well: all of a pool is read for that."""
    headers = [newest_header(folder) for folder in folders]
    if not headers:
        return _inputs_of_configs(common, entry, None)
    # One call and not those of all: each would read and hash a whole pool, and what was worked on last is what is asked
    # about.
    newest, header = max(zip(folders, headers, strict=True), key=lambda one: one[0].worked_on())
    found = _inputs_of_configs(common, entry, header.kind)
    if found and found[0].origin_hex in {origin for one in headers for origin in (one.origin, *one.ancestors)}:
        return found
    # What is served from here was called here, and whoever ran it lies below.
    served = RunFolder(newest.path.parent.parent)
    recalled_here = recalled(newest, header, common, entry) or recalled(served, header, common, entry)
    return recalled_here or _inputs_shared(newest, common, entry, from_shared) or found


def _inputs_shared(folder: RunFolder, common: Common, entry: Entry | None, is_asked: bool) -> Inputs | None:
    from shareout.ledger.beat import MACHINES

    if not is_asked or folder.path.parent.name != MACHINES:
        return None
    from shareout.cli.place.inputs_there import inputs_there

    return inputs_there(folder.path.parent.parent, common, entry)


def inputs_for(common: Common, entry: Entry | None, folders: Sequence[RunFolder]) -> Inputs:
    """Of the configs, or of the call of the last of these runs, where that gave others. Refused as a plan is."""
    if (common.configs / "machines.json").is_file():
        # Who stands at a folder of inputs means these, whatever pool ran here last.
        folders = [folder for folder in folders if names_configs(folder, common.configs)]
    if folders and (found := inputs_at_hand(common, entry, folders)):
        return found
    return plan_of(common, entry, local_barriers=True, kind=kind_here(entry, folders))


def _inputs_of_configs(common: Common, entry: Entry | None, kind: str | None) -> Inputs | None:
    if not (common.configs / "machines.json").is_file():
        return None
    try:
        return plan_of(common, entry, local_barriers=True, kind=kind)
    except CannotRead:
        # They may well be the ones that are meant: what is told without them would look whole.
        raise
    except ShareoutError:
        return None


def kind_here(entry: Entry | None, folders: Iterable[RunFolder]) -> str:
    """What the jobs are, as the newest of these runs tells: who looks may not have the program that ran them."""
    begun = [folder for folder in folders if folder.journals()]
    if entry is not None or not begun:
        return kind_of(entry)
    return newest_header(max(begun, key=RunFolder.worked_on)).kind


def folders_here(common: Common) -> list[RunFolder]:
    """Those below `--runs`."""
    return list(run_folders_below(common.runs)) if common.runs.is_dir() else []


def plan_of_folders(common: Common, entry: Entry | None, folders: Sequence[RunFolder]) -> Plan | None:
    """The plan at hand, if one of the directories is of it."""
    return if_of_these(plan_at_hand(common, entry, folders), folders)


def if_of_these(plan: Plan | None, folders: Sequence[RunFolder]) -> Plan | None:
    """The plan, if one of the directories is of its origin."""
    return plan if plan and plan.origin_hex in {newest_header(folder).origin for folder in folders} else None
