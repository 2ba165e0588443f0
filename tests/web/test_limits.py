"""What the page's server takes and gives at most: bytes a second, time for a request, and what a look costs."""

from __future__ import annotations

import http.client
import shutil
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from kit.journals import attempt, header, run_folder
from kit.program import Machine
from shareout.cli.options import Common
from shareout.cli.page_state import Page
from shareout.cli.watched import Looks, StatusArguments
from shareout.fields import replace
from shareout.record.outcome import State
from shareout.web import server
from shareout.web.feed import Feed
from shareout.web.place import place_at
from shareout.web.server import Site


def test_nobody_is_sent_more_than_a_megabyte_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(server, "time", SimpleNamespace(monotonic=time.monotonic, sleep=slept.append))
    place, content = place_at(None), b"x" * (3 << 20)
    site = Site({"/": ("text/plain", content)}, place.token, Feed(dict), {})
    served = server.Server(place.door, site)
    threading.Thread(target=served.serve_forever, args=(0.01,), daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=20)
    connection.request("GET", "/", headers={"Host": "localhost"})
    assert connection.getresponse().read() == content
    served.shutdown()
    served.server_close()
    # The first block comes at once, and each other one after a pause that is as long as it may take.
    assert sum(slept) == pytest.approx((len(content) - server.BLOCK) / server.A_SECOND)


def test_a_request_that_does_not_come_whole_in_time_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PATIENCE_S", 0.0)
    ours, theirs = socket.socketpair()
    theirs.sendall(b"GET / HTTP/1.1\r\nHost: local")
    assert server._head(ours) == b""
    monkeypatch.setattr(server, "PATIENCE_S", 20.0)
    theirs.sendall(b"x" * server.MOST_HEAD)
    assert len(server._head(ours)) == server.MOST_HEAD, "and no more of it is read"
    ours.close(), theirs.close()


def test_a_look_reads_only_what_is_new(here: Machine) -> None:
    """However much has been recorded. What is read is counted by the kernel."""
    here.script("from shareout import run\ndef job(n): return n\nrun(job)\n")
    here.write("configs/jobs.grid.json", '{"n": {"start": 0, "stop": 20000}}')
    here.run("-n", "19999", code=None)
    assert here.journal.stat().st_size > 2_000_000
    common = Common(here.folder / "configs", here.folder / "runs", json=False, quiet=True)
    asked = StatusArguments([str(here.folder / "runs")], False, False, False, None)
    with Looks(asked, common, None) as look:
        page = Page(look, lambda _: None)
        assert page.state()["done"] == 19_999
        before = read_by_now()
        for _ in range(10):
            page.state()
        idle = read_by_now() - before
        here.run()
        before = read_by_now()
        assert page.state()["done"] == 20_000
        more = read_by_now() - before
    assert idle < 10 * 20_000, idle
    assert more < 400_000, more


def read_by_now() -> int:
    """Bytes, by this process."""
    return int(Path("/proc/self/io").read_text().split()[1])


def test_a_page_tells_of_what_is_there_now_and_its_last_failures_by_time(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shareout.cli.watched.FIND_S", 0.0)
    late = [replace(attempt(at, State.FAILED, jobs=40), end=2000.0 + at) for at in range(12)]
    early = [attempt(at, State.FAILED, jobs=40) for at in range(12, 28)]
    first, runs = run_folder(here.folder / "runs" / "p" / "alice", late, header(40, ((0, 12),))), here.folder / "runs"
    second = run_folder(runs / "p" / "bob", early, header(40, ((12, 30),), "bob"))
    common = Common(here.folder / "configs", runs, json=False, quiet=True)
    with Looks(StatusArguments([str(runs)], False, False, False, None), common, None) as look:
        page = Page(look, lambda _: None)
        told = page.state()["failures"]
        assert [one["machine"] for one in told] == ["alice"] * 12 + ["bob"] * 8
        shutil.rmtree(first.path), shutil.rmtree(second.path)
        run_folder(runs / "p" / "carol", [attempt(31, State.FAILED, jobs=40)], header(40, ((30, 40),), "carol"))
        state = page.state()
        assert set(state["machines"]) == {"carol"}
        assert {one["machine"] for one in state["failures"]} == {"carol"}
