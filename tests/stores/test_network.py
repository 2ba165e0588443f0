"""A ledger on a NATS server that is killed, hangs, is full, is set back or is another one: each with its remedy."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kit.mounts import need_root, small_disk
from kit.nats import opened_there, server_at, serving
from kit.remote_store import Remote, charter
from kit.wait import wait_until
from shareout.errors import CannotStart, RunDirectoryDamaged, UsageError
from shareout.ledger.store import Away
from shareout.ledger.times import Times
from shareout.serving.program import ServerProgram, Setup
from shareout.stores.charter import told_groups
from shareout.stores.nats import streams
from shareout.stores.nats.address import address_of
from shareout.stores.nats.opening import make_nats, open_nats
from shareout.stores.nats.store import NatsStore, Streams
from shareout.stores.nats.token import papers_of, token_in


@pytest.fixture
def program(tmp_path: Path) -> Iterator[ServerProgram]:
    with serving(tmp_path / "served") as made:
        yield made


@pytest.fixture
def store(tmp_path: Path, program: ServerProgram) -> Iterator[NatsStore]:
    with closing(opened_there(tmp_path / "served", program.port, "test")) as made:
        yield made


def test_no_look_asks_a_follower_or_a_consumer(store: NatsStore, tmp_path: Path, program: ServerProgram) -> None:
    """Caution 1: a watch may be silent after a restart, and a follower that is cut off says "nothing new" for ever."""
    store.put("lanes/0.0/1", b"first")
    line = server_at(tmp_path / "served", program.port).connect()
    for name in ("test-lanes", "test-files"):
        about = streams.asked(line, f"STREAM.INFO.{name}")
        assert about["state"]["consumer_count"] == 0
        assert not about["config"].get("allow_direct")
    line.close()


def test_a_store_goes_on_where_its_server_was_killed_and_is_up_again(
    tmp_path: Path, store: NatsStore, program: ServerProgram
) -> None:
    """Caution 1 and 2: at the first call, with nothing lost, nothing silent, and nothing that waits for ever."""
    store.put("lanes/0.0/1", b"first")
    store.ship("alice", "journal", 0, b"line\n")
    for number in range(2, 5):
        program.end()
        with pytest.raises(Away, match="cannot be reached: connection refused"):
            store.get("lanes/0.0/1")
        program.start()
        wait_while_resting(store)
        assert store.get("lanes/0.0/1") == b"first"
        assert store.put(f"lanes/0.0/{number}", b"next") == b"next"
        assert store.ship("alice", "journal", 0, b"line\n") == 5
        # What it had in memory alone is made anew by whoever comes first.
        assert store.beats(9) == {}
        store.beat("alice", b"here")
        with closing(opened_there(tmp_path / "served", program.port, "test")) as other:
            assert other.beats(9) == {"alice": b"here"}


def wait_while_resting(store: NatsStore) -> None:
    """Calls that follow a failed one within half a second are told the same."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            store.get("ledger")
        except Away:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("it never came back")


def test_what_was_acknowledged_is_there_after_kills_of_the_server(tmp_path: Path, program: ServerProgram) -> None:
    folder = tmp_path / "served"
    known: set[int] = set()
    for turn in range(4):
        writer = Remote(["nats", str(folder), str(program.port), "test"])
        assert writer.answer() == "ready"
        writer.ask("put_many", turn * 1_000, turn * 1_000 + 1_000)
        known |= {writer.answer()[0] for _ in range(20)}
        os.kill(program.pid, signal.SIGKILL)
        known |= {one[0] for one in writer.kill() if isinstance(one, list)}
        wait_until(program.is_dead)
        program.start()
    with closing(opened_there(folder, program.port, "test")) as store:
        assert all(store.get(f"lanes/0.0/{number}") == b"entry %d" % number for number in known)


def test_a_token_that_is_wrong_is_told_at_once_and_waits_for_nothing(tmp_path: Path, program: ServerProgram) -> None:
    """Caution 2: a client that reconnects by itself would hang for ever."""
    other = tmp_path / "other"
    other.mkdir()
    token_in(other / "token")
    with pytest.raises(UsageError, match="is not that of nats:") as caught:
        open_nats(server_at(other, program.port), charter(), "another/token")
    assert "another/token" in caught.value.what


