"""Split a huge pile of independent jobs over machines that never talk to each other.

`run(job)` is the whole program: the command line of the script that calls it. Loads nothing else at import.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

__all__ = ["run"]


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
    import sys

    from shareout.cli import main
    from shareout.entry import Entry

    sys.exit(main(entry=Entry(job, pool, reduce, initial, setup, teardown, init_worker, on_result)))
