"""`serve --work`: this host takes part as well, by a process that joins as any other host does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from shareout.cli.inputs.run_folders import tell
from shareout.cli.options import Common, configs_of
from shareout.entry import Entry, own_program
from shareout.linux import host_name
from shareout.names import alike
from shareout.serving.service import Service, Standing
from shareout.serving.worker import Worker


class OwnWorker:
    """It ends as hosts do, when all is over or all halt; and comes again when there is something to do once more."""

    def __init__(self, make: Callable[[], Worker]) -> None:
        self._make = make
        self._worker = make()
        self._may_return, self._rests = False, 0

    @property
    def is_at_work(self) -> bool:
        """Its process lives."""
        return self._worker.code is None

    def hear(self, standing: Standing) -> None:
        """At every look. One that has left by itself, as where all fails here, stays away."""
        # What was asked may have been taken back before anybody looked here.
        self._may_return |= standing.is_over or standing.rests > self._rests
        self._rests = standing.rests
        if self._may_return and not (self.is_at_work or standing.is_over or standing.is_halted):
            self._may_return = False
            self._worker = self._make()

    def stop(self) -> None:
        """What it runs is let finish; a second time, and it is ended."""
        self._worker.stop()

    def end(self) -> None:
        """At once."""
        self._worker.end()


def working(service: Service, common: Common, entry: Entry | None, stack: ExitStack) -> OwnWorker:
    """Under this host's name, or another one where that is a machine's of the plan."""
    net, token = service.net, service.home.path / "token"
    words = ["join", net.place, "--token-file", str(token), "--yes", "--quiet", "--runs", str(common.runs)]
    words += configs_of(common)
    taken = {alike(name) for name in net.charter.machines}
    name = host_name().partition(".")[0] or "server"
    name = f"{name}-serves" if alike(name) in taken else name
    worker = OwnWorker(lambda: Worker([*own_program(entry), *words, "--name", name]))
    stack.callback(worker.end)
    return worker


def let_finish(service: Service, worker: OwnWorker | None) -> None:
    """What this host runs itself is recorded before the server ends; a second Ctrl-C waits for nothing."""
    if worker is not None and worker.is_at_work:
        tell("this host's own jobs are let finish (again: end now)")
        worker.stop()
        service.run_while(lambda: worker.is_at_work)
