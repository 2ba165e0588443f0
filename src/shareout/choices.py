"""Settings that are a choice of a few words: one enumeration each, from which they are checked and documented."""

from __future__ import annotations

from enum import StrEnum


class Order(StrEnum):
    """In which jobs stand in a plan."""

    SHUFFLED = "shuffled"
    GIVEN = "given"


class Barriers(StrEnum):
    """What a barrier means where several machines run."""

    REFUSED = ""
    LOCAL = "local"


class Numerics(StrEnum):
    """What decides the last bits of jobs' numbers."""

    NATIVE = "native"
    PORTABLE = "portable"


class Background(StrEnum):
    """What becomes of processes that a command leaves behind."""

    KILL = "kill"
    LEAVE = "leave"


class Level(StrEnum):
    """The least that Python jobs' logging writes."""

    NOTSET = "NOTSET"
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class Progress(StrEnum):
    """How a run shows itself."""

    AUTO = "auto"
    LIVE = "live"
    PLAIN = "plain"
    NONE = "none"


def words_of(choices: type[StrEnum]) -> list[str]:
    """What may be written; nothing is no word."""
    return [choice.value for choice in choices if choice.value]
