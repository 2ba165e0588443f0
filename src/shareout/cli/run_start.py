"""From a call of `run` to what it asks for: inputs, machine, questions, refusals. What is refused is refused before
anything is made: a call that was wrong leaves no trace.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.adopt.kept import keep_list
from shareout.cli import run_flags
from shareout.cli.inputs.adhoc_pool import Given, pool_file
from shareout.cli.inputs.other_runs import has_others
from shareout.cli.inputs.recorded_call import Call, Typed, call_of
from shareout.cli.inputs.shared_work import (
    Together,
    admit_guest,
    as_files,
    join_request,
    joins,
    of_anybody,
    refuse_barriers_alone,
    refuse_unshared,
    status_files,
)
from shareout.cli.inputs.slurm_nodes import Spread, spread_of, told_cores
from shareout.cli.options import Common, machines_file, program_name
from shareout.cli.place.scheduler import machine_said
from shareout.cli.place.shard import Shard, shard_asked
from shareout.cli.planning import check_expected, check_fits, tell_oddities
from shareout.cli.run_asked import check_asked, is_table
from shareout.config import FILE, Settings, apply, load_settings
from shareout.entry import Entry, runs_commands
from shareout.errors import UsageError
from shareout.fields import dataclass, replace
from shareout.names import ALL, ANYBODY, AUTO
from shareout.plan.plan import Plan, Share
from shareout.record.folder import RunFolder
from shareout.run.command.shell import check_shell
from shareout.run.host.cores import gpus_at_odds, granted_cores
from shareout.run.make import check_jobs
from shareout.run.output.choose import pool_of_results, refuse_others_results
from shareout.run.policy import deadline_of
from shareout.run.request import RunRequest
from shareout.show.beside import say
from shareout.show.fold import columns_of
from shareout.titles import named_columns

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from shareout.adopt.adopting import Adopt
    from shareout.cli.inputs.earlier_plans import EarlierPlan


@dataclass(frozen=True, slots=True)
class RunArguments:
    """The flags that are not settings."""

    given: Given
    machine: str | None
    shard: Shard | None
    yes: bool
    expect: str | None
    retry_failed: bool
    groups: tuple[str, ...]
    limit: int | None
    screen: run_flags.Screen
    results: Path | None
    dry_run: bool
    resume_from: tuple[Path, ...]
    force_resume: bool
    anew: bool
    adopt: tuple[str, ...] | None
    together: Together
    retire: str | None = None
    """What gives nodes of an allocation back; empty: nothing does, None: Slurm's own."""
    nodes: tuple[int, ...] = ()
    """In a step that was started for a node of an allocation: the cores of all."""

    def unshared(self) -> list[str]:
        """The flags of this call that hold only where one machine runs its share alone."""
        flags = {
            # Of what a status file tells it is for all hosts.
            "--retry-failed": self.retry_failed and not self.resume_from,
            "--adopt": self.adopt is not None,
            "--anew": self.anew,
        }
        return [flag for flag, is_given in flags.items() if is_given]


def asked_by(arguments: argparse.Namespace, common: Common) -> RunArguments:
    """The flags of `run`, as far as they can be told apart without a plan."""
    return RunArguments(
        run_flags.given(arguments),
        arguments.machine,
        shard=shard_asked(arguments.shard, arguments.machine, common),
        yes=arguments.yes,
        expect=arguments.expect,
        retry_failed=arguments.retry_failed,
        groups=tuple(arguments.group),
        limit=arguments.limit,
        screen=run_flags.screen(arguments),
        results=Path(arguments.results) if arguments.results else None,
        dry_run=arguments.dry_run,
        resume_from=as_files(arguments.resume_from),
        force_resume=arguments.force_resume,
        anew=arguments.anew,
        adopt=None if arguments.adopt is None else tuple(arguments.adopt),
        together=Together(
            arguments.alone, arguments.leave, token_file=arguments.token_file, patience=arguments.patience
        ),
        retire=arguments.retire,
        nodes=told_cores(),
    )


