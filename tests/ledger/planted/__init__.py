"""Planted bugs: what the search must be able to find. `bugs.txt` is the list; each is a small change of one of our
sources, or of the crew that the model has in the place of ours."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from simulated.planted import Bug
from simulated.planted import plant as plant_bug

LIST = Path(__file__).with_name("bugs.txt")
TESTS = Path(__file__).parents[2]
SOURCES = TESTS.parent / "src"


class Planted(NamedTuple):
    """One of them."""

    bug: Bug
    case: str
    """Which shows it."""

    @property
    def source(self) -> str:
        """What is changed."""
        name = self.bug.module.replace(".", "/") + ".py"
        return (TESTS / name if name.startswith("ledger/") else SOURCES / name).read_text()


def all_bugs() -> list[Planted]:
    """As they are listed."""
    _, *texts = LIST.read_text().split("## ")
    found = []
    for text in texts:
        name, facts, *lines = text.rstrip("\n").splitlines()
        module, case = facts.split("; ")
        found.append(Planted(Bug.of("\n".join([name, f"{module}; any; 0", *lines])), case))
    return found


def bug_of(name: str) -> Bug:
    """That of this name."""
    return next(one.bug for one in all_bugs() if one.bug.name == name)


def plant(bug: Bug) -> None:
    """Before the module is loaded."""
    plant_bug(bug, within="")
