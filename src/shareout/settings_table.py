"""The one table of settings: section, key, reader, default, comment.

The written file, the check of unknown keys, the flags and `docs/settings.md` all come from it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeVar

from shareout.choices import Background, Barriers, Level, Order, Progress, words_of
from shareout.units import (
    parse_amount,
    parse_count,
    parse_duration,
    parse_filesize,
    parse_percent,
    parse_switch,
)

MOST_SLOTS = 100_000


@dataclass(frozen=True, slots=True)
class Timeout:
    """A time, or a share of the running median of durations."""

    seconds: float | None = None
    percent: float | None = None


@dataclass(frozen=True, slots=True)
class Every:
    """How often something is: after a share of all, after so many jobs, or after a time. One of them is said."""

    percent: Fraction | None = None
    count: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Halt:
    """When to stop the whole run: `now,fail=1`, `soon,fail=10%`."""

    when: str
    what: str
    count: int | None = None
    percent: Fraction | None = None


@dataclass(frozen=True, slots=True)
class SlotCount:
    """Jobs at once: a number, or one that is reckoned from the cores that there are."""

    number: int
    how: str = ""
    """Nothing, or `%`, `+` or `-` of the cores."""

    def of(self, cores: int) -> int:
        """At least one."""
        counts = {"": self.number, "%": cores * self.number // 100, "+": cores + self.number, "-": cores - self.number}
        return max(1, min(counts[self.how], MOST_SLOTS))


Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Setting:
    """One row. `default` is text, as one would write it; empty means unset."""

    section: str
    key: str
    read: Callable[[str], Any]
    default: str
    comment: str

    unset: Any = ""
    """What an empty text means."""

    @property
    def name(self) -> str:
        return f"{self.section}.{self.key}"


def _text(text: str) -> str:
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in re.split(r"[,\s]+", text.strip()) if name)


def _columns(text: str) -> tuple[str, ...]:
    try:
        fields = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error:
        raise ValueError("a quoted name ends at its closing quote; a quote inside is written twice") from None
    names = tuple(name.strip() for name in fields if name.strip())
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if twice:
        raise ValueError(f'the column "{twice[0]}" is named twice')
    return names


def _one_of(choices: type[Choice]) -> Callable[[str], Choice]:
    def read(text: str) -> Choice:
        try:
            return choices(text)
        except ValueError:
            known = words_of(choices)
            listed = " or ".join([", ".join(known[:-1]), known[-1]] if len(known) > 1 else known)
            nothing = ", or nothing" if len(known) < len(choices) else ""
            raise ValueError(f'"{text}" is not known; write {listed}{nothing}') from None

    return read


def _needs(text: str) -> tuple[str, ...]:
    names = _names(text)
    wrong = [name for name in names if name not in ("cores", "gpus", "memory")]
    if wrong:
        raise ValueError(f'"{wrong[0]}" is not a need; write any of cores, gpus, memory')
    return names


def _nice(text: str) -> int:
    if text.strip().lower() in ("off", "no"):
        return 0
    value = parse_count(text)
    if value > 19:
        raise ValueError(f"{value} is too nice; write 0 (off) to 19")
    return value


def parse_slots(text: str) -> SlotCount:
    """`8`, or as GNU parallel has it: `50%`, `+2`, `-1`."""
    match = re.fullmatch(r"([+-]?)([0-9]{1,18})(%?)", text.strip())
    if match is None or (match[1] and match[3]):
        raise ValueError(f'"{text}" is no number of jobs at once; write 8, or 50%, +2, -1 of the cores')
    number, how = int(match[2]), match[1] or match[3]
    if not how and not 1 <= number <= MOST_SLOTS:
        raise ValueError(f"must be 1 to {MOST_SLOTS}, found {number}")
    if how == "%" and not number:
        raise ValueError("0% is no job at once; write 1% or more")
    return SlotCount(number, how)


def _more_than_nothing(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """The same words, but not 0: a limit of nothing would end every job, and an interval of nothing never rests."""

    def read_more(text: str) -> Any:
        value = read(text)
        if not value:
            raise ValueError(f'"{text.strip()}" is nothing; it must be more than 0')
        return value

    return read_more


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return text


def _timeout(text: str) -> Timeout:
    match = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*%\s*", text)
    if match is None:
        return Timeout(seconds=_more_than_nothing(parse_duration)(text))
    return Timeout(percent=_more_than_nothing(float)(match[1]))


def _every(text: str) -> Every:
    if text.strip().endswith("%"):
        return Every(percent=_more_than_nothing(parse_percent)(text))
    if text.strip().isdecimal():
        return Every(count=_more_than_nothing(parse_count)(text))
    return Every(seconds=_more_than_nothing(parse_duration)(text))


def _cores(text: str) -> Fraction:
    amount = parse_amount(text)
    if not amount:
        raise ValueError("must be more than 0")
    return amount


def _factor(text: str) -> Fraction:
    factor = parse_amount(text)
    if factor < 1:
        raise ValueError(f'"{text}" is less than 1')
    return factor


# GNU parallel's older words for the same.
_OLD_HALTS = {
    "0": "never",
    "1": "soon,fail=1",
    "2": "now,fail=1",
    "-1": "soon,success=1",
    "-2": "now,success=1",
}


def parse_halt(text: str) -> Halt | None:
    """GNU parallel's grammar: `now|soon,fail|success|done=N|N%`, or `never`; `10%` is `soon,fail=10%`."""
    said = _OLD_HALTS.get(text.strip(), text.strip())
    if said == "never":
        return None
    said = re.sub(r"^([0-9]+%)$", r"soon,fail=\1", said)
    match = re.fullmatch(r"(now|soon),(fail|success|done)=([0-9]{1,18})(%?)", said)
    if match is None or not int(match[3]) or (match[4] and int(match[3]) > 100):
        raise ValueError(f'"{text}" is no rule for stopping; write never, now,fail=1 or soon,fail=10%')
    if match[4]:
        return Halt(match[1], match[2], percent=Fraction(int(match[3]), 100))
    return Halt(match[1], match[2], count=int(match[3]))


