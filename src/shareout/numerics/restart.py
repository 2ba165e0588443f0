"""Starts a Python program again with its numerics pinned, before its script is loaded.

Libraries read their variables when they are loaded, and libm's are read before Python itself begins. When an entry
script calls `run` it has loaded numpy already, and workers are forked from it: to set anything for them then changes
nothing, silently. Workers that are started anew instead of forked would load the script and what `setup` has read once
each, and none of it would be shared. So the program is started again in its own place: the same process, words and
environment, with the pins. It costs the time to load the script a second time.

`environment.PINNED` tells the second one what was set, so that hooks get none of it and that it is not done again.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from shareout.environment import PINNED
from shareout.errors import UsageError
from shareout.numerics.pins import pins

PROC = Path("/proc/self")


def start_again_pinned() -> None:
    """Returns only when there is nothing to set any more. Call before anything is read from standard input."""
    # Jobs run on Linux alone.
    if not sys.platform.startswith("linux") or PINNED in os.environ:
        return
    # Not os.environ: a one-file program's loader must find what it was started with, and what the script itself has
    # set it sets again.
    found = _environment()
    wanted = {os.fsencode(name): os.fsencode(value) for name, value in pins(_decoded(found)).items()}
    if not wanted:
        return
    words = _words()
    told = json.dumps({os.fsdecode(name): os.fsdecode(value) for name, value in wanted.items()})
    # In its place and not as a child: the number, the terminal and whoever waits for us stay what they are.
    # Nothing is flushed before: what the script has printed so far it prints again.
    os.execve(_program(), words, {**found, **wanted, PINNED.encode(): told.encode()})


def _environment() -> dict[bytes, bytes]:
    """What this process was started with."""
    try:
        parts = (PROC / "environ").read_bytes().split(b"\0")
    except OSError:
        return dict(os.environb)
    return dict(pair for part in parts if (pair := _pair(part)) is not None)


def _pair(part: bytes) -> tuple[bytes, bytes] | None:
    name, found, value = part.partition(b"=")
    return (name, value) if found and name else None


def _decoded(environment: Mapping[bytes, bytes]) -> dict[str, str]:
    return {os.fsdecode(name): os.fsdecode(value) for name, value in environment.items()}


def _words() -> list[str]:
    if sys.argv[:1] in ([], [""], ["-"]):
        raise UsageError(
            "[run] numerics = portable starts the script again, and this one was read from standard input",
            way_out="Put it into a file.",
        )
    # In an executable Python's own record of them is not what the loader was started with.
    if getattr(sys, "frozen", False):
        return [os.fsdecode(word) for word in (PROC / "cmdline").read_bytes().split(b"\0")[:-1]]
    return [_program(), *sys.orig_argv[1:]]


def _program() -> str:
    return sys.executable or os.readlink(PROC / "exe")
