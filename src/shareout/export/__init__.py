"""Runs → the files that other tools keep of theirs: a format a file, all behind one contract.

A format is a function from `Runs` to pieces of its file. It takes what it needs: jobs that have ended, in the order
in which they did; the state of every job, in pool order; what a job printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shareout.export.runs import Ended, Runs

__all__ = ["FORMATS", "Ended", "Export", "Runs", "export_form"]

Export = Callable[[Runs], Iterator[bytes]]

FORMATS = {
    "disbatch": "disBatch's status file",
    "runmaker": "Runmaker's runs.txt, with the states",
    "joblog": "GNU parallel's --joblog",
    "spit": "the log of spit's server: give, stats, mark-done, mark-failed",
}


def export_form(name: str) -> Export:
    """By its name, which is one of FORMATS."""
    if name == "disbatch":
        from shareout.export.disbatch import status_lines

        return status_lines
    if name == "runmaker":
        from shareout.export.runmaker import runs_lines

        return runs_lines
    if name == "joblog":
        from shareout.export.joblog import joblog_lines

        return joblog_lines
    if name == "spit":
        from shareout.export.spit import log_lines

        return log_lines
    raise KeyError(name)
