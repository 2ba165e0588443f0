"""What a run finds before it starts: the request, its run directory, and what an earlier run left there."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shareout._version import VERSION
from shareout.code_hash import code_hash
from shareout.config import Settings
from shareout.entry import Entry
from shareout.errors import UsageError, cannot_record
from shareout.events import Listener
from shareout.fields import dataclass
from shareout.files import sync_names
from shareout.plan.plan import Plan, Share
from shareout.pool import STREAM
from shareout.record.folder import RunFolder
from shareout.record.journal import Header, attempt_line
from shareout.record.outcome import Attempt, State
from shareout.record.reader import incarnations_of, told
from shareout.record.tallies.standing import FAILED
from shareout.record.tallies.states import PAGE
from shareout.record.tallies.tally import Tally
from shareout.record.writer import JournalWriter
from shareout.run.host.cores import granted_memory
from shareout.supply.static import Wanted
from shareout.units import counted
from shareout.world import world

if TYPE_CHECKING:
    from shareout.adopt.adopting import Adopt
    from shareout.joining.request import JoinRequest, Wishes
    from shareout.record.foreign.status_file import StatusFile
    from shareout.record.logs.segments import LogWriter
    from shareout.run.output.slots import OutputSink

OPEN_PER_SLOT = 3
OPEN_BESIDES = 28


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What `run` was asked for, all checked."""

    plan: Plan
    settings: Settings
    machine: str
    runs: Path
    entry: Entry | None = None
    retry_failed: bool = False
    most: int | None = None
    in_place: bool = False
    """Whatever it is known to take, a job goes by its position: the first of a share are then a random sample."""
    groups: tuple[str, ...] = ()
    """Run only jobs of these; empty: all."""
    tee: bool = False
    keep_order: bool = False
    line_buffer: bool = False
    """Print what a job prints as it comes, and not at its end."""
    tag: str | None = None
    """What stands before each line on the screen; None: the job's id."""
    results: Path | None = None
    hearers: tuple[OutputSink, ...] = ()
    """Who else is given what jobs print."""
    resume_from: tuple[Path, ...] = ()
    """disBatch's status files, whose tasks are taken over."""
    force_resume: bool = False
    join: JoinRequest | None = None
    """Take part in a ledger; None: alone."""
    is_alone: bool = False
    """That was said by a person."""
    adopt: Adopt | None = None
    """Take over what earlier lists have done, where the text is the same."""
    columns: tuple[str, ...] = ()
    """What the results are called in a table."""
    keep_call: Callable[[RunFolder], None] = lambda folder: None
    """Writes down what the run was called with, once its directory is ours."""

    @property
    def is_limited(self) -> bool:
        """Whether it is over before all is done, as it was asked for."""
        return self.most is not None or bool(self.groups)

    @property
    def told_groups(self) -> str:
        """For people, behind how many jobs there are."""
        return f", only of {', '.join(self.groups)}" if self.groups else ""

    def wishes(self, files: Sequence[StatusFile], log: LogWriter) -> Wishes:
        """For who shares work with others. `files`: what of these has ended is not to run."""
        from shareout.joining.request import Wishes
        from shareout.run.output.letters import ended_in_file

        ended = ended_in_file(self.plan)
        if files:
            from shareout.adopt.status_files import EndedThere

            # A list of disBatch's has no letters.
            ended = EndedThere(files, self.plan, log)
        return Wishes(self.most, wanted_of(self.plan, self.groups), self.in_place, ended)


def refuse_the_countless(share: Share) -> None:
    """A run keeps a byte for each thousand jobs of its share that stand alike, and more of others: what is done."""
    # Refused now, in words: later it would be the kernel that ends the run, or a MemoryError in the middle of it.
    jobs, most = len(share), granted_memory() // 2 * PAGE
    if jobs > most:
        raise UsageError(
            f"this share is of {jobs:,} jobs; a run keeps a byte of memory for each thousand, "
            f"and here is room for {most:,} jobs",
            way_out="Do more work in each job, or give the pool in parts.",
        )


