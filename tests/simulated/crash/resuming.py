"""Goes on from states, in the simulated world or on Linux, and looks whether the laws hold."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

from shareout.record.journal import parse
from shareout.record.logs.segments import DamagedLog, read_segment
from shareout.record.outcome import Attempt
from shareout.record.outcome import State as Word
from shareout.run.request import RunRequest
from shareout.run.session import run_share
from simulated.crash.case import JOBS, crash_case
from simulated.crash.states import State
from simulated.host import Host
from simulated.laws import Broken, good_lines
from simulated.merging import check_merge
from simulated.system.disk import Inode


def attempts_in(journal: bytes) -> list[Attempt]:
    """What stands in a journal."""
    whole = journal[: journal.rfind(b"\n") + 1].split(b"\n")[:-1]
    records = [parse(line) for line in good_lines(whole)]
    return [one for one in records if isinstance(one, Attempt)]


def done_in(journal: bytes) -> set[int]:
    """Jobs that it has as done."""
    return {one.job for one in attempts_in(journal) if one.state is Word.DONE}


def check_state(state: State) -> str:
    """What is wrong with how a run goes on from it; empty: nothing."""
    host = Host(crash_case(), 0, Counter())
    for path, data in state.content.items():
        if data is None:
            host.disk.folders[path] = set()
            host.disk.folders[path.rpartition("/")[0] or "/"].add(path)
            host.disk.safe_folders.add(path)
        else:
            inode = host.disk.create(path)
            inode.data, inode.safe = bytearray(data), data
    host.disk.pending.clear()
    host.disk.safe_files = dict(host.disk.files)
    # What is there already ran elsewhere.
    host.observer.look()
    host.observer.check_from = len(host.observer.journal.attempts)
    host.boots += state.is_damaged
    try:
        host.run()
        if host.seen["exit 0"] != 1 or host.seen.total() < 1:
            raise Broken(f"not over after one start: {dict(host.seen)}")
        ran = {one.job for one in host.observer.executions}
        if again := ran & (done_in(state.journal) | done_in(state.safe)):
            raise Broken(f"jobs {sorted(again)} are run again, and were done")
        if lost := done_in(state.safe) - {job for job in host.jobs if host.observer.journal.is_done(job)}:
            raise Broken(f"jobs {sorted(lost)} were synced, and are lost")
        check_merge(host.case, [host])
        if not state.is_damaged:
            _read_logs(host.disk.files)
    except Broken as error:
        return f"{state.told}: {error}"
    return ""


def _read_logs(files: dict[str, Inode]) -> None:
    for path, inode in files.items():
        if path.endswith(".gz"):
            try:
                for _ in read_segment(_Held(bytes(inode.data))):
                    pass
            except DamagedLog as error:
                raise Broken(f"{path}: {error}") from error


class _Held:
    """As much of a path as a reader of a log wants."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def open(self, mode: str) -> BytesIO:
        return BytesIO(self._data)


def run_really(folder: Any) -> int:
    """On Linux, in this process; how it ended."""
    case = crash_case()
    return run_share(RunRequest(case.plan, case.settings, "m0", folder / "runs"), []).exit_code


def check_on_linux(state: State, folder: Path) -> str:
    """The same with real files and processes, and a process of its own for the run."""
    here = Path(tempfile.mkdtemp(dir=folder))
    for path, data in sorted(state.content.items()):
        target = here / path[1:]
        if data is None:
            target.mkdir(exist_ok=True)
        else:
            target.write_bytes(data)
    before = done_in(state.journal) | done_in(state.safe)
    pid = os.fork()
    if pid == 0:
        os._exit(run_really(here))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    journals = here.glob("runs/*/m0/journal.*.jsonl")
    attempts = (one for path in journals for one in attempts_in(path.read_bytes()))
    records = Counter(one.job for one in attempts if one.state is Word.DONE)
    twice = [job for job, times in records.items() if times > 1]
    if code or set(records) != set(range(JOBS)) or twice or not before <= set(records):
        return f"{state.told}: exit {code}, done: {sorted(records)}, twice: {twice}"
    return ""
