"""`serve`: one address by which hosts without a common folder share a run; all that they did is laid down here."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from shareout.choices import Order
from shareout.cli.inputs.adhoc_pool import pool_file
from shareout.cli.inputs.recorded_call import Call, Typed, call_of
from shareout.cli.inputs.run_folders import tell
from shareout.cli.inputs.shared_work import of_anybody, refuse_unshared
from shareout.cli.options import Common, add_common, add_web, configs_of, program_name, web_asked
from shareout.cli.planning import check_expected, check_fits, tell_oddities
from shareout.cli.run_flags import add_pool, given
from shareout.cli.serve_server import ANYWHERE, ServerAsked, add_server
from shareout.cli.serve_status import StatusAsked, add_status
from shareout.cli.serve_stream import given_by, is_stream, source_of, stream_file, stream_on
from shareout.cli.serve_work import OwnWorker, let_finish, working
from shareout.config import Settings, apply, load_settings
from shareout.entry import Entry, own_program
from shareout.errors import UsageError
from shareout.fields import dataclass, replace
from shareout.joining.inputs.parcel import NotToShare, parcel_of
from shareout.joining.inputs.status_files import put
from shareout.joining.terms import charter_of
from shareout.ledger.store import Away
from shareout.ledger.times import Times
from shareout.linux import host_name
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.record.foreign.status_file import StatusFile
from shareout.record.lock import Lock
from shareout.record.sources import run_folders_below
from shareout.serving.home import Home, home_in
from shareout.serving.inputs import publish
from shareout.serving.outcomes import Outcomes
from shareout.serving.service import Service, Standing, lanes_of
from shareout.show.beside import may_steer, write
from shareout.stores.charter import MIRROR
from shareout.stores.folder.opening import open_folder
from shareout.stores.nats.address import Address, address_of
from shareout.stores.nats.token import refuse_where_nothing_speaks
from shareout.units import counted, parse_duration

if TYPE_CHECKING:
    from shareout.cli.serve_hooks import ServedHooks
    from shareout.serving.source import Source
    from shareout.stores.nats.store import NatsStore

DEAD = "15s"
TELL_S = 10.0
TELL_ON_TERMINAL_S = 0.5


@dataclass(frozen=True, slots=True)
class ServeArguments:
    """The flags."""

    server: ServerAsked
    dead_s: float
    keeps: bool
    works: bool
    tells: bool
    expect: str | None
    status: StatusAsked

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> ServeArguments:
        """Refused where they cannot be meant."""
        server = ServerAsked.of(arguments)
        try:
            dead_s = parse_duration(arguments.dead)
        except ValueError as error:
            raise UsageError(f"--dead: {error}", way_out="Write it as 15s or 2m.") from error
        if why := Times.of(dead_s, 1.0).why_not():
            raise UsageError(f"--dead {arguments.dead} is too short: {why}", way_out="Say 5s or more.")
        keeps, works, tells = arguments.keep, arguments.work, arguments.outcomes
        status = StatusAsked.of(arguments)
        return cls(server, dead_s, keeps=keeps, works=works, tells=tells, expect=arguments.expect, status=status)


def configure(parser: argparse.ArgumentParser) -> None:
    """Where it listens, and how long."""
    parser.epilog = (
        "example:\n"
        f"  {parser.prog} --bind 0.0.0.0\n"
        "then on each host, with the token that it names:\n"
        "  run --machine alice --join nats://home:4222 --token-file token"
    )
    parser.add_argument(
        "pool", nargs="?", metavar="POOL", help="a pool file, or -: the lines of standard input as they come"
    )
    parser.set_defaults(named=None)
    add_pool(parser.add_argument_group("what the jobs are (default: the pool of the configs)"))
    group = parser.add_argument_group("how it is served")
    add_server(group)
    add = group.add_argument
    add("--dead", metavar="TIME", default=DEAD, help=f"who is silent so long is taken over from (default: {DEAD})")
    add("--work", action="store_true", help="run jobs on this host as well, as `join` does")
    add("--keep", action="store_true", help="stay when all is over")
    add("--stream", metavar="NAME", help="jobs come while it is served; NAME goes on")
    add("--from", dest="source", metavar="CMD", help="they come from this command: a line is a job")
    add("--outcomes", action="store_true", help="print what became of each job, a JSON line as it ends")
    add("--expect", metavar="WORDS", help="refuse a plan with another fingerprint")
    add_status(group)
    add_web(parser)
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0 when all is done, 1 when some of it failed; it ends when all is over, and the same call goes on with what was
    not."""
    refuse_where_nothing_speaks()
    common, asked = Common.of(arguments), ServeArguments.of(arguments)
    web = web_asked(arguments)
    call = _call(arguments, common)
    # Its hosts keep them together.
    plan, settings = call.plan(common, entry, local_barriers=True)
    check_fits(entry, plan.pool)
    tell_oddities(plan)
    check_expected(plan, asked.expect)
    refuse_unshared(plan, "", [])
    files = asked.status.files(plan)
    with ExitStack() as stack:
        service = _opened(plan, call, asked, common, stack, source=source_of(arguments), files=files)
        if web:
            from shareout.cli.page_beside import page_beside

            words = configs_of(common)
            file, home = common.runs / f"{plan.origin_hex[:16]}/serve_url", str(service.home.path.parent)
            stack.enter_context(page_beside(web, own_program(entry), [*words, "--", home], file))
        worker = working(service, common, entry, stack) if asked.works else None
        place = _scripted(service, asked, common, entry)
        hooks = _hooks(settings, plan, service)
        try:
            standing = service.run(_Teller(common, hooks, worker).hear, keeps=asked.keeps)
            if hooks:
                hooks.finish(standing)
        except KeyboardInterrupt:
            let_finish(service, worker)
            service.lay_down()
            if service.standing().is_over:
                place.end_script("all is over")
            if hooks:
                hooks.finish(service.standing())
            tell(f"{asked.server.told_end} The same command goes on")
            raise
    code, told = _told_end(standing, plan, common)
    place.end_script(told)
    return code


