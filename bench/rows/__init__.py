"""What is measured: each row the same work, done by us and by what a user would take instead.

A group is made when its turn comes, so that one which cannot be made costs no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from measure import Row
from place import Place
from rows import calls, commands, floor, planning, pools, records, slots, start, together

Group = Callable[[Place], Iterator[Row]]

GROUPS: Mapping[str, Group] = {
    "start": start.of_sources,
    "executable": start.of_executable,
    "plan of lines": planning.of_lines,
    "plan of a grid": planning.of_grid,
    "plan of rows": pools.plans,
    "short commands": commands.short,
    "commands without a shell": commands.without_a_shell,
    "commands with redirections": commands.sent_away,
    "commands for a shell": commands.for_a_shell,
    "parallel": commands.against_parallel,
    "hyperqueue": commands.against_hyperqueue,
    "subprocess": commands.against_futures,
    "jug commands": commands.against_jug,
    "disbatch": commands.against_disbatch,
    "floor": floor.of_commands,
    "pool": calls.against_pool,
    "pool in chunks": calls.against_pool_in_chunks,
    "executor": calls.against_executor,
    "rows from a pool": pools.against_a_grid,
    "rows from a pool, start included": pools.against_pool,
    "commands from a template": pools.from_a_template,
    "joblib": calls.against_joblib,
    "dask": calls.against_dask,
    "jug calls": calls.against_jug,
    "long calls": calls.long,
    "uneven calls": calls.uneven,
    "commands on many slots": slots.of_commands,
    "calls on many slots": slots.of_calls,
    "together": together.of_a_folder,
    "uneven calls, costs known": calls.uneven_with_costs,
    "resume": records.resume,
    "status": records.status,
    "merge": records.merge,
    "merge-logs": records.merge_logs,
}
