"""`join DIR`: from the folder alone, or with inputs that are here, to a run that has no share of its own."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.cli import run_flags
from shareout.cli.guest_place import Folder, Place, Server
from shareout.cli.inputs.recorded_call import Call
from shareout.cli.inputs.run_folders import tell
from shareout.cli.inputs.shared_work import admit_guest, network_at
from shareout.cli.options import Common, web_asked
from shareout.cli.place.ledger import is_ledger
from shareout.cli.planning import check_expected, check_fits, tell_oddities
from shareout.cli.run import finish, page_of
from shareout.cli.run_start import Chosen, RunArguments, asked_by, check_flags, check_with_plan, request_of
from shareout.entry import Entry, kind_of
from shareout.errors import PlanMismatch, UsageError
from shareout.fields import replace
from shareout.joining.inputs.parcel import Parcel, fetched
from shareout.joining.pieces.facts import facts_of
from shareout.ledger.store import Away
from shareout.plan import fingerprint
from shareout.plan.plan import Plan
from shareout.run.command.shell import check_shell
from shareout.run.make import check_jobs
from shareout.show.beside import say
from shareout.show.fold import columns_of, folded
from shareout.units import counted

if TYPE_CHECKING:
    from shareout.stores.charter import Charter

ALL_HOSTS = 1 << 20
PATIENCE_S = 60.0
"""So long inputs are waited for that somebody may be putting there."""
LOOK_S = 0.5
LISTED = 8
NO_HOOKS = dict.fromkeys(("hooks.on_finish", "hooks.on_failure", "hooks.on_progress"), "")
"""Whoever has the settings himself, or serves them, is told: not each host that helps."""
COLUMNS = 80
OWN = ("limit", "slots", "nice", "until", "leave", "progress", "tee", "expect", "yes", "token_file", "patience")
"""Flags that are called so in `run` as well."""


def join(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """As a run: 0 when all is done, 1 when some of it failed, 3 when it stopped before, 130 when the user says no."""
    common = Common.of(arguments)
    only = Path(arguments.where).absolute() if is_ledger(Path(arguments.where)) else None
    shared = only.parents[1] if only else Path(arguments.where)
    words = _as_of_run(arguments, str(shared) if only else arguments.where)
    flags, asked = {**run_flags.overrides(words), **NO_HOOKS}, asked_by(words, common)
    check_flags(asked, entry)
    web = web_asked(arguments)
    from shareout.unpacked import settle

    settle()
    network = network_at(arguments.where, arguments.token_file)
    place: Place = Server(network) if network else Folder(shared, only)
    asked = replace(asked, together=replace(asked.together, network=network))
    if (common.configs / "machines.json").is_file():
        call = Call(common.configs, None, flags)
        plan, settings = call.plan(common, entry)
        _refuse_lonely(place, plan)
    else:
        charter = _charter(place, asked.expect)
        parcel, here = _inputs(place, charter, common.runs / "inputs")
        common, asked = replace(common, configs=here / "configs"), _without_inputs(asked, charter)
        call = call_of_parcel(parcel, here, {**flags, "join.dead": f"{charter.dead_s:g}s"}, entry)
        plan, settings = call.plan(common, entry)
        if plan.hex != charter.plan:
            raise PlanMismatch(
                f"of the inputs in {place} this program makes the plan {plan.fingerprint}, and the hosts there have "
                f"{fingerprint.words(bytes.fromhex(charter.plan))}",
                way_out="Use the same program on all hosts.",
            )
    check_fits(entry, plan.pool)
    check_expected(plan, asked.expect)
    chosen = Chosen(call, plan, settings, admit_guest(plan, arguments.name))
    check_with_plan(chosen, asked, entry)
    check_jobs(plan, settings, chosen.share)
    check_shell(settings.commands.shell)
    if not common.quiet:
        tell_oddities(plan)
    if not asked.yes and not _confirmed(chosen, is_known=bool(asked.expect)):
        say("nothing was started")
        return 130
    request = request_of(chosen, asked, common, entry)
    with page_of(web, request, common):
        return finish(request, common)


def _as_of_run(arguments: argparse.Namespace, where: str) -> argparse.Namespace:
    """What `run` would have been given."""
    parser = argparse.ArgumentParser()
    run_flags.configure(parser)
    made = parser.parse_args([])
    for name in OWN:
        setattr(made, name, getattr(arguments, name))
    made.join = where
    return made


def _without_inputs(asked: RunArguments, charter: Charter) -> RunArguments:
    return replace(asked, together=replace(asked.together, has_inputs=False), groups=charter.groups)


def call_of_parcel(
    parcel: Parcel, here: Path, flags: dict[str, str], entry: Entry | None, *, looks: bool = False
) -> Call:
    """What the inputs that were fetched into a folder call for. Who only `looks` runs none of it, by any program."""
    if not looks and parcel.kind != kind_of(entry):
        programs = "a Python program, and this one runs commands"
        if parcel.kind == "command":
            programs = "commands, and this is a Python program"
        raise UsageError(f"the jobs there are those of {programs}", way_out="Join with the program that runs there.")
    return Call(here / "configs", here / parcel.pool, {**parcel.flags, **flags}, parcel.own, parcel.shards)


def _refuse_lonely(folder: Place, plan: Plan) -> None:
    """With other inputs than the hosts there it would wait for nobody, and nobody for it."""
    others = folder.charters()
    if others and plan.hex not in [one.plan for one in others]:
        known = ", ".join(_words(one) for one in others[:LISTED])
        raise PlanMismatch(
            f"the inputs here make the plan {plan.fingerprint}, and in {folder} is {known}",
            way_out="`plan --card` there and `plan --compare CARD` here say which input differs; in a folder without "
            "inputs `join` takes those of the folder.",
        )


def _charter(folder: Place, expected: str | None) -> Charter:
    """Of the ledger that is meant: the only one, or the one that is expected."""
    found = folder.charters()
    if not found:
        raise UsageError(
            f"no host has begun a run in {folder}, and there are no inputs here",
            way_out="Start one with the inputs: `run --machine NAME --join DIR`; then join it from here.",
        )
    if expected:
        meant = [one for one in found if fingerprint.matches(expected, bytes.fromhex(one.plan))]
        if not meant:
            raise PlanMismatch(
                f"in {folder} is {', '.join(map(_words, found[:LISTED]))}, not the expected {expected}",
                way_out="Ask whoever runs there for the words of the plan.",
            )
        found = meant
    busy = [one for one in found if _is_worked_from(folder, one)] if len(found) > 1 else []
    if len(busy) == 1:
        tell(f"of {counted(len(found), 'run')} there, hosts work on {_words(busy[0])}")
        return busy[0]
    if len(found) > 1:
        raise UsageError(
            f"{folder} has {counted(len(found), 'run')}: {', '.join(map(_words, found[:LISTED]))}",
            way_out="Say which one is meant: --expect WORDS, or name its folder: "
            f"{os.path.join(str(folder), *found[0].folders)}.",
        )
    return found[0]


def _is_worked_from(place: Place, charter: Charter) -> bool:
    """Whether there is a host that has not said that it leaves."""
    with place.opened(charter) as store:
        try:
            beats = store.beats(ALL_HOSTS)
        except Away as error:
            raise UsageError(f"{place} cannot be joined: {error}", way_out="Mend it, then join again.") from error
    return any((facts := facts_of(text)) and not facts.leaves for text in beats.values())


def _words(charter: Charter) -> str:
    about = f" of {', '.join(charter.groups)}" if charter.groups else ""
    return fingerprint.words(bytes.fromhex(charter.plan)) + about


def _inputs(folder: Place, charter: Charter, into: Path) -> tuple[Parcel, Path]:
    """From the folder, where whoever began may be putting them just now."""
    until, is_told = time.monotonic() + PATIENCE_S, False
    with folder.opened(charter) as store:
        while True:
            try:
                if found := fetched(store, into):
                    return found
            except Away as error:
                raise UsageError(f"{folder} cannot be joined: {error}", way_out="Mend it, then join again.") from error
            if time.monotonic() > until:
                break
            if not is_told:
                tell(f"the inputs are not in {folder} yet: they are waited for")
                is_told = True
            time.sleep(LOOK_S)
    raise UsageError(
        f"nobody has put the inputs of {_words(charter)} into {folder}",
        way_out="Bring them to this host by hand, as to all others, and join again.",
    )


def _confirmed(chosen: Chosen, *, is_known: bool) -> bool:
    """What others put into a folder is run here: Enter alone does so only where it was said what is expected."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "there is no terminal to confirm on", way_out="Add --yes, and --expect FINGERPRINT to be sure of the plan."
        )
    from shareout.show.prompts import ask_same

    plan, columns = chosen.plan, columns_of(sys.stdout) or COLUMNS
    print(folded(f"digest  {plan.fingerprint}  ·  {plan.short_hex}", columns))
    print(folded(f"guest   {chosen.machine}: takes of {plan.jobs:,} jobs what others have not begun", columns))
    return ask_same("Is the digest the same on every machine, and shall it join?", columns, default=is_known)
