"""job-splitter's `run_jobs`, and what else its scripts import: they move by importing this one.

    from shareout.job_splitter import get_config, make_config_files, run_jobs

The script is then a whole program, as by `shareout.run`: without a word it asks which machine this is, and runs its
share; `plan`, `status`, `merge-results` and the others are there too. docs/coming-from.md tells what differs.
"""

from __future__ import annotations

import inspect
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from configparser import ConfigParser
from pathlib import Path
from random import Random
from typing import Any, NoReturn, TypeVar

from shareout.cli import main
from shareout.cli.options import find_configs
from shareout.config import load_settings
from shareout.edges import edges
from shareout.entry import Entry
from shareout.errors import InputError, Place, ShareoutError
from shareout.merge.share_table import DEFAULTS, cells_of, completed, meta_of, results_of, write_results
from shareout.record.folder import RunFolder
from shareout.record.outcome import Attempt, State
from shareout.show.beside import say
from shareout.units import parse_filesize as parse_file_size

__all__ = [
    "ZippedRotatingFileHandler", "_sleeper", "get_config", "make_config_files", "parse_file_size",
    "run_jobs",
]  # fmt: skip

T = TypeVar("T")

# Like job-splitter's own, no JSON before it is filled out: nobody runs on somebody else's machines.
MACHINES = '{\n  "name_of_a_machine": [performance_of_one_core, number_of_cores]\n}\n'


def _dummy(*args: Any, **kwargs: Any) -> None:
    """What is called where nothing was given."""


def _first(so_far: Any, _: Any) -> Any:
    return so_far


def run_jobs(
    job: Callable[..., Any],
    working_set: Iterable[Sequence[Any]],
    setup_function: Callable[..., Any] = _dummy,
    setupargs: Sequence[Any] = (),
    parse_function: Callable[..., Any] = _dummy,
    process_initializer: Callable[..., Any] = _dummy,
    initargs: Sequence[Any] = (),
    reduce_function: Callable[[T, Any], T] = _first,
    reduce_start: T = None,  # type: ignore[assignment]
    override_seed: bytes | None = None,
) -> T:
    """Run this machine's share of job(*items, random_obj, config, progress=...), leave results.csv, and return what
    `reduce_function` makes of all its results, in the order of the working set.

    `random_obj` is seeded for each job alone; with `override_seed` every job gets the same numbers, as in job-splitter.
    Any command but `run`, and a run that leaves something failed or to do, ends the program with its exit code.
    """
    split = _Split(job, parse_function, override_seed)
    entry = Entry(
        split.call,
        pool=_WorkingSet(working_set, job, takes_progress=split.takes_progress),
        reduce=lambda so_far, result: reduce_function(so_far, _tuple(result)),
        initial=reduce_start,
        setup=lambda config: setup_function(split.begin(config), *setupargs),
        init_worker=lambda config: process_initializer(*initargs),
        on_result=split.ended,
        on_end=split.end,
        columns=("result",),
    )
    edges.begin()
    code = main(entry=entry)
    if split.folder is None or code:
        sys.exit(code)
    # The script goes on, and a Ctrl-C is its own again.
    edges.release()
    # From the journal and not on the way: so it holds what earlier runs of the share have done, too.
    answer = reduce_start
    for _, result, _ in results_of(split.folder):
        answer = reduce_function(answer, _tuple(result))
    return answer


def get_config() -> ConfigParser:
    """runner.config as jobs get it: job-splitter's defaults where it is silent, `getfilesize`, the level a number. A
    file that is refused ends the program."""
    try:
        return completed(load_settings(find_configs()).parser)
    except ShareoutError as error:
        _refuse(error.lines(), error.exit_code)


def make_config_files() -> None:
    """Writes what is missing of machines.json, header.csv and runner.config, says so and ends the program, for they
    are to be filled out. Only where the program was called without a word, as job-splitter's are: a command finds
    its inputs by itself, or says what is missing."""
    if sys.argv[1:]:
        return
    folder = find_configs() if find_configs().is_dir() else Path()
    files = {"machines.json": MACHINES, "header.csv": "", "runner.config": _default_config()}
    made = [name for name, text in files.items() if _write_new(folder / name, text)]
    if made:
        _refuse([f"wrote {', '.join(made)} to start from", "Fill them out, and start this again."], 2)


