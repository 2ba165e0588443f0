"""How a job of a grid is called: without names only where that cannot be told from a call with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import pytest

from shareout.config import load_settings
from shareout.pool import open_pool
from shareout.run.python.binding import Binding


def first(n: int, more: int = 0) -> int:
    return n


def second(more: int = 0, n: int = 0) -> int:
    return n


def by_name(*, n: int) -> int:
    return n


def any_names(**values: int) -> int:
    return values["n"]


@wraps(first)
def behind_a_wrapper(**values: int) -> int:
    return first(**values)


def with_info(n: int, *, info: Any = None) -> int:
    return n


class Holder:
    def method(self, n: int) -> int:
        return n

    def __call__(self, n: int) -> int:
        return n


OTHERS = [
    second, by_name, any_names, behind_a_wrapper, with_info, partial(first, more=1), Holder().method, Holder(),
]  # fmt: skip


def binding(folder: Path, grid: str, job: Callable[..., Any]) -> Binding:
    (folder / "jobs.grid.json").write_text(grid)
    made = Binding(job, open_pool(folder, load_settings(folder)))
    made.check()
    return made


@pytest.mark.parametrize("axis", ["[3, 1, 2]", '{"start": 3, "stop": 9, "step": 2}', '["a", "b"]'])
def test_the_only_argument_is_given_by_place(tmp_path: Path, axis: str) -> None:
    made = binding(tmp_path, f'{{"n": {axis}}}', first)
    assert made.single
    assert made.named
    assert all({"n": made.single(job)} == made.named(job) for job in range(2))


@pytest.mark.parametrize("job", OTHERS)
def test_and_to_what_it_may_not_be_the_first_of_by_name(tmp_path: Path, job: Callable[..., Any]) -> None:
    made = binding(tmp_path, '{"n": [3, 1, 2]}', job)
    assert made.single is None
    args, named = made.arguments(1)
    assert job(*args, **named) == 1


def test_of_several_axes_names_tell_which_is_which(tmp_path: Path) -> None:
    made = binding(tmp_path, '{"n": [3, 1], "more": [5, 6]}', first)
    assert made.single is None
    assert made.named
    assert made.named(1) == {"n": 3, "more": 6}
