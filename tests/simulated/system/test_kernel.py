"""What the simulated kernel promises, held against Linux where that can be done in a moment."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from shareout.linux import Linux
from simulated.system.calls import Calls
from simulated.system.disk import Disk
from simulated.system.handles import NothingOpened
from simulated.system.kernel import Kernel, Stuck
from simulated.system.paths import SimPath


class Simulated:
    """One host; `run` runs a function as a process of it."""

    def __init__(self, seed: int = 0) -> None:
        self.kernel = Kernel(Random(seed), turn=3)
        self.disk = Disk(Random(seed))
        self.world = Calls()
        self.world.kernel, self.world.disk = self.kernel, self.disk
        self.told: Any = None
        SimPath.calls = self.world

    def run(self, body: Callable[[], Any]) -> Any:
        process = self.kernel.new(self.kernel.init, "main")
        process.session = process.group = process.pid
        process.handles = {number: NothingOpened() for number in range(3)}
        process.handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGPIPE: signal.SIG_IGN}

        def life() -> int:
            self.told = body()
            return 0

        self.kernel.begin(process, life)
        self.kernel.on_death = lambda one: self.kernel.end() if one is process else None
        self.kernel.run(latest=1e4, most_steps=100_000)
        return self.told


class Real:
    """The real thing, in a child of its own, so that nothing of the test's own process is touched."""

    def __init__(self) -> None:
        self.world = Linux()

    def run(self, body: Callable[[], Any]) -> Any:
        reader, writer = os.pipe()

        def life() -> int:
            os.setsid()
            os.write(writer, repr(body()).encode())
            return 0

        pid = self.world.fork(life)
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            told = file.read()
        _, status = os.waitpid(pid, 0)
        assert status == 0, "the child failed"
        return eval(told)


@pytest.fixture(params=["simulated", "linux"])
def host(request: pytest.FixtureRequest) -> Any:
    if request.param == "linux" and not sys.platform.startswith("linux"):
        pytest.skip("what is simulated is Linux")
    return Simulated() if request.param == "simulated" else Real()


def test_a_dead_child_is_a_zombie_until_it_is_waited_for(host: Any) -> None:
    world = host.world

    def body() -> list[Any]:
        pid = world.fork(lambda: 7)
        first = world.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT).si_pid == pid
        world.kill(pid, 0)
        _, status, _ = world.wait4(pid, 0)
        try:
            world.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError as error:
            return [first, os.waitstatus_to_exitcode(status), error.errno]
        return []

    assert host.run(body) == [True, 7, errno.ECHILD]


def test_what_one_writes_into_shared_memory_another_sees_and_each_has_its_own_place(host: Any) -> None:
    world = host.world

    def body() -> list[Any]:
        shared = world.shared(8)

        def child() -> int:
            shared.write(b"abcdef")
            return 0

        world.waitpid(world.fork(child), 0)
        seen = shared[:]
        shared.seek(0, os.SEEK_END)
        try:
            shared.write(b"x")
        except ValueError:
            shared.seek(6)
            shared.write(b"yz")
        return [seen, shared[:], shared[7]]

    assert host.run(body) == [b"abcdef\0\0", b"abcdefyz", ord("z")]


def test_what_an_orphan_becomes_is_its_subreapers_child(host: Any) -> None:
    world = host.world

    def body() -> bool:
        world.adopt_orphans()
        reader, writer = world.pipe()

        def middle() -> int:
            def last() -> int:
                world.write(writer, b"%d" % world.getpid())
                world.sleep(30)
                return 0

            world.fork(last)
            return 0

        pid = world.fork(middle)
        orphan = int(world.read(reader, 20))
        world.waitpid(pid, 0)
        is_ours = orphan in world.children()
        world.kill(orphan, signal.SIGKILL)
        return is_ours and world.waitpid(orphan, 0)[1] == signal.SIGKILL

    assert host.run(body) is True


