"""What `serve` is told of jobs that come while it goes on: `-`, `--from CMD`, `--stream NAME`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shareout.cli.options import Common
from shareout.errors import UsageError
from shareout.names import why_no_name
from shareout.pool.stream import ROWS

if TYPE_CHECKING:
    from shareout.plan.plan import Plan
    from shareout.serving.lanes import Lanes
    from shareout.serving.source import Source
    from shareout.serving.stream import Stream
    from shareout.stores.nats.store import NatsStore


def is_stream(arguments: argparse.Namespace) -> bool:
    """Whether they come; what is separated otherwise than by lines, or is no list of them, is read whole."""
    whole = (arguments.delimiter, arguments.each, arguments.sources or None)
    is_list = all(one is None for one in whole) and not arguments.null and arguments.kind in (None, ROWS)
    if arguments.stream is None and arguments.source is None:
        return arguments.pool == "-" and is_list
    if not is_list:
        raise UsageError("a job of a stream is a line", way_out="Leave out -0, -d, -N and --arg; --as may be jsonl.")
    if arguments.source is not None and arguments.pool is not None:
        raise UsageError(f"jobs come from --from, and {arguments.pool} is named as well", way_out="Leave one out.")
    if arguments.pool not in (None, "-"):
        raise UsageError(
            f"--stream is of jobs that come, and {arguments.pool} is a list",
            way_out="Leave --stream out; or - for lines of standard input.",
        )
    return True


def stream_file(arguments: argparse.Namespace, common: Common) -> Path:
    """The file that names it. Without a name it has one of its own, by which it goes on."""
    from shareout.pool.given import keep_file
    from shareout.pool.stream import ENDING, stream_text

    name = arguments.stream or f"stream-{os.urandom(4).hex()}"
    if why := why_no_name(name) or ("has a slash" if "/" in name else ""):
        raise UsageError(f"{name!r} cannot be a stream's name: it {why}", way_out="Say --stream NAME.")
    return keep_file([stream_text(name, arguments.kind or "")], common.runs / "pools", ENDING, name)


def source_of(arguments: argparse.Namespace) -> Source | None:
    """Where its lines come from; None: from programs alone, or it is no stream."""
    if not is_stream(arguments):
        return None
    from shareout.serving.source import of_command, of_standard_input

    if arguments.source is not None:
        return of_command(arguments.source)
    return of_standard_input() if arguments.pool == "-" else None


def stream_on(net: NatsStore, plan: Plan, lanes: Lanes, source: Source | None, stack: ExitStack) -> Stream | None:
    """Where the pool is one."""
    from shareout.pool.stream import StreamPool
    from shareout.serving.stream import Stream

    if not isinstance(plan.pool, StreamPool):
        return None
    if source is not None:
        source.of_jobs(partial(plan.pool.check, kind=plan.kind), of_rows=not plan.pool.gives_lines)
    stream = Stream(net, plan.pool, source, lambda: lanes.asked, lambda: lanes.left)
    stack.callback(stream.close)
    lanes.on_ask = stream.heard
    return stream


def given_by(plan: Plan) -> Callable[[int], Any]:
    """A job as it was given: its line, or what its row says."""
    pool = plan.pool

    def given(job: int) -> Any:
        try:
            row = pool.arguments(job)
        except ValueError:
            # A program that speaks to the ledger itself may have given what is no row.
            return None
        return row[0] if isinstance(row, tuple) and len(row) == 1 else row

    return given
