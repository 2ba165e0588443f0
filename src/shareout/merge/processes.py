"""The same work in several processes of ours, each with its part; the first that fails ends them all.

What they found comes back as JSON. Where there is no fork, the parts are done one after the other.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from shareout.errors import CannotWrite, RunDirectoryDamaged
from shareout.linux import die_with_parent

MOST = 4


class Never(Exception):
    """Nothing raises it."""


Work = Callable[[int], dict[str, Any]]


def how_many() -> int:
    """As many as this process may use cores, up to four: beyond that the disk decides."""
    if not hasattr(os, "fork") or not hasattr(os, "sched_getaffinity"):
        return 1
    return max(1, min(MOST, len(os.sched_getaffinity(0))))


def divided(count: int, work: Work, again: type[Exception] = Never) -> list[dict[str, Any]]:
    """`work(0)` … `work(count-1)`, at the same time; their answers in this order. `again` is raised here as well
    when one of them raises it."""
    if count == 1:
        return [work(0)]
    children: dict[int, int] = {}
    pipes: list[int] = []
    parent = os.getpid()
    try:
        # By fork and pipes, and not by multiprocessing: a worker of its that is killed leaves a parent that waits for
        # ever, and every executable would have to carry it.
        for number in range(count):
            reader, writer = os.pipe()
            with warnings.catch_warnings():
                # Of threads there are at most the idle ones of the hash function, which a child does not need.
                warnings.simplefilter("ignore", DeprecationWarning)
                # All that was read so far is there in the child, at no cost. A fresh process would read headers and
                # proofs again.
                pid = os.fork()
            if pid == 0:
                _be_child(partial(work, number), parent, writer, [reader, *pipes], again)
            os.close(writer)
            pipes.append(reader)
            children[reader] = pid
        return _collected(pipes, children, again)
    finally:
        for reader, pid in children.items():
            os.close(reader)
            try:
                # Not asked to end: a child has nothing to put in order. Its temporary files have no names, and the
                # draft of the table is its parent's.
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.waitpid(pid, 0)


def _collected(pipes: list[int], children: dict[int, int], again: type[Exception]) -> list[dict[str, Any]]:
    said: dict[int, bytearray] = {reader: bytearray() for reader in pipes}
    answers: dict[int, dict[str, Any]] = {}
    waiting = set(pipes)
    while waiting:
        # From all at once, and not one after the other: a child that ends without an answer of its own, whatever the
        # reason, keeps its turn in the table to itself (`Relay`), and those that wait for it would never end; nor would
        # who listens to one of these, or waits for all before looking at what one has said.
        for reader in select.select(list(waiting), [], [])[0]:
            data = os.read(reader, 1 << 20)
            said[reader] += data
            if not data:
                waiting.discard(reader)
                answers[reader] = _answer(said.pop(reader), children[reader], again)
    return [answers[reader] for reader in pipes]


def _answer(said: bytearray, pid: int, again: type[Exception]) -> dict[str, Any]:
    """What a child has found; raises what ended it early."""
    try:
        # Nothing, or the beginning of an object, is no JSON: both are of a child that could not say more.
        facts: dict[str, Any] = json.loads(said)
    except ValueError:
        raise CannotWrite(
            f"process {pid} of the merge was killed",
            way_out="Nothing was written. Was the memory short? Run the same command again.",
        ) from None
    if "again" in facts:
        raise again
    if "cannot" in facts:
        raise CannotWrite(facts["cannot"], way_out=facts["way_out"])
    if "damaged" in facts:
        raise RunDirectoryDamaged(facts["damaged"], way_out=facts["way_out"])
    if "refused" in facts:
        raise OSError(*facts["refused"])
    if "trace" in facts:
        raise RuntimeError(facts["trace"])
    return facts


def _be_child(
    work: Callable[[], dict[str, Any]], parent: int, writer: int, others: list[int], again: type[Exception]
) -> None:
    """Never returns."""
    try:
        # Only the parent ends those that wait for one that has failed: without it they would be there for ever.
        die_with_parent(signal.SIGKILL, parent)
        for handle in others:
            os.close(handle)
        # A part makes millions of small objects and then ends: there is nothing to collect.
        gc.disable()
        try:
            facts = work()
        except OSError as error:
            facts = {"refused": [error.errno, error.strerror, error.filename]}
        except CannotWrite as error:
            facts = {"cannot": error.what, "way_out": error.way_out}
        except RunDirectoryDamaged as error:
            facts = {"damaged": error.what, "way_out": error.way_out}
        except again:
            facts = {"again": True}
        except Exception:  # noqa: BLE001
            facts = {"trace": traceback.format_exc()}
        data = memoryview(json.dumps(facts).encode())
        while data:
            data = data[os.write(writer, data) :]
    except BaseException:  # noqa: BLE001
        # Interrupted together with the parent, or the parent is gone: there is nobody to tell.
        pass
    finally:
        # Past Python's own end: buffers and handlers that were copied from the parent are not this process's to flush
        # or to run.
        os._exit(0)
