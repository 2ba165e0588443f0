"""The page of `status --web`, of the module and of the one file: what a browser needs is inside."""

from __future__ import annotations

import json

from kit.program import Machine
from kit.served import Page


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