def test_a_signal_of_the_parents_death_comes_when_it_dies(host: Any) -> None:
    world = host.world

    def body() -> bytes:
        reader, writer = world.pipe()

        def middle() -> int:
            parent = world.getpid()
            ready, go = world.pipe()

            def last() -> int:
                world.close(go)
                world.signal(signal.SIGUSR1, lambda *_: world.write(writer, b"told"))
                world.die_with_parent(signal.SIGUSR1, parent)
                world.write(writer, b"")
                world.read(ready, 1)
                world.sleep(0.2)
                return 0

            world.fork(last)
            world.sleep(0.1)
            return 0

        pid = world.fork(middle)
        world.waitpid(pid, 0)
        world.close(writer)
        return world.read(reader, 10)

    assert host.run(body) == b"told"


def test_a_pipe_ends_when_nobody_can_write_to_it_any_more(host: Any) -> None:
    world = host.world

    def body() -> list[bytes]:
        reader, writer = world.pipe()

        def child() -> int:
            world.close(reader)
            world.write(writer, b"x")
            return 0

        pid = world.fork(child)
        world.close(writer)
        told = [world.read(reader, 10), world.read(reader, 10)]
        world.waitpid(pid, 0)
        return told

    assert host.run(body) == [b"x", b""]


def test_a_write_to_a_pipe_that_nobody_reads_is_refused(host: Any) -> None:
    world = host.world

    def body() -> int | None:
        world.signal(signal.SIGPIPE, signal.SIG_IGN)
        reader, writer = world.pipe()
        world.close(reader)
        try:
            world.write(writer, b"x")
        except OSError as error:
            return error.errno
        return None

    assert host.run(body) == errno.EPIPE


def test_a_full_pipe_that_must_not_block_takes_a_part_and_then_nothing(host: Any) -> None:
    world = host.world

    def body() -> list[int | None]:
        _, writer = world.pipe()
        world.set_blocking(writer, False)
        taken = world.write(writer, b"x" * 100_000)
        try:
            world.write(writer, b"x")
        except BlockingIOError as error:
            return [taken, error.errno]
        return []

    assert host.run(body) == [65536, errno.EAGAIN]


def test_a_group_is_signalled_as_one_and_is_gone_with_its_last(host: Any) -> None:
    world = host.world

    def body() -> list[int | None]:
        def child() -> int:
            world.setsid()
            world.sleep(30)
            return 0

        pid = world.fork(child)
        world.sleep(0.05)
        world.killpg(pid, signal.SIGTERM)
        _, status = world.waitpid(pid, 0)
        try:
            world.killpg(pid, signal.SIGTERM)
        except ProcessLookupError as error:
            return [os.waitstatus_to_exitcode(status), error.errno]
        return []

    assert host.run(body) == [-signal.SIGTERM, errno.ESRCH]


def test_a_stopped_process_goes_on_where_it_was_and_may_be_killed(host: Any) -> None:
    world = host.world

    def body() -> list[int]:
        def child() -> int:
            # Longer than it takes to stop both.
            world.sleep(0.5)
            return 3

        first, second = world.fork(child), world.fork(child)
        for pid in (first, second):
            world.kill(pid, signal.SIGSTOP)
        world.sleep(0.05)
        world.kill(first, signal.SIGCONT)
        world.kill(second, signal.SIGKILL)
        return [os.waitstatus_to_exitcode(world.waitpid(pid, 0)[1]) for pid in (first, second)]

    assert host.run(body) == [3, -signal.SIGKILL]


def test_a_handle_of_a_process_is_readable_when_it_has_ended(host: Any) -> None:
    world = host.world

    def body() -> list[bool]:
        pid = world.fork(lambda: 0 if world.sleep(0.1) is None else 1)
        handle = world.pidfd_open(pid)
        before = bool(world.readable([handle], 0))
        after = bool(world.readable([handle], 5))
        world.waitpid(pid, 0)
        return [before, after]

    assert host.run(body) == [False, True]


def test_a_lock_is_let_go_with_the_last_copy_of_its_descriptor(host: Any, tmp_path: Path) -> None:
    import fcntl

    world = host.world
    path = str(tmp_path / "lock") if isinstance(host, Real) else "/lock"

    def taken(flags: int) -> bool:
        handle = world.open(path, os.O_RDWR | os.O_CREAT)
        try:
            world.flock(handle, flags)
        except BlockingIOError:
            return False
        finally:
            world.close(handle)
        return True

    def body() -> list[bool]:
        handle = world.open(path, os.O_RDWR | os.O_CREAT)
        world.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        reader, writer = world.pipe()

        def child() -> int:
            world.close(writer)
            world.read(reader, 1)
            return 0

        pid = world.fork(child)
        world.close(reader)
        world.close(handle)
        held = not taken(fcntl.LOCK_EX | fcntl.LOCK_NB)
        world.close(writer)
        world.waitpid(pid, 0)
        return [held, taken(fcntl.LOCK_EX | fcntl.LOCK_NB)]

    assert host.run(body) == [True, True]


