"""The keys of every `--json` document are those of docs/formats.md: none is missing there, none is there in vain."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.program import Machine
from kit.wait import wait_until

FORMATS = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
SCRIPT = (
    "import os, time\nfrom shareout import run\n"
    "def job(n, *, info):\n"
    "    if n == 19: print(n); raise ValueError(n)\n"
    "    if n == 5: time.sleep(0.01)\n"
    "    while info.machine == 'carol' and not os.path.exists('go'): time.sleep(0.01)\n"
    "    return n + (info.machine == 'bob')\n"
    "if __name__ == '__main__':\n    run(job, pool=range(40), reduce=lambda a, b: a + b, initial=0)\n"
)
# Keys that are names: of machines, groups, files.
NAMES = {"alice", "bob", "carol"}
# Said in backticks, and no key: values, flags, files; and keys that no run here brings about.
NO_KEYS = {
    "merge-results": {"reduce"},
    "status": {"by", "workers", "held", "lane", "reserved", "taken", "from", "time", "silent"},
    "list": {"t", "n", "r"},
    "join": {"symlink", "link"},
    "costs": {"reweigh"},
}


def documented(command: str) -> set[str]:
    section = re.search(rf"^### `{command} --json`\n(.*?)(?=^##|\Z)", FORMATS, re.DOTALL | re.MULTILINE)
    assert section, f"docs/formats.md says nothing of {command} --json"
    return set(re.findall(r"`([a-z][a-z_0-9]*)`", section[1])) - NO_KEYS.get(command, set())


def keys(document: Any) -> Iterator[str]:
    if isinstance(document, list):
        for one in document:
            yield from keys(one)
    elif isinstance(document, dict):
        for name, value in document.items():
            if name not in NAMES:
                yield name
            # What a job returned, and what a file is to hold, is not ours to describe.
            if name not in ("result", "machines_json"):
                yield from keys(value)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Every command once or twice, on a run with failures, an audit that disagrees, and a machine that is absent."""
    here = Machine(tmp_path_factory.mktemp("json")).script(SCRIPT, '{"alice": [1, 1], "bob": [1, 1], "carol": [1, 1]}')
    here.write("configs/runner.config", "[run]\naudit = 30%\n")
    found: dict[str, set[str]] = {}

    def call(command: str, *words: str) -> Any:
        document = here.call(command, *words, "--json", code=None).json
        found.setdefault(command, set()).update(keys(document))
        return document

    call("init", "--configs", "other")
    call("plan")
    here.write("card", here.call("plan", "--card").out)
    call("plan", "--compare", "card")
    call("pilot", "-n", "4")
    call("pilot", "-n", "4", "--machine", "alice")
    for name in ("alice", "bob"):
        call("run", "--machine", name, "--yes", "--quiet")
    for words in (("status",), ("wait",), ("list",), ("explain", "0"), ("show", "19"), ("report", "-o", "r.html")):
        call(*words)
    done = next(one["job"] for one in call("list") if one["state"] == "d")
    call("show", str(done))
    call("replay", str(done))
    call("merge-results")
    call("rebalance", "-o", "configs2")
    call("requeue", str(done))
    call("skip", str(done))
    for folder in here.folder.glob("runs/*/alice"):
        note = {"host": "gone", "pid": 1, "boot": "-", "machine": "", "since": 0.0}
        (folder / "owner.json").write_text(json.dumps(note))
    call("release", "gone")
    call("join", "--probe", ".", "--patience", "0")
    for command, document in said_to_all(tmp_path_factory.mktemp("shared")):
        found.setdefault(command, set()).update(keys(document))
    process = here.start("--quiet", machine="carol")
    wait_until(lambda: call("status")["active"])
    (here.folder / "go").touch()
    process.communicate()
    call("reweigh", "alice=1.1", "--dry-run")
    call("costs")
    call("plan")
    call("status")
    words = call("plans")["plans"][0]["fingerprint"]
    call("plans", "--remove", words, "--yes")
    return found


def said_to_all(folder: Path) -> Iterator[tuple[str, Any]]:
    """Where hosts share a run, of which one works."""
    (folder / "shared").mkdir()
    there = Machine(folder).jobs(*["while test ! -e go; do sleep 0.05; done"] * 4)
    process = there.start("--quiet", "--join", "shared", "--dead", "1h")
    wait_until(lambda: list(folder.glob("shared/*/*/lanes/*/*")) and list(folder.glob("shared/*/*/beats/*")))
    for words in ("requeue 0", "skip 3", "release alice --now", "drain alice", "halt", "resume"):
        yield words.split()[0], there.call(*words.split(), "--join", "shared", "--json", code=None).json
    (folder / "go").touch()
    process.communicate()
    yield "merge-results", there.call("merge-results", "shared", "--json", code=None).json


@pytest.mark.parametrize(
    "command",
    ["init", "plan", "run", "pilot", "status", "wait", "list", "show", "explain", "replay", "requeue", "skip",
     "release", "drain", "halt", "resume", "plans", "join", "merge-results", "rebalance", "reweigh", "costs", "report"],
)  # fmt: skip
def test_the_keys_are_those_that_are_documented(told: dict[str, set[str]], command: str) -> None:
    assert told[command] - documented(command) == set(), "not documented"
    assert documented(command) - told[command] == set(), "documented, and not there"


def test_every_command_that_takes_json_is_documented() -> None:
    from shareout.cli import COMMANDS, make_parser

    for command in COMMANDS:
        if "--json" in make_parser(command).format_help():
            assert documented(command), command


def test_an_error_is_a_document_too(tmp_path: Path) -> None:
    told = Machine(tmp_path).call("status", "--json", code=2).json
    assert set(told) <= {"error", "exit", "where", "way_out", "mistakes"}
    assert told["exit"] == 2
