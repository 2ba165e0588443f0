"""Whole runs over a network, through kills and pauses of hosts, of what talks for them, of `serve` and of its server,
cut links, a full disk and clocks that jump: nothing is lost, nothing runs twice that nothing explains, nothing lives
on."""

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
from contextlib import suppress
from pathlib import Path

import pytest

from kit.hammered import judged, plan_of, told
from kit.mounts import fill, need_root, small_disk
from kit.network import SERVER, Network, networked, why_no_network
from kit.program import Machine
from kit.shared_history import history_served
from kit.tree import children_of, descendants, send
from kit.wait import wait_until

pytestmark = pytest.mark.module_only("what is hammered is the ledger, and the processes are the same")

SOAK_ROUNDS = int(os.environ.get("SHAREOUT_SOAK_ROUNDS", "50"))
NAMES = ("ann", "bea", "cleo", "dan")
DEAD_S = 8.0
PORT = 24222
KILOBYTES = 64_000
# The clock of this program, not that of the machine: it is as far off as the link says.
JUMPING = """
import os, sys, time

place = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clock")
true_time, true_clock = time.time, time.clock_gettime

def off():
    try:
        return float(os.readlink(place))
    except OSError:
        return 0.0

time.time = lambda: true_time() + off()
time.time_ns = lambda: int(time.time() * 1e9)
time.clock_gettime = lambda which: true_clock(which) + (off() if which == time.CLOCK_REALTIME else 0.0)

if __name__ == "__main__":
    from shareout.cli import main

    sys.exit(main())
"""


