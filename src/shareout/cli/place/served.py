"""A run that is served over a network, for commands that are no run: by its address, or from the folder of `serve`.

In that folder a command needs no words: the address and the token are there. Where `serve` has ended, its server is
started for the time of the command, so that what is asked stands when hosts come again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shareout.cli.inputs.shared_work import network_at
from shareout.cli.options import Common
from shareout.cli.place.brought import laid_down, temporary_copy
from shareout.entry import Entry
from shareout.errors import UsageError
from shareout.fields import replace
from shareout.joining.ways.network import Network
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.record.lock import Lock, is_locked
from shareout.record.reader import incarnations_of
from shareout.record.sources import run_folders_below
from shareout.serving.home import Home, homes_below
from shareout.stores.charter import Charter

if TYPE_CHECKING:
    from shareout.joining.visiting import Visit
    from shareout.stores.nats.store import NatsStore

ARRIVES_S = 30.0
"""So long it is waited for that `serve` has laid down what hosts have shipped."""
LOOK_S = 0.1


class Served:
    """One, as a command sees it. What it has opened is closed when its visit ends, or with the process."""

    def __init__(self, network: Network, home: Home | None = None) -> None:
        """`home`: where `serve` of this host lays it down."""
        self._network, self._home = network, home
        self._stack = ExitStack()
        self._is_ours = False
        """No `serve` is at work: nobody else lays down what has arrived."""
        self._is_open = False
        self._net: NatsStore | None = None

    def __str__(self) -> str:
        return str(self._network.address)

    @contextmanager
    def visiting(self, plan: Plan | None) -> Iterator[Visit]:
        """The ledger there; refused where it is another plan's."""
        from shareout.joining.terms import charter_of, checks_of, roots_of
        from shareout.joining.visiting import Visit

        with self._stack:
            self._net = self._opened(charter_of(plan, 0.0) if plan else None)
            yield Visit(self._net, roots_of(plan) if plan else (), checks_of(plan) if plan else frozenset())

    def plan(self, common: Common, entry: Entry | None) -> Plan:
        """Of the inputs that lie there."""
        from tempfile import TemporaryDirectory

        from shareout.cli.guest import call_of_parcel
        from shareout.joining.inputs.parcel import fetched
        from shareout.ledger.store import Away

        into = Path(self._stack.enter_context(TemporaryDirectory(prefix="shareout-inputs-")))
        try:
            found = fetched(self._opened(None), into)
        except Away as error:
            raise UsageError(str(error), way_out="Mend that, then give the same command again.") from error
        if found is None:
            raise UsageError(
                f"the inputs of the run at {self} are not there", way_out="Say it where they are, or name --configs."
            )
        parcel, here = found
        call = call_of_parcel(parcel, here, {}, entry, looks=True)
        return call.plan(replace(common, configs=here / "configs"), entry, kind=parcel.kind)[0]

    @property
    def way_on(self) -> str:
        """What makes of what was asked that it is done, where nobody works; empty while `serve` does."""
        return "the same `serve` again, and hosts that join, do it" if self._is_ours else ""

    def folders(self) -> list[RunFolder]:
        """What hosts have recorded until now, during a visit."""
        if self._net is None:
            return []
        if self._home is None:
            found, _ = temporary_copy(self._net, self._stack)
        else:
            found = self._home.path.parent
            self._wait_for_what_has_arrived(self._home, self._net)
        return [one for one in run_folders_below(found) if one.journals()]

    def _opened(self, charter: Charter | None) -> NatsStore:
        if not self._is_open and self._home is not None and not is_locked(RunFolder(self._home.path)):
            self._start(self._home)
        self._is_open = True
        return self._stack.enter_context(self._network.opened(charter))

    def _start(self, home: Home) -> None:
        """For as long as this command takes."""
        self._stack.callback(Lock(RunFolder(home.path)).release)
        if home.has_server:
            self._stack.callback(home.start(self._network.token).end)
        self._is_ours = True

    def _wait_for_what_has_arrived(self, home: Home, net: NatsStore) -> None:
        if self._is_ours:
            laid_down(net, home.path.parent.parent, own=home.path.parent, stack=self._stack)
            return
        until = time.monotonic() + ARRIVES_S
        while not home.has_all_of(net):
            if time.monotonic() > until:
                raise UsageError(
                    f"{home.path} has not all yet of what hosts have recorded", way_out="Give the command once more."
                )
            time.sleep(LOOK_S)


def _is_of(folder: RunFolder, home: Home) -> bool:
    """Whether it was run for all who are served: by a host that has shipped it, or by one beside `serve` itself."""
    if folder.path.is_relative_to(home.path):
        return True
    starts = incarnations_of(folder) if folder.path.parent == home.path.parent else []
    return bool(starts) and starts[-1].header.is_joined


def served_at(address: str, token_file: str | None) -> Served:
    """At an address that was named."""
    network = network_at(address, token_file)
    assert network is not None
    return Served(network)


def served_here(common: Common) -> Served | None:
    """By `serve` of this host, below `--runs`: the one that is at work; else the one where something has happened last,
    if nothing has since that machine ran by itself."""
    homes = list(homes_below(common.runs))
    if not homes:
        return None
    working = [one for one in homes if is_locked(RunFolder(one.path))]
    if len(working) > 1:
        listed = ", ".join(one.address for one in working)
        raise UsageError(f"several runs are served from here: {listed}", way_out="Say which: --join nats://HOST:PORT.")
    if not working:
        last = max(run_folders_below(common.runs), key=RunFolder.worked_on, default=None)
        working = [one for one in homes if last is None or _is_of(last, one)]
    if len(working) != 1:
        return None
    home = working[0]
    network = network_at(home.address, str(home.token_file))
    assert network is not None
    return Served(network, home)
