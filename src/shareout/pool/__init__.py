"""The Pool contract: all the jobs in a fixed order, read by number, never held in memory.

A job's id is its 0-based place. `row(i)` is cheap for any i, also the last of a billion; `len` costs nothing
after opening. A pool may be used in a forked child: reading moves no shared file position.
`open_pool` is the one place that knows the implementations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from shareout.config import Settings
from shareout.fields import dataclass, field
from shareout.pool.places.shelf import Shelf, TextHash

COSTS = "costs.csv"
"""The name of a file that says how long jobs take, beside their pool."""

STREAM = "stream"
"""The kind of a pool whose jobs come while it is run."""

# Up to here the bias of the shuffle's remainders stays under 2^-18 (`plan/network.py`).
MOST_JOBS = 10**18


@dataclass(frozen=True, slots=True)
class Need:
    """What one job takes of its machine; None means the run's own setting."""

    cores: str | None = None
    gpus: str | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """A contiguous range of ids, shuffled and split on its own; a barrier stands before every one but the first."""

    start: int
    stop: int
    check: bool = False


@dataclass(frozen=True, slots=True)
class Barrier:
    """A barrier of disBatch's, which counts it as a task: `job` is the first one behind it."""

    job: int
    task: int
    line: int
    text: str
    check: bool


@dataclass(frozen=True, slots=True)
class EngineCommand:
    """What PERENGINE asks each machine to run. `theirs`: as disBatch has it, where its failure stops nothing."""

    text: str
    line: int
    theirs: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One job as the pool tells it. `line` counts from 1 (0: the pool has no lines)."""

    id: int
    text: str
    args: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)
    line: int = 0
    group: str | None = None
    repeat: int | None = None
    need: Need | None = None
    task: int = -1
    """Its number as disBatch counts, where that is another than its id."""


class Literal(str):
    """The text of a template whose braces that name nothing of a row stand for themselves."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Values:
    """What a template is filled from: a row in words."""

    id: int
    words: Sequence[str]
    """What `{}` stands for: a line is one word, a row of several values as many."""
    columns: Sequence[str]
    named: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that decides what the jobs are; its bytes are hashed."""

    role: str
    path: Path
    has_states: bool = False
    """Whether its lines begin with the letter of a state, as in a runs.txt: that is hashed as a `.`."""
    hash: TextHash | None = None
    """Where who read it has made it: of the very bytes that were read."""


class Pool(Protocol):
    """What every kind of pool answers."""

    @property
    def kind(self) -> str:
        """What the file is, by the words of `docs/algorithm.md`."""

    @property
    def inputs(self) -> Sequence[InputFile]:
        """The files that were read, the pool's own first."""

    @property
    def costs_file(self) -> Path:
        """Where a file of costs of its jobs would stand."""

    @property
    def phases(self) -> Sequence[Phase]:
        """At least one, together 0…len; barriers stand between them."""

    @property
    def groups(self) -> Sequence[str]:
        """The names of the groups in order of first appearance; empty when jobs have none."""

    @property
    def start_commands(self) -> Sequence[EngineCommand]:
        """What PERENGINE asks each machine to run before its first job."""

    @property
    def stop_commands(self) -> Sequence[EngineCommand]:
        """What it asks for after the last."""

    @property
    def for_bash(self) -> bool:
        """Whether all its lines are bash's: it has directives of disBatch's, or begins with `#!/bin/bash`."""

    @property
    def barriers(self) -> Sequence[Barrier]:
        """Those of disBatch's, also where they cut nothing."""

    def __len__(self) -> int: ...

    def prepare(self) -> None:
        """Do now what makes reading by number cheap at any place, before workers are forked."""

    def keep(self) -> None:
        """Keep what is known of the file for the next command, where `open_pool` was told where: only a run does."""

    def row(self, job: int) -> Row:
        """Everything about one job."""

    def arguments(self, job: int) -> tuple[Any, ...] | dict[str, Any]:
        """Only what a Python job is called with: by place (tuple) or by name (dict). The fast path of workers."""

    def command(self, job: int) -> str:
        """Only the command line of a job, template and prefix applied. Bytes that are not UTF-8 come as
        surrogates (`surrogateescape`), to be written back the same way."""

    def values(self, job: int) -> Values:
        """The words of its row, for a template."""

    def group(self, job: int) -> str | None:
        """Only the group that a job is in."""

    def need(self, job: int, names: Sequence[str] = ()) -> Need | None:
        """What the job says it takes, in a directive or in the fields of these names; None: the run's own setting.
        ValueError when a field says nothing that can be taken."""

    def field(self, name: str) -> Iterator[Sequence[Any]] | None:
        """What each row says in a field, in order, many rows at a time; None in a row that does not have it. None
        instead where no row has it, or rows have no fields. A number that is no whole one comes as its text."""

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Need | tuple[str, str, str]]]:
        """What all jobs say, for a check of the whole pool: jobs that say the same, and what they say. Of fields come
        the texts, unread; see `pool.needs`."""


@runtime_checkable
class Selection(Protocol):
    """A pool that holds only some jobs of another one, under their old ids: `row` and its kin take those ids,
    `len` and `phases` count places. Only the plan needs to know the difference."""

    @property
    def ancestors(self) -> Sequence[str]:
        """Digests of the plans that left these jobs, the oldest first."""

    @property
    def total(self) -> int:
        """How many jobs the whole pool has."""

    @property
    def work(self) -> str:
        """The hash of what the jobs are, as the plan of the whole pool tells it."""

    def id_at(self, place: int) -> int:
        """The id of the job at a place, 0 … len-1. IndexError beyond."""

    def ids_at(self, places: list[int]) -> list[int]:
        """The same for many."""

    def ids_in_step(self, number: int, positions: Sequence[int]) -> list[int]:
        """At positions of one of the plans that left these jobs, the oldest being 0."""

    def place_of(self, job: int) -> int:
        """Raises IndexError when the job is not selected."""


def open_pool(configs: Path, settings: Settings, *, named: Path | None = None, shelf: Shelf | None = None) -> Pool:
    """The pool of a configs folder (its one jobs.* file), or the file that is named; refuses bad input. `shelf`: where
    what is known of large files is kept."""
    from shareout.pool.choose import choose_pool

    return choose_pool(configs, settings, named, shelf)
