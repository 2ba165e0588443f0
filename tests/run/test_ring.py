"""What a worker puts into its ring comes up whole, once and in order, whoever writes meanwhile and whenever it dies."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.run.hands import ring as module
from shareout.run.hands.pace import ready_pipes
from shareout.run.hands.ring import Ring, RingWriter
from shareout.run.hands.seat import Seat
from shareout.run.hands.shared import Control


class Ends:
    """Both sides of one."""

    def __init__(self) -> None:
        self.control = Control()
        self.ring = Ring(self.control)
        reader, self.up = os.pipe()
        os.set_blocking(reader, False)
        self.seat = Seat(0, 0, -1, up=reader, control=self.control, mark="", ring=self.ring)

    def writer(self) -> RingWriter:
        return RingWriter(self.ring, self.up)

    def read(self) -> bytes:
        """As a turn of the parent does it."""
        return self.seat.read(is_ready=self.seat.up in ready_pipes([self.seat]))

    def until(self, has_ended: Callable[[], bool]) -> bytes:
        """All that comes until then, and what is there at the end."""
        parts = []
        while not has_ended():
            parts.append(self.read())
        return b"".join([*parts, self.read(), self.read()])

    def close(self) -> None:
        os.close(self.up)
        os.close(self.seat.up)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEGMENT_BYTES", 100)
    monkeypatch.setattr(module, "STEP", 30)


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.close()


def beside(*bodies: Callable[[], object]) -> Callable[[], bool]:
    """Each in a thread; whether all have ended."""
    threads = [threading.Thread(target=body, daemon=True) for body in bodies]
    for thread in threads:
        thread.start()
    return lambda: not any(thread.is_alive() for thread in threads)


def in_child(body: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        body()
        os._exit(0)
    return pid


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 350), max_size=40))
def test_lines_of_any_length_come_whole_and_in_order(lengths: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SEGMENT_BYTES", 100)
        patch.setattr(module, "STEP", 30)
        ends = Ends()
        lines = [b"%d" % length + b"x" * length + b"\n" for length in lengths]
        writer = ends.writer()
        came = ends.until(beside(lambda: [writer.put(line) for line in lines]))
        ends.close()
    assert came == b"".join(lines)


def test_what_a_worker_has_put_there_survives_its_death(small: None, ends: Ends) -> None:
    def work() -> None:
        write = ends.writer().put
        for number in range(20):
            write(b"line %02d\n" % number)
        os.kill(os.getpid(), signal.SIGKILL)

    pid = in_child(work)
    os.waitpid(pid, 0)
    assert ends.read() == b"".join(b"line %02d\n" % number for number in range(20))


def test_a_line_of_which_something_is_missing_has_not_come(ends: Ends) -> None:
    segment = ends.ring.segments[0]
    segment[:6] = b"whole\n"
    # As another processor may see it: the end of a line before its middle.
    segment[6:16] = b"lin\0\0\0\0\0e\n"
    assert ends.read() == b"whole\n"
    assert ends.read() == b""
    segment[9:14] = b"e of "
    assert ends.read() == b"line of e\n"


def test_threads_write_between_lines_and_never_into_one(small: None, ends: Ends) -> None:
    writer = ends.writer()
    words = [b"a" * 60, b"b" * 13, b"c" * 250]
    has_ended = beside(*([lambda word=word: [writer.put(word + b"\n") for _ in range(40)] for word in words]))
    assert sorted(ends.until(has_ended).splitlines()) == sorted(words * 40)


def test_a_handler_that_logs_in_the_middle_of_a_change_of_segments_does_not_wait_for_itself(
    small: None, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = ends.writer()
    ring = writer.ring

    def interrupted() -> None:
        monkeypatch.setattr(writer, "ring", ring)
        writer.send(b"!from the handler\n")

    writer.put(b"x" * 90 + b"\n")
    monkeypatch.setattr(writer, "ring", interrupted)
    writer.put(b"y" * 90 + b"\n")
    assert sorted(ends.until(lambda: True).splitlines()) == [b"!from the handler", b"x" * 90, b"y" * 90]


@pytest.mark.parametrize("step", ["ring", "_empty_one"])
def test_what_a_handler_raises_in_the_middle_of_a_change_of_segments_loses_nothing(
    small: None, ends: Ends, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    writer = ends.writer()
    whole = getattr(writer, step)

    def raising() -> None:
        whole()
        raise TimeoutError

    writer.put(b"x" * 90 + b"\n")
    monkeypatch.setattr(writer, step, raising)
    with pytest.raises(TimeoutError):
        writer.put(b"y" * 90 + b"\n")
    monkeypatch.setattr(writer, step, whole)
    came = ends.until(beside(lambda: [writer.put(b"z" * 90 + b"\n") for _ in range(9)]))
    assert came.splitlines() == [b"x" * 90] + [b"z" * 90] * 9


def test_what_a_job_forks_says_what_it_has_to_say_by_the_pipe(small: None, ends: Ends) -> None:
    writer = ends.writer()
    writer.put(b"before\n")

    def work() -> None:
        writer.leave()
        writer.send(b"!L of a child\n")
        with pytest.raises(ValueError, match="range"):
            writer.write(b"x")

    _, status = os.waitpid(in_child(work), 0)
    writer.put(b"behind\n")
    writer.ring()
    assert ends.read() == b"before\nbehind\n!L of a child\n"
    assert status == 0


def test_a_bell_in_the_middle_of_what_a_child_says_breaks_nothing(ends: Ends) -> None:
    for piece in (b"!L one \0\0", b"line\n\0"):
        os.write(ends.up, piece)
    assert ends.read() == b"!L one line\n"


def test_that_the_pipe_has_ended_is_known(ends: Ends) -> None:
    spare: Any = os.dup(ends.up)
    os.close(ends.up)
    assert ends.read() == b""
    assert not ends.seat.is_closed
    os.close(spare)
    assert ends.read() == b""
    assert ends.seat.is_closed
    ends.up = os.open(os.devnull, os.O_WRONLY)


def test_a_pipe_in_which_there_is_nothing_is_not_read(ends: Ends) -> None:
    writer = ends.writer()
    up, ends.seat.up = ends.seat.up, -1
    try:
        assert ends.seat.read(is_ready=False) == b""
        writer.put(b"in the ring alone\n")
        ends.seat.look()
        # To read what is no descriptor would be an error.
        assert ends.seat.read(is_ready=False) == b"in the ring alone\n"
        assert not ends.ring.has_more()
    finally:
        ends.seat.up = up
