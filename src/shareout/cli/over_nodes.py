"""`run` in an allocation of several nodes: each is a machine, and gets a step of its own that runs its share. One that
is done is given back, as disBatch does, while others go on.

A step a node, and not one step over all: who waits for the end of one knows which node it was, and no step has to be
cut when a node is given back.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from types import FrameType

from shareout.cli.inputs.earlier_plans import sentence_of, unasked
from shareout.cli.inputs.slurm_nodes import VARIABLE, text_of
from shareout.cli.options import Common
from shareout.cli.planning import tell_oddities
from shareout.cli.run_asked import is_table
from shareout.cli.run_start import Chosen, RunArguments
from shareout.entry import Entry
from shareout.environment import user_environment
from shareout.errors import CannotStart, UsageError
from shareout.fields import replace
from shareout.launch.slurm.allocation import Node, step, step_environment
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.show.beside import say
from shareout.status.last_run import last_session
from shareout.status.machine import Follower
from shareout.units import counted

RETIRE = 'scontrol update JobId="$SLURM_JOB_ID" NodeList="${DRIVER_NODE:+$DRIVER_NODE,}$ACTIVE"'
"""disBatch's own."""
LOOK_S, RETIRE_AFTER_S, RETIRE_EVERY_S, PATIENT_S = 0.1, 1.0, 10.0, 30.0
FIRST = (signal.SIGUSR1, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECOND = (signal.SIGUSR2, signal.SIGQUIT)
DEBOUNCE_S = 0.5
LOST = -1


def run_over(chosen: Chosen, asked: RunArguments, common: Common, entry: Entry | None) -> int:
    """The exit code: the worst of all nodes'."""
    assert chosen.spread
    nodes, quiet = chosen.spread.nodes, common.quiet
    _refuse(common, asked)
    words = own_words(str(chosen.call.pool))
    plan = _goes_on(chosen, asked, common, words, entry)
    words += ["--yes", "--expect", plan.fingerprint, *_cores_per_job(chosen)]
    names = [one.name for one in plan.machines]
    if not quiet:
        tell_oddities(chosen.plan)
        cores = ", ".join(f"{one.name} {one.cores}" for one in nodes[:8]) + (" …" if nodes[8:] else "")
        say(f"{counted(chosen.plan.jobs, 'job')} on {counted(len(nodes), 'node')} (cores: {cores})")
    folders = [RunFolder.of(common.runs, plan.origin, name) for name in names]
    run = _Steps(nodes, names, folders, quiet=quiet)
    run.start(words, "" if chosen.spread.has_file else text_of(nodes))
    return run.wait(RETIRE if asked.retire is None else asked.retire)


def _refuse(common: Common, asked: RunArguments) -> None:
    if common.json:
        raise UsageError(
            "--json tells of one run, and this is one on each node", way_out="`status --json` tells of all."
        )
    if asked.results is not None and is_table(asked.results):
        raise UsageError(
            f"{asked.results} would be written by each node at once",
            way_out="Name a folder; merge-results -o NAME.csv has what all printed.",
        )
    given = asked.given
    if (given.pool == "-" and (given.delimiter is not None or given.each is not None or given.kind)) or any(
        one.file == "-" for one in given.sources
    ):
        raise UsageError(
            "standard input of this kind is not at hand on other nodes", way_out="Write it to a file, and name that."
        )


def _goes_on(chosen: Chosen, asked: RunArguments, common: Common, words: list[str], entry: Entry | None) -> Plan:
    """The plan to run. Where another allocation has begun with these jobs, that is gone on with:
    other nodes have other weights, and what is done stays done."""
    found = [] if asked.anew else unasked(chosen.call, common, chosen.plan)
    if not found:
        return chosen.plan
    if chosen.spread and chosen.spread.has_file:
        # Others may have the file, and would have another plan than these.
        raise UsageError(
            sentence_of(found), way_out="`shareout reweigh` keeps them, for all machines; --anew runs them again."
        )
    words += ["--since", found[0].origin.text]
    flags = {**chosen.call.flags, "run.since": found[0].origin.text}
    if not common.quiet:
        say(f"going on from {found[0].words}, where {found[0].count:,} are done")
    return replace(chosen.call, flags=flags).plan(common, entry)[0]


def _cores_per_job(chosen: Chosen) -> list[str]:
    """sbatch's -c, unless somebody has said otherwise; that is told."""
    said = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if not (said.isascii() and said.isdigit()):
        return []
    if "run.cores_per_job" not in chosen.settings.texts:
        return ["--cores-per-job", said]
    own = chosen.settings.run.cores_per_job
    if own != int(said):
        say(f"shareout: a job takes {float(own):g} cores here, though Slurm was asked for {said} for each (-c)")
    return []


class _Steps:
    """A step a node."""

    def __init__(
        self, nodes: Sequence[Node], machines: Sequence[str], folders: Sequence[RunFolder], *, quiet: bool
    ) -> None:
        self._nodes, self._machines, self._quiet = nodes, machines, quiet
        self._folders = folders
        self._known = [len(one.journals()) for one in folders]
        self._steps: dict[str, subprocess.Popen[bytes]] = {}
        self._codes: dict[str, int] = {}
        self._unretired: list[str] = []
        self._retires_at = 0.0
        self._level, self._told, self._heard_at = 0, 0, 0.0
        self._driver = os.environ.get("SLURMD_NODENAME", "")

    def start(self, words: Sequence[str], nodes: str) -> None:
        """All of them."""
        for stop in (*FIRST, *SECOND):
            if signal.getsignal(stop) != signal.SIG_IGN:
                signal.signal(stop, self._on_signal)
        environ = {**step_environment(user_environment()), VARIABLE: nodes}
        for machine, node in zip(self._machines, self._nodes, strict=True):
            call = step(node.name, [*words, "--machine", machine])
            try:
                # Of a group of its own: what the terminal of salloc sends comes through us, once.
                self._steps[node.name] = subprocess.Popen(call, stdin=subprocess.PIPE, env=environ, process_group=0)
            except OSError as error:
                self._say("USR2")
                raise CannotStart(f"srun cannot be started: {error.strerror}") from error

    def wait(self, retire: str) -> int:
        """Until all have ended."""
        while self._steps:
            self._pass_on()
            for name, process in list(self._steps.items()):
                if process.poll() is not None:
                    _let_go(self._steps.pop(name))
                    self._ended(name, process.returncode)
            if retire and self._unretired and self._steps and time.monotonic() >= self._retires_at:
                self._give_back(retire)
            time.sleep(LOOK_S)
        return worst(self._codes.values())

    def _ended(self, name: str, code: int) -> None:
        number = [one.name for one in self._nodes].index(name)
        if code in (0, 1) and not self._is_told(number):
            # srun ends with 0 where the node has died under it, and with 1 where no step could be made.
            code = LOST
        self._codes[name] = code
        how = {0: "done", 1: "done, and jobs failed", 2: "refused", 3: "stopped before its end"}.get(code, "lost")
        if not self._quiet or code not in (0, 1):
            say(f"{self._machines[number]} on {name}: {how}" + _srun_told(code))
        # What has not ended its share may be asked to go on there.
        if code in (0, 1) and name != self._driver:
            self._unretired.append(name)
            self._retires_at = max(self._retires_at, time.monotonic() + RETIRE_AFTER_S)

    def _is_told(self, number: int) -> bool:
        """Whether the record says that a run has ended there, or that there is nothing to do."""
        folder = self._folders[number]
        if not folder.journals():
            return False
        last = last_session(folder)
        is_over = last is not None and last.event != "start"
        return is_over and (len(folder.journals()) > self._known[number] or not Follower(folder).look().left)

    def _give_back(self, command: str) -> None:
        """At most every few seconds, and several at a time: a request is the whole cluster's to bear."""
        left, self._unretired = self._unretired, []
        codes = [self._codes[name] for name in left]
        self._retires_at = time.monotonic() + RETIRE_EVERY_S
        environ = {**user_environment(), **retirement(left, codes, list(self._steps), list(self._codes))}
        if self._driver in self._codes:
            environ["DRIVER_NODE"] = self._driver
        try:
            done = subprocess.run(
                ["/bin/sh", "-c", command], env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                errors="replace", timeout=PATIENT_S, check=False,
            )  # fmt: skip
            why = (done.stderr or done.stdout).strip() if done.returncode else ""
            is_done = not done.returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            is_done, why = False, str(error)
        if not is_done:
            # The nodes end with the allocation at the latest: no work depends on it.
            say(f"shareout: {', '.join(left)} could not be given back: {why}")
        elif not self._quiet:
            say(f"given back: {', '.join(left)}")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        # One of a group of processes gets it from several sides.
        if now - self._heard_at >= DEBOUNCE_S or number in SECOND:
            self._level = 2 if number in SECOND or self._level else 1
        self._heard_at = now

    def _pass_on(self) -> None:
        if self._told < self._level:
            self._told = self._level
            self._say("USR1" if self._level == 1 else "USR2")
            if not self._quiet:
                say("stopping: running jobs may end" if self._level == 1 else "stopping: running jobs are ended")

    def _say(self, name: str) -> None:
        for process in self._steps.values():
            assert process.stdin is not None
            # One that has ended needs no signal.
            with suppress(OSError):
                process.stdin.write(f"{name}\n".encode("ascii"))
                process.stdin.flush()


def _let_go(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()


def _srun_told(code: int) -> str:
    if code in range(4):
        return ""
    return ": its run did not come to an end" if code == LOST else f": srun ended with {code}"


def retirement(
    nodes: Sequence[str], codes: Sequence[int], active: Sequence[str], ended: Sequence[str]
) -> Mapping[str, str]:
    """The variables that a command which gives nodes back is told by: disBatch's."""
    return {
        "NODE": ",".join(nodes),
        "NODES": ",".join(nodes),
        "RETCODES": ",".join(map(str, codes)),
        "ACTIVE": ",".join(active),
        "RETIRED": ",".join(ended),
    }


def worst(codes: Iterable[int]) -> int:
    """Refused, then not finished, then jobs that failed. What is no code of a run is a step that was lost."""
    known = {code if code in (0, 1, 2) else 3 for code in codes}
    return next((code for code in (2, 3, 1) if code in known), 0)


def own_words(pool: str) -> list[str]:
    """This call as a step repeats it. What was read from standard input is named by the file that keeps it."""
    call = [sys.executable] if getattr(sys, "frozen", False) else _call_of_python()
    words = sys.argv[1:]
    if words[:1] != ["run"]:
        words = ["run", *words]
    return [*call, *(pool if word == "-" else word for word in words)]


def _call_of_python() -> list[str]:
    name = os.path.basename(sys.argv[0])
    script = [os.path.abspath(sys.argv[0])]
    return [sys.executable, *(["-m", "shareout"] if name in ("__main__.py", "shareout") else script)]
