"""`--web` of what runs: the page is served by a process of its own, so that whatever becomes of it harms nothing.

The port is taken and the token made here, so that the address can be told, and a port that is taken refused, before
anything begins. The other process gets both by descriptors, and no other way: a command line is seen by everybody. It
is nobody's child here, for a run ends what it has adopted and did not start as a job; and it learns that the run has
ended by a pipe that the kernel closes then, however that was.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from shareout.cli.options import Web
from shareout.environment import user_environment
from shareout.show.beside import say
from shareout.web.place import Place, place_at
from shareout.world import world

AT_ONCE = b"!\n"
"""Down the pipe: the page is to end without waiting for anybody."""


@contextmanager
def page_beside(
    web: Web, program: Sequence[str], words: Sequence[str], file: Path, secret: Mapping[str, str] | None = None
) -> Iterator[None]:
    """As long as this lasts, and a while after it. `words` say what is looked at, as to `status`; the address, with its
    token, is put into `file`, which only this user can read. `secret`: for the other's environment, as what is asked of
    a server."""
    place = place_at(web.port)
    told, writer = os.pipe()
    try:
        _keep(file, place)
        os.write(
            writer, json.dumps({"token": place.token, "file": str(file.absolute()), "open": web.is_opened}).encode()
        )
        os.write(writer, b"\n")
        door = place.door.fileno()
        call = [*program, "status", "--web-of", str(door), *words]
        away = partial(_away, partial(_become, call, {**user_environment(), **(secret or {})}, told=told, door=door))
        world.waitpid(world.fork(away), 0)
        _tell(place, file)
    finally:
        os.close(told)
        place.door.close()
    try:
        yield
    except BaseException:
        # Refused or broken off: nobody comes later for how that ended.
        with suppress(OSError):
            os.write(writer, AT_ONCE)
        raise
    finally:
        os.close(writer)


def _away(body: partial[int]) -> int:
    """A process between, which ends at once: what it has started is the system's child."""
    world.setsid()
    world.fork(body)
    return 0


def _become(call: list[str], environment: dict[str, str], *, told: int, door: int) -> int:
    nowhere = os.open(os.devnull, os.O_RDWR)
    # Whoever waits for all that the run prints does not wait for its page.
    for handle, number in ((told, 0), (nowhere, 1), (nowhere, 2)):
        os.dup2(handle, number)
    os.set_inheritable(door, True)
    os.execve(call[0], call, environment)


def _keep(file: Path, place: Place) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as kept:
        kept.write(f"{place.address}\n")


def _tell(place: Place, file: Path) -> None:
    """The token to a terminal only: what is written anywhere else may be a log that others read."""
    address = place.address if sys.stderr.isatty() else f"the address in {file}"
    say(f"shareout: the page: {address}; from elsewhere, first: {place.tunnel}")
