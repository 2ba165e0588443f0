"""What ended before this run knew of it is taken over, not run again: the tasks of a status file (`--resume-from`), the
states that a runs.txt came with, and what an earlier list has done (`--adopt`).

Only jobs that have no history of their own here: what `requeue` took back stays taken back.
"""

from __future__ import annotations

import shutil
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from shareout.errors import RunDirectoryDamaged
from shareout.fields import replace
from shareout.plan.plan import Plan, Share
from shareout.pool.runmaker import LETTERS, RunmakerPool
from shareout.ranges import common
from shareout.record.belonging import own_ranges
from shareout.record.folder import RunFolder
from shareout.record.foreign.outcome import Earlier
from shareout.record.journal import TAKEN_OVER, Header, attempt_line
from shareout.record.logs.segments import LogWriter, machine_word
from shareout.record.reader import incarnations_of
from shareout.record.tallies.saved import tally_of
from shareout.record.tallies.standing import NEW
from shareout.record.tallies.tally import Tally
from shareout.record.writer import JournalWriter, session_now
from shareout.run.request import RunRequest
from shareout.units import counted
from shareout.world import world

if TYPE_CHECKING:
    from shareout.adopt.adopting import Adopted

LOT = 1000


def take_over(earlier: Iterable[Earlier], plan: Plan, tally: Tally, writer: JournalWriter, log: LogWriter) -> int:
    """Records those of this machine's share, as they come. How many they were."""
    count = 0
    lines: list[bytes] = []
    for one in earlier:
        try:
            position = plan.position_of(one.job)
        except IndexError:
            # Done before a rebalance: it is not among the jobs of this plan.
            continue
        # What is to do, and has tries behind it, was requeued here: that a person asked for it outranks the other tool.
        if tally.index(position) < 0 or tally.state(position) != NEW or tally.attempts_of(position):
            continue
        attempt = one.attempt(position)
        tally.apply(attempt)
        lines.append(attempt_line(attempt))
        if len(lines) == LOT:
            writer.append(b"".join(lines))
            lines.clear()
        for stream, (_, text) in one.printed.items():
            log.record(text, level=stream, job=one.job, attempt=1)
        count += 1
    writer.append(b"".join(lines))
    return count


def take_over_all(request: RunRequest, folder: RunFolder, header: Header, tally: Tally, log: LogWriter) -> None:
    """Of the pool's own letters and of status files, in a journal of its own: no part of how long this run takes."""
    plan = request.plan
    # Where hosts share the file, whoever would begin a job heeds what stands there then.
    earlier = [] if request.join else [of_pool(plan)]
    if request.resume_from:
        from shareout.adopt.status_files import of_status_files

        earlier.append(
            of_status_files(request.resume_from, plan, failed_too=not request.retry_failed, force=request.force_resume)
        )
    for told in earlier:
        first = next(told, None)
        if first is None or not tally.todo:
            continue
        writer = JournalWriter(folder, replace(header, start=session_now("start", TAKEN_OVER)))
        try:
            count = take_over(chain([first], told), plan, tally, writer, log)
            writer.end(TAKEN_OVER)
            writer.sync()
            if not writer.discard_if_it_adds_nothing():
                tally.parts[writer.path.name] = writer.part()
        finally:
            writer.close()
        log.record(f"taken over from {first.origin}: {count} jobs of this share that had ended before")


def adopt(
    request: RunRequest, folder: RunFolder, header: Header, tally: Tally, *, log: LogWriter, said: Callable[[str], None]
) -> None:
    """What earlier lists have done of this machine's own share, if that is asked for. Of an adoption that was cut off
    only the rest is done."""
    asked, plan = request.adopt, request.plan
    if asked is None:
        return
    from shareout.adopt.adopting import adoptable, places_of

    def places() -> array[int]:
        new = common(tally.stretches(NEW), plan.share(request.machine).ranges)
        return places_of(plan, new, [at for at in tally.tries if tally.index(at) >= 0])

    count = 0
    for found in adoptable(asked, plan, request.settings, places, said):
        # The outputs first: who is killed between them finds these again, and loses none.
        _copy_outputs(found, folder, header.machine, log, said)
        writer = found.write(folder, header, tally.adopt)
        tally.parts[writer.path.name] = writer.part()
        log.record(f"adopted from {found.done.folder.path}: {counted(len(found.done.lines), 'job')}")
        count += len(found.done.lines)
    said(f"{counted(count, 'job')} of this share adopted from earlier lists; {tally.todo:,} to do")


def _copy_outputs(found: Adopted, folder: RunFolder, machine: str, log: LogWriter, said: Callable[[str], None]) -> None:
    from shareout.adopt.records import printed

    done = found.done
    # Of an adoption that was killed before it had recorded them: the very same records, which no other try leaves.
    new = {found.ids[job] for job in done.lines}
    here = Counter(printed(folder, new, {}, said))
    word = machine_word(machine)
    records: list[bytes] = []
    for job, when, rest in printed(done.folder, done.lines, done.tries, said):
        fresh = found.ids[job]
        # Counted, not only known: the lines of one output have one time, and may be alike.
        if here and here[fresh, when, rest] > 0:
            here[fresh, when, rest] -= 1
            continue
        records.append(b"%b %b job=%d try=1 %b\n" % (when, word, fresh, rest))
        if len(records) == LOT:
            log.copy(b"".join(records))
            records.clear()
    log.copy(b"".join(records))
    log.flush()
    if not done.folder.job_log(0).parent.parent.is_dir():
        return
    for job in done.lines:
        theirs = done.folder.job_log(job)
        if theirs.is_file():
            path = folder.job_log(found.ids[job])
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(theirs, path)


def see_elsewhere(plan: Plan, share: Share, folder: RunFolder, tally: Tally, said: Callable[[str], None]) -> int:
    """What journals of other machines at hand prove of this share, which was theirs under other weights. How many."""
    before = tally.done
    runs = folder.path.parent
    for name in sorted(world.listdir(runs)):
        if name == folder.path.name:
            continue
        try:
            _see(RunFolder(runs / name), plan, share, tally)
        # Not refused: it is no fault of this machine's, and what runs twice is kept once by the merge.
        except RunDirectoryDamaged as error:
            said(f"{'; '.join(error.lines())}; what {name} has done of this share is not known here, and runs again")
    return tally.done - before


def _see(other: RunFolder, plan: Plan, share: Share, tally: Tally) -> None:
    """Of one machine; not read where its shares never met this one."""
    starts = incarnations_of(other)
    if not starts or (starts[-1].header.origin, starts[-1].header.work) != (plan.origin_hex, plan.work.hex()):
        return
    met = common(own_ranges([one.header for one in starts]), share.ranges)
    if met:
        # By the cache of that machine, where its hash proves it: a start then costs a hash of its journals, and no
        # reading.
        tally.done_elsewhere(tally_of(other, starts[-1].header, plan.ids_of(plan.origin_hex)), met)


def of_pool(plan: Plan) -> Iterator[Earlier]:
    """What the letters of a runs.txt say: `d` is done, `!` and `e` failed, one that Runmaker
    does not know is skipped. All of it when the file was last changed."""
    pool = getattr(plan.pool, "whole", plan.pool)
    if not isinstance(pool, RunmakerPool):
        return
    path = pool.inputs[0].path
    when = path.stat().st_mtime
    for job, letter in pool.ended():
        yield Earlier(job, 0 if letter == "d" else 1, when, when, path.name, is_skipped=letter not in LETTERS)
