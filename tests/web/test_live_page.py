"""`status --web`: in a real browser while a run goes on, and by hand for who tries what he should not."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.browser import browser
from kit.program import Machine
from kit.served import Page
from kit.wait import wait_until

NASTY = "<b>no</b> \x1b[31m‮ javascript:alert(1)"


@pytest.fixture
def page(here: Machine) -> Iterator[Page]:
    """Of a run of which half is done and one has failed."""
    here.write("nasty", NASTY)
    here.jobs(*(f"cat nasty; test {number} != 3" for number in range(20)), machines='{"alice": [1, 2], "bob": [1, 2]}')
    here.run(code=None)
    here.run(machine="bob", code=None)
    served = Page(here, "0")
    yield served
    if served.process.poll() is None:
        served.end()


def test_who_may_have_what(page: Page) -> None:
    assert page.ask("/").status == 200, "the page itself tells nothing"
    for path in ("/feed", "/throughput"):
        assert page.ask(path).status == 401
        assert page.ask(path, Authorization="Bearer x").status == 401
        assert page.ask(f"{path}?token={page.token}").status == 401
        assert page.told(path).status == 200
    for path in ("/../../etc/passwd", "//etc/passwd", "/%2e%2e/etc/passwd", "/feed/", "/page.js/..", "/nothing"):
        assert page.told(path).status == 404
    assert page.ask("/", Host="evil.example").status == 421
    assert page.ask("/", Sec_Fetch_Site="cross-site").status == 403
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "FOO"):
        assert page.ask("/", method).status == 405
    assert page.ask("/", X="a" * 9000).status == 431
    head = page.ask("/page.js", "HEAD")
    assert head.status == 200
    assert head.read() == b""
    policy = head.getheader("Content-Security-Policy") or ""
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert page.end() in (0, 143)
    assert page.process.stderr is not None


def test_what_is_told_is_small_and_the_token_is_nowhere(page: Page) -> None:
    whole = json.loads(page.told("/feed").readline())["whole"]
    assert (whole["jobs"], whole["done"], whole["failed"]) == (20, 19, 1)
    assert set(whole["machines"]) == {"alice", "bob"}
    assert whole["failures"][0]["lines"][0].startswith("<b>no</b>")
    for path in ("/", "/page.js", "/page.css"):
        assert page.token not in page.ask(path).read().decode()
    words = Path(f"/proc/{page.process.pid}/cmdline").read_bytes()
    assert page.token.encode() not in words


def test_idle_and_slow_readers_harm_nobody(page: Page) -> None:
    idle = [socket.create_connection(("127.0.0.1", page.port)) for _ in range(200)]
    slow = socket.create_connection(("127.0.0.1", page.port))
    slow.sendall(b"GET /feed HTTP/1.1\r\nHost: local")
    try:
        assert page.ask("/").status == 200
        assert page.told("/feed").readline().startswith(b'{"whole"')
    finally:
        for one in (*idle, slow):
            one.close()


def test_a_port_that_is_taken_is_told(here: Machine, page: Page) -> None:
    told = here.call("status", "--web", str(page.port), code=2)
    assert f"port {page.port} cannot be had" in told.err
    assert "--open is about the page" in here.call("status", "--open", code=2).err


def test_it_rises_while_it_runs_and_says_when_it_is_cut_off(here: Machine, tmp_path: Path) -> None:
    here.write("nasty", NASTY)
    lines = [f"while test ! -e go; do sleep 0.05; done; cat nasty; test {number} != 3" for number in range(20)]
    here.jobs(*lines, machines='{"alice": [1, 4], "bob": [1, 4]}')
    here.start(machine="alice")
    wait_until(lambda: list(here.folder.glob("runs/*/alice/journal*")))
    served = Page(here, "0")
    with browser(tmp_path) as opened:
        opened.size(400)
        opened.open(served.address)
        opened.wait("document.title.startsWith('0%')")
        assert opened.ask("location.href").endswith("/"), "the token does not stay in sight"
        # A machine that begins later is found, too.
        here.start(machine="bob")
        here.write("go", "")
        opened.wait("document.title.startsWith('100%')")
        opened.wait("document.querySelector('#failed pre') !== null")
        assert "<b>no</b>" in opened.ask("document.querySelector('#failed').innerText")
        assert opened.ask("document.querySelectorAll('#failed pre b, #failed a').length") == 0
        opened.wait("document.querySelector('#drawn svg') !== null")
        assert opened.ask("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        opened.ask("document.querySelectorAll('#machines th button')[1].focus()")
        opened.press("Enter")
        assert opened.ask("document.querySelectorAll('#machines th')[1].getAttribute('aria-sort')") == "ascending"
        served.process.kill()
        opened.wait("!document.querySelector('#stale').hidden")
        assert "Not connected; what you see is" in opened.ask("document.querySelector('#stale').innerText")
        assert opened.complaints == []
    served.process.communicate()