def check_flags(asked: RunArguments, entry: Entry | None) -> None:
    """What can be refused without a plan."""
    if asked.resume_from and not runs_commands(entry):
        raise UsageError("--resume-from is for commands", way_out="What a Python job returned is in no status file.")
    if asked.limit is not None and asked.limit < 1:
        raise UsageError("-n must be 1 or more")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Whose share of which plan is to run."""

    call: Call
    plan: Plan
    settings: Settings
    machine: str
    spread: Spread | None = None
    """The nodes of an allocation, where each is to have a run of its own; then `machine` stands for all of them."""

    @property
    def share(self) -> Share:
        """Its positions."""
        return self.plan.share_all() if self.spread else self.plan.share(self.machine)


def choose(asked: RunArguments, flags: Mapping[str, str], common: Common, entry: Entry | None) -> Chosen | None:
    """By the flags, or by what a person answers; None: the user left."""
    call = _call(common, entry, asked, flags)
    if spread := spread_of(call, common) if asked.machine is None else None:
        call = spread.called(call, flags)
    plan, settings = call.plan(common, entry)
    if spread and spread.has_file:
        spread = spread.placed(plan, machines_file(common))
    check_fits(entry, plan.pool)
    check_expected(plan, asked.expect)
    machine = plan.machines[0].name if spread else _machine(asked, call, plan, common)
    if machine is None:
        return None
    chosen = Chosen(call, plan, settings, machine, spread)
    _ = chosen.share
    check_with_plan(chosen, asked, entry)
    return chosen


def _machine(asked: RunArguments, call: Call, plan: Plan, common: Common) -> str | None:
    if asked.shard:
        return asked.shard.name
    if call.own and call.own[0] == ANYBODY and asked.machine != ALL:
        return admit_guest(plan, asked.machine)
    said = machine_said(asked.machine, plan, os.environ) or (call.own[0] if call.own else None)
    if said is None:
        from shareout.cli.run_questions import ask_machine

        said = ask_machine(plan, common.configs / "machines.json")
    return said


def agree(chosen: Chosen, asked: RunArguments, common: Common, entry: Entry | None) -> Chosen | None:
    """The same, or what goes on from an earlier plan in its place, with all that is to be told or asked before it
    runs; None: the user left."""
    if asked.anew and chosen.plan.since:
        raise UsageError(
            "--anew starts over, and this plan goes on from another by [run] since",
            way_out="Take since out of runner.config, on every machine; or leave --anew out.",
        )
    if not asked.anew and (found := _unasked(chosen, common)):
        if not _goes_on(found, common, asked):
            return None
        chosen = Chosen(chosen.call, *chosen.call.plan(common, entry), chosen.machine)
    plan, settings = chosen.plan, chosen.settings
    most = check_jobs(plan, settings, chosen.share)
    check_shell(settings.commands.shell)
    if not common.quiet:
        _tell_before(chosen, asked, common, entry)
        _tell_grant(chosen, takes_gpus=most.gpus > 0)
    # Neither a scheduler nor a shard is a person who could compare anything; a host that is alone has nothing to.
    if not (asked.yes or chosen.call.own or asked.shard or asked.machine == AUTO):
        from shareout.cli.run_questions import confirmed

        return chosen if confirmed(plan, chosen.machine, named=asked.machine is not None) else None
    return chosen


def _tell_before(chosen: Chosen, asked: RunArguments, common: Common, entry: Entry | None) -> None:
    plan, settings = chosen.plan, chosen.settings
    if asked.yes:
        # Before all else, for whoever reads the log of a start that nobody watched.
        name = f"{chosen.machine} of {plan.fingerprint} ({plan.short_hex})"
        say(f"shareout: {name}: {len(chosen.share):,} of {plan.jobs:,} jobs")
    tell_oddities(plan)
    if asked.adopt is None and has_others(common.runs, plan):
        from shareout.cli.inputs.abandoned_work import tell_other_inputs
        from shareout.cli.inputs.adoption import tell_adoptable

        tell_other_inputs(chosen.call, common, plan, chosen.machine)
        tell_adoptable(common, entry, plan, settings)


def check_with_plan(chosen: Chosen, asked: RunArguments, entry: Entry | None) -> None:
    """What the plan and this moment decide: a deadline that is past, flags that this pool has nothing for, a folder of
    another pool's results."""
    # For its refusals: the run works it out again, from its own start.
    plan, settings = chosen.plan, chosen.settings
    deadline_of(settings.limits.until, time.time())
    if joins(settings, asked.together):
        refuse_unshared(plan, chosen.machine, asked.unshared())
    elif settings.join.at:
        refuse_barriers_alone(plan, settings, chosen.machine)
    check_asked(plan, asked.groups, asked.screen, runs_commands(entry), asked.results)
    if asked.results is not None and not is_table(asked.results):
        refuse_others_results(asked.results, pool_of_results(plan, settings))


