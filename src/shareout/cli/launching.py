"""What `launch` does with its flags: inputs → a plan → an errand a host; then the merge of what came home."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from threading import Event

from shareout.cli.launch import LaunchArguments
from shareout.cli.launch_server import LaunchServer, folder_of, server_words, serving, usual_port
from shareout.cli.options import Common
from shareout.cli.planning import check_fits, plan_of, tell_oddities
from shareout.cli.trip import OURS, RUNS, STATE, Trip, is_here, trip_of
from shareout.entry import Entry
from shareout.errors import InputError, RunDirectoryInUse, ShareoutError
from shareout.fields import asdict
from shareout.launch.errand import Errand
from shareout.launch.fetch import differing
from shareout.launch.fleet import Fleet
from shareout.launch.journey import Journey
from shareout.launch.launcher import Here, Launcher
from shareout.launch.pasted import caller, commands, serve, way
from shareout.launch.scripts import EVERY, EVERY_OF_MANY, MANY
from shareout.launch.spread import VARIABLE, cores_of, machines_text, write_machines
from shareout.launch.ssh import Jumps, Sockets, Ssh, ssh_words
from shareout.launch.standing import Standing, Standings, State, kept
from shareout.launch.tunnel import Server
from shareout.plan.card import compare, read_card
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.show.beside import say
from shareout.show.launch import LaunchView, differing_lines, status_text

HOME, LEDGER = Path("home"), OURS / "ledger"


def launch(asked: LaunchArguments, common: Common, entry: Entry | None) -> int:
    """The exit code."""
    _spread(asked, common)
    plan, settings = plan_of(common, entry, pool_file=asked.pool)
    check_fits(entry, plan.pool)
    if asked.does == "launch" and not common.quiet:
        tell_oddities(plan)
    trip = trip_of(asked, common, entry, plan, settings)
    if asked.does == "dry_run":
        return _dry_run(trip, asked, common, entry)
    rows = _done(trip, asked, common, entry)
    if asked.does == "status" and not common.json:
        print(status_text(rows, None))
    if asked.does in ("launch", "fetch") and trip.globs and not common.quiet:
        for line in differing_lines(differing(HOME, [one.machine for one in rows]), HOME):
            say(line)
    return _outcome(trip, asked, common, entry, rows)


def _done(trip: Trip, asked: LaunchArguments, common: Common, entry: Entry | None) -> list[Standing]:
    """What became of each host."""
    # A status is its table.
    view = LaunchView(quiet=common.quiet or common.json or asked.does == "status")
    writes = asked.does in ("launch", "fetch", "clean")
    served = serving(trip, common, entry) if trip.serves and asked.does == "launch" else nullcontext()
    with alone() if writes else nullcontext(), Sockets() as sockets, served as server:
        standings = Standings(STATE, trip.plan.hex, trip.folder, event if common.json else view.told)
        standings.tells_counts = common.json
        fleet = _fleet(trip, asked, sockets, standings, server=server.found if server else None)
        if sys.stdin.isatty() and sys.stderr.isatty():
            fleet.ask_for_passwords()
        with _told_when_left(trip, view) if asked.does == "launch" and not common.quiet else nullcontext():
            fleet.run(_steps(asked), partial(_shown, view, server))
        _bring_ledger(trip, asked, fleet)
    view.ended(standings.now())
    return standings.now()


def _shown(view: LaunchView, server: LaunchServer | None, rows: Sequence[Standing]) -> None:
    if server:
        server.look(view.beside)
    view.shown(rows)


@contextmanager
def _told_when_left(trip: Trip, view: LaunchView) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        goes = "hosts end what they have, and wait for this server" if trip.serves else "what runs there goes on"
        view.beside(f"shareout: {goes}; the same command finds it again, --stop ends it")
        raise


def _bring_ledger(trip: Trip, asked: LaunchArguments, fleet: Fleet) -> None:
    """What hosts that cannot be reached have shipped, or that came by themselves, comes by one that can."""
    rows = fleet.standings.now()
    through = [one.machine for one in rows if one.state == State.DONE]
    is_whole = len(through) == len(rows) and sum(one.done + one.failed for one in rows) >= trip.plan.jobs
    if asked.does == "launch" and trip.shared and through and not is_whole:
        fleet.once(through[0], lambda errand: errand.fetch_ledger(LEDGER))


def _spread(asked: LaunchArguments, common: Common) -> None:
    """Hosts of the command line become the machines.json that all commands read."""
    texts = asked.spread or tuple(filter(None, [os.environ.get(VARIABLE, "")]))
    file = common.configs / "machines.json"
    # What a variable says is for whoever has nothing else.
    if texts and (asked.spread or not file.exists()) and write_machines(file, machines_text(cores_of(texts)), "-s"):
        say(f"shareout: wrote {file}")


@contextmanager
def alone() -> Iterator[None]:
    """One at a time brings things home to a folder."""
    OURS.mkdir(exist_ok=True)
    with open(OURS / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunDirectoryInUse(
                "another launch of this folder is at work", way_out="`launch --status` looks without one."
            ) from None
        yield


def _fleet(
    trip: Trip, asked: LaunchArguments, sockets: Sockets, standings: Standings, *, server: Server | None
) -> Fleet:
    words = ssh_words() if any(not is_here(asked, host) for host in trip.hosts) else []
    journey = Journey(
        trip.items, trip.needs, card=trip.card, globs=trip.globs, home=HOME, patience_s=asked.patience_s,
        compare=_comparing(trip.plan), at_home=partial(_at_home, trip),
        every=EVERY_OF_MANY if len(trip.hosts) > MANY else EVERY, ledgers={}, server=server,
    )  # fmt: skip
    before, leaving = kept(STATE, trip.plan.hex), Event()
    errands, jumps = [], Jumps(sockets, words)
    for host in trip.hosts:
        last = before.get(host.machine)
        standings.add(
            Standing(
                host.machine, host.address, jobs=len(trip.plan.share(host.machine)), done=last.done if last else 0,
                failed=last.failed if last else 0, heard=last.heard if last else 0.0,
            )
        )  # fmt: skip
        launcher: Launcher = Here(OURS / "here" / host.machine)
        if not is_here(asked, host):
            launcher = Ssh(host, sockets, words, jumps)
        errands.append(Errand(launcher, trip.order(host, server), journey, standings=standings, leaving=leaving))
    return Fleet(errands, jumps, standings, leaving)


def _at_home(trip: Trip, machine: str) -> Mapping[str, int]:
    folder = RunFolder(HOME / machine / RunFolder.of(RUNS, trip.plan.origin, machine).path)
    # Where work is shared the record of one does not tell whether all is over.
    if trip.ledger or not folder.journals():
        return {}
    from shareout.status.machine import Follower

    try:
        found = Follower(folder, trip.plan).look()
    except ShareoutError:
        # It comes again.
        return {}
    return {} if found.left else {"done": found.done, "failed": found.failed}


def _comparing(plan: Plan) -> Callable[[str], list[str]]:
    def differs(card: str) -> list[str]:
        try:
            return compare(plan, read_card(card, "its card"))
        except InputError:
            return []

    return differs


def _steps(asked: LaunchArguments) -> Callable[[Errand], None]:
    if asked.does == "launch":
        return Errand.whole
    if asked.does == "stop":
        return lambda errand: errand.end(now=asked.now)
    if asked.does == "fetch":
        return Errand.bring
    return Errand.remove if asked.does == "clean" else Errand.see


def event(one: Standing) -> None:
    """A change of a row, for a script."""
    print(json.dumps({**asdict(one), "state": str(one.state)}), flush=True)


def _dry_run(trip: Trip, asked: LaunchArguments, common: Common, entry: Entry | None) -> int:
    words = ssh_words() if any(not is_here(asked, host) for host in trip.hosts) else []
    server, token = None, ""
    if trip.serves:
        server, token = Server(usual_port(trip), b""), str(folder_of(trip) / "token")
        call = server_words(trip, common, entry, port=server.port)
        print("\n".join(serve(call, str(folder_of(trip) / "address"))))
    for host in trip.hosts:
        here = (OURS / "here" / host.machine).absolute() if is_here(asked, host) else None
        order = trip.order(host, server)
        if server and here is None:
            print("\n".join(way(host, words, order.port, server.port)))
        for line in commands(caller(host, words, here), order, trip.items, globs=trip.globs, token=token):
            print(line)
    if server:
        print("# over: what was started beside\nkill $beside")
    return 0


def _outcome(trip: Trip, asked: LaunchArguments, common: Common, entry: Entry | None, rows: Sequence[Standing]) -> int:
    code = worst(rows)
    # Who is through with shared work has seen all of it end, whatever became of the others.
    is_shared = bool(trip.ledger) and code == 3 and any(one.state == State.DONE for one in rows)
    if asked.does != "launch" or (code not in (0, 1) and not is_shared):
        return code
    folders = _folders(trip, rows)
    found = merged(folders, 0 if is_shared else code, asked, common, entry)
    return found if found == 0 and is_shared else max(code, found or 0)


def merged(
    folders: Sequence[Path | None], code: int, asked: LaunchArguments, common: Common, entry: Entry | None
) -> int | None:
    """The worse of this code and of a merge; None where the record of a machine is not here, and nothing is merged."""
    found = [one for one in folders if one and RunFolder(one).journals()]
    if len(found) < len(folders):
        return None
    from shareout.cli import load, make_parser

    flags = ["--configs", str(common.configs), *(["-o", str(asked.output)] if asked.output else [])]
    flags += [flag for flag, is_on in (("--json", common.json), ("--quiet", common.quiet)) if is_on]
    arguments = make_parser("merge-results").parse_args([*flags, *map(str, found)])
    return max(code, load("merge-results").execute(arguments, entry))


def _folders(trip: Trip, rows: Sequence[Standing]) -> list[Path | None]:
    """What is merged: each machine's record; None where it is not home. Where work is shared, of those that are not
    through what they had shipped, and also of whoever came by themselves."""
    through = {one.machine for one in rows if one.state == State.DONE}
    found = {one.name: _record(trip, one.name, is_through=one.name in through) for one in trip.plan.machines}
    if not trip.ledger:
        return list(found.values())
    guests = [one for one in sorted(_shipped(trip).glob("*")) if one.name not in found and RunFolder(one).journals()]
    # One that never came has none.
    return [*filter(None, found.values()), *guests]


def _record(trip: Trip, machine: str, *, is_through: bool) -> Path | None:
    own = RunFolder.of(RUNS, trip.plan.origin, machine).path
    best = [_shipped(trip) / machine, own] if trip.ledger and not is_through else []
    return next((place for place in [*best, HOME / machine / own] if RunFolder(place).journals()), None)


def _shipped(trip: Trip) -> Path:
    return (folder_of(trip) if trip.serves else LEDGER) / "machines"


def worst(rows: Sequence[Standing]) -> int:
    """Of all hosts: refused, then not finished, then failed jobs."""
    states: Mapping[State, int] = {State.REFUSED: 2, State.DONE: 0}
    codes = {states.get(one.state, 3) for one in rows} | {int(one.failed > 0) for one in rows}
    return next(code for code in (2, 3, 1, 0) if code in codes)
