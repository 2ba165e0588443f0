"""The environment of every child (jobs, hooks): the user's own, with ours added and the freezer's removed."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# A one-file program's loader sets these for itself; a child that inherits them loads our libraries.
# What is ours is taken away by its name. To let only known names through would cost jobs the modules, licences and
# paths of the user's shell.
_FREEZER = ("_PYI_", "_MEI", "PYINSTALLER_", "_PYINSTALLER_")
_RESTORED = ("LD_LIBRARY_PATH", "LD_PRELOAD", "LIBPATH", "DYLD_LIBRARY_PATH")
PINNED = "SHAREOUT_PINNED"
"""What `numerics.restart` has set beside the user's own, as JSON. No child gets it."""
# Numeric libraries take all cores of the host by themselves: eight jobs beside each other would start sixty-four
# threads.
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def user_environment(environ: Mapping[str, str] | None = None, *, frozen: bool | None = None) -> dict[str, str]:
    """What the user's shell had, also inside a one-file program, and in one that has started itself again."""
    return _unpinned(without_loader(environ, frozen=frozen))


def _unpinned(source: dict[str, str]) -> dict[str, str]:
    told = source.pop(PINNED, "")
    if not told:
        return source
    # Not above: an executable waits for this file before it can say anything.
    import json

    ours = json.loads(told).items()
    # What the script has changed since is its own.
    return {name: value for name, value in source.items() if (name, value) not in ours}


def without_loader(environ: Mapping[str, str] | None = None, *, frozen: bool | None = None) -> dict[str, str]:
    """What this process has, without what a one-file program's loader has put there."""
    source = dict(os.environ if environ is None else environ)
    if not (getattr(sys, "frozen", False) if frozen is None else frozen):
        return source
    for name in _RESTORED:
        original = source.pop(f"{name}_ORIG", None)
        unpacked = source.pop(name, None)
        if original is not None:
            source[name] = original
        # What the script has set itself since: it leads to nothing of ours.
        elif unpacked is not None and "_MEI" not in unpacked:
            source[name] = unpacked
    return {name: value for name, value in source.items() if not name.startswith(_FREEZER)}


def thread_limits(users: Mapping[str, str], cores: int) -> dict[str, str]:
    """What makes numeric libraries keep to the job's cores; of that, what the user did not set."""
    return {name: str(max(1, cores)) for name in _THREADS if name not in users}


def with_threads(users: Mapping[str, str], cores: int) -> dict[str, str]:
    """The user's environment with these limits."""
    return {**thread_limits(users, cores), **users}


def told_folder(environ: Mapping[str, str] | None = None) -> str:
    """PWD as a shell has it when it starts: what it was, where that is here; else where we are; empty where nobody
    can tell."""
    told = (os.environ if environ is None else environ).get("PWD", "")
    try:
        if told.startswith("/") and os.path.samestat(os.stat(told), os.stat(".")):
            return told
    except OSError:
        # It leads nowhere any more.
        pass
    try:
        return os.getcwd()
    except OSError:
        return ""


def encoded(environment: Mapping[str, str]) -> dict[bytes, bytes]:
    """As bytes, once: a spawn encodes the whole environment of every command otherwise."""
    return {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}


def as_in_its_file(text: str) -> bytes:
    """Text of an input, which was read as UTF-8 with odd bytes let through: its bytes again, whatever the locale is."""
    return text.encode("utf-8", "surrogateescape")
