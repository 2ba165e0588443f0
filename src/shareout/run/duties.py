"""The two things that a worker can be forked for: to spawn commands, or to call a Python function.

Everything that is made here is made in the worker, after its fork; what both need is loaded before.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from typing import Any

from shareout.choices import Background
from shareout.config import Settings
from shareout.entry import Entry
from shareout.environment import encoded, thread_limits, user_environment
from shareout.numerics.pins import job_environment
from shareout.numerics.threads import LoadedThreads
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.record.outcome import Stream
from shareout.run.command import worker as command_worker
from shareout.run.command.ahead import Ahead
from shareout.run.command.shell import Shells
from shareout.run.command.spawn import Launch
from shareout.run.command.variables import describer, variables_of_all
from shareout.run.endings import one_line, trace_of
from shareout.run.hands.far_side import WorkerSide
from shareout.run.hands.fork import WorkerMain
from shareout.run.hands.messages import message, refuse
from shareout.run.hands.printed import INLINE_BYTES, empty
from shareout.run.hands.shared import Given
from shareout.run.hands.streams import open_streams
from shareout.run.host.cores import seen_gpus
from shareout.run.processes.children import MARK
from shareout.world import world


def command_duty(plan: Plan, settings: Settings, machine: str, leads: Callable[[int, int], None]) -> WorkerMain:
    """Runs command lines. `leads` tells the guardian who runs."""
    leaves = settings.commands.background is Background.LEAVE

    def duty(post: WorkerSide) -> None:
        # Only now: setup may have changed it.
        users = user_environment()
        environment = {
            **encoded(_of_jobs(users, settings)),
            **variables_of_all(plan, settings, machine, post.slot),
            MARK.encode(): post.mark.encode(),
        }
        shells = Shells(settings.commands.shell, users, for_bash=plan.pool.for_bash)
        launch = Launch(shells, users.get("PATH", os.defpath))
        bench = command_worker.CommandWorker(
            post,
            launch,
            ahead=Ahead(plan.jobs_between, describer(plan, settings, post.slot), launch),
            share=lambda given: encoded(_share(users, given)),
            environment=environment,
            leads=partial(leads, post.slot),
            leave_background=leaves,
        )
        command_worker.serve(bench)

    return duty


def python_duty(
    plan: Plan,
    settings: Settings,
    machine: str,
    folder: RunFolder,
    entry: Entry,
    job: Callable[..., Any],
    leads: Callable[[int, int], None],
) -> WorkerMain:
    """Calls the entry's job, in the worker itself: it leads the group of what its jobs start."""
    # Not for commands; and here, where no worker has been forked yet, for all of them.
    from shareout.run.python import worker as python_worker
    from shareout.run.python.binding import Binding
    from shareout.run.python.context import Givers

    binding = Binding(job, plan.pool)

    def duty(post: WorkerSide) -> None:
        open_streams()
        leads(post.slot, world.getpid())
        # Only now: setup may have changed it.
        users = user_environment()

        def show(fraction: float) -> None:
            post.control.floats[1] = fraction

        # In place, by which the environment of the C library changes too: numeric libraries and children read that one.
        os.environ.clear()
        # Numeric libraries that the script has loaded already were pinned before it was: `numerics.restart`.
        os.environ.update(_of_jobs(users, settings))
        os.environ[MARK] = post.mark
        threads = LoadedThreads(users)
        threads.keep_to(int(settings.run.cores_per_job))

        if entry.init_worker is not None and not _prepared(entry.init_worker, settings.parser, post):
            return
        givers = Givers(
            binding.given,
            folder,
            machine,
            slot=post.slot,
            pool_digest=plan.pool_digest,
            config=settings.parser,
            show=show,
        )
        station = python_worker.PythonWorker(
            post,
            job,
            plan,
            binding=binding,
            givers=givers,
            log_level=settings.logging.level,
            share=partial(_share_loaded, threads, users),
        )
        python_worker.serve(station)

    return duty


def _of_jobs(users: Mapping[str, str], settings: Settings) -> dict[str, str]:
    return job_environment(users, int(settings.run.cores_per_job), is_portable=settings.run.is_portable)


def _share(users: Mapping[str, str], given: Given) -> dict[str, str]:
    """What one batch may use, where jobs differ in that, as variables."""
    limits = thread_limits(users, int(Fraction(given.cores))) if given.cores else {}
    return {**limits, seen_gpus(users)[0]: ",".join(given.gpus)} if given.gpus else limits


def _share_loaded(threads: LoadedThreads, users: Mapping[str, str], given: Given) -> dict[str, str]:
    """The same, and what is loaded keeps to it."""
    if given.cores:
        threads.keep_to(int(Fraction(given.cores)))
    return _share(users, given)


def _prepared(init_worker: Callable[[Any], Any], config: Any, post: WorkerSide) -> bool:
    """Whether it went well. If not, the parent is told, and this worker waits for its end."""
    failure: BaseException | None = None
    try:
        init_worker(config)
    except BaseException as error:  # noqa: BLE001
        failure = error
    sys.stdout.flush()
    sys.stderr.flush()
    for stream in Stream:
        if printed := world.pread(stream.number, INLINE_BYTES, 0):
            text = printed.decode("utf-8", "backslashreplace")
            post.send(message("L", {"job": -1, "try": 0, "level": stream, "text": text}))
            empty(stream.number)
    if failure is not None:
        refuse(post.send, post.down, f"init_worker failed: {one_line(failure)}", trace_of(failure))
    return failure is None
