"""`run`: this machine's share. Asks on a terminal, or takes everything from flags; then runs until it is done."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import unicodedata  # noqa: F401
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.adopt.kept import keep_list
from shareout.choices import Progress
from shareout.cli import run_flags
from shareout.cli.inputs.adhoc_pool import Given, pool_file
from shareout.cli.inputs.other_runs import has_others
from shareout.cli.inputs.recorded_call import Call, Typed, call_of
from shareout.cli.inputs.slurm_nodes import refuse_unmeant_nodes
from shareout.cli.options import Common, program_name
from shareout.cli.planning import check_expected, check_fits, tell_oddities
from shareout.cli.run_asked import check_asked, print_jobs
from shareout.cli.run_told import run_facts, tell_end
from shareout.cli.running_order import in_running_order
from shareout.config import FILE, Settings, apply, load_settings
from shareout.entry import Entry, runs_commands
from shareout.errors import CannotWrite, UsageError
from shareout.events import Listener
from shareout.fields import dataclass, replace
from shareout.linux import host_name
from shareout.names import ALL
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.run.command.shell import check_shell
from shareout.run.host.cores import granted_cores
from shareout.run.make import check_jobs
from shareout.run.output.choose import pool_of_results, refuse_others_results
from shareout.run.policy import deadline_of
from shareout.run.request import RunRequest
from shareout.show.beside import may_steer, say
from shareout.show.fold import columns_of, folded
from shareout.titles import named_columns
from shareout.units import counted

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from shareout.adopt.adopting import Adopt
    from shareout.cli.inputs.earlier_plans import EarlierPlan

COLUMNS = 80
"""Of a terminal that does not say."""

configure = run_flags.configure


@dataclass(frozen=True, slots=True)
class RunArguments:
    """The flags that are not settings."""

    given: Given
    machine: str | None
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


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0 when all that was asked for is done, 1 when some of it failed, 3 when it stopped before the end; 130 or 143
    when it was stopped at once, and 130 when the user says no. What is refused is refused before anything is made: a
    call that was wrong leaves no trace."""
    common = Common.of(arguments)
    asked = _asked(arguments)
    _check_flags(asked, entry)
    from shareout.unpacked import settle

    # Before the inputs are read, which takes seconds with ten million lines: who is killed meanwhile takes the other
    # process of the program along.
    settle()
    call = _call(common, entry, asked, run_flags.overrides(arguments))
    if call.own and asked.machine is None:
        refuse_unmeant_nodes(os.environ)
    plan, settings = call.plan(common, entry)
    check_fits(entry, plan.pool)
    check_expected(plan, asked.expect)
    machine = asked.machine or (call.own[0] if call.own else _ask_machine(plan, common.configs / "machines.json"))
    if machine is None:
        return _nothing()
    share = plan.share(machine)
    _check_with_plan(plan, settings, asked, entry)
    if asked.dry_run:
        ids = in_running_order(plan, share, settings)
        return print_jobs(ids, plan.pool, asked.groups, asked.limit, runs_commands(entry))
    if asked.anew and plan.since:
        raise UsageError(
            "--anew starts over, and this plan goes on from another by [run] since",
            way_out="Take since out of runner.config, on every machine; or leave --anew out.",
        )
    if not asked.anew and (found := _unasked(call, common, plan, machine)):
        if not _goes_on(found, common, asked):
            return _nothing()
        plan, settings = call.plan(common, entry)
        share = plan.share(machine)
    check_jobs(plan, settings, share)
    check_shell(settings.commands.shell)
    if not common.quiet:
        tell_oddities(plan)
        if asked.adopt is None and has_others(common.runs, plan):
            from shareout.cli.inputs.abandoned_work import tell_other_inputs
            from shareout.cli.inputs.adoption import tell_adoptable

            tell_other_inputs(call, common, plan, machine)
            tell_adoptable(common, entry, plan, settings)
        _tell_grant(share.cores, settings)
    if not asked.yes and call.own is None and not _confirmed(plan, machine, named=asked.machine is not None):
        return _nothing()
    with _adoption(asked, common, entry, plan) as adopt:
        request = _request(call, plan, settings, machine, common=common, asked=asked, entry=entry)
        return _run(replace(request, adopt=adopt), common)


