"""The page of `status --web`, of the module and of the one file: what a browser needs is inside."""

from __future__ import annotations

import json
import os
import shlex
import signal
from pathlib import Path

import pytest

from kit.joiners import Joiners
from kit.launches import runner
from kit.program import Machine
from kit.served import Page, server_of, visitor
from kit.wait import wait_until


def test_the_page_is_served_and_tells_how_it_stands(here: Machine) -> None:
    here.jobs("true", "false", "true")
    here.run(code=1)
    page = Page(here)
    try:
        assert page.ask("/").read().startswith(b"<!DOCTYPE html>")
        assert page.ask("/page.js").status == 200
        assert page.ask("/feed").status == 401
        whole = json.loads(page.told("/feed").readline())["whole"]
        assert (whole["done"], whole["failed"]) == (2, 1)
        assert "svg" in page.told("/throughput").read().decode()
    finally:
        code = page.end()
    assert code == 143, "a signal ends it as it ends all else"


def test_a_browser_is_led_there_by_a_file_and_no_word_of_its_call_holds_the_token(
    here: Machine, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    # As a browser that is waited for: what it opens answers meanwhile.
    kept = f'echo "$1" > {told}.part; cp -p "${{1#file://}}" {told}.html; mv {told}.part {told}'
    script = f"{kept}; exec sleep 100 > {told}.none 2>&1"
    (tmp_path / "browser").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "browser").chmod(0o755)
    here.jobs("true").run()
    here.environ = {"BROWSER": f"{tmp_path}/browser %s"}
    page = Page(here, "--open")
    wait_until(told.exists)
    assert page.token not in told.read_text()
    assert told.with_suffix(".html").stat().st_mode & 0o777 == 0o600
    assert f"url={page.address}" in told.with_suffix(".html").read_text()
    assert page.told("/feed").status == 200
    assert page.end() == 143
    assert not Path(told.read_text().strip().removeprefix("file://")).exists()
    here.environ = dict.fromkeys(("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"), "")
    page = Page(here, "--open")
    assert page.ask("/").status == 200
    page.end()
    assert "no browser could be opened here" in page.errors()


def test_the_page_of_a_run_is_another_process_and_ends_with_it(here: Machine) -> None:
    here.jobs(*["while test ! -e go; do sleep 0.05; done"] * 4)
    running = here.start("--web")
    wait_until(lambda: list(here.folder.glob("runs/*/alice_url")))
    file = next(here.folder.glob("runs/*/alice_url"))
    page = visitor(file)
    states = page.follow()
    assert next(one for one in states if one.get("running"))["jobs"] == 4
    words = Path(f"/proc/{server_of(page)}/cmdline").read_text()
    assert page.token not in words
    here.write("go", "")
    out, told = running.communicate(timeout=60)
    assert running.returncode == 0
    assert page.token.encode() not in out + told, "what is no terminal may be a log"
    last = next(one for one in states if one.get("over"))
    assert (last["done"], last["live"]) == (4, False)
    server = server_of(page)
    os.kill(server, signal.SIGTERM)
    wait_until(lambda: not file.exists())


@pytest.mark.module_only("the page is the same process there")
def test_neither_death_is_the_others(here: Machine) -> None:
    here.jobs(*["while test ! -e go; do sleep 0.05; done"] * 4)
    running = here.start("--web")
    wait_until(lambda: list(here.folder.glob("runs/*/alice_url")))
    page = visitor(next(here.folder.glob("runs/*/alice_url")))
    next(one for one in page.follow() if one.get("running"))
    os.kill(server_of(page), signal.SIGKILL)
    here.write("go", "")
    assert running.wait(60) == 0
    (here.folder / "go").unlink()
    again = here.start("--anew", "--web")
    wait_until(lambda: visitor(next(here.folder.glob("runs/*/alice_url"))).address != page.address)
    page = visitor(next(here.folder.glob("runs/*/alice_url")))
    states = page.follow()
    next(one for one in states if one)
    again.kill()
    again.wait()
    assert next(one for one in states if one.get("over"))["jobs"] == 4
    os.kill(server_of(page), signal.SIGTERM)


@pytest.mark.module_only("what is refused is refused by the same words")
def test_a_page_that_cannot_be_is_refused_before_anything_runs(here: Machine) -> None:
    here.jobs("touch ran")
    here.run()
    (here.folder / "ran").unlink()
    page = Page(here)
    told = here.run("--anew", "--web", str(page.port), code=2)
    assert f"port {page.port} cannot be had" in told.err
    assert "no port" in here.run("--web", "70000", code=2).err
    assert "--open is about the page" in here.run("--open", code=2).err
    assert "--dry-run starts nothing" in here.run("--dry-run", "--web", code=2).err
    assert not (here.folder / "ran").exists()
    page.end()


@pytest.mark.module_only("hosts are the same to a page")
def test_the_page_of_a_run_that_shares_a_folder_tells_of_all(tmp_path: Path) -> None:
    joiners = Joiners(tmp_path)
    for name in ("alice", "bob"):
        lines = ["while test ! -e ../go; do sleep 0.05; done"] * 8
        joiners.host(name).jobs(*lines, machines='{"alice": [1, 2], "bob": [1, 2]}')
    joiners.run("bob")
    joiners.run("alice", "--web")
    wait_until(lambda: list((tmp_path / "alice").glob("runs/*/alice_url")))
    joiners.join("carol", "--web")
    pages = []
    for name in ("alice", "carol"):
        wait_until(lambda name=name: list((tmp_path / name).glob(f"runs/*/{name}_url")))
        pages.append(visitor(next((tmp_path / name).glob(f"runs/*/{name}_url"))))
    followed = [one.follow() for one in pages]
    for states in followed:
        next(one for one in states if {"alice", "bob", "carol"} <= one.get("machines", {}).keys())
    (tmp_path / "go").touch()
    for name in ("alice", "bob", "carol"):
        joiners.ended(name)
    for page, states in zip(pages, followed, strict=True):
        assert next(one for one in states if one.get("over"))["done"] == 8
        os.kill(server_of(page), signal.SIGTERM)


@pytest.mark.module_only("launch is tested by itself; here it is looked at")
def test_the_page_of_a_launch_tells_of_its_hosts(here: Machine) -> None:
    lines = [f"while test ! -e {shlex.quote(str(here.folder / 'go'))}; do sleep 0.05; done"] * 6
    here.jobs(*lines, machines='{"alice": [1, 2], "bob": [1, 2]}')
    launched = here.spawn("launch", "--here", "--web", *runner(here))
    page = visitor(here.folder / "launch/page_url")
    states = page.follow()
    next(one for one in states if one.get("running") == 4)
    here.write("go", "")
    assert launched.wait(60) == 0
    last = next(one for one in states if one.get("over"))
    assert (last["done"], last["jobs"], last["live"]) == (6, 6, False)
    assert last["machines"]["bob"][-1] == "done"
    assert "svg" in page.told("/throughput").read().decode()
    os.kill(server_of(page), signal.SIGTERM)
    wait_until(lambda: not (here.folder / "launch/page_url").exists())
    later = Page(here, "launch")
    assert json.loads(later.told("/feed").readline())["whole"]["done"] == 6
    later.end()