def _hooks(settings: Settings, plan: Plan, service: Service) -> ServedHooks | None:
    """Where there are any."""
    if not (settings.hooks.on_finish or settings.hooks.on_failure or settings.hooks.on_progress):
        return None
    from shareout.cli.serve_hooks import ServedHooks

    return ServedHooks(settings, plan, service.net, RunFolder(service.home.path))


def _scripted(service: Service, asked: ServeArguments, common: Common, entry: Entry | None) -> Home:
    """Its folder, with a script for who would add hosts."""
    home = home_in(service.home.path)
    assert home is not None
    script = home.write_script(own_program(entry), str(_told_address(asked, address_of(home.address))))
    if not common.quiet:
        tell(f"a host that sees this folder, or `sbatch -n 20` of it: {script}")
    return home


def _call(arguments: argparse.Namespace, common: Common) -> Call:
    flags = {
        setting: value
        for flag, setting in (
            ("template", "commands.template"),
            ("colsep", "commands.colsep"),
            ("literal", "commands.literal"),
        )
        if (value := getattr(arguments, flag)) is not None
    }
    asked = given(arguments)
    if is_stream(arguments):
        stream = stream_file(arguments, common)
        return of_anybody(call_of(common, stream, {**flags, "run.order": Order.GIVEN}, says_what=True))
    named = pool_file(asked, common, _template(common, flags))
    return of_anybody(call_of(common, named, flags, says_what=bool(asked)))


def _template(common: Common, flags: Mapping[str, str]) -> str:
    return apply(load_settings(common.configs), flags).commands.template


def _opened(
    plan: Plan,
    call: Call,
    asked: ServeArguments,
    common: Common,
    stack: ExitStack,
    *,
    source: Source | None,
    files: Sequence[StatusFile],
) -> Service:
    """Locked, started, made, told."""
    charter = charter_of(plan, asked.dead_s)
    common.runs.mkdir(parents=True, exist_ok=True)
    home = stack.enter_context(open_folder(common.runs, replace(charter, group=MIRROR)).closing())
    stack.callback(Lock(RunFolder(home.path)).release)
    keeper, net, address = asked.server.opened(home.path, charter, stack)
    Home(home.path, str(address), home.path / "token").note()
    call.keep(RunFolder(home.path), Typed(tuple(sys.argv[1:]), os.getcwd()))
    _publish(net, plan, call, home.path, files)
    if not common.quiet:
        _tell_start(plan, asked, address, home.path / "token")
        asked.server.warn(net)
    lanes = lanes_of(plan, net)
    stream = stream_on(net, plan, lanes, source, stack)
    outcomes = Outcomes(net, given_by(plan), sys.stdout.fileno()) if asked.tells else None
    return Service(net, home, keeper, lanes, stream=stream, outcomes=outcomes)


