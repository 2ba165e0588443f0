"""One thing changed in a file that a person wrote; all else stays as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareout.config import load_settings
from shareout.json_places import PlacedJson
from shareout.machines import load_machines
from shareout.rewrite import with_machines, with_setting

SINCE = "ab" * 32 + ":" + "cd" * 32


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"[run]\nsince = {SINCE}\n"),
        ("# mine\n[run]\nslots = 2\n", f"# mine\n[run]\nsince = {SINCE}\nslots = 2\n"),
        ("[sim]\nscale = 2\n", f"[sim]\nscale = 2\n\n[run]\nsince = {SINCE}\n"),
        (
            "[run]\nnice = 2\nsince = a\n# end\n[sim]\na = 1\n",
            f"[run]\nnice = 2\nsince = {SINCE}\n# end\n[sim]\na = 1\n",
        ),
        ("[run]\nSince: old\n  and more\nslots = 2\n", f"[run]\nsince = {SINCE}\nslots = 2\n"),
        ("[sim]\nsince = mine\n[run]\n", f"[sim]\nsince = mine\n[run]\nsince = {SINCE}\n"),
        ("[run]\r\nslots = 2\r\n", f"[run]\r\nsince = {SINCE}\r\nslots = 2\r\n"),
        ("\ufeff[run]\n# since = one\n", f"\ufeff[run]\nsince = {SINCE}\n# since = one\n"),
    ],
)
def test_a_setting_is_set_where_it_belongs(before: str, after: str) -> None:
    assert with_setting(before, "run", "since", SINCE) == after


def test_what_is_set_is_read(tmp_path: Path) -> None:
    for text in (
        "",
        "[run]\nslots = 2\n",
        "[sim]\nscale = 2\n",
        "[run]\nsince = " + "12" * 32 + ":" + "34" * 32 + "\n",
    ):
        (tmp_path / "runner.config").write_text(with_setting(text, "run", "since", SINCE))
        assert load_settings(tmp_path).run.since == SINCE


TEXT = '{\n  "alice": [1.0, 8],   \n  "bob": {"cores": 2, "perf": 5e-1},\n  "carol": [2, 1]\n}\n'


def rewritten(**wanted: object) -> str:
    document = PlacedJson(Path("machines.json"), TEXT)
    told = {"perfs": {}, "removed": [], "added": [], **wanted}
    return with_machines(document, told["perfs"], told["removed"], told["added"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "after"),
    [
        ({}, TEXT),
        ({"perfs": {"alice": "0.95"}}, TEXT.replace("1.0, 8", "0.95, 8")),
        ({"perfs": {"bob": "0.25", "carol": "3"}}, TEXT.replace("5e-1", "0.25").replace("[2, 1]", "[3, 1]")),
        ({"removed": ["alice"]}, TEXT.replace('"alice": [1.0, 8],   \n  ', "")),
        ({"removed": ["carol"]}, TEXT.replace(',\n  "carol": [2, 1]', "")),
        ({"added": [("dora", "[1, 4]")]}, TEXT.replace("[2, 1]", '[2, 1],\n  "dora": [1, 4]')),
    ],
)
def test_machines_are_changed_in_place(wanted: dict[str, object], after: str) -> None:
    assert rewritten(**wanted) == after


NAMES = st.lists(
    st.text("abcxyzé 7", min_size=1).map(str.strip).filter(bool), min_size=1, max_size=6, unique_by=str.lower
)


@given(names=NAMES, removed=st.sets(st.integers(0, 5)), added=st.booleans(), indent=st.sampled_from([None, 1, 4]))
def test_any_machines_are_still_machines(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], removed: set[int], added: bool, indent: int | None
) -> None:
    gone = [name for number, name in enumerate(names) if number in removed]
    if len(gone) == len(names) and not added:
        gone = gone[1:]
    document = PlacedJson(Path("machines.json"), json.dumps({name: [1, 2] for name in names}, indent=indent))
    more = [("new one", "[0.5, 3]")] if added and "new one" not in names else []
    if not more and len(gone) == len(names):
        gone = gone[1:]
    kept = [name for name in names if name not in gone]
    path = tmp_path_factory.mktemp("machines") / "machines.json"
    path.write_text(with_machines(document, dict.fromkeys(kept, "0.75"), gone, more), "utf-8")
    found = {machine.name: (float(machine.perf), machine.cores) for machine in load_machines(path)}
    assert found == {**dict.fromkeys(kept, (0.75, 2)), **({"new one": (0.5, 3)} if more else {})}
