"""The two things that a worker can be forked for: to spawn commands, or to call a Python function.

Everything that is made here is made in the worker, after its fork; what both need is loaded before.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from shareout.config import Settings
from shareout.entry import Entry
from shareout.environment import encoded, thread_limits, user_environment, with_threads
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.run import spawner, worker
from shareout.run.binding import Binding
from shareout.run.commands import Launch
from shareout.run.context import Givers
from shareout.run.control import Given
from shareout.run.cores import seen_gpus
from shareout.run.describing import describer, variables_of_all
from shareout.run.failing import one_line, trace_of
from shareout.run.orphans import MARK
from shareout.run.shells import Shells
from shareout.run.upward import INLINE_BYTES, message, refuse, send
from shareout.run.workshop import Duty, Post


def command_duty(plan: Plan, settings: Settings, machine: str, leads: Callable[[int, int], None]) -> Duty:
    """Runs command lines. `leads` tells the guardian who runs."""
    users = user_environment()
    shared = encoded(with_threads(users, int(settings.run.cores_per_job)))
    leaves = settings.commands.background == "leave"

    def share(given: Given) -> Mapping[bytes, bytes]:
        return encoded(_share(users, given))

    def duty(post: Post) -> None:
        environment = {
            **shared,
            **variables_of_all(plan, settings, machine, post.slot),
            MARK.encode(): post.mark.encode(),
        }
        shells = Shells(settings.commands.shell, users, for_bash=plan.pool.for_bash)
        launch = Launch(shells, users.get("PATH", os.defpath))
        bench = spawner.Bench(
            launch, describer(plan, settings, post.slot), share, plan.jobs_between, environment, post.control,
            lambda pid: leads(post.slot, pid), post.slot, post.down, post.up, post.output, leaves,
        )  # fmt: skip
        spawner.serve(bench)

    return duty


def python_duty(
    plan: Plan,
    settings: Settings,
    machine: str,
    folder: RunFolder,
    entry: Entry,
    job: Callable[..., Any],
    leads: Callable[[int, int], None],
) -> Duty:
    """Calls the entry's job, in the worker itself: it leads the group of what its jobs start."""
    binding = Binding(job, plan.pool)

    def duty(post: Post) -> None:
        leads(post.slot, os.getpid())
        # Only now: setup may have changed it.
        users = user_environment()

        def show(fraction: float) -> None:
            post.control.floats[1] = fraction

        os.environ.clear()
        os.environ.update(with_threads(users, int(settings.run.cores_per_job)))
        os.environ[MARK] = post.mark
        if entry.init_worker is not None and not _prepared(entry.init_worker, settings.parser, post):
            return
        givers = Givers(binding.given, folder, machine, post.slot, plan.pool_digest, settings.parser, show)
        station = worker.Station(
            job, plan, binding, givers, post.control, post.slot, post.down, post.up, post.output,
            settings.logging.level, lambda given: _share(users, given),
        )  # fmt: skip
        worker.serve(station)

    return duty


def _share(users: Mapping[str, str], given: Given) -> dict[str, str]:
    """What one batch may use, where jobs differ in that, as variables."""
    limits = thread_limits(users, int(Fraction(given.cores))) if given.cores else {}
    return {**limits, seen_gpus(users)[0]: ",".join(given.gpus)} if given.gpus else limits


def _prepared(init_worker: Callable[[Any], Any], config: Any, post: Post) -> bool:
    """Whether it went well. If not, the parent is told, and this worker waits for its end."""
    failure: BaseException | None = None
    try:
        init_worker(config)
    except BaseException as error:  # noqa: BLE001
        failure = error
    sys.stdout.flush()
    sys.stderr.flush()
    if printed := os.pread(1, INLINE_BYTES, 0):
        text = printed.decode("utf-8", "backslashreplace")
        send(post.up, message("L", {"job": -1, "try": 0, "level": "INFO", "text": text}))
        os.ftruncate(1, 0)
        os.lseek(1, 0, os.SEEK_SET)
    if failure is not None:
        refuse(post.up, post.down, f"init_worker failed: {one_line(failure)}", trace_of(failure))
    return failure is None