def test_only_a_folder_can_be_where_names_begin(host: Any, tmp_path: Path) -> None:
    world = host.world

    def body() -> list[Any]:
        folder = world.path(str(tmp_path / "folder"))
        folder.mkdir(parents=True)
        world.close(world.open(folder / "file", os.O_WRONLY | os.O_CREAT))
        handle = world.open(folder, os.O_RDONLY)
        told: list[Any] = []
        for where in (os.fsencode(folder), handle, os.fsencode(folder / "file"), os.fsencode(folder / "none")):
            try:
                told.append(world.enter(where))
            except OSError as error:
                told.append(error.errno)
        return told

    assert host.run(body) == [None, None, errno.ENOTDIR, errno.ENOENT]


def test_what_was_synced_survives_a_power_cut_and_the_rest_may_be_torn() -> None:
    seen = set()
    for seed in range(300):
        disk = Disk(Random(seed))
        inode = disk.create("/journal")
        inode.write(0, b"safe.")
        inode.made_safe(inode.mark())
        disk.sync_folder("/")
        inode.write(5, b"one.")
        inode.write(9, b"two.")
        disk.cut_power()
        left = bytes(disk.files["/journal"].data)
        assert left.startswith(b"safe.")
        seen.add(left)
    assert {b"safe.", b"safe.one.", b"safe.one.two."} <= seen
    assert any(b"\0" in left for left in seen), "a length without its bytes"
    assert any(len(left) in (6, 7, 8) for left in seen), "a torn write"


def test_a_name_is_safe_only_when_its_folder_was_synced() -> None:
    def left(seed: int, *, synced: bool) -> bool:
        disk = Disk(Random(seed))
        inode = disk.create("/new")
        inode.write(0, b"x")
        inode.made_safe(inode.mark())
        if synced:
            disk.sync_folder("/")
        disk.cut_power()
        return "/new" in disk.files

    assert all(left(seed, synced=True) for seed in range(50))
    assert {left(seed, synced=False) for seed in range(50)} == {True, False}


def test_a_rename_is_whole_or_not_at_all() -> None:
    seen = set()
    for seed in range(100):
        disk = Disk(Random(seed))
        for name, text in (("/old", b"old"), ("/new", b"new")):
            inode = disk.create(name)
            inode.write(0, text)
            inode.made_safe(inode.mark())
        disk.sync_folder("/")
        disk.rename("/new", "/old")
        disk.cut_power()
        seen.add((bytes(disk.files["/old"].data), "/new" in disk.files))
    assert seen == {(b"old", True), (b"new", False)}


def test_a_full_disk_takes_a_part_and_then_refuses() -> None:
    host = Simulated()
    host.disk.room = 3

    def body() -> list[Any]:
        handle = host.world.open("/file", os.O_WRONLY | os.O_CREAT)
        taken = host.world.write(handle, b"12345")
        try:
            host.world.write(handle, b"45")
        except OSError as error:
            return [taken, error.errno]
        return []

    assert host.run(body) == [3, errno.ENOSPC]


def test_the_same_seed_gives_the_same_world() -> None:
    def told(seed: int) -> list[Any]:
        host = Simulated(seed)
        seen: list[Any] = []

        def body() -> None:
            def child(name: str) -> int:
                seen.extend((name, round(host.world.monotonic(), 6)) for _ in range(20))
                return 0

            for name in "abc":
                host.world.fork(lambda name=name: child(name))
            for _ in "abc":
                host.world.wait4(-1, 0)

        host.run(body)
        return seen

    assert told(1) == told(1)
    assert len({str(told(seed)) for seed in range(5)}) > 1


def test_nobody_is_stuck_unseen() -> None:
    host = Simulated()
    with pytest.raises(Stuck):
        host.run(lambda: host.world.read(host.world.pipe()[0], 1))
