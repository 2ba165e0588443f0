"""Whole runs on four sshfs mounts of one folder, through kills, pauses, unmounts, cut lines and refused calls: nothing
is lost, nothing runs twice that no take-over explains, nothing lives on, and the certificate is that of one machine."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.hammered import judged, plan_of, told
from kit.mounts import Mount, Mounts, mounting, need_mounts
from kit.program import Machine
from kit.shared_history import history_in
from kit.tree import descendants, send
from kit.wait import wait_until

pytestmark = pytest.mark.module_only("what is hammered is the folder, and the processes are the same")

SOAK_ROUNDS = int(os.environ.get("SHAREOUT_SOAK_ROUNDS", "50"))
NAMES = ("ann", "bea", "cleo", "dan")
DEAD_S = 8.0
REFUSING = """
import errno, os, random, sys, time
from shareout.cli import main

parent, begin, dice = os.getpid(), time.monotonic() + 3, random.Random()

def refusing(call):
    def made(*words, **more):
        is_ours = any(name.endswith("dir_fd") and value is not None for name, value in more.items())
        if not is_ours or os.getpid() == parent or time.monotonic() < begin or dice.random() >= 0.05:
            return call(*words, **more)
        # Half of the puts come through, and are told to have failed.
        if call.__name__ == "symlink" and dice.random() < 0.5:
            call(*words, **more)
        raise OSError(errno.EIO, "refused by the test")
    return made

for name in ("symlink", "readlink", "open", "stat", "mkdir"):
    setattr(os, name, refusing(getattr(os, name)))
if __name__ == "__main__":
    sys.exit(main())