def test_a_server_that_hangs_is_given_up_in_seconds(store: NatsStore, program: ServerProgram) -> None:
    """Caution 3: behind TLS a line to one looks whole. Both the call that waits and those that follow it end."""
    store.put("lanes/0.0/1", b"first")
    os.kill(program.pid, signal.SIGSTOP)
    wait_until(lambda: Path(f"/proc/{program.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    try:
        began = time.monotonic()
        with pytest.raises(Away, match="does not answer"):
            store.get("lanes/0.0/1")
        # No assertion of speed: that there is an end at all, before a host has lost its lanes.
        assert time.monotonic() - began < Times.of(15.0, 1.0).fence
        with pytest.raises(Away, match="does not answer"):
            store.get("lanes/0.0/1")
    finally:
        os.kill(program.pid, signal.SIGCONT)
    wait_while_resting(store)
    assert store.get("lanes/0.0/1") == b"first"


def test_a_full_server_refuses_cleanly_and_gives_what_it_has(tmp_path: Path) -> None:
    """Caution 4: at the end of a disk a stream is broken until the next start; at a limit it is not."""
    need_root()
    with small_disk(tmp_path / "disk", 24_000) as disk, serving(disk / "served") as program:
        store = opened_there(disk / "served", program.port, "test")
        store.put("lanes/0.0/1", b"first")
        piece = bytes(256_000)

        def fill() -> None:
            for number in range(100):
                store.ship("alice", "log", number * len(piece), piece)

        with pytest.raises(Away, match="has no room left"):
            fill()
        shipped = store.length("alice", "log")
        assert shipped > 10_000_000
        assert os.statvfs(disk).f_bavail > 0
        assert store.get("lanes/0.0/1") == b"first"
        assert store.fetch("alice", "log", shipped - 9, 99).strip(b"\0") == b""
        store.close()


def test_a_server_is_on_the_same_port_after_a_restart_and_an_orphan_is_ended(tmp_path: Path) -> None:
    """Caution 5."""
    folder = tmp_path / "served"
    with serving(folder) as program:
        port, pid = program.port, program.pid
        setup = Setup(folder / "server", papers_of(token_in(folder / "token")), "127.0.0.1", 0)
        after = ServerProgram(setup)
        assert after.port == port
        # That one is another call's, which was killed: nobody has told this one about it.
        after.start()
        try:
            wait_until(program.is_dead)
            assert (after.port, after.pid) == (port, after.pid)
            assert after.pid != pid
        finally:
            after.end()


def test_a_server_is_told_how_much_memory_to_keep_to(program: ServerProgram) -> None:
    """By what its language heeds: else three hosts that end ten million jobs in a minute make it take 2 GB."""
    assert b"GOMEMLIMIT=320MiB" in Path(f"/proc/{program.pid}/environ").read_bytes().split(b"\0")


def test_a_server_dies_with_who_has_started_it(tmp_path: Path) -> None:
    """Caution 5: also by kill -9."""
    child = os.fork()
    if child == 0:
        with serving(tmp_path / "served") as program:
            (tmp_path / "pid.new").write_text(str(program.pid))
            os.rename(tmp_path / "pid.new", tmp_path / "pid")
            signal.pause()
    pid = int(wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    wait_until(lambda: not Path(f"/proc/{pid}/fd").exists() or not os.path.exists(f"/proc/{pid}/exe"))


def test_a_port_that_is_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with (
            pytest.raises(CannotStart, match="is in use") as caught,
            serving(tmp_path / "served", taken.getsockname()[1]),
        ):
            pass
        assert "--port" in caught.value.way_out


def test_another_ledger_in_its_place_is_not_believed(tmp_path: Path, store: NatsStore, program: ServerProgram) -> None:
    store.put("lanes/0.0/1", b"first")
    program.end()
    shutil.rmtree(tmp_path / "served" / "server" / "store")
    program.start()
    with pytest.raises(Away, match=r"does not have this ledger|another ledger"):
        store.get("lanes/0.0/1")
    opened_there(tmp_path / "served", program.port, "test").close()
    with pytest.raises(Away, match="another ledger is in this one's place"):
        store.get("lanes/0.0/1")


def test_a_history_that_goes_back_is_told(tmp_path: Path, store: NatsStore, program: ServerProgram) -> None:
    """A disk that was set back to an earlier moment."""
    kept = tmp_path / "served" / "server" / "store"
    store.put("lanes/0.0/1", b"first")
    program.end()
    shutil.copytree(kept, tmp_path / "earlier")
    program.start()
    wait_while_resting(store)
    store.put("lanes/0.0/2", b"second")
    program.end()
    shutil.rmtree(kept)
    shutil.copytree(tmp_path / "earlier", kept)
    program.start()
    with pytest.raises(RunDirectoryDamaged, match="has gone back") as caught:
        store.get("lanes/0.0/1")
    assert caught.value.exit_code == 4


def test_what_stands_cannot_be_changed_by_who_has_the_token(store: NatsStore, tmp_path: Path, program: Any) -> None:
    store.put("lanes/0.0/1", b"first")
    names = Streams("test")
    line = server_at(tmp_path / "served", program.port).connect()
    with pytest.raises(streams.Refused):
        streams.put(line, names.key("lanes/0.0/1"), b"another", behind=-1)
    with pytest.raises(streams.Refused):
        streams.asked(line, f"STREAM.PURGE.{names.keys}")
    with pytest.raises(streams.Refused):
        streams.asked(line, f"STREAM.MSG.DELETE.{names.keys}", {"seq": 2})
    with pytest.raises(streams.Refused):
        streams.put(line, names.key("lanes/0.0/9"), b"x" * 2_000, behind=0)
    line.close()
    assert store.get("lanes/0.0/1") == b"first"


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"plan": "ef" * 32}, "is the ledger of another plan"),
        ({"machines": ("alice", "carol")}, "names other machines"),
        ({"group": told_groups(["small"])}, "is about all of the plan"),
        ({"protocol": 2}, "is of version 2"),
    ],
)
def test_another_plan_or_version_is_refused(tmp_path: Path, other: dict[str, Any], sentence: str) -> None:
    with serving(tmp_path / "served") as program:
        server = server_at(tmp_path / "served", program.port, "test")
        with pytest.raises(UsageError, match="there is no ledger at nats://"):
            open_nats(server, charter(), "the test")
        made, ours = (charter(**other), charter()) if "protocol" in other else (charter(), charter(**other))
        if "protocol" in other:
            with pytest.raises(UsageError, match=sentence):
                make_nats(server, made, "the test")
        else:
            make_nats(server, made, "the test").close()
        with pytest.raises(UsageError, match=sentence) as caught:
            open_nats(server, ours, "the test")
        assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["nats://", "http://home:1", "nats://home:0", "nats://home:65536", "nats://a b", "x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no address of a network ledger"):
        address_of(text)


def test_addresses_are_read_and_told_as_they_are_typed() -> None:
    assert [str(address_of(text)) for text in ("nats://home:9", "nats://home", "nats://[::1]:9/")] == [
        "nats://home:9", "nats://home:4222", "nats://[::1]:9",
    ]  # fmt: skip


def answering(said: bytes) -> Iterator[int]:
    """A port where whoever comes is told that, in the clear."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            try:
                while True:
                    peer, _ = listening.accept()
                    with peer:
                        peer.sendall(said)
            except OSError:
                return

        threading.Thread(target=answer, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH\r\n", b'INFO {"server_id":"x"}\r\n', b"\0" * 4_000, b""])
def test_whatever_else_answers_there_is_told_and_not_waited_for(tmp_path: Path, said: bytes) -> None:
    token_in(tmp_path / "token")
    for port in answering(said):
        with pytest.raises(UsageError, match=r"is no ledger of ours|cannot be reached") as caught:
            open_nats(server_at(tmp_path, port), charter(), "the test")
        assert caught.value.exit_code == 2
