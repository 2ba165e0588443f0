"""How this program is called again, for what is to be a process of its own."""

from __future__ import annotations

import os
import sys

from shareout.entry import Entry


def own_program(entry: Entry | None) -> list[str]:
    """The executable, or this Python with the module or the user's script."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, *(["-m", "shareout"] if entry is None else [os.path.abspath(sys.argv[0])])]
