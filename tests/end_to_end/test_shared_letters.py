"""A runs.txt from which several hosts work: owners rewrite letters in place, and what is edited meanwhile is heeded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.joiners import Joiners
from kit.wait import wait_until

pytestmark = pytest.mark.module_only("the same files are written")
JOBS = 120


@pytest.fixture
def joiners(tmp_path: Path) -> Iterator[Joiners]:
    made = Joiners(tmp_path)
    yield made
    made.end_all()


def edit(file: Path, letters: dict[int, str]) -> None:
    """As `runset` does it: in place."""
    at = 0
    with file.open("r+b", buffering=0) as opened:
        for number, line in enumerate(file.read_bytes().splitlines(keepends=True)):
            if number in letters:
                os.pwrite(opened.fileno(), letters[number].encode(), at)
            at += len(line)


def letters(file: Path) -> str:
    return "".join(line[0] for line in file.read_text().splitlines())


def test_hosts_share_a_runs_txt_whose_letters_tell_all_the_while_who_does_what(joiners: Joiners) -> None:
    file = joiners.folder / "runs.txt"
    first = ["d", "!", "x", "r", "?"]
    lines = [f"{(first + ['.'] * JOBS)[at]} sleep 0.1; echo {at} >> ../ran" for at in range(JOBS - 1)]
    file.write_text("\n".join([*lines, ". exit 3"]) + "\n")
    inode = file.stat().st_ino
    for name in ("one", "two"):
        words = ("run", "../runs.txt", "--join", str(joiners.shared), "--dead", "3s", "-j", "2", "--machine", name)
        joiners._start(name, *words)
    wait_until(lambda: "r" in letters(file)[5:])
    wait_until(lambda: letters(file).count("d") > 12)
    late = [at for at, letter in enumerate(letters(file)) if letter == "."][-40:-30]
    edit(file, dict.fromkeys(late, "x"))
    done = next(at for at, letter in enumerate(letters(file)) if letter == "d" and at > 4)
    edit(file, {done: "."})
    told = [joiners.ended(name, code=1) for name in ("one", "two")]
    assert file.stat().st_ino == inode
    ended = letters(file)
    ran = [int(line) for line in (joiners.folder / "ran").read_text().split()]
    assert sorted(ran) == [at for at in range(3, JOBS - 1) if at not in late], "each once"
    assert ended[-1] == "!"
    assert ended[:5] == "d!xdd"
    assert {ended[at] for at in late} == {"x"}
    assert set(ended[5:]) <= {"d", "x", "!", "."}
    assert any("was set back during the run" in one for one in told) or ended[done] == "."
    merged = joiners.looker().call("merge-results", str(joiners.shared), "-o", "all.csv", code=1)
    assert f"{JOBS}" in merged.out + merged.err
    assert joiners.status()["todo"] == 0


def test_a_failure_that_is_set_back_while_hosts_work_is_run_once_more(joiners: Joiners) -> None:
    file = joiners.folder / "runs.txt"
    gate = "until [ -e ../go ]; do sleep 0.05; done"
    lines = [". test -e ../mended", *[". true"] * 8, *[f". {gate}"] * 4]
    file.write_text("\n".join(lines) + "\n")
    for name in ("one", "two"):
        words = ("run", "../runs.txt", "--join", str(joiners.shared), "--dead", "3s", "-j", "6", "--machine", name)
        joiners._start(name, *words)
    wait_until(lambda: letters(file)[0] == "!" and letters(file).count("d") == 8)
    (joiners.folder / "mended").touch()
    edit(file, {0: "."})
    wait_until(lambda: "requeue" in {ask["verb"] for ask in joiners.entries("asks/*").values()})
    (joiners.folder / "go").touch()
    told = [joiners.ended(name) for name in ("one", "two")]
    assert any("job 0 was set back during the run: it failed, and is run again" in one for one in told)
    assert set(letters(file)) == {"d"}
    asks = [ask["verb"] for ask in joiners.entries("asks/*").values()]
    assert asks.count("requeue") == 1
    merged = joiners.looker().call("merge-results", str(joiners.shared), "-o", "all.csv")
    assert "complete: 13 of 13 jobs, each counted once" in merged.out + merged.err
