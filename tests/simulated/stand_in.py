"""Puts the simulated world in the place of Linux, in all modules of the program that ask `world`."""

from __future__ import annotations

import pathlib
import sys
from types import SimpleNamespace
from typing import Any, TextIO

from shareout import world as seam
from simulated.system.calls import Calls
from simulated.system.paths import SimPath

CALLS = Calls()
"""Of the host that is simulated at the moment: it is told which that is."""


def put_in_place() -> None:
    """For good: a process that simulates does nothing else."""

    SimPath.calls = CALLS
    linux = seam.world
    answers = {
        "granted_memory": lambda: 1 << 34,
        "memory_granted": lambda: None,
        "granted_cores": lambda: 2,
        "code_hash": lambda: "c0de",
        "user_environment": lambda: {"PATH": "/bin"},
        # The text of a traceback is nobody's law, and costs more than the rest of a failure.
        "trace_of": lambda error: f"{error!r}",
        "shutil": SimpleNamespace(
            which=lambda word, path=None: f"/bin/{word}" if isinstance(word, str) else b"/bin/" + word
        ),
    }
    for name, module in list(sys.modules.items()):
        if not name.startswith("shareout."):
            continue
        for key, value in list(vars(module).items()):
            if value is linux:
                setattr(module, key, CALLS)
            elif isinstance(value, pathlib.Path) and name.startswith(("shareout.run", "shareout.record")):
                setattr(module, key, SimPath(str(value)))
            elif key in answers and name != "shareout.run.host.cores":
                setattr(module, key, answers[key])
    _share_one_python()


class _Stream:
    """Our own, which a worker may take for one that notices."""

    def __init__(self, ours: TextIO) -> None:
        self._ours = ours

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ours, name)

    def notice(self, noticed: list[str]) -> None:
        """What jobs print here goes by the simulated calls."""


def _share_one_python() -> None:
    """A worker of Python jobs changes much of its process (streams, logging, hooks); here all are in one."""
    import shareout.run.duties
    import shareout.run.hands.ring as ring
    import shareout.run.python.worker as module

    # So small that a few lines fill a segment, and a failure's message takes several.
    ring.SEGMENT_BYTES, ring.STEP = 700, 200

    ours = _Stream(sys.stdout), _Stream(sys.stderr)

    def made(self: Any, station: Any) -> None:
        self._station = station
        self._ring = station.post.ring
        self._folder = module.os.getcwd()
        self._streams = ours
        self._variables, self._environ, self._plain = {}, {}, dict(module.os.environ)
        self._job, self._attempt = -1, 0
        self._changes = []

    module._Worker.__init__ = made  # type: ignore[method-assign]
    module.open_streams = shareout.run.duties.open_streams = lambda: None
    module.streams = lambda: ours  # type: ignore[assignment,return-value]
