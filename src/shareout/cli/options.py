"""The flags that commands share, and their typed class; where the inputs are found.

`configs` in the current directory, else beside the program; `runs` in the current directory.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from shareout.errors import UsageError


@dataclass(frozen=True, slots=True)
class Common:
    """What every command may be told."""

    configs: Path
    runs: Path
    json: bool
    quiet: bool

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Common:
        given = arguments.configs
        return cls(
            configs=Path(given) if given else find_configs(),
            runs=Path(arguments.runs or "runs"),
            json=bool(getattr(arguments, "json", False)),
            quiet=bool(getattr(arguments, "quiet", False)),
        )


def add_common(parser: argparse.ArgumentParser, *, json: bool = True) -> None:
    group = parser.add_argument_group("where things are, and how to tell them")
    group.add_argument("--configs", metavar="DIR", help="inputs (default: ./configs, else beside the program)")
    group.add_argument("--runs", metavar="DIR", help="run directories (default: ./runs)")
    group.add_argument("--quiet", action="store_true", help="tell only what is wrong")
    if json:
        group.add_argument("--json", action="store_true", help="one JSON document on standard output")


def find_configs() -> Path:
    """The default folder; the same name is told when it is in neither place."""
    here = Path("configs")
    if here.is_dir():
        return here
    beside = Path(sys.executable if getattr(sys, "frozen", False) else sys.argv[0]).resolve().parent / "configs"
    return beside if beside.is_dir() else here


def machines_file(common: Common) -> Path:
    """machines.json of the configs, or a refusal that says how to get one."""
    path = common.configs / "machines.json"
    if not common.configs.is_dir():
        raise UsageError(
            f"there is no folder {common.configs}",
            way_out="Name it with --configs DIR, or write a starting set with `shareout init`.",
        )
    if not path.exists():
        raise UsageError(
            f"there is no {path}", way_out="`shareout init` writes one to start from; it overwrites nothing."
        )
    return path
