"""How far each host is: a row a host, and the file that keeps it for who looks later. Only a cache: the truth is the
far lock and journal."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import Any

from shareout.fields import asdict, dataclass, replace
from shareout.files import replace_file

FORM = 1


class State(StrEnum):
    """What is being done with a host, or what became of it."""

    WAITING = "waiting"
    CHECKING = "checking"
    COPYING = "copying"
    STARTING = "starting"
    RUNNING = "running"
    FETCHING = "fetching"
    DONE = "done"
    STOPPED = "stopped"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    GIVEN_UP = "given up"


OVER = frozenset((State.DONE, State.STOPPED, State.REFUSED, State.GIVEN_UP))
STARTED = frozenset((State.RUNNING, State.FETCHING, State.DONE, State.STOPPED))


@dataclass(frozen=True, slots=True)
class Standing:
    """One host."""

    machine: str
    address: str
    state: State = State.WAITING
    why: str = ""
    """What a person should know of it, in a few lines at most."""
    jobs: int = 0
    done: int = 0
    failed: int = 0
    exit: int | None = None
    """Of its last run, when that has ended."""
    heard: float = 0.0
    """When it answered last, in seconds since 1970."""
    started: bool = False
    running: int = 0
    rate: float = 0.0
    """Jobs a second."""
    eta: float | None = None
    """Seconds until its end, when it told that last; and the range of it."""
    eta_low: float | None = None
    eta_high: float | None = None


class Standings:
    """All hosts. Threads change theirs; whoever looks gets a picture of one moment."""

    def __init__(self, file: Path, digest: str, folder: str, told: Callable[[Standing], None]) -> None:
        self._file, self._told = file, told
        self._head = {"version": FORM, "digest": digest, "folder": folder}
        self.tells_counts = False
        """Also of a change of what is done."""
        self._lock = Lock()
        self._rows: dict[str, Standing] = {}

    def add(self, one: Standing) -> None:
        """As it is; nobody is told."""
        self._rows[one.machine] = one

    def change(self, machine: str, **changes: Any) -> None:
        """What is given, and when it was heard. Who listens is told of a change of state or of its reason; of one of
        what is done, where that is asked for."""
        with self._lock:
            before = self._rows[machine]
            started = before.started or changes.get("state") in STARTED
            after = replace(before, **changes, started=started)
            self._rows[machine] = after
            is_counted = self.tells_counts and (after.done, after.failed) != (before.done, before.failed)
            if is_counted or (after.state, after.why) != (before.state, before.why):
                self._told(after)

    def now(self) -> list[Standing]:
        """In the order of the plan."""
        with self._lock:
            return list(self._rows.values())

    def of(self, machine: str) -> Standing:
        """One of them."""
        with self._lock:
            return self._rows[machine]

    def keep(self) -> None:
        """On the disk. A disk that is full costs nothing but this cache."""
        rows = {one.machine: asdict(one) for one in self.now()}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({**self._head, "time": round(time.time(), 3), "machines": rows}, indent=1)
            replace_file(self._file, [text.encode("ascii") + b"\n"], sync=False)
        except OSError:
            return


def kept(file: Path, digest: str) -> Mapping[str, Standing]:
    """What was kept of this plan; nothing where there is none that can be read."""
    try:
        facts = json.loads(file.read_bytes())
        if facts["version"] != FORM or facts["digest"] != digest:
            return {}
        return {one.machine: one for one in all_kept(facts)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def all_kept(facts: Mapping[str, Any]) -> list[Standing]:
    """All hosts of such a file, whatever the plan."""
    return [Standing(**{**row, "state": State(row["state"])}) for row in facts["machines"].values()]


def told_of(own: Mapping[str, Any]) -> dict[str, Any]:
    """What the status of a machine says of itself, as its row has it; nothing where it does not."""
    if "done" not in own:
        return {}
    ends = {key: own.get(key) for key in ("eta", "eta_low", "eta_high")}
    counts = {key: int(own.get(key, 0)) for key in ("done", "failed", "running")}
    return {**counts, **ends, "rate": float(own.get("rate", 0.0))}
