"""Planted bugs: what the seeds must be able to find. `bugs.txt` is the list, each a small change of one of our sources.

A bug is planted as its module is loaded, so that everybody who takes a name from it has the changed one; lines that are
to be replaced and are not there exactly once are an error, so that no bug gets lost as the program changes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import cast

LIST = Path(__file__).with_name("bugs.txt")


@dataclass(frozen=True, slots=True)
class Bug:
    """One of them."""

    name: str
    """What is wrong, in words."""
    module: str
    """Below `shareout`."""
    words: frozenset[str]
    """What a case must have to show it (`Case.words`): seeds without are passed over, and counted."""
    seed: int
    """One that has found it: where a search for it begins."""
    changes: tuple[tuple[str, str], ...]
    """Whole lines that stand there once → what stands there instead."""

    @classmethod
    def of(cls, text: str) -> Bug:
        """Its name, `module; words; seed`, then lines with `-` that are replaced by those with `+`; a `.` stands
        between two changes."""
        name, facts, *lines = text.splitlines()
        module, words, seed = facts.split("; ")
        parts: list[list[str]] = [[]]
        for line in lines:
            if line == ".":
                parts.append([])
            else:
                parts[-1].append(line)
        changes = tuple((_side("-", part), _side("+", part)) for part in parts)
        return cls(name, module, frozenset(words.split()) - {"any"}, int(seed), changes)

    def applied(self, source: str) -> str:
        for old, new in self.changes:
            if f"\n{source}".count(f"\n{old}") != 1:
                raise ValueError(f"{self.name}: not once in {self.module}:\n{old}")
            source = f"\n{source}".replace(f"\n{old}", f"\n{new}")[1:]
        return source


def _side(sign: str, lines: Sequence[str]) -> str:
    return "".join(f"{line[1:]}\n" for line in lines if line.startswith(sign))


def all_bugs(file: Path = LIST) -> list[Bug]:
    _, *texts = file.read_text().split("## ")
    return [Bug.of(text.rstrip("\n")) for text in texts]


def bug_of(name: str, file: Path = LIST) -> Bug:
    return next(bug for bug in all_bugs(file) if bug.name == name)


def plant(bug: Bug, within: str = "shareout.") -> None:
    """Before the program is loaded."""
    name = f"{within}{bug.module}"
    assert name not in sys.modules, f"{name} is loaded already"
    sys.meta_path.insert(0, _Planter(name, bug))


class _Planter(MetaPathFinder):
    def __init__(self, name: str, bug: Bug) -> None:
        self._name = name
        self._bug = bug

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        spec = PathFinder.find_spec(name, path)
        assert spec is not None
        loader = cast(SourceFileLoader, spec.loader)
        spec.loader = _Changed(loader.name, loader.path, self._bug)
        return spec


class _Changed(SourceFileLoader):
    def __init__(self, name: str, path: str, bug: Bug) -> None:
        super().__init__(name, path)
        self._bug = bug

    def get_code(self, fullname: str) -> CodeType:
        """Past all caches."""
        source = self.get_data(self.path).decode()
        return cast(CodeType, compile(self._bug.applied(source), self.path, "exec"))
