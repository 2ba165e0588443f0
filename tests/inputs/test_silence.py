"""What cannot be meant is refused, or told: each with its place and with what would be right."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from kit.program import Machine
from shareout.config import load_settings
from shareout.errors import InputError, InputErrors
from shareout.machines import load_machines
from shareout.names import twins, why_no_name
from shareout.pool import open_pool
from shareout.run.python import binding
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
        ("t.txt", gzip.compress(b"true\n", mtime=0), "t.txt: is compressed by gzip, not text"),
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


def test_more_cores_for_every_job_than_there_are_is_refused(here: Machine) -> None:
    here.jobs("true", "true")
    here.write("configs/runner.config", "[run]\ncores_per_job = 100\n")
    for told in (here.call("plan", code=2), here.run(code=2)):
        assert "takes 100 cores, and alice has 2" in told.err


def test_what_machines_json_leaves_open_is_told_by_plan_and_refused_by_run(here: Machine) -> None:
    here.jobs("#SHAREOUT NEED memory=100000GiB", "true", "#SHAREOUT NEED gpus=1", "true")
    told = here.call("plan").err
    assert "a job takes up to 97.7TiB; machines.json has no memory of alice: whether it fits is seen there" in told
    assert "a job takes up to 1 of the GPUs; machines.json has no gpus of alice" in told
    assert "takes 97.7TiB of memory, and alice has " in here.run(code=2).err


def test_fractions_of_a_core_are_packed(here: Machine) -> None:
    """Ten jobs of a tenth run at once on one core: each waits for all the others."""
    line = 'touch at.$SHAREOUT_JOB; until test "$(ls at.* | wc -l)" = 10; do sleep 0.05; done'
    here.jobs("#SHAREOUT NEED cores=0.1", *[line] * 10, machines='{"alice": [1, 1]}')
    here.run("--quiet", "--timeout", "30s")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("jobs.csv", "x,memry\n1,2\n"),
        ("jobs.jsonl", '{"x": 1}\n'),
        ("jobs.txt", "true\n"),
        ("jobs.grid.json", '{"x": [1]}'),
    ],
)
def test_a_need_that_no_row_can_say_is_refused(here: Machine, name: str, content: str) -> None:
    here.write("configs/machines.json", '{"alice": [1, 2]}')
    here.write(f"configs/{name}", content)
    here.write("configs/runner.config", "[run]\nneeds = memory\n[commands]\ntemplate = true {1}\n")
    for told in (here.call("plan", code=2), here.run(code=2)):
        assert "[run] needs names memory, and no row has a field of that name" in told.err


JOB = "from shareout import run\n{}\nif __name__ == '__main__':\n    run(job)\n"


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ("async def job(x): return x", "job cannot be the job: it is async"),
        ("def job(x): yield x", "job cannot be the job: it is a generator"),
        ("async def job(x): yield x", "job cannot be the job: it is a generator"),
    ],
)
def test_functions_that_do_nothing_when_called_are_no_jobs(here: Machine, job: str, said: str) -> None:
    here.script(JOB.format(job))
    here.write("configs/jobs.csv", "x\n1\n")
    for told in (here.call("plan", code=2), here.run(code=2)):
        assert said in told.err


def test_values_that_the_annotation_refuses_are_told_with_their_lines_before_a_job_starts(here: Machine) -> None:
    here.script(JOB.format("def job(n: int, x: float = 0): return n"))
    here.write("configs/jobs.csv", "n,x\n1,2\n" + "3,4\n" * 200_000 + "many,5\n6,?\n")
    for told in (here.call("plan", code=2), here.run(code=2)):
        assert 'configs/jobs.csv:200003:1: n: "many" is not int' in told.err
        assert 'configs/jobs.csv:200004:3: x: "?" is not float' in told.err
    here.write("configs/jobs.csv", 'n,x\n"1",2\n"a\nb",3\n')
    assert 'configs/jobs.csv:3:1: n: "a' in here.call("plan", code=2).err


def test_lines_are_converted_by_the_annotation(here: Machine) -> None:
    here.script(JOB.format("def job(n: int): return n + 1"))
    here.write("configs/jobs.txt", "1\n41\n")
    here.run("--quiet")
    assert here.call("merge-results", "--json").json["done"] == 2
    here.write("configs/jobs.txt", "1\nx\n")
    assert 'configs/jobs.txt:2: n: "x" is not int' in here.call("plan", code=2).err


@pytest.mark.parametrize(
    ("name", "begin", "end", "place"),
    [
        ("jobs.txt", "", "x\n", "20001"),
        ("jobs.csv", "n,t\n", "x,\n", "20002:1"),
        ("jobs.csv", 't,n\n"a","1\n"\n', '"a ""b"",\n\u00e9",x\n', "20005:4"),
        ("runs.txt", "", ". x\n", "20001"),
    ],
)
def test_what_is_beyond_those_that_are_looked_at_fails_as_a_job_with_its_place(
    name: str, begin: str, end: str, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(binding, "CHECKED", 10)

    def job(n: int, t: str = "") -> int:
        return n

    row = {"jobs.txt": "1\n", "jobs.csv": "1,\n" if begin.startswith("n") else ",1\n", "runs.txt": ". 1\n"}[name]
    # Whole blocks are looked at.
    (tmp_path / name).write_text(begin + row * 20_000 + end)
    pool = open_pool(tmp_path, load_settings(tmp_path))
    bound = binding.Binding(job, pool)
    bound.check()
    with pytest.raises(binding.CannotConvert) as told:
        bound.arguments(len(pool) - 1)
    assert str(told.value) == f'{tmp_path / name}:{place}: n: "x" is not int'


def test_a_stop_command_that_fails_is_told(here: Machine) -> None:
    here.jobs("#SHAREOUT PERENGINE STOP exit 7", "true")
    told = here.run(code=3)
    assert "PERENGINE STOP ended with status 7: exit 7" in told.err
    here.jobs("#DISBATCH PERENGINE STOP exit 7", "true", "true")
    assert "PERENGINE STOP ended with status 7: exit 7" in here.run().err


def test_results_of_another_pool_are_not_written_over(here: Machine) -> None:
    here.write("a.txt", "echo a; test $SHAREOUT_ATTEMPT = 2\n")
    here.write("b.txt", "echo b\n")
    here.call("run", "a.txt", "--results", "R", "--quiet", code=1)
    assert "R has results of another pool" in here.call("run", "b.txt", "--results", "R", code=2).err
    assert "R has results of another pool" in here.call("run", "a.txt", "--shell", "bash", "--results", "R", code=2).err
    here.call("run", "a.txt", "--results", "R", "-R", "--quiet")
    assert (here.folder / "R/0/0.out").read_text() == "a\n"
    here.write("mine/notes", "x")
    assert "mine has files that are no results" in here.call("run", "b.txt", "--results", "mine", code=2).err
    (here.folder / "empty").mkdir()
    here.call("run", "b.txt", "--results", "empty", "--quiet")
