"""`run`: this machine's share. Asks on a terminal, or takes everything from flags; then runs until it is done."""

from __future__ import annotations

import argparse
import json
import unicodedata  # noqa: F401
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.cli import run_flags
from shareout.cli.options import Common, Web, configs_of, web_asked
from shareout.cli.run_asked import is_table, print_jobs
from shareout.cli.run_start import adoption_of, agree, asked_by, check_flags, choose, request_of
from shareout.cli.run_told import run_facts, tell_end
from shareout.cli.run_views import views_of
from shareout.cli.running_order import in_running_order
from shareout.entry import Entry, own_program, runs_commands
from shareout.errors import CannotWrite, UsageError
from shareout.events import Listener
from shareout.fields import replace
from shareout.names import ALL
from shareout.record.folder import RunFolder
from shareout.run.request import RunRequest
from shareout.show.beside import say

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

configure = run_flags.configure
prepared = run_flags.prepared


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0 when all that was asked for is done, 1 when some of it failed, 3 when it stopped before the end; 130 or 143
    when it was stopped at once, and 130 when the user says no."""
    common = Common.of(arguments)
    asked = asked_by(arguments, common)
    check_flags(asked, entry)
    web = web_asked(arguments)
    from shareout.unpacked import settle

    # Before the inputs are read, which takes seconds with ten million lines: who is killed meanwhile takes the other
    # process of the program along.
    settle()
    chosen = choose(asked, run_flags.overrides(arguments), common, entry)
    if chosen is not None and asked.dry_run:
        ids = in_running_order(chosen.plan, chosen.share, chosen.settings)
        return print_jobs(ids, chosen.plan.pool, asked.groups, asked.limit, runs_commands(entry))
    if chosen is not None and chosen.spread:
        from shareout.cli.over_nodes import run_over

        if web:
            raise UsageError(
                "--web follows one run, and this is one on each node", way_out="`status --web` tells of all."
            )
        return run_over(chosen, asked, common, entry)
    chosen = chosen and agree(chosen, asked, common, entry)
    if chosen is None:
        return _nothing()
    with adoption_of(asked, common, entry, chosen.plan) as adopt:
        request = replace(request_of(chosen, asked, common, entry), adopt=adopt)
        logs = _joblogs(request, arguments.joblog and Path(arguments.joblog))
        if asked.results is not None and is_table(asked.results):
            from shareout.cli.run_table import ResultTable

            table = ResultTable(asked.results, request.machine, request.plan.pool)
            request, logs = replace(request, hearers=(table,)), [*logs, table]
        with page_of(web, request, common):
            return finish(request, common, logs)


def page_of(web: Web | None, request: RunRequest, common: Common) -> AbstractContextManager[None]:
    """Where one is asked for: of all machines of the plan whose run directories come here; of all hosts, where they
    share their work."""
    if web is None:
        return nullcontext()
    from shareout.cli.page_beside import page_beside

    runs = RunFolder.of(common.runs, request.plan.origin, "").path
    source, secret = str(runs), {}
    if request.join and request.join.network:
        from shareout.stores.nats.token import VARIABLE

        source, secret = str(request.join.network.address), {VARIABLE: request.join.network.token.text}
    elif request.join:
        from shareout.joining.terms import charter_of

        source = str(request.join.folder.joinpath(*charter_of(request.plan, request.join.dead_s).folders))
    words = configs_of(common)
    program, file = own_program(request.entry), runs / f"{request.machine}_url"
    return page_beside(web, program, [*words, "--runs", str(common.runs), "--", source], file, secret)


def _nothing() -> int:
    say("nothing was started")
    return 130


def _joblogs(request: RunRequest, path: Path | None) -> list[Listener]:
    if path is None:
        return []
    from shareout.cli.run_joblog import JobLog

    pool = request.plan.pool
    return [JobLog(path, request.machine, pool, pool.command if runs_commands(request.entry) else None)]


def finish(request: RunRequest, common: Common, logs: Sequence[Listener] = ()) -> int:
    """Runs it, and tells how it went: the exit code. `logs`: files that are written beside the record."""
    from shareout.run.session import run_share

    name = request.machine if request.machine != ALL else "all machines"
    title = f"{name} of {request.plan.fingerprint}"
    # Made, and so loaded, before the first job: what an executable unpacked may be swept from /tmp while it runs for
    # weeks.
    views = views_of(request, title, quiet=common.quiet)
    views += logs
    if request.join:
        from shareout.run.output.letters import letters_of

        again = request.join.taken_back.append
        views += letters_of(request.plan, lambda sentence: say(f"shareout: {sentence}"), again)
    result = run_share(request, views)
    folder = RunFolder.of(common.runs, request.plan.origin, request.machine).path
    if request.entry is not None and request.entry.on_end is not None:
        request.entry.on_end(folder, common.configs)
    if common.json:
        print(json.dumps(run_facts(result, request)))
    if not common.quiet or result.exit_code:
        tell_end(result, request, folder, quiet=common.quiet)
    if result.lost:
        say(f"shareout: {result.lost}: not all that jobs printed was shown; `merge-logs --job` has it")
    # What became of the jobs is worth more than what became of their output.
    return result.exit_code or (CannotWrite.exit_code if result.lost else 0)