def _publish(net: NatsStore, plan: Plan, call: Call, folder: Path, files: Sequence[StatusFile]) -> None:
    try:
        # Before what a host without inputs waits for.
        put(net, files)
        with TemporaryDirectory(dir=folder) as drafts:
            publish(
                net, parcel_of(plan, call.configs, Path(drafts), flags=call.flags, own=call.own, shards=call.shards)
            )
    except NotToShare as error:
        tell(f"hosts without inputs cannot join: {error}")
    except Away as error:
        raise UsageError(f"the inputs cannot be put there: {error}", way_out="Mend it, and serve again.") from error


def _told_address(asked: ServeArguments, address: Address) -> Address:
    """Where hosts find it of which this one is not."""
    if asked.server.bind in ANYWHERE:
        return Address(host_name(), address.port)
    return address if asked.server.nats else Address(asked.server.bind, address.port)


def _tell_start(plan: Plan, asked: ServeArguments, address: Address, token: Path) -> None:
    address = _told_address(asked, address)
    name = getattr(plan.pool, "name", "")
    what = f"the stream {name}" if name else f"{counted(plan.jobs, 'job')} of {plan.fingerprint}"
    tell(f"{what} at {address}")
    tell(f"the token is in {token}: who has a copy of it may take part")
    tell(f"a host with nothing but the program: {program_name()} join {address} --token-file TOKEN")
    tell(f"a machine of the plan: {program_name()} run --machine NAME --join {address} --token-file TOKEN")


class _Teller:
    """How far it is: a line that changes on a terminal, else one now and then when something has."""

    def __init__(self, common: Common, hooks: ServedHooks | None, worker: OwnWorker | None) -> None:
        self._others = [one for one in (hooks, worker) if one is not None]
        self._is_quiet = common.quiet
        self._every_s = TELL_ON_TERMINAL_S if may_steer() else TELL_S
        self._next = 0.0
        self._last = ""

    def hear(self, standing: Standing) -> None:
        """At every look."""
        for one in self._others:
            one.hear(standing)
        now = time.monotonic()
        line = _line(standing)
        if self._is_quiet or line == self._last or (now < self._next and not standing.is_over):
            return
        self._last, self._next = line, now + self._every_s
        if may_steer():
            write(f"\r\x1b[K{line}" + "\n" * standing.is_over)
        else:
            tell(line)


def _line(standing: Standing) -> str:
    hosts = f"{', '.join(standing.hosts[:8])}{' …' if len(standing.hosts) > 8 else ''}" or "nobody"
    return f"{standing.seen:,} of {counted(standing.jobs, 'job')} over, {standing.failed} failed; at work: {hosts}"


def _told_end(standing: Standing, plan: Plan, common: Common) -> tuple[int, str]:
    """The exit code, and what a person reads."""
    folder = RunFolder.of(common.runs, plan.origin, "").path
    skipped = _skipped(folder, plan) if standing.has_skips else 0
    done = standing.jobs - standing.left - standing.failed - skipped
    if common.json:
        facts = {"digest": plan.hex, "jobs": standing.jobs, "done": done, "failed": standing.failed, "skipped": skipped}
        print(json.dumps(facts))
    skips = f", {skipped} skipped" if skipped else ""
    told = f"{done} done, {standing.failed} failed{skips}, {standing.left} to do: {folder}"
    if standing.refusal:
        tell(standing.refusal)
    if not common.quiet:
        tell(told)
    return int(standing.failed > 0 or not standing.is_over), told


def _skipped(folder: Path, plan: Plan) -> int:
    """As journals tell: entries do not say it, and what ran while it was asked for ended as it ended."""
    from shareout.status.total import look, open_followers

    folders = [one for one in run_folders_below(folder) if one.journals()]
    return look(open_followers(folders, tell, plan), None).counts.skipped if folders else 0
