"""Processes that a job starts by multiprocessing, in an executable: it is the program that they start."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from shareout.edges import edges


def serve(words: list[str]) -> None:
    """Does not return when we were started to be such a process."""
    of_tracker = words[-2:-1] == ["-c"] and words[-1].startswith("from multiprocessing.")
    if "--multiprocessing-fork" not in words and not of_tracker:
        return
    edges.release()
    # Not by a literal import: whoever does not use it need not carry it.
    spawn: Any = import_module("multiprocessing.spawn")
    prepare = spawn.prepare

    def prepare_here(facts: dict[str, Any]) -> None:
        """Without the parent's paths: we are unpacked elsewhere, and our main module is the entry already."""
        told_elsewhere = ("sys_path", "init_main_from_path", "init_main_from_name")
        prepare({name: value for name, value in facts.items() if name not in told_elsewhere})

    # There is no hook for it; the function is looked up by its name when the child begins.
    spawn.prepare = prepare_here
    import_module("multiprocessing").freeze_support()
