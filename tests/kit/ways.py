"""The two ways to reach the program: the module, as from a checkout, and the executable that was made of it."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Protocol

# Stands for every entry of the tests, so that one is built instead of fifty: it runs the script of the current folder
# as if that were its own code. What those scripts import must be inside.
LOADER = """
import ctypes, logging, math, os, random, signal, subprocess, sys, threading, time, warnings
from shareout import run

if __name__ == "__main__":
    sys.path.insert(0, "")
    with open("main.py", "rb") as script:
        exec(compile(script.read(), "main.py", "exec"), {"__name__": "__main__", "run": run})
"""


class Way(Protocol):
    """Where the command runner is, and the program of an entry script in the current folder."""

    name: str

    def runner(self) -> list[str]: ...

    def script(self, name: str) -> list[str]: ...

    def python(self, started: int) -> int:
        """The process that runs Python, of the one that was started."""
        ...


class Module:
    """This Python runs the sources."""

    name = "module"

    def runner(self) -> list[str]:
        return [sys.executable, "-m", "shareout"]

    def script(self, name: str) -> list[str]:
        return [sys.executable, name]

    def python(self, started: int) -> int:
        return started


MODULE = Module()


class Executable:
    """One-file programs in a folder that all test processes share, each built when first asked for. One that cannot be
    built fails the test."""

    name = "executable"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    @cached_property
    def file(self) -> Path:
        """The command runner."""
        return self._built("shareout")

    @cached_property
    def _loader(self) -> Path:
        return self._built("loader", LOADER)

    def _built(self, name: str, entry: str = "") -> Path:
        file = self._folder / "build" / name
        with open(self._folder / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists() and entry:
                (self._folder / f"{name}.py").write_text(entry)
                freeze(self._folder, f"{name}.py")
            elif not file.exists():
                freeze(self._folder)
        return file

    def runner(self) -> list[str]:
        return [str(self.file)]

    def script(self, name: str) -> list[str]:
        assert name == "main.py"
        return [str(self._loader)]

    def python(self, started: int) -> int:
        children = Path(f"/proc/{started}/task/{started}/children").read_text().split()
        assert len(children) == 1, f"a one-file program's loader has one child, not {children}"
        return int(children[0])


def freeze(folder: Path, *words: str) -> Path:
    """What `shareout freeze` makes in that folder's build/."""
    call = [*MODULE.runner(), "freeze", *words]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "build" / (Path(words[0]).stem if words else "shareout")
