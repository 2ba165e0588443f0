"""`status --web`: in a real browser while a run goes on, and by hand for who tries what he should not."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kit.browser import browser
from kit.program import Machine
from kit.served import Page, server_of, visitor
from kit.wait import wait_until
from shareout.web.server import MOST_READERS

SEED = 20_261_127
# What the feed would tell in so many seconds: counts, failures, and jobs that run, new ones each time.
HOUR = """
(() => {{
  for (let at = 0; {} > at; at += 1) {{
    const active = [], failed = [];
    for (let job = 0; 20 > job; job += 1) active.push([at * 20 + job, "alice", job, 1, state.now, "x".repeat(100)]);
    for (let job = 0; 20 > job; job += 1)
      failed.push({{job: at + job, attempt: 1, machine: "bob", error: "exit status 1", lines: ["a", "b", "c"]}});
    merge(state, {{now: state.now + 1, done: at, active: active, failures: failed}});
    show();
  }}
}})()
"""
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
    # To HTTP a header's name is the same in any letters.
    small = f"GET /throughput HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {page.token}\r\n".encode()
    assert raw(page, small + b"\r\n").startswith(b"HTTP/1.1 200 ")
    assert raw(page, small + b"sec-fetch-site: cross-site\r\n\r\n").startswith(b"HTTP/1.1 403 ")
    two = b"Host: localhost\r\nHost: localhost\r\n"
    for sent in (b"GET / HTTP/1.1\r\n" + two, b"GET / HTTP/1.1\r\n" + two.replace(b"localhost", b"evil.example", 1)):
        assert raw(page, sent + b"\r\n").startswith(b"HTTP/1.1 400 ")
    # A second request in the same breath is none: connections are not kept.
    told = raw(page, b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\nGET /feed HTTP/1.1\r\n\r\n")
    assert told.count(b"HTTP/1.1 ") == 1
    for path in ("http://localhost/feed", "http://evil.example/", "*", "/.", "/feed#", "/FEED", "/?/../feed"):
        assert page.told(path).status == (200 if path.startswith("/?") else 404), path
    head = page.ask("/page.js", "HEAD")
    assert head.status == 200
    assert head.read() == b""
    policy = head.getheader("Content-Security-Policy") or ""
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert page.end() in (0, 143)
    assert page.process.stderr is not None


def raw(page: Page, sent: bytes) -> bytes:
    """All that is answered."""
    with socket.create_connection(("127.0.0.1", page.port), timeout=20) as one:
        one.sendall(sent)
        return b"".join(iter(lambda: one.recv(1 << 16), b""))


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
    # One who follows, and more than there is room for who say nothing.
    followed = page.told("/feed")
    assert followed.readline().startswith(b'{"whole"')
    idle = [socket.create_connection(("127.0.0.1", page.port)) for _ in range(MOST_READERS + 50)]
    slow = socket.create_connection(("127.0.0.1", page.port))
    slow.sendall(b"GET /feed HTTP/1.1\r\nHost: local")
    try:
        assert page.ask("/").status == 200
        assert page.told("/feed").readline().startswith(b'{"whole"')
        assert json.loads(followed.readline()) is not None, "who has shown the token stays"
    finally:
        for one in (*idle, slow):
            one.close()


def test_what_is_no_request_changes_nothing(page: Page) -> None:
    """Of whatever comes, nothing is told without the token, and the next one is answered."""
    draw = random.Random(SEED)
    pieces = [
        b"GET", b"HEAD", b"POST", b" ", b"/feed", b"/throughput", b"/", b"/..", b"HTTP/1.1", b"HTTP/9.9", b"HTTP/0.9",
        b"\r\n", b"\n", b"\r", b"\0", b"Host: localhost", b"Host: evil.example", b"Authorization: Bearer ", b":",
        b"Content-Length: 99999999", b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"Connection: keep-alive",
        b"a" * 5000, b"\xff\xfe", b"%00",
    ]  # fmt: skip
    for number in range(400):
        sent = b"".join(draw.choices(pieces, k=draw.randrange(1, 14)))
        with socket.create_connection(("127.0.0.1", page.port), timeout=20) as one:
            answer = b""
            # It may be refused before all of it was sent.
            with suppress(OSError):
                one.sendall(sent)
                one.shutdown(socket.SHUT_WR)
                while block := one.recv(1 << 16):
                    answer += block
        for word in (b'"whole"', b'"drawn"', b"Traceback"):
            assert word not in answer, (SEED, number, sent)
    assert page.told("/feed").readline().startswith(b'{"whole"')
    page.end()
    assert page.errors() == "shareout: interrupted", "nothing of it is put on a terminal"


def test_an_hour_of_news_takes_no_more_memory_than_a_minute(page: Page, tmp_path: Path) -> None:
    with browser(tmp_path) as opened:
        opened.open(page.address)
        opened.wait("document.title.startsWith('100%')")
        for place in ("#failed pre", "#machines tbody"):
            opened.ask(f"getSelection().selectAllChildren(document.querySelector('{place}'))")
            opened.ask("merge(state, {now: state.now + 1}), show()")
            assert opened.ask("getSelection().toString()"), "what is selected stays so, for who copies it"
        opened.ask(HOUR.format(60))
        before = opened.memory()
        opened.ask(HOUR.format(3600))
        after = opened.memory()
        assert opened.complaints == []
        # Nothing but its own script runs there, nothing is sent elsewhere, and no other page gets at it.
        opened.ask("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hit=1\">')")
        opened.ask(
            "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.hit=1'}))"
        )
        asked = f"fetch('http://127.0.0.1:{page.port}/feed', {{headers: {{Authorization: 'Bearer {page.token}'}}}})"
        got = f"{asked}.then(answer => answer.status, () => 'refused')"
        assert opened.ask(got) == 200
        assert opened.ask(got.replace("127.0.0.1", "localhost")) == "refused"
        assert opened.ask("window.hit") is None
        opened.open(f"http://localhost:{page.port}/page.css")
        assert opened.ask(got) == "refused"
        framed = f"<iframe src=http://127.0.0.1:{page.port}/ onload='window.done=1'></iframe>"
        opened.open(f"data:text/html,{framed}")
        assert opened.ask(got) == "refused"
        opened.wait("window.done")
        assert opened.ask("frames[0].length") == 0
    # Each look makes some hundred.
    assert after["nodes"] <= before["nodes"] + 2000, (before, after)
    assert after["bytes"] <= 100e6


def test_the_page_of_a_run_shows_its_end_with_groups_and_the_certificate(here: Machine, tmp_path: Path) -> None:
    """And is not called stale when nothing serves it any more."""
    command = "while test ! -e go; do sleep 0.05; done; echo {}"
    groups = {name: f"{command} '{name}'" for name in ("__proto__", "<i>bcc</i>")}
    here.write("configs/jobs.groups.json", json.dumps({"units": list(range(10)), "groups": groups}))
    here.write("configs/machines.json", '{"alice": [1, 2]}')
    run = here.start("--web")
    wait_until(lambda: list(here.folder.glob("runs/*/alice_url")))
    page = visitor(next(here.folder.glob("runs/*/alice_url")))
    with browser(tmp_path) as opened:
        opened.open(page.address)
        opened.wait("document.querySelectorAll('#groups tbody tr').length === 2")
        here.write("go", "")
        assert run.wait(60) == 0
        opened.wait("document.querySelector('#where').innerText.includes('the end of it')")
        shown = opened.ask("document.querySelector('#note').innerText")
        assert shown.removeprefix("Complete; certificate ") in here.call("merge-results").out
        assert opened.ask("document.querySelector('#first').innerText") == "20 of 20 jobs are done. It is over."
        rows = opened.ask(
            "[...document.querySelectorAll('#groups tbody tr')].map(row => row.innerText.split('\\t')[0])"
        )
        assert sorted(rows) == ["<i>bcc</i>", "__proto__"]
        os.kill(server_of(page), signal.SIGKILL)
        opened.wait("!connected")
        opened.ask("trouble()")
        assert opened.ask("document.querySelector('#stale').hidden")
        # Nothing of it is lost on paper, at a glance in few colours, or where all is twice as large.
        for about in ({"media": "print"}, {"features": [{"name": "forced-colors", "value": "active"}]}):
            opened.call("Emulation.setEmulatedMedia", **about)
            style = "getComputedStyle(document.querySelector('.progress span'))"
            assert opened.ask(f"{style}.forcedColorAdjust + {style}.printColorAdjust") == "noneexact"
        opened.size(640, scale=2)
        assert opened.ask("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert opened.complaints == []


def test_a_folder_that_is_gone_and_another_start_are_told(here: Machine, page: Page, tmp_path: Path) -> None:
    with browser(tmp_path) as opened:
        opened.open(page.address)
        opened.wait("document.title.startsWith('100%')")
        (here.folder / "runs").rename(here.folder / "away")
        opened.wait("document.querySelector('#stale').innerText.startsWith('this cannot be looked at')")
        assert opened.ask("document.querySelector('#first').innerText").startswith("19 of 20 jobs"), (
            "what was seen stays"
        )
        (here.folder / "away").rename(here.folder / "runs")
        opened.wait("document.querySelector('#stale').hidden")
        page.end()
        again = Page(here, str(page.port))
        opened.wait("document.querySelector('#stale').innerText.startsWith('The token is missing or wrong')")
        assert again.end() in (0, 143)


def test_a_port_that_is_taken_is_told(here: Machine, page: Page) -> None:
    told = here.call("status", "--web", str(page.port), code=2)
    assert f"port {page.port} cannot be had" in told.err
    for words in (["--watch"], ["--json"], ["--by", "group"]):
        assert f"{words[0]} is about what is printed" in here.call("status", "--web", *words, code=2).err
    assert "no file or folder nowhere" in here.call("status", "--web", "nowhere", code=2).err
    assert "bob" in here.call("status", "--watch", "runs").out, "nor a duration"
    again = Page(here, next(str(one) for one in here.folder.glob("runs/*")))
    assert again.told("/feed").readline().startswith(b'{"whole"'), "a folder is no port"
    again.end()
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
        for width in (320, 400, 760, 1280, 3840):
            opened.size(width)
            assert opened.ask("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width
        opened.size(400)
        # What is drawn in colours is told in words, too, and what changes is said now and then.
        assert opened.ask("document.querySelector('#machines .bar').getAttribute('aria-label')").endswith(" of 10")
        assert opened.ask("document.querySelector('#polite[role=status]').textContent").startswith("0%")
        assert opened.ask("document.querySelector('#progress').getAttribute('aria-valuenow')") == "100.0"
        opened.wait("document.querySelectorAll('#legend .dot').length === 2")
        opened.ask("document.querySelectorAll('#machines th button')[1].focus()")
        opened.press("Enter")
        assert opened.ask("document.querySelectorAll('#machines th')[1].getAttribute('aria-sort')") == "ascending"
        assert opened.ask("getComputedStyle(document.activeElement).outlineStyle") != "none"
        served.process.kill()
        opened.wait("!document.querySelector('#stale').hidden")
        assert "Not connected; what you see is" in opened.ask("document.querySelector('#stale').innerText")
        assert opened.complaints == []
    served.process.communicate()
