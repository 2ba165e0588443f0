"""What is asked of Linux by number: prctl, and a limit that has no name. Elsewhere the questions answer "no"."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
RLIMIT_LOCKS = 10


def die_with_parent(number: int, parent: int) -> None:
    """Be sent a signal when the parent dies; at once when it is gone already."""
    if _prctl(PR_SET_PDEATHSIG, number) and os.getppid() != parent:
        os.kill(os.getpid(), number)


def adopt_orphans() -> bool:
    """Become the parent of every descendant whose own parent dies."""
    return _prctl(PR_SET_CHILD_SUBREAPER, 1)


def mark_descendants(number: int) -> None:
    """Set a resource limit that Linux keeps and does not heed: all that descends from us has it, and it tells them."""
    if sys.platform.startswith("linux"):
        import resource

        with suppress(OSError, ValueError):
            resource.setrlimit(RLIMIT_LOCKS, (number, resource.getrlimit(RLIMIT_LOCKS)[1]))


def _prctl(option: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)