class ZippedRotatingFileHandler(logging.FileHandler):
    """A log file of the script's own, packed as NAME.zip when it is closed. It is kept whole: no part is thrown away,
    whatever `maxBytes` and `backupCount` say. What jobs log is in the run's own log anyway."""

    def __init__(
        self,
        filename: str,
        mode: str = "a",
        maxBytes: int = 0,
        backupCount: int = 0,
        encoding: str | None = None,
        delay: bool = False,
        errors: str | None = None,
    ) -> None:
        super().__init__(filename, mode, encoding, delay, errors)
        self._process = os.getpid()

    def close(self) -> None:
        """Once, and in the process that opened it: workers are forked from it."""
        super().close()
        path = Path(self.baseFilename)
        if os.getpid() == self._process and path.exists():
            from zipfile import ZIP_DEFLATED, ZipFile

            with ZipFile(f"{path}.zip", "w", ZIP_DEFLATED) as packed:
                packed.write(path, path.name)
            path.unlink()


class _Split:
    """One call of run_jobs: how its job is called, and what its run comes to."""

    def __init__(self, job: Callable[..., Any], parse: Callable[..., Any], seed: bytes | None) -> None:
        self.folder: RunFolder | None = None
        """Once a run of this share has ended."""
        self._job = job
        self._parse = parse
        self._seed = seed
        self._began = 0.0
        self._config = ConfigParser()
        self.takes_progress = any(
            one.kind is one.VAR_KEYWORD or one.name == "progress" for one in inspect.signature(job).parameters.values()
        )

    def call(self, *items: Any, rng: Random, config: ConfigParser, progress: Any) -> Any:
        """The job as job-splitter calls it."""
        random_obj = rng if self._seed is None else Random(self._seed)
        named = {"progress": progress} if self.takes_progress else {}
        return self._job(*items, random_obj, completed(config), **named)

    def begin(self, config: ConfigParser) -> ConfigParser:
        """Once, before the first job: the time that stands as `Run Start Time`."""
        self._began = time.time()
        self._config = completed(config)
        return config

    def ended(self, attempt: Attempt) -> None:
        """A job of this share has just ended."""
        if attempt.state is State.DONE:
            times = (self._began, attempt.duration, attempt.start, attempt.job)
            self._parse(self._config, *meta_of(self._config, times), *cells_of(attempt.result))

    def end(self, folder: Path, configs: Path) -> None:
        """The run has ended, however it did."""
        self.folder = RunFolder(folder)
        write_results(self.folder, self._config, configs)


class _WorkingSet:
    """The rows, as often as they are asked for; what is wrong with them is told before a job starts."""

    def __init__(self, rows: Iterable[Sequence[Any]], job: Callable[..., Any], *, takes_progress: bool) -> None:
        self._rows = list(rows) if isinstance(rows, Iterator) else rows
        self._job = job
        self._named = {"progress": None} if takes_progress else {}

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for number, items in enumerate(self._rows):
            if isinstance(items, str | bytes | dict) or not isinstance(items, Iterable):
                raise InputError(
                    f"item {number} is no tuple: {items!r}",
                    where=Place("the working set", number + 1),
                    way_out="Write (x,) for a single argument.",
                )
            row = tuple(items)
            if number == 0:
                self._check(row)
            yield row

    def _check(self, row: tuple[Any, ...]) -> None:
        try:
            inspect.signature(self._job).bind(*row, None, None, **self._named)
        except TypeError as error:
            raise InputError(
                f"the job does not take what it is given: {error}",
                where=Place("the working set", 1),
                way_out=f"It is called with the {len(row)} values of its row, random_obj, config, and progress=.",
            ) from None


def _default_config() -> str:
    """Read by ConfigParser, as by job-splitter, it says what the defaults are."""
    sections = [
        "".join([f"[{section}]\n", *(f"{key} = {text}\n" for key, text in keys.items())])
        for section, keys in DEFAULTS.items()
    ]
    return "\n".join(sections)


def _write_new(path: Path, text: str) -> bool:
    """False when it is there already."""
    try:
        with path.open("x") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        _refuse([f"{path}: cannot be written: {error.strerror or error}"], 74)
    return True


def _refuse(lines: Sequence[str], code: int) -> NoReturn:
    for line in lines:
        say(f"shareout: {line}")
    sys.exit(code)


def _tuple(result: Any) -> Any:
    """JSON has no tuples: what a job returned as one is one again."""
    return tuple(result) if isinstance(result, list) else result


def _sleeper(id_: Any, *args: Any, progress: Any = None, **kwargs: Any) -> None:
    """The job of job-splitter's own example: it sleeps for one to ten seconds."""
    size = 1 + int(Random().random() * 10)
    for at in range(size):
        progress.report(at, base=size)
        time.sleep(1)
