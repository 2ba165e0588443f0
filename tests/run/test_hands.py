"""One suite over both kinds of hands, workers of commands and of Python jobs, with real processes and no crew.

The jobs are the same lines of shell: run as they are, and by a Python job. Each test goes in a process of its own, for
hands adopt and wait for whatever its children leave.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from kit.wait import wait_until
from shareout.config import Settings, apply, load_settings
from shareout.entry import Entry
from shareout.machines import Machine
from shareout.plan.plan import Plan, make_plan
from shareout.pool import open_pool
from shareout.record.folder import RunFolder
from shareout.record.journal import parse
from shareout.record.outcome import Attempt, Cause, State
from shareout.run.duties import command_duty, python_duty
from shareout.run.hands import Finished, Hands, Order
from shareout.run.hands.fences import FREE, Fences
from shareout.run.hands.fork import Fork, WorkerMain
from shareout.run.hands.workers import Workers
from shareout.run.processes.children import Children
from shareout.supply import Work
from shareout.world import world

Making = Callable[[Plan, Settings, RunFolder], WorkerMain]


def run_line(line: str) -> None:
    subprocess.run(["sh", "-c", line], check=True)


def of_commands(plan: Plan, settings: Settings, folder: RunFolder) -> WorkerMain:
    return command_duty(plan, settings, "all", lambda slot, pid: None)


def of_python(plan: Plan, settings: Settings, folder: RunFolder) -> WorkerMain:
    entry = Entry(run_line)
    return python_duty(plan, settings, "all", folder=folder, entry=entry, job=run_line, leads=lambda slot, pid: None)


class Bench:
    """Hands of some slots over a pool of lines, in the order given, and what they have brought."""

    def __init__(self, folder: Path, making: Making, lines: list[str], slots: int = 1) -> None:
        (folder / "configs").mkdir()
        (folder / "configs" / "jobs.txt").write_text("".join(f"{line}\n" for line in lines))
        settings = apply(load_settings(folder / "configs"), {"run.order": "given", "limits.grace": "1"})
        plan = make_plan(open_pool(folder / "configs", settings), [Machine("all", Fraction(1), 1)], settings)
        run = RunFolder(folder / "run")
        run.slots.mkdir(parents=True)
        self.children = Children(leave_background=False)
        self.selector = selectors.DefaultSelector()
        self.brought: list[Finished] = []
        self.heard: list[tuple[str, Mapping[str, object]]] = []
        duty = making(plan, settings, run)
        is_command = making is of_commands
        self.fences = Fences()
        self.fences.jump_s = 30.0
        self.lane = ""
        fork = Fork(duty, is_command, run, mark="mark", nice=0, private=lambda slot: [], fences=self.fences)
        self.hands: Hands = Workers(
            slots,
            fork.spawn,
            name=lambda position: (position, lines[position]),
            heard=lambda kind, facts: self.heard.append((kind, facts)),
            children=self.children,
            runs=lambda slot, pid: None,
            selector=self.selector,
            grace=1.0,
            single=False,
            fence=lambda position: self.fences.number(self.lane) if self.lane else FREE,
        )

    def collect(self) -> None:
        self.selector.select(0.01)
        self.brought += self.hands.collect(self.children.reap())

    def until(self, seen: Callable[[], object]) -> None:
        def look() -> object:
            self.collect()
            return seen()

        wait_until(look)

    def run(self, start: int, stop: int, slot: int = 0) -> None:
        """These positions, as often and as many as the slot will take."""
        while start < stop:
            self.until(lambda: self.hands.appetite(slot))
            count = min(self.hands.appetite(slot), stop - start)
            self.hands.start(slot, Order(Work(start, start + count)))
            start += count
        self.until(self.hands.is_idle)

    def covered(self) -> list[int]:
        return [at for one in self.brought for work in one.work for at in range(work.start, work.stop)]

    def attempts(self) -> list[Attempt]:
        return [attempt for one in self.brought for attempt in one.attempts]


@pytest.fixture(params=[of_commands, of_python])
def making(request: pytest.FixtureRequest) -> Making:
    made: Making = request.param
    return made


def apart(check: Callable[[], None]) -> None:
    """In a process of its own; what fails there fails here, with its words."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        said = ""
        try:
            check()
        except BaseException:  # noqa: BLE001
            said = traceback.format_exc()
        os.write(writer, said.encode()[-60_000:])
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as words:
        said = words.read()
    _, status = os.waitpid(pid, 0)
    assert not said, said
    assert status == 0


