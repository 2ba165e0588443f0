"""Split a huge pile of independent jobs over machines that never talk to each other.

`run(job)` is the whole program: the command line of the script that calls it. Loads nothing else at import.
"""

from __future__ import annotations

# Not taken from `typing`: checkers of types know the name, and nothing is imported for it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

    from shareout.entry import Entry, Group
    from shareout.feeding.feed import Feed
    from shareout.runs import Outcome, Runs, read

__all__ = ["Feed", "Group", "Outcome", "Runs", "read", "run", "run_commands"]


def run(
    job: Callable[..., Any],
    *,
    pool: Iterable[Any] | None = None,
    reduce: Callable[[Any, Any], Any] | None = None,
    initial: Any = None,
    setup: Callable[..., Any] | None = None,
    teardown: Callable[..., Any] | None = None,
    init_worker: Callable[..., Any] | None = None,
    on_result: Callable[[Any], Any] | None = None,
) -> NoReturn:
    """Be the command line: plan, run this machine's share, merge and all the rest, for this job.

    The pool comes from configs/jobs.*, or from an iterable of tuples, dicts or scalars. `setup(config)` and
    `teardown(config)` run once on a machine, in the process that the workers are forked from;
    `init_worker(config)` once in every worker; `on_result(outcome)` in the parent after each job;
    `reduce(so_far, row)` over the merged rows in pool order, beginning with `initial`.
    """
    from shareout.entry import Entry

    _be_the_command_line(
        Entry(
            job,
            pool,
            reduce=reduce,
            initial=initial,
            setup=setup,
            teardown=teardown,
            init_worker=init_worker,
            on_result=on_result,
        )
    )


def run_commands(
    commands: Iterable[str] | None = None,
    *,
    groups: Iterable[Group] = (),
    setup: Callable[..., Any] | None = None,
    teardown: Callable[..., Any] | None = None,
    on_result: Callable[[Any], Any] | None = None,
) -> NoReturn:
    """The same for command lines: an iterable of them, or groups, each a template over its units.

    `run_commands(groups=[Group("to_avi", "ffmpeg -i {} {/.}.avi", videos)])`. Without a machines.json this host
    runs everything.
    """
    from shareout.entry import Entry

    made = tuple(groups)
    if (commands is None) == (not made):
        raise TypeError("run_commands takes either an iterable of command lines, or groups=[Group(...), ...]")
    entry = Entry(None, commands, setup=setup, teardown=teardown, on_result=on_result, groups=made)
    _be_the_command_line(entry)


def _be_the_command_line(entry: Entry) -> NoReturn:
    # Here and not above: processes that a job starts may import the script anew, and need nothing of it.
    from shareout.edges import End, edges

    edges.begin()
    from shareout.cli import main

    raise End(main(entry=entry))


def __getattr__(name: str) -> Any:
    """What is loaded only by those who name it."""
    if name == "Group":
        from shareout.entry import Group

        return Group
    if name == "Feed":
        from shareout.feeding.feed import Feed

        return Feed
    if name in ("read", "Runs", "Outcome"):
        from shareout import runs

        return getattr(runs, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