def request_of(chosen: Chosen, asked: RunArguments, common: Common, entry: Entry | None) -> RunRequest:
    """All checked; but for what `--adopt` names."""
    plan, settings = chosen.plan, chosen.settings
    screen, shares = asked.screen, joins(settings, asked.together)
    taken = {"failed_too": not asked.retry_failed, "force": asked.force_resume}
    files = status_files(asked.resume_from, plan, **taken) if shares else ()
    typed = Typed((program_name(), *sys.argv[1:]), str(Path.cwd()), asked.groups, asked.limit)
    return RunRequest(
        plan,
        settings,
        machine=chosen.machine,
        runs=common.runs,
        entry=entry,
        retry_failed=asked.retry_failed and not shares,
        most=asked.limit,
        join=join_request(plan, settings, chosen.call, replace(asked.together, files=files), asked.groups),
        is_alone=asked.together.is_alone,
        groups=asked.groups,
        tee=screen.tee,
        keep_order=screen.keep_order,
        line_buffer=screen.line_buffer,
        tag=screen.tag,
        results=None if is_table(asked.results) else asked.results,
        resume_from=() if shares else asked.resume_from,
        force_resume=asked.force_resume,
        columns=named_columns(common.configs, settings),
        keep_call=partial(_keep, chosen.call, typed, plan),
    )


def _keep(call: Call, typed: Typed, plan: Plan, folder: RunFolder) -> None:
    call.keep(folder, typed)
    keep_list(plan.pool, folder)
    plan.pool.keep()


def adoption_of(
    asked: RunArguments, common: Common, entry: Entry | None, plan: Plan
) -> AbstractContextManager[Adopt | None]:
    """What `--adopt` says, for as long as this lasts."""
    if asked.adopt is None:
        return nullcontext()
    from shareout.cli.inputs.adoption import adoption

    return adoption(asked.adopt, common, entry, plan)


def _unasked(chosen: Chosen, common: Common) -> Sequence[EarlierPlan]:
    if not has_others(common.runs, chosen.plan):
        return ()
    from shareout.cli.inputs.earlier_plans import unasked

    return unasked(chosen.call, common, chosen.plan, chosen.machine)


def _goes_on(found: Sequence[EarlierPlan], common: Common, asked: RunArguments) -> bool:
    """False: the user left. Work is neither done again nor left behind without a word from a person."""
    from shareout.cli.inputs.earlier_plans import go_on_from, sentence_of

    sentence = sentence_of(found)
    if asked.shard:
        # `reweigh` is about a machines.json. Here the same words, added to what starts each shard, do it.
        raise UsageError(
            sentence, way_out=f"--since {found[0].origin.text} keeps them, said to every shard; --anew runs them again."
        )
    if asked.yes or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            sentence,
            way_out="`shareout reweigh` keeps them, for all machines; --anew runs them again.",
        )
    from shareout.cli.run_questions import COLUMNS
    from shareout.show.prompts import ask_what_to_keep

    chosen = ask_what_to_keep(sentence, [one.words for one in found], columns_of(sys.stdout) or COLUMNS)
    if chosen is not None and chosen < len(found):
        go_on_from(common.configs, found[chosen].origin)
        say(f"shareout: [run] since is set in {common.configs / FILE}: copy that folder to all machines")
    return chosen is not None


def _call(common: Common, entry: Entry | None, asked: RunArguments, flags: Mapping[str, str]) -> Call:
    known = apply(load_settings(common.configs), flags)
    named = pool_file(asked.given, common, known.commands.template)
    of_commands = entry is not None and entry.job is None and bool(entry.pool or entry.groups)
    says_what = bool(asked.given) or of_commands or asked.machine == ALL
    shards = asked.shard.of if asked.shard else 0
    if asked.nodes:
        return Call(common.configs, named, flags, nodes=asked.nodes)
    call = call_of(common, named, flags, says_what=says_what, shards=shards)
    return of_anybody(call) if joins(known, asked.together) else call


def _tell_grant(chosen: Chosen, *, takes_gpus: bool) -> None:
    granted, cores = granted_cores(), chosen.share.cores
    if cores > granted and chosen.settings.run.slots is None:
        say(f"shareout: machines.json says {cores} cores, but this host grants {granted}: jobs will share cores")
    said = next((one.gpus for one in chosen.plan.machines if one.name == chosen.machine), None)
    if takes_gpus and (odds := gpus_at_odds(said)):
        say(f"shareout: {odds}")
