"""What `launch` does with its flags: inputs → a plan → an errand a host; then the merge of what came home."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from glob import escape
from pathlib import Path
from threading import Event

from shareout.cli.launch import LaunchArguments
from shareout.cli.options import Common, machines_file
from shareout.cli.planning import check_fits, plan_of, tell_oddities
from shareout.config import Settings
from shareout.entry import Entry, runs_commands
from shareout.errors import InputError, RunDirectoryInUse, UsageError, nearest
from shareout.fields import asdict, dataclass
from shareout.launch import parcel
from shareout.launch.errand import Errand, Journey
from shareout.launch.fetch import differing
from shareout.launch.fleet import Fleet
from shareout.launch.launcher import LOCAL, Here, Host, Launcher
from shareout.launch.needs import Needs, needs_of
from shareout.launch.pasted import caller, commands
from shareout.launch.scripts import ABOVE, EVERY, EVERY_OF_MANY, MANY, PROGRAM, Item, Order
from shareout.launch.spread import VARIABLE, cores_of, machines_text, write_machines
from shareout.launch.ssh import Jumps, Sockets, Ssh, ssh_words
from shareout.launch.standing import Standing, Standings, State, kept
from shareout.machines import Machine
from shareout.plan.card import compare, read_card
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.show.beside import say
from shareout.show.launch import LaunchView, differing_lines, status_text

OURS, HOME = Path("launch"), Path("home")
STATE, LEDGER = OURS / "state.json", OURS / "ledger"
RUNS = Path("runs")
"""Of the far folder."""


@dataclass(frozen=True, slots=True)
class _Trip:
    """All that a call is about."""

    plan: Plan
    hosts: Sequence[Host]
    folder: str
    items: Sequence[Item]
    needs: Needs
    configs: str
    pool: str
    """As it is named there; empty: what the configs have."""
    shared: str
    """The folder by which all share their work; empty: each runs its own share."""
    ledger: str
    """Where in it."""
    results: str
    """The folder there for what each job prints; empty: none."""
    globs: tuple[str, ...]
    """Of what comes home, beside the record."""

    @property
    def card(self) -> tuple[str, ...]:
        """The words that show this plan there."""
        return ("plan", *((self.pool,) if self.pool else ()), "--card", "--configs", self.configs)

    def order(self, machine: str) -> Order:
        """What is to run on one of them."""
        run = RunFolder.of(RUNS, self.plan.origin, machine).path.as_posix()
        pool = (self.pool,) if self.pool else ()
        words = ("run", *pool, "--machine", machine, "--yes", "--quiet", "--configs", self.configs)
        words = (f"./{PROGRAM}", *words, "--expect", self.plan.fingerprint)
        words += ("--join", self.shared) if self.shared else ()
        words += ("--results", self.results) if self.results else ()
        return Order(self.folder, machine, run, words, shared=self.shared, ledger=self.ledger)


def launch(asked: LaunchArguments, common: Common, entry: Entry | None) -> int:
    """The exit code."""
    _spread(asked, common)
    plan, settings = plan_of(common, entry, pool_file=asked.pool)
    check_fits(entry, plan.pool)
    if asked.does == "launch" and not common.quiet:
        tell_oddities(plan)
    trip = _trip(asked, common, entry, plan, settings)
    if asked.does == "dry_run":
        return _dry_run(trip, asked)
    rows = _done(trip, asked, common)
    if asked.does == "status" and not common.json:
        print(status_text(rows, None))
    if asked.does in ("launch", "fetch") and trip.globs and not common.quiet:
        for line in differing_lines(differing(HOME, [one.machine for one in rows]), HOME):
            say(line)
    return _outcome(trip, asked, common, entry, rows)


def _done(trip: _Trip, asked: LaunchArguments, common: Common) -> list[Standing]:
    """What became of each host."""
    # A status is its table.
    view = LaunchView(quiet=common.quiet or common.json or asked.does == "status")
    writes = asked.does in ("launch", "fetch", "clean")
    with alone() if writes else nullcontext(), Sockets() as sockets:
        standings = Standings(STATE, trip.plan.hex, trip.folder, event if common.json else view.told)
        standings.tells_counts = common.json
        fleet = _fleet(trip, asked, sockets, standings)
        if sys.stdin.isatty() and sys.stderr.isatty():
            fleet.ask_for_passwords()
        fleet.run(_steps(asked), view.shown)
        _bring_ledger(trip, asked, fleet)
    view.ended(standings.now())
    return standings.now()


def _bring_ledger(trip: _Trip, asked: LaunchArguments, fleet: Fleet) -> None:
    """What hosts that cannot be reached have shipped comes by one that can."""
    rows = fleet.standings.now()
    through = [one.machine for one in rows if one.state == State.DONE]
    if asked.does == "launch" and trip.shared and through and len(through) < len(rows):
        fleet.once(through[0], lambda errand: errand.fetch_ledger(LEDGER))


def _spread(asked: LaunchArguments, common: Common) -> None:
    """Hosts of the command line become the machines.json that all commands read."""
    texts = asked.spread or tuple(filter(None, [os.environ.get(VARIABLE, "")]))
    file = common.configs / "machines.json"
    # What a variable says is for whoever has nothing else.
    if texts and (asked.spread or not file.exists()) and write_machines(file, machines_text(cores_of(texts)), "-s"):
        say(f"shareout: wrote {file}")


def _trip(asked: LaunchArguments, common: Common, entry: Entry | None, plan: Plan, settings: Settings) -> _Trip:
    hosts = _hosts(asked, plan, machines_file(common))
    folder = asked.folder or _kept_folder(plan) or f"{ABOVE}/{Path.cwd().name or 'root'}"
    # What only looks, or ends, copies nothing.
    is_far = asked.does in ("launch", "dry_run") and not all(_is_here(asked, host) for host in hosts)
    program = parcel.program(asked.executable, entry, is_far=is_far)
    items = parcel.items(program, plan, common.configs, asked.files, OURS)
    needs = needs_of(Path(items[0].source), items[0].size)
    # With `./` before it a name that begins with a dash is no option.
    pool = f"./{parcel.place_of(asked.pool)}" if asked.pool else ""
    shared, ledger = _shared(asked.join or settings.join.at, asked, plan, settings)
    configs = parcel.place_of(common.configs)
    results = _results(asked, plan, entry)
    globs = (*asked.returns, *([escape(results)] if results else []))
    return _Trip(
        plan, hosts, folder, items, needs=needs, configs=configs, pool=pool, shared=shared, ledger=ledger,
        results=results, globs=globs,
    )  # fmt: skip


def _results(asked: LaunchArguments, plan: Plan, entry: Entry | None) -> str:
    if asked.results is None:
        return ""
    from shareout.cli.run_asked import check_asked
    from shareout.cli.run_flags import Screen

    check_asked(plan, (), Screen(), runs_commands(entry), asked.results)
    return f"./{parcel.free_place(asked.results)}"


def _shared(at: str, asked: LaunchArguments, plan: Plan, settings: Settings) -> tuple[str, str]:
    """The folder by which all share their work, as each has it, and the ledger's place in it; empty where none does."""
    if not at:
        return "", ""
    from shareout.cli.inputs.shared_work import folder_of_launch, refuse_unshared
    from shareout.joining.terms import charter_of

    place = folder_of_launch(at, is_here=asked.is_here)
    for machine in plan.machines:
        refuse_unshared(plan, machine.name, ())
    return place, "/".join(charter_of(plan, settings.join.dead).folders)


