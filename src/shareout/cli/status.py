"""`status [DIR…]`: how far it is, how fast it goes, when it will be over; `--active` what runs, `--watch` again."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shareout.cli.inputs.run_folders import add_sources, folders_of
from shareout.cli.options import Common, Web, add_common, add_web, web_asked
from shareout.cli.rates import rate_facts
from shareout.cli.watched import StatusArguments, Watched
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.fields import asdict
from shareout.plan.plan import Plan
from shareout.record.tallies.durations import Durations
from shareout.show.beside import may_steer, write
from shareout.show.fold import columns_of
from shareout.show.status import active_lines, status_lines
from shareout.show.swarm import active_report, report_lines
from shareout.show.tables import clip
from shareout.status.costs import Against
from shareout.status.groups import GroupStatus
from shareout.status.machine import Forecast, MachineStatus
from shareout.status.total import Counts, Status
from shareout.units import parse_duration

if TYPE_CHECKING:
    from shareout.status.lanes import Lanes

PERCENTS = (10, 50, 90, 99)
# Of a line in a report of swarm's: a unit may be a whole command.
WIDEST = 500


def configure(parser: argparse.ArgumentParser) -> None:
    """The flags of `status`."""
    parser.epilog = "examples:\n  status --watch\n  status home/*.tar --by group --json"
    add_sources(parser)
    parser.add_argument("--active", action="store_true", help="the jobs that run now, the quietest first")
    parser.add_argument("--by", choices=["machine", "group"], default="machine", help="what the table is about")
    parser.add_argument(
        "--format", choices=["disbatch", "swarm"], help="another tool's: disBatch's status file, swarm's reports"
    )
    parser.add_argument("--watch", nargs="?", const="2s", metavar="TIME", help="again every so often, until it is over")
    add_web(parser)
    parser.add_argument("--web-of", type=int, help=argparse.SUPPRESS)
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """Always 0: that jobs failed, or that nothing runs, is what it tells. `wait` has an exit code for that."""
    common = Common.of(arguments)
    every_s = _interval(arguments.watch) if arguments.watch else None
    if arguments.format == "disbatch":
        from shareout.cli.export import export_to

        export_to(None, arguments.format, arguments.sources, common, entry)
        return 0
    as_swarm = arguments.format == "swarm"
    by_group = arguments.by == "group" or as_swarm
    web = _web(arguments)
    asked = StatusArguments(
        arguments.sources, arguments.active, by_group, as_swarm, every_s, web=web, web_of=arguments.web_of
    )
    if asked.web or asked.web_of is not None:
        from shareout.cli.watch_page import watch

        return watch(asked, common, entry)
    while True:
        with folders_of(asked.sources, common) as folders:
            if _looked(Watched(folders, asked, common, entry), asked, common):
                return 0


def _looked(watched: Watched, asked: StatusArguments, common: Common) -> bool:
    """Once, or until it is over. False: hosts have come meanwhile to what others share."""
    while True:
        status = watched.look()
        _clear(asked, common)
        _print(watched, status, asked, common)
        if asked.every_s is None or status.is_over:
            return True
        # No watch on files: `inotify` sees nothing of what another host writes into a shared folder.
        time.sleep(asked.every_s)
        if watched.has_newcomers():
            return False


def _web(arguments: argparse.Namespace) -> Web | None:
    web = web_asked(arguments)
    said = {name: getattr(arguments, name) for name in ("watch", "json", "active", "format")}
    said["by"] = arguments.by == "group"
    told = next((name for name, value in said.items() if value), None)
    if web and told:
        raise UsageError(f"--web is a page, and --{told} is about what is printed here", way_out="Say one of them.")
    return web


def _clear(asked: StatusArguments, common: Common) -> None:
    """Before each of several looks. Only a terminal is cleared: a file gets them one below the other."""
    if asked.every_s is not None and not common.json and sys.stdout.isatty() and may_steer():
        write("\x1b[H\x1b[J")


def _print(watched: Watched, status: Status, asked: StatusArguments, common: Common) -> None:
    groups, plan = watched.groups(status), watched.plan
    if common.json:
        facts = facts_of(status, groups, watched.against())
        print(json.dumps({**facts, "lanes": lanes_facts(watched.lanes())}), flush=True)
    elif asked.as_swarm and plan:
        _print_as_swarm(status, groups, plan, active=asked.active)
    elif asked.active:
        group_of = plan.pool.group if plan and watched.has_groups else None
        print("\n".join(active_lines(status, time.time(), group_of, columns_of(sys.stdout))), flush=True)
    else:
        columns = columns_of(sys.stdout)
        lines = status_lines(status, groups, time.time(), columns, watched.against(), lanes=watched.lanes())
        print("\n".join(lines), flush=True)


def _print_as_swarm(status: Status, groups: Mapping[str, GroupStatus], plan: Plan, *, active: bool) -> None:
    pool = plan.pool
    if active:
        lines = active_report(status.active, pool.group, lambda job: " ".join(pool.values(job).words), time.time())
    else:
        lines = report_lines(groups)
    print("\n".join(clip(line, WIDEST) for line in lines), flush=True)


def facts_of(status: Status, groups: Mapping[str, GroupStatus], against: Sequence[Against] = ()) -> dict[str, Any]:
    """The document of `status --json`; docs/formats.md describes its keys."""
    compared = {one.machine: {"expected": one.expected, "took": one.took} for one in against}
    return {
        "digest": status.digest,
        **_counted(status.counts),
        "rate": status.rate,
        **_forecast(status.forecast),
        "live": not status.is_over,
        "adopted": sum(one.adopted for one in status.machines),
        "audits": {
            "jobs": sum(one.audits for one in status.machines),
            "ended": sum(one.audited for one in status.machines),
        },
        "earlier": status.earlier,
        "earlier_absent": status.earlier_absent,
        "failure_rate": rate_facts(status.failure_rate()),
        "seconds": _percentiles(status.durations),
        "arrivals": _arrivals(status.arrivals),
        "machines": {one.name: {**_machine(one), **compared.get(one.name, {})} for one in status.machines},
        "absent": dict(status.absent),
        "groups": {
            name: {**_counted(one.counts), "eta": one.eta, "workers": dict(one.workers)} for name, one in groups.items()
        },
        "active": [asdict(one) for one in status.active],
    }


def lanes_facts(lanes: Lanes | None) -> dict[str, Any] | None:
    """The key `lanes`: null where no folder is shared."""
    if lanes is None:
        return None
    return {
        "held": [
            {"lane": one.lane, "machine": one.machine or None, "jobs": one.jobs, "reserved": one.res - one.low}
            for one in lanes.held
        ],
        "taken": [{"jobs": one.jobs, "from": one.whom or None, "by": one.by, "time": one.when} for one in lanes.taken],
        "silent": lanes.silent,
    }


def _machine(one: MachineStatus) -> dict[str, Any]:
    counts = {key: getattr(one, key) for key in ("jobs", "done", "failed", "skipped", "running", "todo", "rate")}
    return {
        **counts,
        **_forecast(one.forecast),
        "live": one.is_live,
        "path": str(one.path),
        "audits": {"jobs": one.audits, "ended": one.audited},
        "adopted": one.adopted,
    }


def _counted(counts: Counts) -> dict[str, int]:
    return {**asdict(counts), "todo": counts.todo}


def _forecast(forecast: Forecast | None) -> dict[str, float | None]:
    if forecast is None:
        return {"eta": None, "eta_low": None, "eta_high": None}
    return {"eta": forecast.seconds, "eta_low": forecast.low, "eta_high": forecast.high}


def _percentiles(durations: Durations) -> dict[str, float]:
    return {f"p{percent}": durations.percentile(percent) for percent in PERCENTS} if durations.count else {}


def _arrivals(gaps: Sequence[float]) -> dict[str, float]:
    ordered = sorted(gaps)
    return {f"p{percent}": ordered[(len(ordered) - 1) * percent // 100] for percent in PERCENTS} if ordered else {}


def _interval(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--watch: {error}", way_out="Write --watch 2s.") from None
    # A look takes time of the host that it looks at.
    return max(0.1, seconds)