def _asked(arguments: argparse.Namespace) -> RunArguments:
    return RunArguments(
        run_flags.given(arguments),
        arguments.machine,
        yes=arguments.yes,
        expect=arguments.expect,
        retry_failed=arguments.retry_failed,
        groups=tuple(arguments.group),
        limit=arguments.limit,
        screen=run_flags.screen(arguments),
        results=Path(arguments.results) if arguments.results else None,
        dry_run=arguments.dry_run,
        resume_from=tuple(map(Path, arguments.resume_from)),
        force_resume=arguments.force_resume,
        anew=arguments.anew,
        adopt=None if arguments.adopt is None else tuple(arguments.adopt),
    )


def _check_flags(asked: RunArguments, entry: Entry | None) -> None:
    """What can be refused without a plan."""
    if asked.resume_from and not runs_commands(entry):
        raise UsageError("--resume-from is for commands", way_out="What a Python job returned is in no status file.")
    if asked.limit is not None and asked.limit < 1:
        raise UsageError("-n must be 1 or more")


def _check_with_plan(plan: Plan, settings: Settings, asked: RunArguments, entry: Entry | None) -> None:
    """What the plan and this moment decide: a deadline that is past, flags that this pool has nothing for, a folder of
    another pool's results."""
    # For its refusals: the run works it out again, from its own start.
    deadline_of(settings.limits.until, time.time())
    check_asked(plan, asked.groups, asked.screen, runs_commands(entry), asked.results)
    if asked.results is not None:
        refuse_others_results(asked.results, pool_of_results(plan, settings))


def _request(
    call: Call,
    plan: Plan,
    settings: Settings,
    machine: str,
    *,
    common: Common,
    asked: RunArguments,
    entry: Entry | None,
) -> RunRequest:
    screen = asked.screen
    typed = Typed((program_name(), *sys.argv[1:]), str(Path.cwd()), asked.groups, asked.limit)
    return RunRequest(
        plan,
        settings,
        machine=machine,
        runs=common.runs,
        entry=entry,
        retry_failed=asked.retry_failed,
        most=asked.limit,
        groups=asked.groups,
        tee=screen.tee,
        keep_order=screen.keep_order,
        tag=screen.tag,
        results=asked.results,
        resume_from=asked.resume_from,
        force_resume=asked.force_resume,
        columns=named_columns(common.configs, settings),
        keep_call=partial(_keep, call, typed, plan),
    )


def _keep(call: Call, typed: Typed, plan: Plan, folder: RunFolder) -> None:
    call.keep(folder, typed)
    keep_list(plan.pool, folder)
    plan.pool.keep()


def _adoption(
    asked: RunArguments, common: Common, entry: Entry | None, plan: Plan
) -> AbstractContextManager[Adopt | None]:
    if asked.adopt is None:
        return nullcontext()
    from shareout.cli.inputs.adoption import adoption

    return adoption(asked.adopt, common, entry, plan)


def _unasked(call: Call, common: Common, plan: Plan, machine: str) -> Sequence[EarlierPlan]:
    if not has_others(common.runs, plan):
        return ()
    from shareout.cli.inputs.earlier_plans import unasked

    return unasked(call, common, plan, machine)


def _goes_on(found: Sequence[EarlierPlan], common: Common, asked: RunArguments) -> bool:
    """False: the user left. Work is neither done again nor left behind without a word from a person."""
    from shareout.cli.inputs.earlier_plans import go_on_from, sentence_of

    sentence = sentence_of(found)
    if asked.yes or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            sentence,
            way_out="`shareout reweigh` keeps them, for all machines; --anew runs them again.",
        )
    from shareout.show.prompts import ask_what_to_keep

    chosen = ask_what_to_keep(sentence, [one.words for one in found], columns_of(sys.stdout) or COLUMNS)
    if chosen is not None and chosen < len(found):
        go_on_from(common.configs, found[chosen].origin)
        say(f"shareout: [run] since is set in {common.configs / FILE}: copy that folder to all machines")
    return chosen is not None


def _nothing() -> int:
    say("nothing was started")
    return 130