def refuse_to_part(folder: RunFolder) -> None:
    """A machine that has shared its work does not know what of its share others have done."""
    starts = incarnations_of(folder)
    if starts and starts[-1].header.is_joined:
        raise UsageError(
            f"{folder.path.name} has shared its work with other machines, and may not know all that they have done",
            way_out="Say --join DIR as before; or --alone, to run what of its own share is not known here as done.",
        )


def refuse_too_many(slots: int) -> None:
    """Each slot takes three open files of ours (two pipes and its end of the lifeline), and some are open besides."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = max(0, (most - OPEN_BESIDES) // OPEN_PER_SLOT)
    if most != resource.RLIM_INFINITY and slots > room:
        raise UsageError(
            f"{counted(slots, 'job')} at once are too many for the {most} files that may be open here: "
            f"they allow {counted(room, 'job')}",
            way_out="Say -j N with fewer, or let a process open more files (`ulimit -n`).",
        )


def make_folder(request: RunRequest) -> RunFolder:
    """The run's own folder, its name safe on the disk. CannotRecord when nothing can be written there."""
    # Absolute: the user's own code may change the folder that we are in.
    folder = RunFolder.of(request.runs.absolute(), request.plan.origin, request.machine)
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        # To try it is the only way to know: rights say nothing of quotas, read-only mounts and root.
        probe = folder.path / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
        # The journal is as safe as the names that lead to it.
        for above in (folder.path.parent, folder.path.parent.parent, folder.path.parent.parent.parent):
            sync_names(above)
    except OSError as error:
        raise cannot_record(folder.path, error, way_out="Name another place with --runs DIR.") from error
    return folder


@contextmanager
def recording(runs: Path) -> Iterator[None]:
    """What the world refuses of a run's own directory is what the run cannot record, wherever that shows."""
    try:
        yield
    except OSError as error:
        path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes | os.PathLike) else Path()
        # An error that names no path, or one elsewhere, is not about the record: it is an input's, or an output's.
        if not path.is_relative_to(runs.absolute()):
            raise
        raise cannot_record(path, error, way_out="Nothing that is recorded is lost.") from error


def header_of(request: RunRequest, share: Share) -> Header:
    """What the first line of the journal says of this run."""
    plan = request.plan
    return Header(
        plan.hex,
        plan.pool_digest.hex(),
        machine=request.machine,
        jobs=plan.jobs,
        ranges=share.ranges,
        audit=share.audit,
        version=VERSION,
        code=code_hash(),
        kind=plan.kind,
        ancestors=plan.ancestors,
        pool_jobs=plan.total if plan.ancestors else 0,
        order=plan.order,
        phases=tuple(phase.start for phase in plan.pool.phases) if len(plan.pool.phases) > 1 else (),
        stream=plan.pool.kind == STREAM,
        work=plan.work.hex(),
        columns=request.columns,
        origin=plan.origin_hex,
    )


def tell_damage(tally: Tally, views: Sequence[Listener]) -> None:
    """What is wrong in the journals that a run goes on with, to everybody who watches."""
    for sentence in told(tally.damage):
        for view in views:
            view.said(sentence)


def requeue_failed(tally: Tally, writer: JournalWriter, plan: Plan, groups: Collection[str]) -> None:
    """`--retry-failed`: what failed is to do again; that it was asked for is recorded as well."""
    now = world.time()
    # By searches of the bytes: a share may have a billion positions, and three that failed.
    at = tally.states.find(FAILED)
    while at >= 0:
        position = tally.position(at)
        job, tries = plan.job_at(position), tally.tries.get(position, 1)
        if not groups or plan.pool.group(job) in groups:
            again = Attempt(job, position, tries, state=State.REQUEUED, start=now, end=now, slot=0)
            writer.append(attempt_line(again))
            # In memory as well: the supply hands out what the tally calls new, and never looks into the journal.
            tally.apply(again)
        at = tally.states.find(FAILED, at + 1)


def wanted_of(plan: Plan, groups: Collection[str]) -> Wanted | None:
    """The positions of jobs in these groups; None: all."""
    if not groups:
        return None
    chosen, group = frozenset(groups), plan.pool.group

    def wanted(start: int, stop: int) -> bytes:
        return bytes([group(job) in chosen for job in plan.jobs_between(start, stop)])

    return wanted
