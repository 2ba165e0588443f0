"""Who hears what jobs print, besides the log, as a run was asked: the screen, a folder of files; and which jobs run."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from blake3 import blake3

from shareout.config import Settings, digest_text
from shareout.errors import CannotRecord, UsageError
from shareout.events import Listener
from shareout.files import replace_file
from shareout.plan.plan import Plan
from shareout.record.folder import PER_FOLDER, RunFolder
from shareout.record.logs.segments import LogWriter
from shareout.record.outcome import Stream
from shareout.record.tallies.tally import Tally
from shareout.run.output.screen import OrderedScreen, Prefix, Screen
from shareout.run.output.sieve import Sieve
from shareout.run.output.slots import OutputSink
from shareout.run.request import RunRequest, wanted_of

OF_POOL = ".pool"


def sinks_of(
    request: RunRequest, folder: RunFolder, tally: Tally, log: LogWriter, sieve: Sieve
) -> tuple[list[OutputSink], list[Listener]]:
    """In the order in which they are told; and those of them that look at what runs."""
    found = list(request.hearers)
    if request.results is not None:
        found.append(ResultFolder(request.results, pool_of_results(request.plan, request.settings)))
    if request.tee:
        screen = _screen(request, folder, tally, log, sieve)
        if request.line_buffer:
            from shareout.run.output.as_it_comes import AsItComes

            as_it_comes = AsItComes(screen, folder)
            return [*found, as_it_comes], [as_it_comes]
        found.append(screen)
    return found, []


def _screen(request: RunRequest, folder: RunFolder, tally: Tally, log: LogWriter, sieve: Sieve) -> Screen:
    prefix = _prefix(request)
    if not request.keep_order:
        return Screen(prefix, sieve, log.record)
    wanted = wanted_of(request.plan, request.groups)
    return OrderedScreen(prefix, sieve, log.record, folder=folder.path, tally=tally, plan=request.plan, wanted=wanted)


class ResultFolder:
    """`--results DIR`: a file for each stream of a job that printed something, in folders of at most 1,000; and whose
    they are."""

    lost = ""

    def __init__(self, path: Path, pool: str) -> None:
        self._path = path
        self._made = ""
        try:
            path.mkdir(parents=True, exist_ok=True)
            replace_file(path / OF_POOL, [f"{pool}\n".encode()], sync=False)
        except OSError as error:
            raise _unwritten(error, path) from error

    def add(self, data: bytes, job: int, attempt: int, *, stream: Stream, first: bool) -> None:
        """What an earlier attempt left there is replaced."""
        try:
            folder = self._folder_of(job)
            if first:
                # Both: this attempt may print on one of them alone.
                for old in Stream:
                    (folder / f"{job}.{old}").unlink(missing_ok=True)
            with (folder / f"{job}.{stream}").open("ab") as file:
                file.write(data)
        except OSError as error:
            raise _unwritten(error, self._path) from error

    def step(self, unfinished: Collection[int]) -> None:
        """Files are written at once."""
        return

    def close(self) -> None:
        """No file is left open."""
        return

    def _folder_of(self, job: int) -> Path:
        part = str(job // PER_FOLDER)
        if part != self._made:
            (self._path / part).mkdir(parents=True, exist_ok=True)
            self._made = part
        return self._path / part


def _unwritten(error: OSError, path: Path) -> CannotRecord:
    return CannotRecord(
        f"the results cannot be written: {error.filename or path}: {error.strerror}",
        way_out="What is recorded so far is safe. Mend it, or leave out --results, and run again.",
    )


def pool_of_results(plan: Plan, settings: Settings) -> str:
    """The same for runs whose jobs are the same: any machine's, and with any weights."""
    return blake3(plan.pool_digest + digest_text(settings)).hexdigest()


def refuse_others_results(path: Path, pool: str) -> None:
    """A folder that holds something else than results of this pool: its files have the same names."""
    if not path.is_dir() and (path.exists() or path.is_symlink()):
        what = "is no folder" if path.exists() else "is a link that leads nowhere"
        raise UsageError(f"{path} {what}", way_out="Name a folder after --results.")
    try:
        known = (path / OF_POOL).read_text("ascii", "replace").strip()
    except FileNotFoundError:
        known = ""
    if known == pool or not path.is_dir() or not any(path.iterdir()):
        return
    what = "has results of another pool" if known else "has files that are no results of a run"
    raise UsageError(f"{path} {what}, which these would be mixed with", way_out="Name another folder after --results.")


def _prefix(request: RunRequest) -> Prefix:
    """What stands before each line: the job's id, or what `--tag` asks for, and a tab."""
    tag, pool = request.tag, request.plan.pool
    if tag is None:
        return lambda job: b"%d: " % job
    if not tag:
        return lambda job: b""
    from shareout.pool.templates.template import Template

    template = Template(tag, getattr(pool, "names", None), for_shell=False)

    def prefix(job: int) -> bytes:
        text = template.fill(pool.values(job)).replace("\n", " ")
        return text.encode("utf-8", "surrogateescape") + b"\t"

    return prefix
