"""How the text of each setting is read, by the file and the flags alike; and the values that are more than a number.

Every reader takes what was written and raises ValueError with a sentence that says what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeVar

from shareout.choices import Level, words_of
from shareout.fields import dataclass
from shareout.units import parse_amount, parse_count, parse_duration, parse_percent

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


def parse_since(text: str) -> str:
    """The plan that another continues: its digest, and the hash of what its jobs are. Empty: none."""
    if text and not re.fullmatch(r"[0-9a-f]{64}:[0-9a-f]{64}(:given)?", text):
        raise ValueError(f'"{text}" is no origin; `reweigh` writes it: 64 hex digits, a colon, and 64 more')
    return text


def plain_text(text: str) -> str:
    """As it is."""
    return text


def parse_names(text: str) -> tuple[str, ...]:
    """Words, with blanks or commas between them."""
    return tuple(name for name in re.split(r"[,\s]+", text.strip()) if name)


def parse_columns(text: str) -> tuple[str, ...]:
    """A line of CSV, so that a title may hold a comma; no title twice, for each is a column of the table."""
    if not text.strip():
        return ()
    import csv

    try:
        fields = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error:
        raise ValueError("a quoted name ends at its closing quote; a quote inside is written twice") from None
    names = tuple(name.strip() for name in fields if name.strip())
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if twice:
        raise ValueError(f'the column "{twice[0]}" is named twice')
    return names


def one_of(choices: type[Choice]) -> Callable[[str], Choice]:
    """A reader of the words of an enumeration; it refuses others with all that there are."""

    def read(text: str) -> Choice:
        try:
            return choices(text)
        except ValueError:
            known = words_of(choices)
            listed = " or ".join([", ".join(known[:-1]), known[-1]] if len(known) > 1 else known)
            nothing = ", or nothing" if len(known) < len(choices) else ""
            raise ValueError(f'"{text}" is not known; write {listed}{nothing}') from None

    return read


def parse_needs(text: str) -> tuple[str, ...]:
    """What rows say of their needs by fields: any of cores, gpus, memory."""
    names = parse_names(text)
    wrong = [name for name in names if name not in ("cores", "gpus", "memory")]
    if wrong:
        raise ValueError(f'"{wrong[0]}" is not a need; write any of cores, gpus, memory')
    return names


def parse_nice(text: str) -> int:
    """`off`, or how far a job stands back: 1 to 19, as `nice` has it."""
    if text.strip().lower() in ("off", "no"):
        return 0
    value = parse_count(text)
    if value > 19:
        raise ValueError(f"{value} is too nice; write 0 (off) to 19")
    return value


def parse_slots(text: str) -> SlotCount:
    """`8`, or as GNU parallel has it: `50%`, `+2`, `-1`."""
    # Digits are bounded in all these patterns: Python itself refuses to read thousands of them, in words about
    # Python.
    match = re.fullmatch(r"([+-]?)([0-9]{1,18})(%?)", text.strip())
    if match is None or (match[1] and match[3]):
        raise ValueError(f'"{text}" is no number of jobs at once; write 8, or 50%, +2, -1 of the cores')
    number, how = int(match[2]), match[1] or match[3]
    if not how and not 1 <= number <= MOST_SLOTS:
        raise ValueError(f"must be 1 to {MOST_SLOTS}, found {number}")
    if how == "%" and not number:
        raise ValueError("0% is no job at once; write 1% or more")
    return SlotCount(number, how)


def parse_load(text: str) -> SlotCount:
    """`12`, or `80%` of the cores."""
    match = re.fullmatch(r"([0-9]{1,6})(%?)", text.strip())
    if match is None or not int(match[1]):
        raise ValueError(f'"{text}" is no load; write 12, or 80% of the cores')
    return SlotCount(int(match[1]), match[2])


def more_than_nothing(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """The same words, but not 0: a limit of nothing would end every job, and an interval of nothing never rests."""

    def read_more(text: str) -> Any:
        value = read(text)
        if not value:
            raise ValueError(f'"{text.strip()}" is nothing; it must be more than 0')
        return value

    return read_more


def parse_regex(text: str) -> str:
    """The text itself, once it is known to compile: what is wrong with it is told with its line, before a job runs."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return text


def parse_timeout(text: str) -> Timeout:
    """A duration, or a share of the median: `200%`."""
    match = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*%\s*", text)
    if match is None:
        return Timeout(seconds=more_than_nothing(parse_duration)(text))
    return Timeout(percent=more_than_nothing(float)(match[1]))


def parse_every(text: str) -> Every:
    """A share, a count or a duration: `10%`, `1000`, `30m`."""
    if text.strip().endswith("%"):
        return Every(percent=more_than_nothing(parse_percent)(text))
    if text.strip().isdecimal():
        return Every(count=more_than_nothing(parse_count)(text))
    return Every(seconds=more_than_nothing(parse_duration)(text))


def parse_cores(text: str) -> Fraction:
    """A fraction too: several jobs may share a core. Never none, for then any number would fit."""
    amount = parse_amount(text)
    if not amount:
        raise ValueError("must be more than 0")
    return amount


def parse_factor(text: str) -> Fraction:
    """At least 1: less memory for a second try helps nobody."""
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


def parse_until(text: str) -> str:
    """A time of day, a date with a time, or a duration; when that is, is worked out when a run starts."""
    stripped = text.strip()
    clock = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", stripped)
    if clock and int(clock[1]) < 24 and int(clock[2]) < 60:
        return stripped
    # Wherever else a duration is asked for, a plain number is seconds; here it may as well be an hour.
    if stripped.isdigit():
        raise ValueError(f'"{text}" may be an hour or seconds; write 07:00, {stripped}h or {stripped}s')
    from datetime import datetime

    for read in (datetime.fromisoformat, parse_duration):
        try:
            read(stripped)
        except ValueError:
            continue
        return stripped
    raise ValueError(f'"{text}" is no time to stop at; write 07:00, 8h, or 2026-12-01T07:00')


def parse_level(text: str) -> Level:
    """In any case of letters, as logging has it."""
    return one_of(Level)(text.upper())
