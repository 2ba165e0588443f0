"""What cannot be meant is refused, or told: each with its place and with what would be right."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from kit.program import Machine
from shareout.errors import InputError, InputErrors
from shareout.machines import load_machines
from shareout.names import twins, why_no_name
from shareout.settings_table import BY_NAME
from shareout.units import told_filesize

ODD_NAMES = [" a", "a ", "-a", "--yes", "a\tb", "a\x1b[2J", "a\u202eb", "a\u200bb", "a\u2028b", "\ufeffa", "a\x85"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_that_deceive_are_refused_for_machines_and_groups(here: Machine, name: str) -> None:
    path = here.write("configs/machines.json", json.dumps({name: [1, 1]}))
    with pytest.raises(InputError, match="cannot name a machine: it "):
        load_machines(path)
    assert why_no_name(name)


@pytest.mark.parametrize("pair", [("alice", "Alice"), ("zoé", "zoe\u0301"), ("straße", "STRASSE")])
def test_names_that_differ_by_case_only_are_refused(tmp_path: Path, pair: tuple[str, str]) -> None:
    path = tmp_path / "machines.json"
    path.write_text(json.dumps({pair[0]: [1, 1], "bob": [1, 1], pair[1]: [1, 1]}))
    with pytest.raises(InputError, match="differ by case only"):
        load_machines(path)
    assert twins(["bob", *pair]) == pair


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.txt", "#SHAREOUT GROUP -a\ntrue\n", "t.txt:1:11: '-a' cannot name a group: it looks like an option"),
        ("t.txt", "#SHAREOUT GROUP a\ntrue\n#SHAREOUT GROUP A\n", 't.txt:3:11: the groups "a" and "A" differ by case'),
        ("g.groups.json", '{"units": [1], "groups": {" a": "f"}}', "' a' cannot name a group: it has a blank"),
        ("g.groups.json", '{"units": [1], "groups": {"a": "f", "A": "f"}}', "differ by case only"),
        ("t.csv", "x,group\n1,a\n2,A\n", 't.csv: the groups "a" and "A" differ by case only'),
        ("t.csv", "x,group\n1,a\n2,-b\n", "t.csv: '-b' cannot name a group: it looks like an option"),
        ("t.jsonl", '{"x": 1, "group": "a\\u202e"}\n', "t.jsonl: 'a\\u202e' cannot name a group"),
        ("t.grid.json", '{"x": [1], "group": ["a", "A"]}', 't.grid.json: the groups "a" and "A" differ'),
        ("t.txt", gzip.compress(b"true\n"), "t.txt: is compressed by gzip, not text"),
        ("t.csv", b"PK\x03\x04....", "t.csv: is a zip archive or a spreadsheet, not text"),
        ("t.txt", "true\n".encode("utf-16"), "t.txt: is UTF-16 text, not text"),
        ("t.txt", b"true\n" * 300_000 + b"tr\0ue\n", "t.txt:300001: is not text: there is a NUL byte in this line"),
        ("t.csv", b"x\n1\n\0\n", "t.csv:3: is not text: there is a NUL byte"),
        ("t.tsv", "a\tb\n", "t.tsv: by its name this is a table"),
        ("t.json", '["a"]\n', "t.json: by its name this is JSON"),
        ("t.yaml", "- a\n", "t.yaml: by its name this is YAML"),
        ("main.py", "print()\n", "main.py: by its name this is a Python program"),
    ],
)  # fmt: skip
def test_pools_that_are_no_pools_are_refused(here: Machine, name: str, content: str | bytes, said: str) -> None:
    here.write(name, content)
    told = (
        here.call("run", name, "--template", "echo {}", "--dry-run", code=2)
        if "t.csv" in name
        else here.call("plan", name, code=2)
    )
    assert said in told.err


def test_whatever_its_name_a_file_is_what_it_is_said_to_be(here: Machine) -> None:
    here.write("t.json", "true\n")
    here.write("t.tsv", "a b\tc\n")
    here.call("run", "--as", "txt", "t.json", "--quiet")
    words = ("run", "t.tsv", "--colsep", "\t", "--template", "echo {2} {1}", "--dry-run")
    assert here.call(*words).out == "echo c 'a b'\n"


def test_a_folder_of_configs_that_is_not_there_is_refused_beside_a_named_pool(here: Machine) -> None:
    here.write("t.txt", "true\n")
    assert "there is no folder none" in here.call("run", "t.txt", "--configs", "none", code=2).err


@pytest.mark.parametrize(
    ("setting", "text", "said"),
    [
        ("run.barriers", "foo", '"foo" is not known; write local, or nothing'),
        ("run.order", "foo", '"foo" is not known; write shuffled or given'),
        ("display.progress", "foo", '"foo" is not known; write auto, live, plain or none'),
        ("limits.until", "7", '"7" may be an hour or seconds; write 07:00, 7h or 7s'),
        ("results.columns", 'a,"b', "a quoted name ends at its closing quote"),
    ],
)
def test_settings_say_what_would_be_right(setting: str, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        BY_NAME[setting].read(text)


def test_names_of_columns_may_be_quoted() -> None:
    assert BY_NAME["results.columns"].read('"a,b", c , "say ""x"""') == ("a,b", "c", 'say "x"')


def test_sizes_are_told_for_eyes() -> None:
    """Exact where that is short; the largest unit otherwise, and no eleven digits of KiB."""
    sizes = (0, 1500, 64 << 20, 105022799872, 100_000 << 30, 2**70 + 1)
    assert [told_filesize(size) for size in sizes] == ["0", "1500", "64MiB", "97.8GiB", "97.7TiB", "1024.0EiB"]


@pytest.mark.parametrize(("perf", "cores"), [("1e-400", 1), ("1e-330", 1), ("1e308", 1000000)])
def test_a_weight_that_no_number_shows_is_refused(tmp_path: Path, perf: str, cores: int) -> None:
    path = tmp_path / "machines.json"
    path.write_text(f'{{"a": [{perf}, {cores}]}}')
    with pytest.raises((InputError, InputErrors), match=r"too (small|large) a number"):
        load_machines(path)
