"""Classes of named fields behave as the standard library's: held against them, kind by kind."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from shareout import fields

KINDS = """
@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2
    tags: list[str] = field(default_factory=list)

    @property
    def sum(self) -> int:
        return self.x + self.y

@dataclass(slots=True)
class Counted:
    name: str
    hidden: str = field(default="h", repr=False)
    seen: int = field(default=0, compare=False)
    made: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.made = [len(self.name)]

@dataclass(slots=True)
class More(Counted):
    more: Any = None

@dataclass(frozen=True, slots=True, order=True)
class Long:
    seconds: float
    job: int = 0

@dataclass(frozen=True, slots=True)
class Nothing:
    pass
"""
CALLS = [
    "Point(1)", "Point(1, 3, ['a'])", "Point(y=5, x=4)", "Point()", "Point(1, 2, [], 4)", "Point(1, z=2)",
    "Point(1).sum",
    "Counted('abc').made", "Counted('abc')", "Counted('a', seen=1) == Counted('a', seen=2)", "More('a', more=Point(1))",
    "More('a') == Counted('a')", "Point(1) == Point(1)", "Point(1) != Point(2)", "Point(1) == (1, 2, [])",
    "hash(Long(1.0)) == hash(Long(1.0, 0))", "hash(Point(1))", "hash(Counted('a'))", "Long(1.0) < Long(2.0)",
    "max(Long(1.0, 1), Long(1.0, 2))", "sorted([Long(3.0), Long(2.0)])", "Long(1.0) < 3", "Point(1) < Point(2)",
    "setattr(Point(1), 'x', 3)", "setattr(Point(1), 'z', 3)", "delattr(Point(1), 'x')", "setattr(Counted('a'), 'z', 1)",
    "setattr(Counted('a'), 'name', 'b')", "replace(Point(1), y=7)", "replace(More('a', seen=3), more=1)",
    "replace(Point(1), z=1)", "asdict(More('a', more=[Point(1), (Point(2), {'k': Point(3)})]))",
    "[one.name for one in fields(More)]", "[one.name for one in fields(Point(1))]", "Point.__match_args__",
    "More.__slots__", "More.__match_args__", "copy.copy(Point(1))", "copy.deepcopy(More('a', more=Point(2)))",
    "Nothing()",
    "Nothing() == Nothing()", "Point(1).tags is Point(1).tags", "Point.__qualname__",
    "standard.asdict(Point(1))", "standard.replace(Point(1), y=9)", "[one.name for one in standard.fields(More)]",
    "standard.is_dataclass(Point)", "hasattr(Point(1), '__dict__')",
]  # fmt: skip


def kinds(of: Any) -> dict[str, Any]:
    words = {name: getattr(of, name) for name in ("dataclass", "field", "fields", "replace", "asdict")}
    words |= {"__name__": __name__, "copy": copy, "Any": Any, "standard": dataclasses}
    exec("from __future__ import annotations\n" + KINDS, words)
    return words


def seen(call: str, of: Any) -> str:
    try:
        return repr(eval(call, kinds(of)))
    except (TypeError, AttributeError, ValueError):
        # That it is refused is what counts. Of a frozen one with slots the standard library's own error has an error.
        return "refused"


@pytest.mark.parametrize("call", CALLS)
def test_it_does_what_the_standard_library_does(call: str) -> None:
    assert seen(call, fields) == seen(call, dataclasses)


@fields.dataclass(frozen=True, slots=True)
class Kept:
    """What travels between processes."""

    number: int
    more: tuple[int, ...] = ()


def test_one_that_is_frozen_survives_a_pickle_and_a_match() -> None:
    one = pickle.loads(pickle.dumps(Kept(1, (2, 3))))
    assert one == Kept(1, (2, 3))
    match one:
        case Kept(number, more):
            assert (number, more) == (1, (2, 3))


def test_a_method_is_written_once() -> None:
    first = Kept(1)
    written = Kept.__init__
    assert Kept(1) == first
    assert Kept.__init__ is written
    assert "Kept.__init__" in written.__qualname__
