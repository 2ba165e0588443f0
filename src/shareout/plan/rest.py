"""rest.json: the jobs of a pool that an earlier plan left undone, told as positions in that plan.

    {"shareout_rest": 2, "work": "<work hash>", "jobs": 1000,
     "plans": [{"digest": "<hex>", "phases": [[0, 1000, false]], "left": [[180, 250], [700, 1000]]}]}

What is undone is contiguous in the order in which it was to run, so that a few ranges say it, for any number of
jobs. A rebalance of a rebalance adds a plan, whose places are those that the one before it left. Ids stay.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from shareout.choices import Order
from shareout.errors import InputError, Place, cannot_read
from shareout.fields import dataclass
from shareout.files import replace_file
from shareout.plan.ids import places_at
from shareout.plan.permutation import Permutations
from shareout.pool import InputFile, Need, Phase, Pool, Row, Values
from shareout.ranges import Range

NAME = "rest.json"
VERSION = 2


@dataclass(frozen=True, slots=True)
class Step:
    """One plan, and the positions that it left."""

    digest: str
    phases: tuple[Phase, ...]
    left: tuple[Range, ...]
    order: str = Order.SHUFFLED

    @property
    def jobs(self) -> int:
        """How many that plan had."""
        return self.phases[-1].stop if self.phases else 0

    def facts(self) -> dict[str, object]:
        """As rest.json has it; `_step` reads it."""
        return {
            "digest": self.digest,
            **({"order": self.order} if self.order != Order.SHUFFLED else {}),
            "phases": [(phase.start, phase.stop, phase.check) for phase in self.phases],
            "left": self.left,
        }


class _Walk:
    """Place among what a plan left ↔ place in the pool that the plan had."""

    def __init__(self, step: Step) -> None:
        self._phases = step.phases
        # Of the plan that left something, and not of the pool's barriers as they are now: its positions mean something
        # only by the phases and the digest that it had.
        self._starts = [phase.start for phase in step.phases]
        sizes = [phase.stop - phase.start for phase in step.phases]
        self._permutations = Permutations(bytes.fromhex(step.digest), sizes, step.order)
        self._left = step.left
        self._lefts = [start for start, _ in step.left]
        self._before = [0, *accumulate(stop - start for start, stop in step.left)]

    def down(self, place: int) -> int:
        """The place in the plan's own pool of what has this place among the left."""
        at = bisect_right(self._before, place) - 1
        position = self._lefts[at] + place - self._before[at]
        phase = bisect_right(self._starts, position) - 1
        return self._starts[phase] + self._permutations[phase].at(position - self._starts[phase])

    def down_all(self, places: Sequence[int]) -> list[int]:
        """The same for many."""
        before, lefts = self._before, self._lefts
        positions = [lefts[at := bisect_right(before, place) - 1] + place - before[at] for place in places]
        return self.places_at(positions)

    def places_at(self, positions: Sequence[int]) -> list[int]:
        """The places in the plan's own pool of the jobs at its positions."""
        return places_at(self._permutations, self._starts, positions)

    def up(self, place: int) -> int:
        """Raises IndexError when it was not left."""
        phase = bisect_right(self._starts, place) - 1
        position = self._starts[phase] + self._permutations[phase].position_of(place - self._starts[phase])
        at = bisect_right(self._lefts, position) - 1
        if at < 0 or position >= self._left[at][1]:
            raise IndexError(place)
        return self._before[at] + position - self._lefts[at]

    def phases(self) -> tuple[Phase, ...]:
        """How what is left falls into the phases that the plan had."""
        found = []
        begin = 0
        for phase in self._phases:
            count = sum(max(0, min(phase.stop, end) - max(phase.start, first)) for first, end in self._left)
            # A phase of which nothing is left is none any more: a barrier with nothing before it would hold back
            # nothing, and machines would count an empty range for it in each header.
            if count:
                found.append(Phase(begin, begin + count, phase.check))
            begin += count
        return tuple(found)


