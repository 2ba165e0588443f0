"""What a worker of Python jobs does with a batch: a call a job, told by a journal line in its `ring`."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from struct import Struct
from typing import Any
from zlib import crc32

from shareout.fields import dataclass
from shareout.plan.plan import Plan
from shareout.record.journal import imprinted
from shareout.record.outcome import Cause
from shareout.record.values import NotJson, encode
from shareout.run.endings import LONGEST_ERROR, one_line, trace_of
from shareout.run.hands import far_side
from shareout.run.hands.far_side import Turns, WorkerSide
from shareout.run.hands.messages import message
from shareout.run.hands.printed import NOTHING, Printed, open_outputs, take_printed
from shareout.run.hands.shared import Given
from shareout.run.hands.streams import open_streams, streams
from shareout.run.processes.children import end_children
from shareout.run.python.binding import Binding, CannotConvert
from shareout.run.python.context import Givers
from shareout.world import world

THOROUGH_US = 1000
_CRC = Struct(">I")
WATCHED = frozenset(
    ("os.chdir", "os.putenv", "os.unsetenv", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system",
     "subprocess.Popen")
)  # fmt: skip
RAN = frozenset(("os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"))
"""Of these, what starts other programs, which a signal may have reached before it reaches us."""


@dataclass(slots=True)
class PythonWorker:
    """What a worker was forked with."""

    post: WorkerSide
    job: Callable[..., Any]
    plan: Plan
    binding: Binding
    givers: Givers
    log_level: str
    share: Callable[[Given], Mapping[str, str]]
    """What a batch may use → its part of the environment."""


def serve(station: PythonWorker) -> None:
    """Until the pipe ends."""
    far_side.serve(station.post, station.plan.jobs_between, _Worker(station).run_batch)


class _Worker:
    def __init__(self, station: PythonWorker) -> None:
        self._station = station
        assert station.post.ring is not None
        self._ring = station.post.ring
        self._folder = os.getcwd()
        self._streams = streams()
        # The mapping under os.environ: comparing it costs a microsecond, comparing decoded copies fifty.
        self._variables: dict[Any, Any] = getattr(os.environ, "_data", {})
        self._environ = dict(self._variables)
        self._plain = dict(os.environ)
        self._job, self._attempt = -1, 0
        # What a job may do to its process is noticed as it does it, so that the others need not be looked at: five
        # system calls after each job would cost as much as all the rest. What only C code does is looked for
        # after every job of a millisecond, and after every batch.
        self._changes: list[str] = []
        sys.addaudithook(self._watch)
        os.register_at_fork(after_in_child=self._ring.leave)
        for stream in self._streams:
            stream.notice(self._changes)
        logging.root.handlers[:] = [_Records(self)]
        logging.root.setLevel(station.log_level)
        logging.captureWarnings(True)
        warnings.simplefilter("default")
        # numpy, of features that this version of it does not have: `numerics.pins` names those of all versions.
        warnings.filterwarnings("ignore", "During parsing environment variable: 'NPY_DISABLE", ImportWarning)
        # A crash in C code tells where Python was.
        faulthandler.enable(2)

    def _use(self, given: Given) -> None:
        """What the next job may take, where jobs differ in that."""
        if given.gpus or given.cores:
            # From the beginning: the GPUs of the batch before are not this one's.
            os.environ.clear()
            os.environ.update({**self._plain, **self._station.share(given)})
            self._environ = dict(self._variables)

    def run_batch(self, batch: Given, turns: Turns) -> None:
        """All names are bound outside the loop: a job costs some 2 µs in all."""
        self._use(batch)
        station, attempt, changes, ring = self._station, batch.attempt, self._changes, self._ring
        call, binding, given = station.job, station.binding, station.givers.given
        value_of, named_of, arguments, wants = binding.single, binding.named, binding.arguments, bool(binding.given)
        write, seek, now, floats = ring.write, world.lseek, world.time_ns, station.post.control.floats
        middle, slot = f',"try":{attempt},"state":"done","start":', f',"slot":{station.post.slot}'
        plain_end, mark, packed = f'{slot},"result":', b"!" if attempt > 1 else b"", _CRC.pack
        self._attempt = attempt
        second, stem, begun_text = _told(begun := now() // 1000)
        for job, position in turns:
            self._job = job
            floats[0] = begun / 1e6
            try:
                if value_of:
                    value = encode(call(value_of(job)))
                elif named_of:
                    value = encode(call(**named_of(job)))
                else:
                    args, named = arguments(job)
                    if wants:
                        named = {**named, **given(job, position, attempt)}
                    value = encode(call(*args, **named))
            # Also what is no Exception: a job that calls sys.exit() has failed, and its worker goes on.
            except BaseException as error:  # noqa: BLE001
                self._failed(job, position, attempt, begun / 1e6, error)
                second, stem, ended_text = _told(ended := now() // 1000)
                write = ring.write
            else:
                ended = now() // 1000
                # Nine times of ten a number's own digits stand behind the point: that takes a third of a float's time.
                if 100_000 <= (digits := ended - second) < 1_000_000:
                    ended_text = f"{stem}{digits}"
                else:
                    second, stem, ended_text = _told(ended)
                # Where the clock was set back meanwhile, no job ends before it began.
                until = ended_text if ended >= begun else begun_text
                try:
                    # The shared offsets of the outputs: the cheapest question that C code cannot get round.
                    is_odd = changes or ended - begun > THOROUGH_US or seek(1, 0, 1) or seek(2, 0, 1)
                except OSError:
                    is_odd = True
                before, end = mark, plain_end
                if is_odd:
                    printed = self._clean_up(job, attempt)
                    before, end = printed.brought + mark, f'{slot}{imprinted(printed.out, printed.err)},"result":'
                # Put together by hand: only the value needs an encoder.
                raw = f'{{"job":{job},"pos":{position}{middle}{begun_text},"end":{until}{end}{value}'
                line = f'{raw},"crc":"{packed(crc32(raw.encode())).hex()}"}}\n'.encode()
                # What stands in the ring is done, whatever becomes of this process.
                try:
                    write(before + line if before else line)
                except ValueError:
                    write = ring.put(before + line)
                if is_odd:
                    ring.ring()
            # The end of one is the beginning of the next: one look at the clock for both, one text.
            begun, begun_text = ended, ended_text
        ring.send(self._clean_up(self._job, attempt).brought)

    def record(self, level: str, text: str) -> None:
        """Up to the parent, who writes the log, with the job that runs."""
        facts = {"level": level, "text": text, "job": self._job, "try": self._attempt}
        self._ring.send(message("L", facts))

    def _failed(self, job: int, position: int, attempt: int, begun: float, error: BaseException) -> None:
        cause = Cause.BAD_RESULT if isinstance(error, NotJson) else Cause.EXCEPTION
        if isinstance(error, NotJson | CannotConvert):
            said, trace = str(error), ""
        else:
            said, trace = one_line(error), trace_of(error)
        facts: dict[str, object] = {
            "job": job, "pos": position, "try": attempt, "start": begun, "end": max(begun, world.time()),
            "cause": cause.value, "ran": not RAN.isdisjoint(self._changes),
            "error": said[:LONGEST_ERROR], "trace": trace or said,
        }  # fmt: skip
        printed = self._clean_up(job, attempt)
        facts |= {"out": printed.out, "err": printed.err}
        self._ring.send(printed.brought + message("A", facts))

    def _clean_up(self, job: int, attempt: int) -> Printed:
        """What a job left running or changed in the process ends with it. What it printed, before its record is told:
        that has a hash of it."""
        self._station.post.control.floats[1] = -1.0
        try:
            # Whether there is any child at all: where there is none, as after most jobs, this raises, and no list is
            # read.
            world.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            end_children()
        except ChildProcessError:
            pass
        if self._variables != self._environ:
            os.environ.clear()
            os.environ.update({os.fsdecode(name): os.fsdecode(value) for name, value in self._environ.items()})
        if _folder() != self._folder:
            # If it is gone, that is told by the first job that misses it.
            with suppress(OSError):
                os.chdir(self._folder)
        self._changes.clear()
        sys.stdout, sys.stderr = self._streams
        try:
            self._flush()
            return take_printed(job, attempt, self._station.post.outputs)
        except OSError:
            self._reopen()
            return NOTHING

    def _watch(self, event: str, arguments: object) -> None:
        if event in WATCHED:
            self._changes.append(event)

    def _flush(self) -> None:
        is_closed = False
        for stream in self._streams:
            try:
                stream.flush()
            except ValueError:
                is_closed = True
        if is_closed:
            # The job has closed or detached it. The descriptors outlive it, and their files have what it printed.
            self._renew()

    def _reopen(self) -> None:
        """The job closed its descriptors."""
        open_outputs(self._station.post.outputs)
        self._renew()

    def _renew(self) -> None:
        open_streams()
        self._streams = streams()
        for stream in self._streams:
            stream.notice(self._changes)


def _told(moment: int) -> tuple[int, str, str]:
    """Microseconds since 1970 → those of its second, what such texts begin with, and its own."""
    second, digits = divmod(moment, 1_000_000)
    return second * 1_000_000, f"{second}.", f"{second}.{digits:06d}"


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        # The job has removed it.
        return ""


class _Records(logging.Handler):
    def __init__(self, worker: _Worker) -> None:
        super().__init__()
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises: a record that cannot be formatted is told as it is."""
        try:
            text = self.format(record)
        except Exception as error:  # noqa: BLE001
            text = f"{record.msg!r} (cannot be formatted: {error})"
        self._worker.record(record.levelname, text)