def test_what_is_started_comes_back_once_in_order_as_lines_for_the_journal(tmp_path: Path, making: Making) -> None:
    def check() -> None:
        bench = Bench(tmp_path, making, [":"] * 40)
        assert bench.hands.is_idle()
        bench.run(0, 40)
        assert bench.covered() == list(range(40))
        lines = [line for one in bench.brought for line in one.lines.splitlines()]
        assert sum(one.count for one in bench.brought) == len(lines) == 40
        records = [parse(line) for line in lines]
        assert [(one.position, one.state) for one in records if isinstance(one, Attempt)] == [
            (at, State.DONE) for at in range(40)
        ]
        assert not bench.attempts()
        bench.hands.close()

    apart(check)


def test_a_failure_is_an_attempt_to_be_judged_and_the_next_job_runs(tmp_path: Path, making: Making) -> None:
    def check() -> None:
        bench = Bench(tmp_path, making, [":", "exit 7", ":"])
        bench.run(0, 3)
        assert sorted(bench.covered()) == [0, 1, 2]
        (failed,) = bench.attempts()
        assert (failed.position, failed.state) == (1, State.FAILED)
        assert failed.cause is (Cause.EXIT if making is of_commands else Cause.EXCEPTION)
        bench.hands.close()

    apart(check)


def test_what_runs_is_told_and_ends_when_it_is_asked_to_with_the_cause(tmp_path: Path, making: Making) -> None:
    def check() -> None:
        bench = Bench(tmp_path, making, ["sleep 600", ":"])
        bench.hands.start(0, Order(Work(0, 1)))
        bench.until(bench.hands.running)
        assert [one.job for one in bench.hands.running()] == [0]
        assert bench.hands.count_running() == 1
        assert not bench.hands.is_idle()
        assert 0 in bench.hands.families()
        (one,) = bench.hands.running()
        bench.hands.end(replace(one, started=one.started - 1), Cause.MEMORY)
        assert bench.hands.running() == [one], "another job was meant, which was in this slot before"
        bench.hands.end(one, Cause.TIMEOUT)
        bench.until(bench.attempts)
        (ended,) = bench.attempts()
        assert (ended.position, ended.state, ended.cause) == (0, State.FAILED, Cause.TIMEOUT)
        bench.run(1, 2)
        assert bench.covered() == [0, 1]
        bench.hands.close()

    apart(check)


def with_one_that_waits(folder: Path, making: Making, ran: Path) -> tuple[Bench, int, int]:
    """Behind sixty quick jobs one that waits for `go`, and sixty that note in `ran` that they ran; how many quick
    ones it took until the slot wants several at once, and how many it wants."""
    quick, held = [":"] * 60, [f"while ! [ -e {folder}/go ]; do sleep 0.02; done"]
    bench = Bench(folder, making, [*quick, *held, *[f"echo ran >> {ran}"] * 60])
    at = 0
    while bench.hands.appetite(0) < 3:
        bench.run(at, at + 1)
        at += 1
        assert at < len(quick), "it never wants more than one"
    return bench, at, bench.hands.appetite(0)


def test_what_is_taken_back_has_not_run_and_will_not(tmp_path: Path, making: Making) -> None:
    ran = tmp_path / "ran"

    def check() -> None:
        bench, at, count = with_one_that_waits(tmp_path, making, ran)
        bench.hands.start(0, Order(Work(60, 60 + count)))
        bench.until(lambda: any(one.job == 60 for one in bench.hands.running()))
        taken = [one for work in bench.hands.take_back() for one in range(work.start, work.stop)]
        (tmp_path / "go").touch()
        bench.until(bench.hands.is_idle)
        assert taken == list(range(61, 60 + count))
        assert bench.covered() == [*range(at), 60]
        assert not ran.exists()
        bench.hands.close()

    apart(check)