class SelectedPool:
    """A pool, and which of its jobs are left. Everything about a job comes from the pool itself."""

    def __init__(self, inner: Pool, path: Path, steps: Sequence[Step], work: str) -> None:
        self._inner = inner
        self.names: Sequence[str] | None = getattr(inner, "names", None)
        self.kind = inner.kind
        self.has_commands: bool = getattr(inner, "has_commands", True)
        self.inputs = (*inner.inputs, InputFile("rest", path))
        self.costs_file = inner.costs_file
        self.groups = inner.groups
        self.start_commands = inner.start_commands
        self.stop_commands = inner.stop_commands
        self.for_bash = inner.for_bash
        self.barriers = inner.barriers
        self.steps = tuple(steps)
        self.ancestors = tuple(step.digest for step in steps)
        self.work = work
        self.total = len(inner)
        self._walks = [_Walk(step) for step in steps]
        self._count = sum(stop - start for start, stop in steps[-1].left)
        self.phases = self._walks[-1].phases()

    def __len__(self) -> int:
        return self._count

    @property
    def whole(self) -> Pool:
        """The pool that these jobs are of."""
        return self._inner

    def id_at(self, place: int) -> int:
        """Down through all plans, the newest first."""
        for walk in reversed(self._walks):
            place = walk.down(place)
        return place

    def ids_at(self, places: list[int]) -> list[int]:
        """The same for many."""
        for walk in reversed(self._walks):
            places = walk.down_all(places)
        return places

    def place_of(self, job: int) -> int:
        """Raises IndexError when it was not left."""
        for walk in self._walks:
            job = walk.up(job)
        return job

    def ids_in_step(self, number: int, positions: Sequence[int]) -> list[int]:
        """At positions of one of the plans that these inputs continue, the oldest being 0."""
        places = self._walks[number].places_at(positions)
        for walk in reversed(self._walks[:number]):
            places = walk.down_all(places)
        return places

    def prepare(self) -> None:
        """For the whole pool, of which all rows come."""
        self._inner.prepare()

    def keep(self) -> None:
        """Of the whole pool."""
        self._inner.keep()

    def row(self, job: int) -> Row:
        """Of the whole pool, by its id there; as all that follows."""
        return self._inner.row(job)

    def arguments(self, job: int) -> tuple[Any, ...] | dict[str, Any]:
        """Of the whole pool."""
        return self._inner.arguments(job)

    def command(self, job: int) -> str:
        """Of the whole pool."""
        return self._inner.command(job)

    def values(self, job: int) -> Values:
        """Of the whole pool."""
        return self._inner.values(job)

    def group(self, job: int) -> str | None:
        """Of the whole pool."""
        return self._inner.group(job)

    def need(self, job: int, names: Sequence[str] = ()) -> Need | None:
        """Of the whole pool."""
        return self._inner.need(job, names)

    def field(self, name: str) -> Iterator[Sequence[Any]] | None:
        """Of all jobs of the whole pool."""
        return self._inner.field(name)

    def needs(self, names: Sequence[str] = ()) -> Iterator[tuple[Iterable[int], Need | tuple[str, str, str]]]:
        """Of all jobs of the whole pool, also those that are not left: whoever asks finds no owner of these."""
        return self._inner.needs(names)


def with_rest(pool: Pool, configs: Path) -> Pool:
    """The pool, or what is left of it when the inputs come from a rebalance."""
    path = configs / NAME
    if not path.exists():
        return pool
    try:
        facts = json.loads(path.read_bytes())
        steps = _steps(facts["plans"], facts["jobs"])
        work, jobs, version = facts["work"], facts["jobs"], facts["shareout_rest"]
        is_whole = bool(steps) and isinstance(work, str)
    except OSError as error:
        raise cannot_read(path, error) from error
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise _refused(path, f"cannot be read: {error}") from None
    if version != VERSION or not is_whole:
        raise _refused(path, f"is of version {version}, and this program reads {VERSION}")
    # Before the work hash is compared, where the plan is made: a pool that lost lines is told with both numbers, and
    # not as other work.
    if jobs != len(pool):
        raise _refused(path, f"is about a pool of {jobs} jobs, and {pool.inputs[0].path.name} has {len(pool)}")
    return SelectedPool(pool, path, steps, work)


def write_rest(folder: Path, work: str, jobs: int, steps: Sequence[Step]) -> None:
    """Whole or not at all, into a folder of inputs. OSError when it cannot be written."""
    facts = {"shareout_rest": VERSION, "work": work, "jobs": jobs, "plans": [step.facts() for step in steps]}
    replace_file(folder / NAME, [json.dumps(facts).encode("ascii") + b"\n"])


def _steps(plans: Sequence[Mapping[str, Any]], jobs: int) -> list[Step]:
    """Each plan has the jobs that the one before it left."""
    steps = []
    for facts in plans:
        step = _step(facts)
        if step.jobs != jobs:
            raise ValueError(f"the phases of a plan are of {step.jobs} jobs, and {jobs} were left to it")
        jobs = sum(stop - start for start, stop in step.left)
        steps.append(step)
    return steps


def _step(facts: Mapping[str, Any]) -> Step:
    phases = tuple(Phase(int(start), int(stop), bool(check)) for start, stop, check in facts["phases"])
    left = tuple((int(start), int(stop)) for start, stop in facts["left"])
    # Only asked whether it is one: refused here, with the file's name, and not where it is first used.
    bytes.fromhex(facts["digest"])
    order = facts.get("order", Order.SHUFFLED)
    if order not in tuple(Order):
        raise ValueError(f"there is no order {order}")
    step = Step(facts["digest"], phases, left, order)
    begin = end = 0
    for phase in phases:
        if not begin == phase.start <= phase.stop:
            raise ValueError(f"the phase {phase.start}-{phase.stop} is out of place")
        begin = phase.stop
    for start, stop in left:
        if not end <= start < stop <= step.jobs:
            raise ValueError(f"the range {start}-{stop} is out of place")
        end = stop
    return step


def _refused(path: Path, what: str) -> InputError:
    return InputError(what, where=Place(str(path)), way_out="`rebalance` writes this file; make the inputs anew.")
