"""`plan`: every machine works out the same split, and says where inputs differ."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from blake3 import blake3

from kit.program import Machine

THREE = '{"alice": [1.0, 8], "bob": {"perf": 0.8, "cores": 4}, "carol": [0.1, 1]}'


def digest(here: Machine) -> str:
    return str(here.call("plan", "--json").json["digest"])


def test_shares_are_disjoint_and_complete(here: Machine) -> None:
    here.jobs(*(f"echo {number}" for number in range(500)), machines=THREE)
    ids = {name: here.call("plan", "--machine", name, "--ids").out.split() for name in ("alice", "bob", "carol")}
    everything = [int(one) for some in ids.values() for one in some]
    assert sorted(everything) == list(range(500))
    facts = here.call("plan", "--json").json
    assert {one["name"]: one["jobs"] for one in facts["machines"]} == {name: len(some) for name, some in ids.items()}
    assert here.call("plan", "--machine", "all", "--ids").out.split() != list(map(str, range(500)))
    assert [row["blake3"] for row in facts["inputs"]] == [
        blake3((here.folder / row["path"]).read_bytes()).hexdigest() for row in facts["inputs"]
    ]


def test_the_table_shows_what_a_person_compares(here: Machine) -> None:
    here.jobs("echo 1", machines=THREE)
    facts = here.call("plan", "--json").json
    table = here.call("plan").out
    assert facts["digest"] in table
    assert facts["fingerprint"] in table
    assert "no job for" in table
    assert "1 job;" in table


def test_any_byte_changes_the_digest_and_nothing_else_does(here: Machine, tmp_path: Path) -> None:
    here.jobs("echo 1", "echo 2", machines=THREE)
    before = digest(here)
    copied = Machine(tmp_path / "elsewhere")
    shutil.copytree(here.folder / "configs", copied.folder / "configs")
    assert digest(copied) == before
    here.environ = {"LC_ALL": "C", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "3"}
    assert digest(here) == before
    here.write("configs/runner.config", "[limits]\nretries = 5\n[display]\nprogress = plain\n")
    assert digest(here) == before
    seen = {before}
    for name, text in (
        ("jobs.txt", "echo 1\necho 2"),
        ("jobs.txt", "echo 1\necho 3\n"),
        ("machines.json", THREE + " "),
        ("runner.config", "[run]\nseed = 1\n"),
        ("runner.config", "[mine]\nx = 1\n"),
    ):
        old = (here.folder / "configs" / name).read_bytes()
        here.write(f"configs/{name}", text)
        changed = digest(here)
        assert changed not in seen
        seen.add(changed)
        here.write(f"configs/{name}", old)


CHANGES = [
    (lambda lines: [*lines[:810], "echo changed", *lines[811:]], "jobs.txt differs first in line 811"),
    (lambda lines: lines[:810] + lines[811:], "(1999 lines here, 2000 there)"),
    (lambda lines: [*lines, "echo more"], "differs first in line 2001 (2001 lines here, 2000 there)"),
]


@pytest.mark.parametrize(("change", "sentence"), CHANGES)
def test_a_card_tells_where_pools_differ(here: Machine, tmp_path: Path, change, sentence: str) -> None:  # type: ignore[no-untyped-def]
    lines = [f"echo {number}" for number in range(2000)]
    here.jobs(*lines)
    card = here.call("plan", "--card").out
    assert len(card) <= 1024
    other = Machine(tmp_path / "other").jobs(*change(lines))
    other.write("card", card)
    assert sentence in other.call("plan", "--compare", "card", code=2).out
    assert "the same plan" in here.call("plan", "--compare", "-", stdin=card.encode()).out


def test_a_card_tells_line_ends_machines_and_settings_apart(here: Machine, tmp_path: Path) -> None:
    here.jobs("echo 1", "echo 2")
    here.write("card", here.call("plan", "--card").out)
    here.write("configs/jobs.txt", "echo 1\r\necho 2\r\n")
    assert here.call("plan", "--compare", "card", code=2).out == "jobs.txt: only line ends differ\n"
    here.jobs("echo 1", "echo 2", machines=THREE)
    assert here.call("plan", "--compare", "card", code=2).out == "machines.json differs\n"
    here.jobs("echo 1", "echo 2").write("configs/runner.config", "[run]\nseed = 4\n")
    assert here.call("plan", "--compare", "card", code=2).out == "seed is given only here\n"
    here.write("card", "nonsense")
    assert "this is not a card" in here.call("plan", "--compare", "card", code=2).err


def test_a_grid_of_a_trillion_is_planned_and_streams(here: Machine) -> None:
    here.jobs()
    (here.folder / "configs" / "jobs.txt").unlink()
    here.write("configs/jobs.grid.json", '{"a": {"stop": 1000000}, "b": {"stop": 1000000}}')
    assert here.call("plan", "--json").json["jobs"] == 10**12
    here.program = ["sh", "-c", '"$@" | head -3', "sh", *here.program]
    assert len(here.call("plan", "--machine", "alice", "--ids").out.split()) == 3


def test_an_empty_pool_is_a_plan_without_jobs(here: Machine) -> None:
    here.jobs(machines=THREE)
    assert here.call("plan", "--json").json["jobs"] == 0
    assert "0 done, 0 failed, 0 to do" in here.run().err
    assert "complete: 0 of 0 jobs" in here.call("merge-results").out


def test_barriers_over_several_machines_are_refused_unless_each_keeps_its_own(here: Machine) -> None:
    here.jobs("a", "#SHAREOUT BARRIER", "b", machines=THREE)
    told = here.call("plan", code=2)
    assert "--barriers local" in told.err
    assert len(here.call("plan", "--barriers", "local", "--json").json["machines"][0]["ranges"]) == 2
