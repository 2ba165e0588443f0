"""A worker process a slot, fed with batches, its finished lines taken up in bulk: for Python jobs and commands.

A batch is about 50 ms of work, and one job when jobs are long; at most one more waits in the worker's pipe.
The parent does nothing per job: a block of lines that are all done goes to the journal as it is. A worker
that dies costs the job it ran one attempt; the rest of its batch goes back, and another takes its place.
"""

from __future__ import annotations

import os
import selectors
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from shareout.errors import cannot_start
from shareout.events import Running
from shareout.record.outcome import Attempt, Cause
from shareout.run.endings import failed_attempt, lost_attempt, lost_words
from shareout.run.hands import Ended, Finished, Order
from shareout.run.hands.fences import free
from shareout.run.hands.messages import parse_message
from shareout.run.hands.pace import gather, make_room, patience, ready_pipes
from shareout.run.hands.seat import FAREWELL_S, Batch, Seat, let_begin
from shareout.run.hands.shared import Given
from shareout.run.output.aside import set_aside_left
from shareout.run.processes.children import Children, await_deaths, is_alive, kill_child, kill_group
from shareout.run.processes.hold import hold_families
from shareout.supply import Work
from shareout.world import world

# Deaths in a row, without a job begun, after which no other worker is tried.
IDLE_DEATHS = 3

OnMessage = Callable[[str, Mapping[str, object]], None]
"""A message of a worker: log records and outputs."""


