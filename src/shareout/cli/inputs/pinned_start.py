"""Whether a Python program must start again before its script may be used: `[run] numerics = portable`."""

from __future__ import annotations

import argparse

from shareout.cli.options import Common
from shareout.config import load_settings
from shareout.entry import Entry, runs_commands
from shareout.errors import ShareoutError
from shareout.numerics.restart import start_again_pinned


def start_again_if_portable(arguments: argparse.Namespace, entry: Entry | None) -> None:
    """For every command that has inputs, not only for those that run jobs: a pool from code, and `reduce`, are made by
    the same libraries, and must say the same in `plan` as in `run`."""
    if runs_commands(entry) or not hasattr(arguments, "configs"):
        return
    try:
        settings = load_settings(Common.of(arguments).configs)
    except ShareoutError:
        # The command itself tells it, with all other mistakes of the inputs.
        return
    if settings.run.is_portable:
        start_again_pinned()
