"""One machine of a case: its disk, its boots, and its starts of the program, until all is over."""

from __future__ import annotations

import signal
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from shareout.entry import Entry
from shareout.errors import ShareoutError, of_system
from shareout.plan.plan import Plan
from shareout.ranges import Range
from shareout.record.folder import is_journal, ordinal_of
from shareout.record.journal import BadLine, Header, parse, parse_header
from shareout.record.outcome import Attempt, State
from shareout.run.request import RunRequest
from shareout.run.session import run_share
from simulated.laws import Broken, Execution, good_lines, whole_lines
from simulated.mishaps import befall, rot
from simulated.observer import Observer, Witness
from simulated.plans import Case, Fault
from simulated.programs import KEEPS_OUT, Command, Script, bystander, call, printed, prints_on
from simulated.stand_in import CALLS
from simulated.system.calls import Calls
from simulated.system.disk import Disk, Inode
from simulated.system.handles import FileOpened, NothingOpened
from simulated.system.kernel import Kernel, Killed, Process, Stuck
from simulated.system.paths import SimPath

LONGEST_S = 4000.0
MOST_STEPS = 60_000
MOST_CLEAN = 8
LONGEST_HOLD_S = 7.0


class Host:
    """All that happens on it."""

    def __init__(self, case: Case, number: int, seen: Counter[str]) -> None:
        self.case = case
        self.number = number
        self.name = case.plan.machines[number].name
        self.seen = seen
        self.random = Random(f"{case.seed}.{number}")
        self.disk = Disk(self.random)
        self.disk.folders["/runs"] = set()
        self.disk.folders["/"].add("/runs")
        self.disk.safe_folders.add("/runs")
        self.proven: set[int] = set()
        """What run directories of others that are here prove."""
        self._go_by(case.plan_at(0))
        self.path = f"/runs/{case.plan.digest[:8].hex()}/{self.name}"
        self.said: list[str] = []
        self.reasons: Counter[str] = Counter()
        self.codes: dict[str, int] = {}
        self.boots = 0
        self.calls: Calls = CALLS
        self.tree = ""
        self.mains: dict[str, Process] = {}
        self.stops: dict[str, set[int]] = defaultdict(set)
        """start → the signals that it was sent to stop it."""
        self.is_disturbed: set[str] = set()
        self.unguarded: dict[str, float] = {}
        """When all processes of a start but the jobs were killed at once."""
        self.slow = 0.0
        self.held: set[str] = set()
        self.state = "over"
        self.observer = Observer(self)
        self._boot(start=100.0, wall=1.8e9)

    def bring(self, others: Sequence[Host]) -> None:
        """Copies of what those that are over have recorded, with or without the sums of it."""
        for other in others:
            kept = (f"{other.path}/journal.", *([f"{other.path}/tally"] if self.random.random() < 0.5 else []))
            for path, inode in other.disk.files.items():
                if path.startswith(kept):
                    self.disk.bring(path, bytes(inode.data))
            self.proven |= other.proves()

    def proves(self) -> set[int]:
        """The jobs that its journals prove to be done, but for what it only audited."""
        done: set[int] = set()
        try:
            said = self.recorded()
        except BadLine:
            return done
        audited = {at for header, _ in said for at in self._positions(header.audit)}
        owned = {at for header, _ in said for at in self._positions(header.ranges)} - audited
        for _, records in said:
            for one in records:
                if one.state is State.REQUEUED or one.position not in owned:
                    done.discard(one.job)
                elif one.state is State.DONE:
                    done.add(one.job)
        return done

    def recorded(self) -> list[tuple[Header, list[Attempt]]]:
        """Each journal that has a header, and what it says."""
        found = []
        for inode in self.journals():
            lines = whole_lines([inode]).split(b"\n")[:-1]
            if len(lines) > 1:
                said = map(parse, good_lines(lines))
                found.append((parse_header(*lines[:2]), [one for one in said if isinstance(one, Attempt)]))
        return found

    def _go_by(self, plan: Plan) -> None:
        """The present start's plan, and what it is to run by it."""
        self.plan, self.share = plan, plan.share(self.name)
        self.own = self._jobs_in(self.share.ranges)
        self.jobs = self.own | self._jobs_in(self.share.audit)

    def _jobs_in(self, ranges: Sequence[Range]) -> set[int]:
        return set(map(self.case.plan.job_at, self._positions(ranges)))

    def _positions(self, ranges: Sequence[Range]) -> Iterator[int]:
        return (position for start, stop in ranges for position in range(start, stop))

    # -- the host

    def _boot(self, start: float, wall: float) -> None:
        self.boots += 1
        self.kernel = kernel = Kernel(self.random, start=start, wall=wall, turn=self.random.choice((1, 4, 16, 40, 40)))
        kernel.on_death = self.observer.died
        kernel.on_reap = self._reaped
        kernel.on_signal = self.observer.signalled
        self._present()
        self.shell = kernel.new(kernel.init, "shell")
        self.shell.session = self.shell.group = self.shell.pid
        self.observer.running.clear()

    def _present(self) -> None:
        """It is the one that is simulated now."""
        calls = self.calls
        calls.kernel, calls.disk, calls.boot = self.kernel, self.disk, f"boot-{self.boots}"
        calls.programs, calls.on_write, calls.on_crash = self._command, self._wrote, self._bug
        calls.short, calls.on_short = 0.0, lambda opened: None

    def run(self) -> None:
        """Starts with faults, then starts without, until all is over."""
        for start in range(self.case.starts):
            faults = [one for one in self.case.faults if (one.machine, one.start) == (self.number, start)]
            if faults or not start or not self._is_over(0):
                self._start(start, faults)
        for clean in range(MOST_CLEAN):
            self.disk.mend()
            self.calls.short = 0.0
            self.kernel.reuse = 0.0
            self._let_go_on()
            code = self._start(self.case.starts + clean, [], again=clean > 0)
            if self._is_over(code):
                return
        raise Broken(
            f"not over after {MOST_CLEAN} undisturbed starts; the last one ended with {code}: {self.said[-3:]}"
        )

    def _let_go_on(self) -> None:
        """Whoever was held when its run died holds the lock perhaps, until it goes on and ends."""
        kernel = self.kernel
        if any(one.is_stopped and one.tree for one in kernel.living()):
            kernel.at(kernel.now + LONGEST_HOLD_S, kernel.end)
            self._until()

    def journals(self) -> list[Inode]:
        """What its starts have recorded, the oldest first."""
        found = {path: inode for path, inode in self.disk.files.items() if path.startswith(f"{self.path}/journal.")}
        return [found[path] for path in sorted(found, key=lambda path: ordinal_of(Path(path)))]

    def _is_over(self, code: int) -> bool:
        """Whether nothing is left that another start could do. Jobs that a fault has failed are to be run again."""
        self.observer.look()
        states = self.observer.journal.states
        if any(job not in states for job in self.jobs - (self.own & self.proven)):
            return self.reasons["barrier"] > 0 and code == 1 and not self._could_do_better()
        return not self._could_do_better()

    def _could_do_better(self) -> bool:
        """A job is failed that need not be: --retry-failed gives it another chance."""
        return any(
            self.observer.journal.states.get(job) is State.FAILED and self.case.scripts[job].fails < 90
            for job in self.jobs
        )

    # -- a start

    def _start(self, start: int, faults: Sequence[Fault], *, again: bool = False) -> int:
        self._present()
        tree = f"{self.number}.{start}"
        self.tree = tree
        self._go_by(self.case.plan_at(start))
        self.said.clear()
        for fault in faults:
            self.is_disturbed.add(tree)
            self.seen[f"fault {fault.kind} {fault.word}".rstrip()] += 1
            if fault.kind != "rot":
                befall(self, fault, tree)
        kernel = self.kernel
        self.observer.begins()
        self.begin(tree, again=again)
        try:
            self._until()
        except Stuck as error:
            raise Broken(f"no end: {error}; {self.said[-3:]}") from error
        rest = self.random.choice((0.0, 0.001, 0.3, 2.5, 2.5))
        end = self.kernel.now + rest
        if self.kernel is kernel:
            self.kernel.at(end, kernel.end)
            self._until()
        self.kernel.faults.clear()
        self.kernel.stop_at = 1 << 60
        self.disk.mend()
        code = self.codes.get(tree, -1)
        self.seen[f"exit {code}"] += 1
        self.observer.verdicts()
        for fault in faults:
            if fault.kind == "rot":
                rot(self, fault)
        return code

    def _until(self) -> None:
        kernel = self.kernel
        kernel.run(latest=kernel.now + LONGEST_S, most_steps=MOST_STEPS)
        if self.observer.broken is not None:
            raise self.observer.broken

    def begin(self, tree: str, *, again: bool) -> Process:
        kernel = self.kernel
        main = self.mains[tree] = kernel.new(self.shell, "main")
        self.comes_to("starting")
        main.tree = tree
        main.group = main.pid
        main.environ = {b"PATH": b"/bin"}
        main.handles = {number: NothingOpened() for number in range(3)}
        main.handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGPIPE: signal.SIG_IGN}
        retry = again or (self._could_do_better() and self.random.random() < 0.3)
        settings = self.case.settings
        if self.is_last(tree):
            settings = replace(settings, limits=replace(settings.limits, halt=None, timeout=None))
        entry = Entry(self._job) if self.case.is_python else None
        request = RunRequest(self.plan, settings, self.name, SimPath("/runs"), entry, retry_failed=retry)
        kernel.begin(main, lambda: self._main(tree, request))
        return main

    def is_last(self, tree: str) -> bool:
        """A start that nothing disturbs, and that no rule stops."""
        return int(tree.split(".")[1]) >= self.case.starts

    def _main(self, tree: str, request: RunRequest) -> int:
        """As `cli.main` has it."""
        try:
            code = run_share(request, [Witness(self)]).exit_code
        except Killed:
            raise
        except KeyboardInterrupt as error:
            number = getattr(error, "number", signal.SIGINT)
            code = 143 if number == signal.SIGTERM else 130
        except ShareoutError as error:
            self.said.append(f"{type(error).__name__}: {error.what}")
            code = error.exit_code
        except OSError as error:
            known = of_system(error)
            code = known.exit_code if known is not None else self._bug(error)
        except Broken as error:
            self.observer.breaks(str(error))
            code = 70
        except BaseException as error:  # noqa: BLE001
            code = self._bug(error)
        self.codes[tree] = code
        if self.observer.broken is None:
            try:
                self.observer.code(tree, code)
            except Broken as error:
                self.observer.breaks(str(error))
        return code

    def _bug(self, error: BaseException) -> int:
        self.observer.breaks(f"a bug of ours: {''.join(traceback.format_exception(error)[-6:])}")
        return 70

    # -- what it sees

    def comes_to(self, state: str) -> None:
        """The run: for the coverage of its states and of the ways between them."""
        self.seen[f"run {self.state} -> {state}"] += 1
        self.state = state

    def _wrote(self, opened: FileOpened) -> None:
        if is_journal(opened.path.rpartition("/")[2]):
            self.observer.look()

    def _command(self, process: Process, program: str, words: Sequence[Any]) -> Command | None:
        if program == "/child":
            process.role = KEEPS_OUT
            process.handlers[signal.SIGTERM] = signal.SIG_IGN
            if process.parent is not None:
                self.observer.bore(process.parent, process)
            self.kernel.at(self.kernel.now + float(words[0]), self.kernel.die, process, 0)
            return None
        job = int(process.environ.get(b"SHAREOUT_JOB", b"-1"))
        attempt = int(process.environ.get(b"SHAREOUT_ATTEMPT", b"0"))
        if job < 0:
            self.kernel.at(self.kernel.now + 0.01, self.kernel.die, process, 0)
            return None
        script = self.case.scripts[job]
        command = Command(self.kernel, process, script, attempt, self.observer.bore)
        one = Execution(job, attempt, process.tree, command.natural, process.pid, self.kernel.now)
        self.observer.started(one, process)
        self.observer.executions.append(one)
        self.observer.running[process] = one
        if script.prints:
            self._print(process, script, job, command)
        return command

    def _job(self, job: int, *, info: Any) -> object:
        """In a worker of Python jobs."""
        process, script = self.kernel.current, self.case.scripts[job]
        natural = 0 if info.attempt > script.fails else 1 << 8
        one = Execution(job, info.attempt, process.tree, natural, process.pid, self.kernel.now)
        self.observer.started(one, process)
        self.observer.executions.append(one)
        self.observer.running[process] = one
        try:
            value = call(self.calls, script, info.attempt, job)
        except Killed:
            raise
        except BaseException:
            # Its own, or what the world refused it, or a Ctrl-C.
            one.status = 1 << 8
            raise
        finally:
            if not process.is_dead:
                self.observer.running.pop(process, None)
                one.status = natural if one.status is None else one.status
                self.observer.ended(one)
        return value

    def _print(self, process: Process, script: Script, job: int, command: Command) -> None:
        opened = process.handles.get(prints_on(job).number)
        if isinstance(opened, FileOpened):
            text = printed(script, job)
            try:
                while text:
                    text = text[self.calls.write_file(opened, text, None) :]
            except OSError:
                self.kernel.at(self.kernel.now, command._ended, 1 << 8)

    def _reaped(self, process: Process) -> None:
        """Its number is free, and somebody else may be given it."""
        if self.kernel.reuse and process.tree and self.random.random() < 0.5:
            self.kernel.at(
                self.kernel.now + self.random.random() * 1e-4, bystander, self.kernel, self.random.random() * 3
            )

    # -- the power

    def cut_power(self) -> None:
        """The power fails: what was synced long enough ago must be there when it is back."""
        self.observer.look()
        now = self.kernel.now
        promised = self.observer.promised(now)
        for one in self.kernel.living():
            if one is not self.shell:
                one.is_dead, one.token = True, 0
                if one.greenlet is not None:
                    self.kernel.dying.append(one)
        self.kernel.timers.clear()
        while self.kernel.dying:
            self.kernel._unwind(self.kernel.dying.pop())
        self.disk.cut_power()
        self.kernel.end()
        self._boot(now + 20, wall=now + 20 + self.kernel.wall)
        self.observer.look()
        lost = [job for job in promised if not self.observer.journal.is_done(job)]
        if lost:
            self.observer.breaks(f"jobs {lost} were done long before the power failed, and are not now")