class Workers:
    """Hands that are processes of their own."""

    def __init__(
        self,
        slots: int,
        spawn: Callable[[int], Seat],
        name: Callable[[int], tuple[int, str]],
        heard: OnMessage,
        children: Children,
        runs: Callable[[int, int], None],
        selector: selectors.BaseSelector,
        grace: float,
        *,
        single: bool,
        fence: Callable[[int], int] = free,
    ) -> None:
        """`spawn` forks a worker; `name` tells a position's job id and text; `single` forbids batches; `fence` says by
        which fence a position is held."""
        self._spawn = spawn
        self._name = name
        self._heard = heard
        self._children = children
        self._runs = runs
        self._selector = selector
        self._grace = grace
        self._single = single
        self._fence = fence
        self._serial = 0
        self._gather_s = 0.0
        self.refusal = ""
        self._is_stopping = False
        self._ran: set[int] = set()
        """Positions of failed Python jobs that had started other programs."""
        self._lost: deque[Work] = deque()
        self._seats = [self._seat(slot) for slot in range(slots)]

    def appetite(self, slot: int) -> int:
        """Two batches at most, the second only behind quick jobs: behind a long one it would wait for nothing."""
        return self._seats[slot].appetite(single=self._single)

    def start(self, slot: int, order: Order) -> None:
        """Into the worker's pipe. One that is dead is not told of: `collect` hands its work back."""
        seat = self._seats[slot]
        if order.gpus and not seat.runs_commands:
            seat = self._with_gpus(seat, order.gpus)
        self._serial += 1
        seat.moved = now = world.monotonic()
        batch = Batch(
            self._serial, order.work.start, order.work.stop, attempt=order.attempt, seen=order.work.start, given=now
        )
        seat.batches.append(batch)
        try:
            Given(
                batch.serial,
                batch.start,
                batch.stop,
                attempt=batch.attempt,
                cores=order.cores,
                gpus=order.gpus,
                fence=self._fence(batch.start),
            ).send(seat.down)
        except BrokenPipeError:
            # The worker is dead; its end is told by the next `collect`, and this batch goes back with the others.
            return

    def collect(self, ended: Mapping[int, Ended]) -> Sequence[Finished]:
        """Then jobs that were told to end and did not are killed, and a turn may wait up to 16 ms for more lines."""
        finished = []
        ready = ready_pipes(self._seats)
        for seat in self._seats:
            # An idle one too: where it ends what was taken back, it may say so when nothing of that is left.
            one = self._take_up(seat, is_ready=seat.up in ready)
            if one is not None:
                finished.append(one)
            if seat.pid in ended:
                lost = self._bury(seat, ended[seat.pid])
                if lost is not None:
                    finished.append(lost)
        for seat in self._seats:
            if seat.ending_since is not None:
                seat.press(self._grace)
        if finished:
            gather(self._seats, self._gather_s)
        return finished

    def patience(self) -> float:
        """As `pace` has it."""
        return patience(self._seats)

    def running(self) -> Sequence[Running]:
        """As the shared memory has it, without a word to any worker."""
        shown = []
        for seat in self._seats:
            since, position = seat.control.since, seat.control.started
            batch = seat.batch_of(position)
            if since and batch is not None:
                job, text = self._name(position)
                shown.append(
                    Running(job, seat.slot, batch.attempt, started=since, fraction=seat.control.fraction, text=text)
                )
        return shown

    def count_running(self) -> int:
        """Slots that were given something, whether or not its first job has begun."""
        return sum(bool(seat.batches) for seat in self._seats)

    def marks(self) -> Mapping[int, str]:
        """All workers: what they adopt is theirs as long as they live."""
        return {seat.pid: seat.mark for seat in self._seats}

    def families(self) -> Mapping[int, tuple[int, bool]]:
        """A Python job is its worker; a command is the worker's child."""
        return {seat.slot: (seat.pid, not seat.runs_commands) for seat in self._seats if seat.batches}

    def hold(self) -> Callable[[], None]:
        """Workers and all that descends from them."""
        return hold_families([seat.pid for seat in self._seats])

    def take_back(self, behind_s: float = 0.0) -> Sequence[Work]:
        """Takes a millisecond when there is anything to take, for workers to see it."""
        now = world.time()
        rich = [seat for seat in self._seats if seat.may_give_back() and now - (seat.control.since or now) >= behind_s]
        for seat in rich:
            seat.revoke()
        if rich:
            # The other half of the agreement in `shared`: after this the worker has seen it, or we see what it began.
            world.sleep(0.001)
        taken = list(self._lost)
        self._lost.clear()
        for seat in rich:
            taken += seat.trim()
        return taken

    def end(self, one: Running, cause: Cause) -> None:
        """TERM, and CONT for what stands still. A second call for the same job changes nothing."""
        seat = self._seats[one.slot]
        # A look at all processes takes as long as many a job.
        if seat.control.since != one.started:
            return
        # What has died by itself, while we waited for a slow disk, say, is not to be told as ended by us.
        if seat.batches and seat.ending_since is None and is_alive(seat.pid):
            seat.end(cause)

    def tell_stopping(self) -> None:
        """New workers will know it from the start."""
        self._is_stopping = True
        for seat in self._seats:
            seat.control.is_stopping = True

    def was_hit(self, slot: int, attempt: Attempt) -> bool:
        """By what the worker noted in the shared memory, if it is the same one."""
        return self._seats[slot].control.hit >= attempt.start

    def last_hit(self) -> float:
        """The other clock may have been set meanwhile; then this is off by as much."""
        # What is shared is told by the other clock, as the times of jobs are.
        return max(seat.control.hit for seat in self._seats) - world.time() + world.monotonic()

    def ran_others(self, attempt: Attempt) -> bool:
        """As the worker told with the failure."""
        ran = attempt.position in self._ran
        self._ran.discard(attempt.position)
        return ran

    def is_idle(self) -> bool:
        """Also nothing that a dead worker left waits for being taken back."""
        return not self._lost and not any(seat.batches for seat in self._seats)

    def close(self) -> None:
        """What idle workers have still to tell is heard first: what the last job printed comes after its end."""
        # One that a Ctrl-C reaches now must not wait for what it was meant for.
        self.tell_stopping()
        let_begin(self._seats)
        for seat in self._seats:
            self._selector.unregister(seat.up)
            world.close(seat.down)
        end = world.monotonic() + FAREWELL_S
        for seat in self._seats:
            if not seat.batches:
                self._hear_out(seat, end)
            # A worker and the command that it waits for.
            kill_group(seat.control.leader, signal.SIGKILL)
            kill_group(seat.pid, signal.SIGKILL)
            kill_child(seat.pid, signal.SIGKILL)
            world.close(seat.up)
        await_deaths([seat.pid for seat in self._seats], end)

    def handles(self) -> list[int]:
        """Descriptors that a new worker must not keep."""
        return [handle for seat in getattr(self, "_seats", []) for handle in (seat.down, seat.up)]

    def _seat(self, slot: int) -> Seat:
        try:
            seat = self._spawn(slot)
        except OSError as error:
            raise cannot_start("worker", error) from error
        seat.control.is_stopping = self._is_stopping
        world.set_blocking(seat.up, False)
        self._gather_s = make_room(seat)
        self._selector.register(seat.up, selectors.EVENT_READ)
        self._children.add(seat.pid)
        self._runs(slot, seat.pid)
        return seat

    def _take_up(self, seat: Seat, *, is_ready: bool) -> Finished | None:
        """Everything that the worker has written so far."""
        block = seat.read(is_ready=is_ready)
        if not block:
            return None
        # One byte is looked for ten times as fast as two.
        if b"!" not in block or not (block.startswith(b"!") or b"\n!" in block):
            count = block.count(b"\n")
            return Finished(seat.slot, block, count, (), seat.advance(count))
        good: list[bytes] = []
        attempts: list[Attempt] = []
        for line in block.splitlines(keepends=True):
            if not line.startswith(b"!"):
                good.append(line)
            elif line.startswith((b"!A", b"!{")):
                attempts.append(self._attempt(seat, line))
            elif line.startswith(b"!N"):
                facts = parse_message(line)[1]
                self._lost += seat.not_begun(int(facts["serial"]), int(facts["pos"]))
            elif line.startswith(b"!I"):
                self._refused(seat, parse_message(line)[1])
            else:
                self._heard(*parse_message(line))
        work = seat.advance(len(good) + len(attempts))
        return Finished(seat.slot, b"".join(good), len(good), attempts, work) if work else None

    def _attempt(self, seat: Seat, line: bytes) -> Attempt:
        from shareout.record.journal import parse

        if line.startswith(b"!{"):
            told = parse(line[1:-1])
            assert isinstance(told, Attempt)
            return told
        kind, facts = parse_message(line)
        self._heard(kind, facts)
        if facts["ran"]:
            self._ran.add(facts["pos"])
        return failed_attempt(seat, facts)

    def _bury(self, seat: Seat, how: Ended) -> Finished | None:
        """A worker has died: its running job is charged, the rest goes back, another worker sits down."""
        position = seat.control.started
        batch = seat.batch_of(position)
        attempt = lost_attempt(seat, batch, self._name(position)[0], position, how) if batch is not None else None
        for left in seat.batches:
            self._lost += left.without(position if attempt else -1)
        deaths = 0 if attempt or seat.has_begun() else seat.idle_deaths + 1
        if deaths == IDLE_DEATHS:
            self.refusal = (
                f"workers die before they begin a job: {lost_words(os.waitstatus_to_exitcode(how.status))[1]}"
            )
        # Its own group ended as it was waited for; since then its number may be another's.
        kill_child(seat.control.leader, signal.SIGKILL)
        self._keep_output(seat, attempt)
        self._replace(seat).idle_deaths = deaths
        if attempt is None:
            return None
        return Finished(seat.slot, b"", 0, [attempt], [Work(position, position + 1)])

    def _keep_output(self, seat: Seat, attempt: Attempt | None) -> None:
        """What a worker's last job printed is not its successor's to throw away."""
        job, number = (attempt.job, attempt.attempt) if attempt else (None, 0)
        asides = set_aside_left(seat.outputs, job, number)
        if asides:
            self._heard("F", {"job": -1 if job is None else job, "try": number, **asides})

    def _refused(self, seat: Seat, facts: Mapping[str, object]) -> None:
        """It can run nothing; it waits for its end, and what it was given is for nobody."""
        if not self.refusal:
            self._heard("I", facts)
        self.refusal = str(facts["said"])
        for left in seat.batches:
            self._lost += left.without(-1)
        seat.batches.clear()

    def _hear_out(self, seat: Seat, end: float) -> None:
        """Its messages, until it has gone."""
        while not seat.is_closed and world.readable([seat.up], end - world.monotonic()):
            seat.look()
            block = seat.read(is_ready=True)
            for line in block.splitlines():
                if line.startswith((b"!L", b"!O", b"!F")):
                    self._heard(*parse_message(line))

    def _with_gpus(self, seat: Seat, gpus: tuple[str, ...]) -> Seat:
        """A process that has begun to use a GPU stays with it: for another one, another worker."""
        if seat.gpus and seat.gpus != gpus:
            kill_group(seat.pid, signal.SIGKILL)
            seat = self._replace(seat)
        seat.gpus = gpus
        return seat

    def _replace(self, seat: Seat) -> Seat:
        """The old one is let go of when there is a new one."""
        self._seats[seat.slot] = fresh = self._seat(seat.slot)
        self._selector.unregister(seat.up)
        world.close(seat.down)
        world.close(seat.up)
        return fresh