"""


class Seat:
    """One host: its machine folder, its mount, and what is being done to it."""

    def __init__(self, name: str, machine: Machine, view: Mount) -> None:
        self.name, self.machine, self.view = name, machine, view
        self.process: subprocess.Popen[bytes] | None = None
        self.kills: list[float] = []
        self.undo: Callable[[], None] | None = None
        self.until = 0.0
        self.is_dead = False

    def start(self) -> None:
        if not self.view.is_mounted:
            # A first start in the empty folder that is left there would be the first of a ledger of its own.
            self.view.unmount()
            self.view.mount()
        words = ["--join", str(self.view.point), "--dead", f"{DEAD_S:g}s", "--quiet"]
        self.process = self.machine.start(*words, machine=self.name)

    def tree(self) -> list[int]:
        assert self.process
        return [self.process.pid, *descendants(self.process.pid)]

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Hammer:
    """What is done to hosts, one thing at a time to each."""

    def __init__(self, seats: list[Seat], mounts: Mounts, dice: random.Random) -> None:
        self.seats, self.dice = seats, dice
        self.network = mounts.network
        self.did: Counter[str] = Counter()

    def strike(self) -> None:
        """On one that nothing is being done to."""
        free = [seat for seat in self.seats if seat.undo is None and seat.is_running]
        if not free:
            return
        seat = self.dice.choice(free)
        able = sum(one.undo is None and one.is_running for one in self.seats)
        what = self.dice.choice(("kill", "kill", "pause", "unmount", "cut", "die" if able > 2 else "kill"))
        self.did[what] += 1
        getattr(self, f"_{what}")(seat)

    def mend(self, *, all_of_it: bool = False) -> None:
        for seat in self.seats:
            if seat.undo is None and not seat.view.is_mounted:
                # On a busy machine a line is given up that nobody has cut.
                self.did["lost mount"] += 1
                seat.view.unmount()
                seat.view.mount()
            if seat.undo is None and seat.process and seat.process.poll():
                # Refused at its start, for the folder was away, or refused a call.
                self.did["start again"] += 1
                seat.process.communicate()
                seat.start()
            if seat.undo and (all_of_it or time.monotonic() >= seat.until):
                seat.undo()
                seat.undo = None

    def _for(self, seat: Seat, seconds: float, undo: Callable[[], None]) -> None:
        seat.until, seat.undo = time.monotonic() + seconds, undo

    def _kill(self, seat: Seat) -> None:
        """And it starts again."""
        assert seat.process
        seat.process.kill()
        seat.process.communicate()
        seat.kills.append(time.time())
        self._for(seat, self.dice.uniform(0, DEAD_S), seat.start)

    def _die(self, seat: Seat) -> None:
        """All of it at once, and it starts again only when it was taken over from."""
        tree = seat.tree()
        send(tree, signal.SIGSTOP)
        send(tree, signal.SIGKILL)
        assert seat.process
        seat.process.communicate()
        seat.kills.append(time.time())
        self._for(seat, 3 * DEAD_S, seat.start)

    def _pause(self, seat: Seat) -> None:
        tree = seat.tree()
        send(tree, signal.SIGSTOP)
        self._for(seat, self.dice.uniform(0.1, 3) * DEAD_S, lambda: send(tree, signal.SIGCONT))

    def _unmount(self, seat: Seat) -> None:
        seat.view.unmount()
        self._for(seat, self.dice.uniform(0.05, 2) * DEAD_S, seat.view.mount)

    def _cut(self, seat: Seat) -> None:
        self.network.cut(seat.view.host)

        def mend() -> None:
            self.network.mend(seat.view.host)
            # The mount has given up the line, or not.
            seat.view.unmount()
            seat.view.mount()

        self._for(seat, self.dice.uniform(0.05, 2) * DEAD_S, mend)


def hammered(above: Path, seed: int, seconds: float, jobs: int) -> Counter[str]:
    """One run; what was done and what came of it."""
    dice = random.Random(seed)
    lines = [
        f"echo b {number} $(date +%s.%N) >> evidence; sleep {dice.uniform(0.05, 0.7):.2f}; "
        f"echo e {number} $(date +%s.%N) >> evidence; echo {number}"
        for number in range(jobs)
    ]
    machines = json.dumps({name: [dice.choice((1, 2, 5)), 2] for name in NAMES})
    with mounting(above, len(NAMES)) as mounts:
        seats = []
        for host, name in enumerate(NAMES, 1):
            machine = Machine(above / name).jobs(*lines, machines=machines)
            machine.write("configs/runner.config", "[run]\norder = given\n")
            machine.write("refusing.py", REFUSING)
            machine.program = [sys.executable, "refusing.py"]
            seats.append(Seat(name, machine, mounts.of(host, "dcache_timeout=1", is_firm=True)))
        hammer = Hammer(seats, mounts, dice)
        try:
            for seat in seats:
                seat.start()
            for seat in seats:
                wait_until(lambda seat=seat: (seat.machine.folder / "evidence").exists() or not seat.is_running, 90)
            end = time.monotonic() + seconds
            while time.monotonic() < end and any(seat.is_running for seat in seats):
                time.sleep(dice.uniform(0.2, 1.5))
                hammer.mend()
                hammer.strike()
            hammer.mend(all_of_it=True)
            for seat in seats:
                settle(hammer, seat)
            home = Machine(above / "home")
            home.folder.mkdir()
            merged = home.call("merge-results", str(mounts.folder), "-o", "all.csv")
            history = history_in(mounts.folder, plan_of(seats[0].machine))
            return hammer.did + judged(above, seats, history, merged, jobs)
        finally:
            hammer.mend(all_of_it=True)
            for seat in seats:
                # The number of one that has ended may be anybody's by now.
                if seat.is_running:
                    send(seat.tree(), signal.SIGKILL)
                seat.machine.end_all()


def settle(hammer: Hammer, seat: Seat) -> None:
    """It comes to its end, started again where it had ended by something that was done to it."""
    told = ""
    for _ in range(6):
        assert seat.process
        for _ in range(60):
            try:
                out, err = seat.process.communicate(timeout=5)
                break
            except subprocess.TimeoutExpired:
                hammer.mend()
        else:
            raise AssertionError(f"{seat.name} comes to no end; so far it ended with {told!r}")
        told = (out + err).decode()
        assert "Traceback" not in told, told
        if seat.process.returncode == 0:
            return
        assert seat.process.returncode in (2, 3, 4), told
        seat.start()
    raise AssertionError(f"{seat.name} does not come to its end: {told}")


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_by_a_minute_of_kills_pauses_unmounts_and_refusals(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    need_mounts()
    seed = int(os.environ.get("SHAREOUT_TEST_SEED", random.randrange(2**32)))
    print(f"SHAREOUT_TEST_SEED={seed}")
    record_property("told", f"hammered together: {told(hammered(tmp_path, seed, 25, 300))}")


@pytest.mark.soak
def test_nothing_is_lost_or_doubled_by_an_hour_of_it(tmp_path: Path) -> None:
    need_mounts()
    sums: Counter[str] = Counter()
    for number in range(SOAK_ROUNDS):
        seed = random.randrange(2**32)
        print(f"SHAREOUT_TEST_SEED={seed}", flush=True)
        above = tmp_path / str(number)
        above.mkdir()
        sums += hammered(above, seed, 45, 600)
        print(f"round {number + 1}: {told(sums)}", flush=True)
