"""The process that talks to a store, over a real folder: what it is asked it does or says why not, and it is never
missed for long."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from kit.wait import wait_until
from shareout.errors import UsageError
from shareout.joining.far_side import Doors
from shareout.joining.liaison import Liaison
from shareout.joining.messages import Answer, Inbox, Request
from shareout.ledger.store import Away, Store
from shareout.stores.charter import Charter
from shareout.stores.folder.opening import open_folder

CHARTER = Charter("ab" * 32, "cd" * 32, "", ("alice", "bob"), dead_s=60.0, slack_s=0.0)


class Asking:
    """A liaison, and the answers that have come."""

    def __init__(self, folder: Path, open_store: Callable[[], Store] | None = None) -> None:
        self.liaison = Liaison(Doors(open_store or (lambda: open_folder(folder, CHARTER))))
        self.got: dict[int, Answer] = {}

    def look(self) -> bool:
        for answer in self.liaison.answers():
            self.got[answer.number] = answer
        return True

    def ask(self, call: str, *words: Any, body: bytes = b"") -> Answer:
        number = self.liaison.ask(call, *words, body=body)
        return wait_until(lambda: self.look() and self.got.get(number))


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    (tmp_path / "shared").mkdir()
    made = Asking(tmp_path / "shared")
    yield made
    made.liaison.close()


def test_it_puts_gets_and_tells_when_it_began(asking: Asking) -> None:
    first = asking.ask("put", "lanes/0.0/1", body=b"ours")
    assert first.body == b"ours"
    assert asking.ask("put", "lanes/0.0/1", body=b"theirs").body == b"ours"
    later = asking.ask("get", "lanes/0.0/2")
    assert (later.body, later.away, later.refusal) == (None, "", None)
    assert later.began > first.began > 0


def test_what_is_refused_for_good_comes_with_its_code_and_its_way_out(tmp_path: Path) -> None:
    asking = Asking(tmp_path / "nowhere")
    told = asking.ask("open")
    assert told.refusal is not None
    code, what, way_out = told.refusal
    assert code == UsageError.exit_code
    assert "nowhere" in what
    assert way_out
    (tmp_path / "nowhere").mkdir()
    assert asking.ask("open").refusal is None, "it is tried again with the next call"
    asking.liaison.close()


def test_one_that_is_killed_is_started_again_and_what_it_was_asked_is_lost(asking: Asking) -> None:
    moved: list[tuple[int, int]] = []
    born: list[int] = []
    asking.liaison.when_moved(lambda old, new: moved.append((old, new)))
    asking.liaison.when_born(born.append)
    asking.ask("put", "lanes/0.0/1", body=b"ours")
    os.kill(born[-1], signal.SIGSTOP)
    number = asking.liaison.ask("get", "lanes/0.0/1")
    os.kill(born[-1], signal.SIGKILL)
    told = wait_until(lambda: asking.look() and asking.got.get(number))
    assert told.away
    assert told.body is None
    assert len(born) == 2
    assert moved[0][1] == asking.liaison.fileno()
    assert asking.ask("get", "lanes/0.0/1").body == b"ours"
    os.waitpid(born[0], 0)


def test_a_signal_to_all_processes_of_a_run_does_not_end_it(asking: Asking) -> None:
    born: list[int] = []
    asking.liaison.when_born(born.append)
    asking.ask("open")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(born[-1], number)
    assert asking.ask("put", "lanes/0.0/1", body=b"ours").body == b"ours"
    assert len(born) == 1


def test_a_file_is_shipped_as_far_as_it_is_said_to_be_whole_and_found_by_others(asking: Asking, tmp_path: Path) -> None:
    text = b"".join(b"line %d\n" % number for number in range(400_000))
    journal = tmp_path / "journal.1-00000000.jsonl"
    journal.write_bytes(text)
    name = journal.name
    length, there = len(text) - 1000, 0
    while there < length:
        there = asking.ask("ship", "bob", name, str(journal), length).told
    assert there == length
    while asking.ask("gather", "alice", str(tmp_path / "home")).told:
        continue
    assert (tmp_path / "home" / "bob" / name).read_bytes() == text[:length]
    assert asking.ask("ship", "bob", name, str(journal), len(text)).told == len(text)
    while asking.ask("gather", "alice", str(tmp_path / "home")).told:
        continue
    assert (tmp_path / "home" / "bob" / name).read_bytes() == text
    asking.ask("gather", "bob", str(tmp_path / "bobs"))
    assert not list((tmp_path / "bobs").glob("*")), "what it recorded itself lies at home"


def test_a_file_of_this_host_that_is_gone_is_told_and_nothing_ends(asking: Asking, tmp_path: Path) -> None:
    told = asking.ask("ship", "bob", "journal.1-00000000.jsonl", str(tmp_path / "gone"), 10)
    assert "gone" in told.away
    assert asking.ask("get", "lanes/0.0/1").away == ""


@pytest.mark.parametrize("seed", range(20))
def test_frames_come_out_whole_however_the_pipe_parts_them(seed: int) -> None:
    draw = random.Random(seed)
    asked = [
        Request(number, draw.choice(["put", "get"]), ("lanes/a b/ü", number), draw.randbytes(draw.choice([0, 1, 5000])))
        for number in range(30)
    ]
    told = [
        Answer(number, draw.random(), {"a": number}, draw.choice([None, b"", b"x" * 3000]), draw.choice(["", "gone"]))
        for number in range(30)
    ]
    for frames, read in (
        ([one.frame() for one in asked], lambda inbox, data: inbox.requests(data)),
        ([one.frame() for one in told], lambda inbox, data: inbox.answers(data)),
    ):
        stream, inbox, found = b"".join(frames), Inbox(), []
        while stream:
            size = draw.randint(1, 4000)
            found += read(inbox, stream[:size])
            stream = stream[size:]
        assert found in (asked, told), f"seed {seed}"


def test_a_store_that_is_away_is_asked_less_and_less_often_until_it_answers_again(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()

    def open_store() -> Store:
        if (tmp_path / "cut").exists():
            raise Away("the line is cut")
        return open_folder(tmp_path / "shared", CHARTER)

    (tmp_path / "cut").touch()
    asking = Asking(tmp_path / "shared", open_store)
    told = [asking.ask("beats", 1) for _ in range(8)]
    assert {one.away for one in told} == {"the line is cut"}
    between = [later.began - one.began for one, later in pairwise(told)]
    assert all(
        seconds >= least for seconds, least in zip(between, (0.01, 0.02, 0.04, 0.08, 0.16, 0.2, 0.2), strict=True)
    )
    (tmp_path / "cut").unlink()
    assert not asking.ask("beats", 1).away
    asking.liaison.close()
