"""The one table of settings: section, key, reader, default, comment.

The written file, the check of unknown keys, the flags and `docs/settings.md` all come from it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shareout.choices import Background, Barriers, Numerics, Order, Progress
from shareout.fields import dataclass
from shareout.settings_values import (
    more_than_nothing,
    one_of,
    parse_columns,
    parse_cores,
    parse_every,
    parse_factor,
    parse_halt,
    parse_level,
    parse_load,
    parse_names,
    parse_needs,
    parse_nice,
    parse_regex,
    parse_since,
    parse_slots,
    parse_timeout,
    parse_until,
    plain_text,
)
from shareout.units import parse_amount, parse_count, parse_duration, parse_filesize, parse_percent, parse_switch


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
        """As flags, errors and the recorded call name it."""
        return f"{self.section}.{self.key}"


TABLE: tuple[Setting, ...] = (
    Setting("run", "pool", plain_text, "", "the pool file, when it is not the only jobs.* of this folder"),
    Setting("run", "seed", plain_text, "", "another text here gives another shuffle and other random numbers"),
    Setting("run", "since", parse_since, "", "the plan that this one continues, in other shares; `reweigh` writes it"),
    Setting("run", "order", one_of(Order), "shuffled", "given: jobs run in the order of the pool"),
    Setting(
        "run",
        "slots",
        parse_slots,
        default="",
        comment="jobs at once: a number, or 50%, +2, -1 of the cores; unset: cores // cores_per_job",
        unset=None,
    ),
    Setting("run", "cores_per_job", parse_cores, "1", "cores that a job takes; a fraction lets more jobs run at once"),
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
        parse_needs,
        default="",
        comment="fields of a row that say what a job takes: any of cores, gpus, memory",
        unset=(),
    ),
    Setting(
        "run",
        "cost",
        plain_text,
        "cost",
        "the field of a row that says how long its job takes; none: costs do not count",
    ),
    Setting("run", "nice", parse_nice, "10", "how far jobs stand back behind other work: 0 (off) to 19"),
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
        one_of(Barriers),
        "",
        "local: each of several machines keeps barriers by itself",
    ),
    Setting(
        "run",
        "numerics",
        one_of(Numerics),
        "native",
        "portable: the same bits on CPUs of unlike age and make, at a price",
    ),
    Setting("commands", "template", plain_text, "", "a command with {} {1} {name} {id}; lines are then its arguments"),
    Setting("commands", "colsep", parse_regex, "", "what separates {1} {2} in a line, as ',' or '\\t'; unset: blanks"),
    Setting("commands", "literal", parse_switch, "no", "braces of a template that name nothing stay as they are"),
    Setting(
        "commands", "shell", plain_text, "", "runs lines with shell syntax; unset: /bin/sh, and bash for what is bash's"
    ),
    Setting("commands", "keep_lines", parse_regex, "", "only output lines that match this are kept in the log"),
    Setting(
        "commands",
        "background",
        one_of(Background),
        "kill",
        "what becomes of processes a command leaves",
    ),
    Setting(
        "limits",
        "timeout",
        parse_timeout,
        default="",
        comment="time for a job, as 90s or 1h30m, or 200% of the median so far",
        unset=None,
    ),
    Setting(
        "limits",
        "memory",
        more_than_nothing(parse_filesize),
        default="",
        comment="memory of a job and its children, beyond which it is ended",
        unset=None,
    ),
    Setting("limits", "retries", parse_count, "0", "how often a failed job is tried again"),
    Setting("limits", "retry_delay", parse_duration, "0s", "how long to wait before it is"),
    Setting("limits", "retry_memory_factor", parse_factor, "1", "after a kill for memory, its memory times this"),
    Setting("limits", "halt", parse_halt, "never", "when to stop all: never, now,fail=1, soon,fail=10%"),
    Setting(
        "limits", "until", parse_until, "", "no job starts that would not end by then: 07:00, 8h, 2026-12-01T07:00"
    ),
    Setting("limits", "grace", parse_duration, "5s", "between asking a job to end and killing it"),
    Setting("limits", "delay", parse_duration, "0s", "between the starts of two jobs"),
    Setting(
        "limits",
        "memory_free",
        more_than_nothing(parse_filesize),
        default="",
        comment="no job starts while the host has less memory free than this",
        unset=None,
    ),
    Setting(
        "limits",
        "load",
        parse_load,
        default="",
        comment="no job starts while the host's load is this or more: 12, or 80% of the cores",
        unset=None,
    ),
    Setting(
        "join",
        "at",
        plain_text,
        "",
        "a folder that all mount, or nats://HOST:PORT: all share the work, and end together",
    ),
    Setting(
        "join", "dead", more_than_nothing(parse_duration), "120s", "who is silent there for so long is taken over from"
    ),
    Setting("logging", "level", parse_level, "INFO", "least level that Python jobs' logging writes"),
    Setting(
        "logging", "segment", more_than_nothing(parse_filesize), "64MiB", "size at which the log goes on in a new file"
    ),
    Setting("logging", "per_job", parse_switch, "no", "also keep a log file for each job"),
    Setting("display", "progress", one_of(Progress), "auto", "how a run shows itself"),
    Setting("display", "interval", more_than_nothing(parse_duration), "10s", "time between plain progress lines"),
    Setting("hooks", "on_finish", plain_text, "", "a command to run when a run ends; SHAREOUT_* variables say how"),
    Setting("hooks", "on_failure", plain_text, "", "a command to run when a job has failed for good"),
    Setting("hooks", "on_progress", plain_text, "", "a command to run now and then, as progress_every says"),
    Setting("hooks", "progress_every", parse_every, "10%", "how often: 10% of the share, 100 (jobs that ended), or 1h"),
    Setting("hooks", "limit", more_than_nothing(parse_duration), "10m", "a hook that takes longer is ended"),
    Setting(
        "results",
        "columns",
        parse_columns,
        default="",
        comment="names of the merged table's columns, separated by commas",
        unset=(),
    ),
    Setting("results", "table", parse_names, "", "what the table has, as --columns says it", unset=()),
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