def _kept_folder(plan: Plan) -> str:
    try:
        facts = json.loads(STATE.read_bytes())
        return str(facts["folder"]) if facts["digest"] == plan.hex else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _hosts(asked: LaunchArguments, plan: Plan, file: Path) -> list[Host]:
    known = [one.name for one in plan.machines]
    if strange := [name for name in asked.machines if name not in known]:
        raise UsageError(f'there is no machine "{strange[0]}" in {file}{nearest(strange[0], known)}')
    chosen = [one for one in plan.machines if not asked.machines or one.name in asked.machines]
    if asked.is_here:
        return [Host(one.name, LOCAL) for one in chosen]
    found = [Host(one.name, one.ssh) for one in chosen if one.ssh]
    if len(found) < len(chosen):
        raise _nowhere(file, chosen)
    return found


def _nowhere(file: Path, chosen: Sequence[Machine]) -> UsageError:
    names = [one.name for one in chosen if not one.ssh]
    return UsageError(
        f"{file} does not say where {', '.join(names[:8])} is",
        way_out='Write {"perf": 1, "cores": 8, "ssh": "user@host"}; or name the machines that are meant; '
        "or --here: each in a folder of this host.",
    )


def _is_here(asked: LaunchArguments, host: Host) -> bool:
    return asked.is_here or host.address == LOCAL


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