def _call(common: Common, entry: Entry | None, asked: RunArguments, flags: dict[str, str]) -> Call:
    known = apply(load_settings(common.configs), flags)
    named = pool_file(asked.given, common, known.commands.template)
    of_commands = entry is not None and entry.job is None and bool(entry.pool or entry.groups)
    return call_of(common, named, flags, says_what=bool(asked.given) or of_commands or asked.machine == ALL)


def _ask_machine(plan: Plan, machines: Path) -> str | None:
    names = [one.name for one in plan.machines]
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        listed = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
        raise UsageError(
            f"{machines} names {listed}, and there is no terminal to ask on which of them this is",
            # Refused at once, and not waited for: a batch job would wait for an answer until its time is over.
            way_out="Say --machine NAME --yes (all: this host runs every job), and --expect FINGERPRINT to be sure.",
        )
    # Asked, and never guessed from the host's name, although the one that matches is preselected: hosts that were
    # copied have the same name, and both would run its share without a word.
    from shareout.show.prompts import ask_machine

    width = max(map(len, names))
    described = [
        f"{one.name:<{width}}  {counted(one.cores, 'core')}, {counted(len(plan.share(one.name)), 'job')}"
        for one in plan.machines
    ]
    return ask_machine(names, described, host_name(), columns_of(sys.stdout) or COLUMNS)


def _confirmed(plan: Plan, machine: str, *, named: bool) -> bool:
    """A machine that was only picked may be another's: Enter twice must not run its share a second time."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "there is no terminal to confirm on", way_out="Add --yes, and --expect FINGERPRINT to be sure of the plan."
        )
    from shareout.show.prompts import ask_same

    share = plan.share(machine)
    columns = columns_of(sys.stdout) or COLUMNS
    # The words, for two people read them to each other; the hex beside them is what the folder is named by.
    print(folded(f"digest  {plan.fingerprint}  ·  {plan.short_hex}", columns))
    print(folded(f"share   {len(share):,} of {plan.jobs:,} jobs for {machine}", columns))
    return ask_same("Is the digest the same on every machine, and shall it run?", columns, default=named)


def _tell_grant(cores: int, settings: Settings) -> None:
    granted = granted_cores()
    if cores > granted and settings.run.slots is None:
        say(f"shareout: machines.json says {cores} cores, but this host grants {granted}: jobs will share cores")


def _run(request: RunRequest, common: Common) -> int:
    from shareout.run.session import run_share

    name = request.machine if request.machine != ALL else "all machines"
    title = f"{name} of {request.plan.fingerprint}"
    # Made, and so loaded, before the first job: what an executable unpacked may be swept from /tmp while it runs for
    # weeks.
    views = _views(request.settings, title, quiet=common.quiet, entry=request.entry, tee=request.tee)
    result = run_share(request, views)
    folder = RunFolder.of(common.runs, request.plan.origin, request.machine).path
    if request.entry is not None and request.entry.on_end is not None:
        request.entry.on_end(folder, common.configs)
    if common.json:
        print(json.dumps(run_facts(result, request)))
    if not common.quiet or result.exit_code:
        tell_end(result, request, folder)
    if result.lost:
        say(f"shareout: {result.lost}: not all that jobs printed was shown; `merge-logs --job` has it")
    # What became of the jobs is worth more than what became of their output.
    return result.exit_code or (CannotWrite.exit_code if result.lost else 0)


def _views(settings: Settings, title: str, *, quiet: bool, entry: Entry | None, tee: bool) -> list[Listener]:
    views: list[Listener] = []
    if entry is not None and entry.on_result is not None:
        from shareout.show.results import OnResult

        views.append(OnResult(entry.on_result))
    kind = settings.display.progress
    if kind is Progress.AUTO:
        kind = Progress.LIVE if may_steer() else Progress.PLAIN
    # A frame that is redrawn and lines that jobs print would overwrite each other: --tee has only sentences.
    if quiet or kind is Progress.NONE:
        from shareout.show.plain import WarningsView

        return [*views, WarningsView()]
    if kind is Progress.LIVE and tee:
        from shareout.show.plain import SentencesView

        return [*views, SentencesView()]
    if kind is Progress.LIVE:
        from shareout.show.live import LiveView

        return [*views, LiveView(sys.stderr, title)]
    from shareout.show.plain import PlainView

    return [*views, PlainView(settings.display.interval)]
