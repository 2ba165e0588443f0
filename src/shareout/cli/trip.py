"""What a launch is about, from its flags and the plan: which hosts, what goes there, what each is to run, and by what
they share their work."""

from __future__ import annotations

import json
from collections.abc import Sequence
from glob import escape
from pathlib import Path

from shareout.cli.launch import LaunchArguments
from shareout.cli.options import Common, machines_file
from shareout.config import Settings
from shareout.entry import Entry, runs_commands
from shareout.errors import UsageError, nearest
from shareout.fields import dataclass, replace
from shareout.launch import parcel
from shareout.launch.launcher import LOCAL, Host
from shareout.launch.needs import Needs, needs_of
from shareout.launch.scripts import ABOVE, PROGRAM, Item, Order
from shareout.launch.tunnel import LOOPBACK, Server, port_of
from shareout.machines import Machine
from shareout.names import SCHEME
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder

OURS = Path("launch")
STATE = OURS / "state.json"
RUNS = Path("runs")
"""Of the far folder; and here, of what was served."""


@dataclass(frozen=True, slots=True)
class Trip:
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
    """The folder by which all share their work; empty: none does."""
    serves: bool
    """They share it by a server here."""
    ledger: str
    """Where in that folder, or of a server below RUNS here; empty: each runs its own share."""
    dead_s: float
    """Who is silent among them for so long is taken over from."""
    results: str
    """The folder there for what each job prints; empty: none."""
    globs: tuple[str, ...]
    """Of what comes home, beside the record."""

    @property
    def card(self) -> tuple[str, ...]:
        """The words that show this plan there."""
        return ("plan", *((self.pool,) if self.pool else ()), "--card", "--configs", self.configs)

    def order(self, host: Host, server: Server | None = None) -> Order:
        """What is to run on one of them; with a server it is started to join that."""
        machine = host.machine
        run = RunFolder.of(RUNS, self.plan.origin, machine).path.as_posix()
        pool = (self.pool,) if self.pool else ()
        words = ("run", *pool, "--machine", machine, "--yes", "--quiet", "--configs", self.configs)
        words = (f"./{PROGRAM}", *words, "--expect", self.plan.fingerprint)
        words += ("--join", self.shared) if self.shared else ()
        words += ("--results", self.results) if self.results else ()
        order = Order(
            self.folder, machine, run, words, shared=self.shared, ledger=self.ledger, is_shared=bool(self.ledger)
        )
        if server is None:
            return order
        port = server.port if host.address == LOCAL else port_of(self.plan.hex, self.folder, machine)
        joins = ("--join", f"{SCHEME}{LOOPBACK}:{port}", "--token-file", order.token)
        return replace(order, words=(*words, *joins), port=port)


def trip_of(asked: LaunchArguments, common: Common, entry: Entry | None, plan: Plan, settings: Settings) -> Trip:
    """Refused where something of it cannot be meant."""
    hosts = _hosts(asked, plan, machines_file(common))
    folder = asked.folder or _kept_folder(plan) or f"{ABOVE}/{Path.cwd().name or 'root'}"
    # What only looks, or ends, copies nothing.
    is_far = asked.does in ("launch", "dry_run") and not all(is_here(asked, host) for host in hosts)
    program = parcel.program(asked.executable, entry, is_far=is_far)
    items = parcel.items(program, plan, common.configs, asked.files, OURS)
    needs = needs_of(Path(items[0].source), items[0].size)
    # With `./` before it a name that begins with a dash is no option.
    pool = f"./{parcel.place_of(asked.pool)}" if asked.pool else ""
    shared, ledger = _shared(asked, plan, settings)
    configs = parcel.place_of(common.configs)
    results = _results(asked, plan, entry)
    globs = (*asked.returns, *([escape(results)] if results else []))
    return Trip(
        plan, hosts, folder, items, needs=needs, configs=configs, pool=pool, shared=shared,
        serves=asked.serves, ledger=ledger, dead_s=settings.join.dead, results=results, globs=globs,
    )  # fmt: skip


def _results(asked: LaunchArguments, plan: Plan, entry: Entry | None) -> str:
    check_results(asked, plan, entry)
    return f"./{parcel.free_place(asked.results)}" if asked.results is not None else ""


def check_results(asked: LaunchArguments, plan: Plan, entry: Entry | None) -> None:
    """Refused where it is no folder that hosts could fill together."""
    if asked.results is None:
        return
    from shareout.cli.run_asked import check_asked, is_table
    from shareout.cli.run_flags import Screen

    if is_table(asked.results):
        raise UsageError(
            f"{asked.results} is the name of a table, and hosts of a launch fill a folder each",
            way_out="Name a folder; -o NAME.csv is the merged table, with what commands printed.",
        )
    check_asked(plan, (), Screen(), runs_commands(entry), asked.results)


def _shared(asked: LaunchArguments, plan: Plan, settings: Settings) -> tuple[str, str]:
    """The folder by which all share their work, as each has it; and the ledger's place in it, or in that of a server.
    Both empty where none does."""
    at = "" if asked.serves else asked.join or settings.join.at
    if not at and not asked.serves:
        return "", ""
    from shareout.cli.inputs.shared_work import folder_of_launch, refuse_unshared
    from shareout.joining.terms import charter_of
    from shareout.stores.charter import MIRROR

    place = folder_of_launch(at, is_here=asked.is_here) if at else ""
    for machine in plan.machines:
        refuse_unshared(plan, machine.name, ())
    charter = charter_of(plan, settings.join.dead)
    return place, "/".join((replace(charter, group=MIRROR) if asked.serves else charter).folders)


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


def is_here(asked: LaunchArguments, host: Host) -> bool:
    """Whether it is a folder of this host."""
    return asked.is_here or host.address == LOCAL