class Part:
    """A host, or the one that serves, and what is being done to it."""

    def __init__(self, name: str, machine: Machine, host: int, network: Network) -> None:
        self.name, self.machine, self.host = name, machine, host
        machine.write("jumping.py", JUMPING)
        machine.program = network.within(host, [sys.executable, "jumping.py"])
        # Not on the disk that is filled.
        self._file = machine.folder.with_name(f"{name}.told")
        self.process: subprocess.Popen[bytes] | None = None
        self.kills: list[float] = []
        self.undo: Callable[[], None] | None = None
        self.until = 0.0

    def words(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        with self._file.open("ab") as file:
            self.process = subprocess.Popen(
                [*self.machine.program, *self.words()], cwd=self.machine.folder, stdin=subprocess.DEVNULL, stdout=file,
                stderr=file,
            )  # fmt: skip

    def tree(self) -> list[int]:
        assert self.process
        return [self.process.pid, *descendants(self.process.pid)]

    def end(self) -> None:
        """At once, as power does."""
        assert self.process
        tree = self.tree()
        send(tree, signal.SIGSTOP)
        send(tree, signal.SIGKILL)
        self.process.wait()
        self.kills.append(time.time())

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def said(self) -> str:
        return self._file.read_text()


class Seat(Part):
    """One host."""

    token: Path

    def words(self) -> list[str]:
        there = ["--join", f"nats://10.77.0.1:{PORT}", "--token-file", str(self.token)]
        return ["run", "--machine", self.name, "--yes", "--quiet", *there]

    def liaison(self) -> int:
        """The process that has the line to the server; 0 where it has none now."""
        assert self.process
        for child in children_of(self.process.pid):
            with suppress(OSError):
                lines = Path(f"/proc/{child}/net/tcp").read_text().splitlines()[1:]
                known = {f"socket:[{line.split()[9]}]" for line in lines}
                if any(os.readlink(one) in known for one in Path(f"/proc/{child}/fd").iterdir()):
                    return child
        return 0


class Home(Part):
    """The one that serves."""

    def words(self) -> list[str]:
        return ["serve", "--bind", "10.77.0.1", "--port", str(PORT), "--dead", f"{DEAD_S:g}s", "--quiet"]

    def server(self) -> int:
        """0 where there is none now."""
        with suppress(OSError, ValueError, StopIteration):
            file = next(self.machine.folder.glob("runs/*/*/server/server.pid"))
            pid = int(file.read_text())
            return pid if os.fsencode(file.with_name("server.conf")) in Path(f"/proc/{pid}/cmdline").read_bytes() else 0
        return 0


class Hammer:
    """What is done, one thing at a time to each."""

    def __init__(self, home: Home, seats: list[Seat], network: Network, dice: random.Random) -> None:
        self.home, self.seats, self.network, self.dice = home, seats, network, dice
        self.did: Counter[str] = Counter()
        # Where the server is away all the time nobody can watch anybody for long enough to take over from him.
        self.spares_home = dice.random() < 0.5

    def strike(self) -> None:
        """On one that nothing is being done to."""
        homes = [] if self.spares_home else [self.home]
        free: list[Part] = [one for one in (*homes, *self.seats) if one.undo is None and one.is_running]
        if not free:
            return
        part = self.dice.choice(free)
        if isinstance(part, Home):
            what = self.dice.choice(("serve_kill", "serve_pause", "server_kill", "server_pause", "fill"))
        else:
            what = self.dice.choice(("kill", "die", "pause", "liaison_kill", "liaison_pause", "cut", "jump"))
        self.did[what] += 1
        getattr(self, f"_{what}")(part)

    def mend(self, *, all_of_it: bool = False) -> None:
        for part in (self.home, *self.seats):
            if part.undo is None and part.process and part.process.poll():
                # Refused at its start, for the server was away, or the disk was full.
                self.did["start again"] += 1
                assert "Traceback" not in part.said, part.said
                assert part.process.returncode in (2, 3, 74), part.said
                part.start()
            if part.undo and (all_of_it or time.monotonic() >= part.until):
                part.undo()
                part.undo = None

    def _for(self, part: Part, most: float, undo: Callable[[], None]) -> None:
        part.until, part.undo = time.monotonic() + self.dice.uniform(0.02, most) * DEAD_S, undo

    def _kill(self, seat: Seat) -> None:
        """And it starts again."""
        assert seat.process
        seat.process.kill()
        seat.process.wait()
        seat.kills.append(time.time())
        self._for(seat, 1, seat.start)

    def _die(self, seat: Seat) -> None:
        seat.end()
        self._for(seat, 3, seat.start)

    def _pause(self, part: Part) -> None:
        tree = part.tree()
        send(tree, signal.SIGSTOP)
        self._for(part, 3, lambda: send(tree, signal.SIGCONT))

    def _liaison_kill(self, seat: Seat) -> None:
        if pid := seat.liaison():
            send([pid], signal.SIGKILL)

    def _liaison_pause(self, seat: Seat) -> None:
        if pid := seat.liaison():
            send([pid], signal.SIGSTOP)
            self._for(seat, 2, lambda: send([pid], signal.SIGCONT))

    def _cut(self, seat: Seat) -> None:
        self.network.cut(seat.host)
        self._for(seat, 2, lambda: self.network.mend(seat.host))

    def _jump(self, seat: Seat) -> None:
        clock = seat.machine.folder / "clock"
        clock.unlink(missing_ok=True)
        clock.symlink_to(str(self.dice.choice((-3_600, -20, 0, 5, 60, 86_400))))

    def _serve_kill(self, home: Home) -> None:
        assert home.process
        home.process.kill()
        home.process.wait()
        self._for(home, 1, home.start)

    def _serve_pause(self, home: Home) -> None:
        assert home.process
        pid = home.process.pid
        send([pid], signal.SIGSTOP)
        self._for(home, 2, lambda: send([pid], signal.SIGCONT))

    def _server_kill(self, home: Home) -> None:
        if pid := home.server():
            send([pid], signal.SIGKILL)

    def _server_pause(self, home: Home) -> None:
        if pid := home.server():
            send([pid], signal.SIGSTOP)
            self._for(home, 2, lambda: send([pid], signal.SIGCONT))

    def _fill(self, home: Home) -> None:
        filler = fill(home.machine.folder)
        self._for(home, 1, filler.unlink)


def hammered(above: Path, seed: int, seconds: float, jobs: int) -> Counter[str]:
    """One run; what was done and what came of it."""
    dice = random.Random(seed)
    lines = [
        f"echo b {number} $(date +%s.%N) >> evidence; sleep {dice.uniform(0.05, 0.7):.2f}; echo {number}"
        for number in range(jobs)
    ]
    machines = json.dumps({name: [dice.choice((1, 2, 5)), 2] for name in NAMES})
    with networked(len(NAMES) + 1) as network, small_disk(above / "home", KILOBYTES) as disk:
        parts: list[Part] = [Home("home", Machine(disk), SERVER, network)]
        for host, name in enumerate(NAMES, 1):
            (above / name).mkdir()
            parts.append(Seat(name, Machine(above / name), host, network))
        for part in parts:
            part.machine.jobs(*lines, machines=machines)
            part.machine.write("configs/runner.config", "[run]\norder = given\n")
        home, *seats = parts
        hammer = Hammer(home, seats, network, dice)
        try:
            home.start()
            Seat.token = above / "token"
            wait_until(lambda: list(disk.glob("runs/*/*/address")))
            Seat.token.write_bytes(next(disk.glob("runs/*/*/token")).read_bytes())
            Seat.token.chmod(0o600)
            for seat in seats:
                seat.start()
            for seat in seats:
                wait_until(lambda seat=seat: (seat.machine.folder / "evidence").exists() or not seat.is_running, 90)
            end = time.monotonic() + seconds
            while time.monotonic() < end and any(one.is_running for one in seats):
                time.sleep(dice.uniform(0.2, 1.5))
                hammer.mend()
                hammer.strike()
            hammer.mend(all_of_it=True)
            for part in (*seats, home):
                settle(hammer, part)
            merged = home.machine.call("merge-results", "-o", "all.csv")
            history = history_served(disk, plan_of(home.machine))
            return hammer.did + judged(above, seats, history, merged, jobs)
        finally:
            hammer.mend(all_of_it=True)
            for part in parts:
                # The number of one that has ended may be anybody's by now.
                if part.is_running:
                    send(part.tree(), signal.SIGKILL)
                part.machine.end_all()


def settle(hammer: Hammer, part: Part) -> None:
    """It comes to its end, started again where it had ended by something that was done to it."""
    assert part.process

    def is_over() -> bool:
        hammer.mend()
        assert part.process
        return part.process.poll() == 0

    wait_until(is_over, 300)
    assert "Traceback" not in part.said


def need_network() -> None:
    need_root()
    if why := why_no_network():
        pytest.skip(why)


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_by_half_a_minute_of_all_that_can_happen_to_a_served_run(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    need_network()
    seed = int(os.environ.get("SHAREOUT_TEST_SEED", random.randrange(2**32)))
    print(f"SHAREOUT_TEST_SEED={seed}")
    record_property("told", f"hammered over a network: {told(hammered(tmp_path, seed, 8, 120))}")


@pytest.mark.soak
def test_nothing_is_lost_or_doubled_by_an_hour_of_it_over_a_network(tmp_path: Path) -> None:
    need_network()
    sums: Counter[str] = Counter()
    for number in range(SOAK_ROUNDS):
        seed = random.randrange(2**32)
        print(f"SHAREOUT_TEST_SEED={seed}", flush=True)
        above = tmp_path / str(number)
        above.mkdir()
        sums += hammered(above, seed, 45, 600)
        print(f"round {number + 1}: {told(sums)}", flush=True)
