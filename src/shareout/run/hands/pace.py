"""When the parent looks at what its workers have said: not at each line, and never late."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from shareout.run.hands.seat import READ_BYTES, Seat
from shareout.world import world

F_SETPIPE_SZ = 1031
# While every slot has more to do than twice this, a turn waits for lines to gather: a turn costs as much as a hundred
# lines. In small pipes they may not gather for long: a worker of short jobs fills 64 KiB in two milliseconds, a ring in
# ten.
GATHER_S, GATHER_IN_SMALL_PIPES_S, GATHER_IN_RINGS_S = 0.016, 0.002, 0.005
# A worker of quick jobs does not ring for each. So often one looks by oneself at who was given something, or said
# something, no longer ago than this: who is silent for longer has a job that is no quick one, and rings at its end.
LOOK_S, LATELY_S = 0.01, 0.03


def make_room(seat: Seat) -> float:
    """For lines to gather on their way up; for how many seconds they may."""
    if seat.ring:
        return GATHER_IN_RINGS_S
    try:
        world.fcntl(seat.up, F_SETPIPE_SZ, READ_BYTES)
    except OSError:
        # Beyond what this user may have: the pipe stays small, and works.
        return GATHER_IN_SMALL_PIPES_S
    return GATHER_S


def gather(seats: Iterable[Seat], most_s: float) -> None:
    """Wait for more, where no slot can be without work meanwhile."""
    busy = min((seat.busy_for() for seat in seats if seat.batches), default=0.0)
    world.sleep(min(most_s, busy / 2))


def ready_pipes(seats: Sequence[Seat]) -> set[int]:
    """Those in which there is something to read, after a look into each ring. Asked once for all: to read each of many
    pipes in vain would cost more than all else of a turn."""
    for seat in seats:
        seat.look()
    return set(world.readable([seat.up for seat in seats if not seat.is_closed], 0.0))


def patience(seats: Iterable[Seat]) -> float:
    """Little, while a worker may have said something without ringing for it."""
    now = world.monotonic()
    is_lively = any(seat.batches and seat.ring and now - seat.moved < LATELY_S for seat in seats)
    return LOOK_S if is_lively else math.inf