def _fleet(trip: _Trip, asked: LaunchArguments, sockets: Sockets, standings: Standings) -> Fleet:
    words = ssh_words() if any(not _is_here(asked, host) for host in trip.hosts) else []
    journey = Journey(
        trip.items, trip.needs, card=trip.card, globs=trip.globs, home=HOME, patience_s=asked.patience_s,
        compare=_comparing(trip.plan), every=EVERY_OF_MANY if len(trip.hosts) > MANY else EVERY, ledgers={},
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
        if not _is_here(asked, host):
            launcher = Ssh(host, sockets, words, jumps)
        errands.append(Errand(launcher, trip.order(host.machine), journey, standings=standings, leaving=leaving))
    return Fleet(errands, jumps, standings, leaving)


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


def _dry_run(trip: _Trip, asked: LaunchArguments) -> int:
    words = ssh_words() if any(not _is_here(asked, host) for host in trip.hosts) else []
    for host in trip.hosts:
        here = (OURS / "here" / host.machine).absolute() if _is_here(asked, host) else None
        pasted = caller(host, words, here)
        for line in commands(pasted, trip.order(host.machine), trip.items, trip.globs):
            print(line)
    return 0


def _outcome(trip: _Trip, asked: LaunchArguments, common: Common, entry: Entry | None, rows: Sequence[Standing]) -> int:
    code = worst(rows)
    # Who is through with shared work has seen all of it end, whatever became of the others.
    is_shared = bool(trip.shared) and code == 3 and any(one.state == State.DONE for one in rows)
    if asked.does != "launch" or (code not in (0, 1) and not is_shared):
        return code
    folders = _folders(trip, rows, is_shared=is_shared)
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


def _folders(trip: _Trip, rows: Sequence[Standing], *, is_shared: bool) -> list[Path | None]:
    """What is merged: each machine's record; None where it is not home. Of hosts that share their work, and are not
    through, what they had shipped."""
    through = {one.machine for one in rows if one.state == State.DONE}
    found: list[Path | None] = []
    for one in trip.plan.machines:
        home = HOME / one.name / RunFolder.of(RUNS, trip.plan.origin, one.name).path
        shipped = LEDGER / "machines" / one.name
        best = [shipped] if is_shared and one.name not in through else []
        record = next((place for place in [*best, home] if RunFolder(place).journals()), None)
        # One that never came has none.
        if record or not is_shared:
            found.append(record)
    return found


def worst(rows: Sequence[Standing]) -> int:
    """Of all hosts: refused, then not finished, then failed jobs."""
    states: Mapping[State, int] = {State.REFUSED: 2, State.DONE: 0}
    codes = {states.get(one.state, 3) for one in rows} | {int(one.failed > 0) for one in rows}
    return next(code for code in (2, 3, 1, 0) if code in codes)
