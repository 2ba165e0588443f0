"""The words of `--columns`, of `--rows` and of `--stdout`: what a table is to have.

Words for several columns (`inputs`, `result`, `outputs`, `meta`, `times`) alone add them, in that order, to the
results, which are there in any case; a list with any other word is the very columns that it names, in its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from shareout.errors import UsageError, nearest
from shareout.fields import dataclass
from shareout.merge.sheet import META

INPUTS, RESULT, OUTPUTS = "inputs", "result", "outputs"
STDOUT, STDERR = "stdout", "stderr"
STATE, ERROR = "state", "error"
BASE64 = "_base64"
OTHERS = (STDOUT, STDERR, STATE, ERROR)
OF_META = {"meta": ("machine", "attempt", "slot"), "times": META["times"]}
GROUPS = (INPUTS, RESULT, OUTPUTS, *OF_META)
_ALL_META = META["all"]
_PRINTED = {STDOUT, STDERR, STDOUT + BASE64, STDERR + BASE64}


class Rows(StrEnum):
    """Which jobs have a row."""

    DONE = "done"
    FAILED = "failed"
    MISSING = "missing"


class Parse(StrEnum):
    """What is made of what a job printed on standard output."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Columns:
    """What a table has beside `job`."""

    said: bool = False
    """Whether anybody said. By default it is a job's inputs, its results and, of a command, what it printed, while that
    is short."""
    groups: frozenset[str] = frozenset()
    """Which of the groups to add."""
    names: tuple[str, ...] = ()
    """The very columns, where some were named; a word for several may be among them."""
    rows: tuple[Rows, ...] = (Rows.DONE,)
    parse: Parse = Parse.TEXT

    @property
    def with_inputs(self) -> bool:
        """Whether to look for inputs. Of a name that we do not know one may be meant."""
        known = {*GROUPS, "job", STATE, ERROR, "exit", *_ALL_META, *_PRINTED} - {INPUTS}
        return not self.said or INPUTS in self.groups or any(name not in known for name in self.names)

    @property
    def needs_inputs(self) -> bool:
        """Whether they were asked for by their word: there must be some."""
        return INPUTS in self.groups or INPUTS in self.names

    def streams(self, kind: str) -> tuple[str, ...]:
        """Whose texts to look for."""
        if OUTPUTS in self.groups:
            return (STDOUT, STDERR)
        if not self.said and kind == "command":
            return (STDOUT,)
        named = {name.removesuffix(BASE64) for name in self.names if name in _PRINTED}
        if self.parse is not Parse.TEXT:
            named.add(STDOUT)
        return tuple(one for one in (STDOUT, STDERR) if one in named)

    @property
    def with_state(self) -> bool:
        """Whether to tell how it stands with each job: where not all that have a row are done."""
        return self.rows != (Rows.DONE,) or STATE in self.names or ERROR in self.names

    @property
    def meta(self) -> tuple[str, ...]:
        """Those about how a job ran."""
        if self.names:
            return tuple(name for name in _ALL_META if name in self.names)
        return tuple(name for group, names in OF_META.items() if group in self.groups for name in names)

    @property
    def needs_more(self) -> bool:
        """Whether times, machines or imprints of jobs are needed, which a merge gathers only for who asks."""
        return bool(self.meta or self.streams("python") or self.with_state)


def parse_columns(words: Sequence[str], meta: str = "none") -> Columns:
    """From the list that was said; `meta` is the flag of that name, which adds to it."""
    names = [word.strip() for word in words if word.strip()]
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if twice:
        raise UsageError(f'--columns names "{twice[0]}" twice', way_out="Name each column once.")
    also = {"none": (), "times": ("times",), "all": ("meta", "times")}[meta]
    if names == ["all"]:
        names = list(GROUPS)
    if all(name in GROUPS for name in names):
        return Columns(bool(names), frozenset((*names, *also)))
    unfolded: list[str] = []
    for name in (*names, *also):
        unfolded += (STDOUT, STDERR) if name == OUTPUTS else OF_META.get(name, (name,))
    return Columns(said=True, names=tuple(name for name in dict.fromkeys(unfolded) if name != "job"))


def parse_rows(text: str) -> tuple[Rows, ...]:
    """`done,failed,missing`, or some of them."""
    known = [one.value for one in Rows]
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in known:
            raise UsageError(
                f'--rows: there are no rows "{word}"{nearest(word, known)}', way_out=f"Say {','.join(known)}."
            )
    if not words:
        raise UsageError("--rows names no rows", way_out=f"Say {','.join(known)}.")
    return tuple(one for one in Rows if one in words)
