"""What a call of `run` asks for that a plan may not have; and `--dry-run`, the jobs that it would run."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from shareout.choices import Order
from shareout.cli.run_flags import Screen
from shareout.errors import UsageError, nearest
from shareout.plan.plan import Plan
from shareout.pool import Pool

AT_ONCE = 5000
NAMED = 12
_TABLES = (".csv", ".tsv", ".json")


def is_table(results: Path | None) -> bool:
    """As GNU parallel has it: `--results NAME.csv` is a table, any other name a folder."""
    return results is not None and results.suffix in _TABLES


def check_asked(plan: Plan, groups: Sequence[str], screen: Screen, is_command: bool, results: Path | None) -> None:
    """Refuses what cannot be kept, each with its way out."""
    for name in groups:
        if name not in plan.pool.groups:
            raise UsageError(f'no group is named "{name}"{nearest(name, plan.pool.groups)}', way_out=_known(plan))
    if screen.tag:
        from shareout.pool.templates.template import Template

        # What its fields are is refused here, before anything is recorded.
        Template(screen.tag, getattr(plan.pool, "names", None), for_shell=False)
    if screen.keep_order:
        _check_order(plan, is_command)
    if results is not None:
        _check_results(results, is_command)


def _check_order(plan: Plan, is_command: bool) -> None:
    if not is_command:
        raise UsageError(
            "--keep-order is about what commands print", way_out="merge-results has the results in pool order."
        )
    # Shuffled jobs could be shown in order too, but only by holding back nearly all that they print to the end.
    if plan.order != Order.GIVEN:
        raise UsageError(
            "--keep-order needs jobs that run in the order of the pool, and these are shuffled",
            way_out="Add --order given: every machine then gets a stretch of the pool (and another digest).",
        )


def _check_results(results: Path, is_command: bool) -> None:
    if not is_command:
        raise UsageError(
            "--results is about what commands print", way_out="merge-results -o results.csv has what jobs return."
        )
    if is_table(results):
        return
    if results.exists() and not results.is_dir():
        raise UsageError(f"{results} is there already and is no folder", way_out="Name a folder after --results.")


def print_jobs(ids: Iterable[int], pool: Pool, groups: Sequence[str], limit: int | None, is_command: bool) -> int:
    """One a line, as they would be run; `ids` in running order."""
    chosen = (job for job in ids if not groups or pool.group(job) in groups)
    lines = (
        (pool.command(job) if is_command else pool.row(job).text).encode("utf-8", "surrogateescape")
        for job in islice(chosen, limit)
    )
    while block := list(islice(lines, AT_ONCE)):
        sys.stdout.buffer.write(b"\n".join(block) + b"\n")
    sys.stdout.buffer.flush()
    return 0


def _known(plan: Plan) -> str:
    names = list(plan.pool.groups)
    if not names:
        return "This pool has no groups: `#SHAREOUT GROUP name` or a field `group` make some."
    return f"Groups are {', '.join(names[:NAMED])}{' …' if len(names) > NAMED else ''}."