def _until(text: str) -> str:
    """A time of day, a date with a time, or a duration; when that is, is worked out when a run starts."""
    stripped = text.strip()
    clock = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", stripped)
    if clock and int(clock[1]) < 24 and int(clock[2]) < 60:
        return stripped
    if stripped.isdigit():
        raise ValueError(f'"{text}" may be an hour or seconds; write 07:00, {stripped}h or {stripped}s')
    for read in (datetime.fromisoformat, parse_duration):
        try:
            read(stripped)
        except ValueError:
            continue
        return stripped
    raise ValueError(f'"{text}" is no time to stop at; write 07:00, 8h, or 2026-12-01T07:00')


def _level(text: str) -> Level:
    return _one_of(Level)(text.upper())


TABLE: tuple[Setting, ...] = (
    Setting("run", "pool", _text, "", "the pool file, when it is not the only jobs.* of this folder"),
    Setting("run", "seed", _text, "", "another text here gives another shuffle and other random numbers"),
    Setting("run", "order", _one_of(Order), "shuffled", "given: jobs run in the order of the pool"),
    Setting(
        "run",
        "slots",
        parse_slots,
        default="",
        comment="jobs at once: a number, or 50%, +2, -1 of the cores; unset: cores // cores_per_job",
        unset=None,
    ),
    Setting("run", "cores_per_job", _cores, "1", "cores that a job takes; a fraction lets more jobs run at once"),
    Setting("run", "gpus_per_job", parse_amount, "0", "GPUs that a job takes; told to it by CUDA_VISIBLE_DEVICES"),
    Setting(
        "run",
        "memory_per_job",
        parse_filesize,
        default="",
        comment="memory that a job is counted with, as 2GiB",
        unset=None,
    ),
    Setting(
        "run",
        "needs",
        _needs,
        default="",
        comment="fields of a row that say what a job takes: any of cores, gpus, memory",
        unset=(),
    ),
    Setting("run", "nice", _nice, "10", "how far jobs stand back behind other work: 0 (off) to 19"),
    Setting(
        "run",
        "audit",
        parse_percent,
        "0%",
        "share of jobs that a second machine runs too, to compare results",
    ),
    Setting(
        "run",
        "barriers",
        _one_of(Barriers),
        "",
        "local: each of several machines keeps barriers by itself",
    ),
    Setting("commands", "template", _text, "", "a command with {} {1} {name} {id}; lines are then its arguments"),
    Setting("commands", "colsep", _regex, "", "what separates {1} {2} in a line, as ',' or '\\t'; unset: blanks"),
    Setting(
        "commands", "shell", _text, "", "runs lines with shell syntax; unset: /bin/sh, and bash for what is bash's"
    ),
    Setting("commands", "keep_lines", _regex, "", "only output lines that match this are kept in the log"),
    Setting(
        "commands",
        "background",
        _one_of(Background),
        "kill",
        "what becomes of processes a command leaves",
    ),
    Setting(
        "limits",
        "timeout",
        _timeout,
        default="",
        comment="time for a job, as 90s or 1h30m, or 200% of the median so far",
        unset=None,
    ),
    Setting(
        "limits",
        "memory",
        _more_than_nothing(parse_filesize),
        default="",
        comment="memory of a job and its children, beyond which it is ended",
        unset=None,
    ),
    Setting("limits", "retries", parse_count, "0", "how often a failed job is tried again"),
    Setting("limits", "retry_delay", parse_duration, "0s", "how long to wait before it is"),
    Setting("limits", "retry_memory_factor", _factor, "1", "after a kill for memory, its memory times this"),
    Setting("limits", "halt", parse_halt, "never", "when to stop all: never, now,fail=1, soon,fail=10%"),
    Setting("limits", "until", _until, "", "no job starts that would not end by then: 07:00, 8h, 2026-12-01T07:00"),
    Setting("limits", "grace", parse_duration, "5s", "between asking a job to end and killing it"),
    Setting("logging", "level", _level, "INFO", "least level that Python jobs' logging writes"),
    Setting(
        "logging", "segment", _more_than_nothing(parse_filesize), "64MiB", "size at which the log goes on in a new file"
    ),
    Setting("logging", "per_job", parse_switch, "no", "also keep a log file for each job"),
    Setting("display", "progress", _one_of(Progress), "auto", "how a run shows itself"),
    Setting("display", "interval", _more_than_nothing(parse_duration), "10s", "time between plain progress lines"),
    Setting("hooks", "on_finish", _text, "", "a command to run when a run ends; SHAREOUT_* variables say how"),
    Setting("hooks", "on_failure", _text, "", "a command to run when a job has failed for good"),
    Setting("hooks", "on_progress", _text, "", "a command to run now and then, as progress_every says"),
    Setting("hooks", "progress_every", _every, "10%", "how often: 10% of the share, 100 (jobs that ended), or 1h"),
    Setting("hooks", "limit", _more_than_nothing(parse_duration), "10m", "a hook that takes longer is ended"),
    Setting(
        "results",
        "columns",
        _columns,
        default="",
        comment="names of the merged table's columns, separated by commas",
        unset=(),
    ),
)
# A file with this section is job-splitter's own, and these names in our sections are no mistakes, but what they are
# here, if anything: the table that its run_jobs leaves obeys its names, and the log needs none of them.
SPLITTER = "ProgressPool"
SPLITTERS = {
    "logging.max_file_size": "segment",
    **{f"logging.{key}": "" for key in ("auto_zip", "backup_count", "file_name", "format")},
    **{f"results.{key}": "" for key in ("compress", "file_name", "include_start_time", "include_job_interval")},
    **{f"results.{key}": "" for key in ("include_job_done_time", "include_job_id")},
}
SECTIONS = tuple(dict.fromkeys(setting.section for setting in TABLE))
BY_NAME = {setting.name: setting for setting in TABLE}


def starting_text() -> str:
    """The file that `init` writes: every setting with its default, commented out, and one example section."""
    lines = ["# Settings of shareout. Every line is a comment that shows the default.", ""]
    for section in SECTIONS:
        lines.append(f"[{section}]")
        for setting in TABLE:
            if setting.section == section:
                lines += [f"# {setting.comment}", f"# {setting.key} = {setting.default}".rstrip()]
        lines.append("")
    return "\n".join(
        [
            *lines,
            "# Sections of your own are handed to Python jobs as `config`.",
            "# [model]",
            "# size = 10",
            "",
        ]
    )


def documented() -> str:
    """The table of docs/settings.md."""
    rows = [_documented(one) for one in TABLE]
    return "\n".join(["| setting | default | meaning |", "| --- | --- | --- |", *rows])


def _documented(one: Setting) -> str:
    default = f"`{one.default}`" if one.default else "–"
    return f"| `[{one.section}] {one.key}` | {default} | {one.comment.replace('|', '/')} |"
