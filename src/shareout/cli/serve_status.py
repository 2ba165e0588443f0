"""What `serve` takes over for all hosts from status files of disBatch's: `--resume-from`, `-R`, `--force-resume`."""

from __future__ import annotations

import argparse
from pathlib import Path

from shareout.cli.inputs.shared_work import as_files, status_files
from shareout.errors import UsageError
from shareout.fields import dataclass
from shareout.plan.plan import Plan
from shareout.plan.shares.said import PYTHON
from shareout.pool import STREAM
from shareout.record.foreign.status_file import StatusFile


@dataclass(frozen=True, slots=True)
class StatusAsked:
    """The flags."""

    paths: tuple[Path, ...]
    failed_too: bool
    force: bool

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> StatusAsked:
        """Refused where they cannot be meant."""
        if arguments.retry_failed and not arguments.resume_from:
            raise UsageError(
                "-R is about what --resume-from tells", way_out="What has failed here runs again by `requeue --failed`."
            )
        return cls(as_files(arguments.resume_from), failed_too=not arguments.retry_failed, force=arguments.force_resume)

    def files(self, plan: Plan) -> tuple[StatusFile, ...]:
        """Refused where one of them tells of another list, or of no list of commands."""
        if self.paths and (plan.kind == PYTHON or plan.pool.kind == STREAM):
            raise UsageError(
                "--resume-from is for a list of commands",
                way_out="What a Python job returned, or which lines will come, is in no status file.",
            )
        return status_files(self.paths, plan, failed_too=self.failed_too, force=self.force)


def add_status(group: argparse._ArgumentGroup) -> None:
    """As of `run`."""
    add = group.add_argument
    add("--resume-from", action="append", default=[], metavar="FILE", help="take over a status file of disBatch's")
    add("-R", "--retry-failed", action="store_true", help="but for what failed by it: that runs again")
    add("--force-resume", action="store_true", help="the same, by task numbers alone")
