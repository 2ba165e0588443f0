"""One machine's results.csv as job-splitter leaves it: header.csv, then a row a job, times first, as its `[results]`
settings ask for. In pool order, from the journal: so it holds what earlier runs of the share have done, too.
"""

from __future__ import annotations

import csv
import gzip
import io
import logging
from collections.abc import Iterator, Sequence
from configparser import ConfigParser
from itertools import islice
from pathlib import Path
from typing import Any

from shareout.merge.proof.complete import open_journals
from shareout.merge.results import Merge
from shareout.merge.tables.rows import values_of
from shareout.merge.target import Target
from shareout.record.folder import RunFolder
from shareout.record.reader import incarnations_of

Times = tuple[float, float, float, int]
"""When the run began, how long the job took, when it began, and its id."""

# What its own defaults say; of `[results]` as before it had these settings: no job ids, not packed.
DEFAULTS = {
    "ProgressPool": {"bar_length": "50", "chunksize": "1", "style": "1"},
    "logging": {
        "auto_zip": "true", "backup_count": "10K", "file_name": "test",
        "format": "%%(asctime)s - %%(processName)s/%%(threadName)s - %%(filename)s:%%(lineno)d (%%(funcName)s)"
        " - %%(name)s/%%(levelname)s - %%(message)s",
        "level": "DEBUG", "max_file_size": "64M",
    },
    "results": {
        "compress": "false", "file_name": "results.csv", "include_start_time": "true",
        "include_job_interval": "true", "include_job_done_time": "true", "include_job_id": "false",
    },
}  # fmt: skip
INCLUDED = ("include_start_time", "include_job_interval", "include_job_done_time", "include_job_id")
HEADER = ("Run Start Time", "Job Running Time", "Job Start Time", "Job ID")


def completed(config: ConfigParser) -> ConfigParser:
    """The config as jobs and functions of job-splitter's expect it: nothing is missing, the level is a number."""
    for section, keys in DEFAULTS.items():
        if not config.has_section(section):
            config.add_section(section)
        for key, text in keys.items():
            if not config.has_option(section, key):
                config.set(section, key, text)
    level = config.get("logging", "level")
    config.set("logging", "level", str(logging.getLevelNamesMapping().get(level, level)))
    return config


def meta_of(config: ConfigParser, times: Times) -> list[float | int]:
    """What stands before a result, in a row and in a call."""
    wanted = [config.getboolean("results", key) for key in INCLUDED]
    return [value for value, is_wanted in zip(times, wanted, strict=True) if is_wanted]


def results_of(folder: RunFolder) -> Iterator[tuple[int, Any, tuple[float, float]]]:
    """Id, result, and start and end of each job that is done, in pool order."""
    with Merge(open_journals([folder], _unsaid), None, meta=True) as merge:
        merge.gather()
        for block in merge.blocks():
            for (job, result), meta in zip(values_of(block), block.metas, strict=True):
                assert meta is not None
                end, _, start = meta[1].split(b" ")[:3]
                yield int(job), result, (float(start), float(end))


def write_results(folder: RunFolder, config: ConfigParser, configs: Path) -> Path:
    """In the current folder, under the name that `[results]` says. It appears when it is whole."""
    packed = config.getboolean("results", "compress")
    path = Path(config.get("results", "file_name") + (".gz" if packed else ""))
    began = _began(folder)
    with Target(path) as target:
        place = target.begin(_packed(header_of(config, configs), packed=packed))
        for lot in _lots(results_of(folder)):
            rows = [
                [*meta_of(config, (began, max(0.0, end - start), start, job)), *cells_of(result)]
                for job, result, (start, end) in lot
            ]
            data = _packed(_csv(rows), packed=packed)
            target.write_at(place, data)
            place += len(data)
        target.finish()
    return path


def cells_of(result: Any) -> tuple[Any, ...]:
    """What a job returned, in columns; a single value, which job-splitter has no column for, in one."""
    if result is None:
        return ()
    return tuple(result) if isinstance(result, list | tuple) else (result,)


def header_of(config: ConfigParser, configs: Path) -> bytes:
    """As header.csv says. Where that has no title for the ids, which `include_job_id` puts behind the times, it gets
    one: else all that follows would stand under its neighbour's."""
    path = configs / "header.csv"
    text = path.read_text("utf-8-sig").strip() if path.is_file() else ""
    if not text:
        return _csv([_meta_names(config)])
    titles = next(csv.reader([text.split("\n")[0]]), [])
    if config.getboolean("results", INCLUDED[-1]) and HEADER[-1].lower() not in map(str.lower, titles):
        titles.insert(len(_meta_names(config)) - 1, HEADER[-1])
        return _csv([titles])
    return f"{text}\n".encode()


def _meta_names(config: ConfigParser) -> Sequence[str]:
    return [name for name, key in zip(HEADER, INCLUDED, strict=True) if config.getboolean("results", key)]


def _began(folder: RunFolder) -> float:
    """When the first run of this share began."""
    return next((one.header.start.time for one in incarnations_of(folder)), 0.0)


def _lots(rows: Iterator[Any], size: int = 5000) -> Iterator[list[Any]]:
    while lot := list(islice(rows, size)):
        yield lot


def _csv(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _packed(data: bytes, *, packed: bool) -> bytes:
    return gzip.compress(data, mtime=0) if packed else data


def _unsaid(sentence: str) -> None:
    """What is odd about the journal was told when the run opened it."""