def test_what_a_worker_has_not_come_to_yet_is_taken_back_too(tmp_path: Path, making: Making) -> None:
    ran = tmp_path / "ran"

    def check() -> None:
        bench = Bench(tmp_path, making, [":", f"echo ran >> {ran}"])
        bench.run(0, 1)
        (worker,) = bench.hands.marks()
        os.kill(worker, signal.SIGSTOP)
        bench.hands.start(0, Order(Work(1, 2)))
        assert list(bench.hands.take_back()) == [Work(1, 2)]
        os.kill(worker, signal.SIGCONT)
        bench.until(bench.hands.is_idle)
        bench.hands.close()
        assert not ran.exists()

    apart(check)


def test_a_worker_begins_nothing_past_the_fence_of_its_lane(tmp_path: Path, making: Making) -> None:
    ran = tmp_path / "ran"

    def check() -> None:
        bench = Bench(tmp_path, making, [f"echo {number} >> {ran}" for number in range(4)])
        bench.lane = "0.0"
        bench.fences.extend("0.0", world.since_boot() + 600)
        bench.fences.extend("1.0", world.since_boot() + 600)
        bench.run(0, 1)
        bench.fences.extend("0.0", world.since_boot() - 1)
        bench.hands.start(0, Order(Work(1, 2)))
        taken: list[Work] = []
        bench.until(lambda: taken.extend(bench.hands.take_back(60.0)) or taken)
        assert taken == [Work(1, 2)]
        bench.lane = "1.0"
        bench.run(2, 3)
        bench.lane = "of nobody here"
        bench.hands.start(0, Order(Work(3, 4)))
        bench.until(lambda: taken.extend(bench.hands.take_back(60.0)) or taken[1:])
        bench.hands.close()
        assert taken == [Work(1, 2), Work(3, 4)]
        assert bench.covered() == [0, 2]
        assert ran.read_text().split() == ["0", "2"]

    apart(check)


def test_a_worker_that_stood_still_goes_on_with_its_batch_only_while_it_may(tmp_path: Path, making: Making) -> None:
    ran = tmp_path / "ran"

    def check() -> None:
        bench, _, count = with_one_that_waits(tmp_path, making, ran)
        bench.lane = "0.0"
        bench.fences.extend("0.0", world.since_boot() + 600)
        bench.hands.start(0, Order(Work(60, 60 + count)))
        bench.until(lambda: any(one.job == 60 for one in bench.hands.running()))
        bench.fences.extend("0.0", 0.0)
        (tmp_path / "go").touch()
        # No `take_back` that would take anything from a worker: it has seen the fence by itself.
        taken: list[Work] = []
        bench.until(lambda: taken.extend(bench.hands.take_back(600.0)) or taken)
        assert taken == [Work(61, 60 + count)]
        assert bench.covered()[-1] == 60
        bench.hands.close()
        assert not ran.exists()

    apart(check)


def test_a_worker_that_dies_costs_its_job_one_try_and_another_sits_down(tmp_path: Path, making: Making) -> None:
    def check() -> None:
        bench = Bench(tmp_path, making, ["sleep 600", ":"])
        bench.hands.start(0, Order(Work(0, 1)))
        bench.until(bench.hands.running)
        worker, _ = bench.hands.families()[0]
        os.kill(worker, signal.SIGKILL)
        bench.until(bench.attempts)
        (lost,) = bench.attempts()
        assert (lost.position, lost.state) == (0, State.FAILED)
        assert lost.cause in (Cause.SIGNAL, Cause.LOST_WORKER)
        bench.run(1, 2)
        assert worker not in bench.hands.marks()
        bench.hands.close()

    apart(check)


def test_nothing_is_left_running_when_they_are_closed(tmp_path: Path, making: Making) -> None:
    def check() -> None:
        bench = Bench(tmp_path, making, [f"echo $$ > {tmp_path}/pid; exec sleep 600"])
        bench.hands.start(0, Order(Work(0, 1)))
        wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        bench.hands.close()
        pid = int((tmp_path / "pid").read_text())
        bench.children.reap()
        bench.children.end_all()
        wait_until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text())

    apart(check)
