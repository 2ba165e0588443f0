"""Who comes from job-splitter: a script moves by changing its import, its files as they are.

`transcripts/job-splitter.toml` is what its own functions gave, and which files its first start made.
"""

from __future__ import annotations

import csv
import gzip
import random
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from kit.program import Machine

THEIRS = tomllib.loads((Path(__file__).parent / "transcripts" / "job-splitter.toml").read_text())
# But for the import and its two jobs a second, as somebody wrote it for job-splitter.
ENTRY = """
from shareout.job_splitter import run_jobs

def job(a, b, random_obj, config, *, progress):
    for step in range(a):
        progress.report(step, base=a)
    progress.done()
    if config.has_section("own") and config.get("own", "fails") == str(a):
        raise ValueError("as it was told to")
    return a, a * b, random_obj.random()

def parse(config, began, took, start, *result):
    with open("parsed", "a") as file:
        print(config["ProgressPool"]["style"], config.getint("logging", "level"), *result, file=file)

def setup(config, word):
    open(word, "a").write("set up\\n")

def init(word):
    open(word, "a").write("begun\\n")

def add(total, result):
    a, product, number = result
    return total + (a, product) if isinstance(result, tuple) else None

if __name__ == "__main__":
    pairs = ((a, b) for a in range(5) for b in range(2))
    answer = run_jobs(job, pairs, setup, ("setup",), parse, init, ("workers",), add, (), SEED)
    print("answer", sum(answer))
"""
HEADER = "Run Start Time,Job Running Time,Job Start Time,a,product,random"
CONFIG = """[ProgressPool]
bar_length = 50
chunksize = 1
style = 2

[logging]
auto_zip = true
backup_count = 10K
file_name = test
format = %%(asctime)s - %%(processName)s/%%(threadName)s - %%(message)s
level = DEBUG
max_file_size = 64M

[results]
compress = COMPRESS
file_name = out.csv
include_start_time = true
include_job_interval = true
include_job_done_time = true
include_job_id = true
"""


@pytest.fixture
def split(here: Machine) -> Machine:
    """The files where job-splitter has them: beside the script."""
    here.write("main.py", ENTRY.replace("SEED", "None"))
    here.write("machines.json", '{"alice": [1.0, 2], "bob": [1, 1]}')
    here.write("header.csv", HEADER)
    here.program = [sys.executable, "main.py"]
    return here


def rows(path: Path) -> list[list[str]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        return list(csv.reader(file))


def test_a_script_moves_by_its_import(split: Machine) -> None:
    told = split.run("--quiet", machine="all")
    assert told.out == f"answer {2 * 10 + 10}\n"
    head, *table = rows(split.folder / "results.csv")
    assert ",".join(head) == HEADER
    assert [row[3:5] for row in table] == [[str(a), str(a * b)] for a in range(5) for b in range(2)]
    assert all(float(row[0]) <= float(row[2]) and float(row[1]) >= 0 for row in table)
    assert (split.folder / "setup").read_text() == "set up\n"
    assert set((split.folder / "workers").read_text().split("\n")) == {"begun", ""}
    parsed = [line.split()[:3] for line in (split.folder / "parsed").read_text().splitlines()]
    assert sorted(parsed) == sorted([["1", "10", str(a)] for a in range(5)] * 2)


def test_its_shares_merge_and_what_was_done_is_not_run_again(split: Machine) -> None:
    for machine in ("alice", "bob"):
        split.run("--quiet", machine=machine)
    assert split.call("merge-results", "-o", "all.csv").out.startswith("(0, 0, 0, 0, 1, 0, ")
    assert rows(split.folder / "all.csv")[0] == ["job", "a", "product", "random"]
    before = len((split.folder / "parsed").read_text().splitlines())
    assert split.run("--quiet", machine="bob").out.startswith("answer ")
    assert len((split.folder / "parsed").read_text().splitlines()) == before == 10


def test_random_numbers_are_each_jobs_own_unless_the_seed_is_overridden(split: Machine) -> None:
    split.run("--quiet", machine="all")
    assert len({row[5] for row in rows(split.folder / "results.csv")[1:]}) == 10
    split.write("main.py", ENTRY.replace("SEED", "b'as there'"))
    split.run("--quiet", "--runs", "other", machine="all")
    numbers = {row[5] for row in rows(split.folder / "results.csv")[1:]}
    assert numbers == {str(random.Random(b"as there").random())}


@pytest.mark.parametrize("compress", [False, True])
def test_its_runner_config_is_obeyed_where_it_says_what_the_table_is_to_be(split: Machine, compress: bool) -> None:
    split.write("runner.config", CONFIG.replace("COMPRESS", str(compress).lower()))
    split.run("--quiet", machine="all")
    table = rows(split.folder / ("out.csv.gz" if compress else "out.csv"))[1:]
    assert [row[3] for row in table] == [str(job) for job in range(10)]
    assert (split.folder / "parsed").read_text().startswith("2 10 ")
    plain = CONFIG.replace("[ProgressPool]", "[Progress]")
    split.write("runner.config", plain)
    assert '"auto_zip" is not a setting of [logging]' in split.call("plan", code=2).err


def test_a_failed_job_ends_the_program_when_the_others_are_done(split: Machine) -> None:
    split.write("runner.config", "[own]\nfails = 3\n")
    told = split.run("--quiet", machine="all", code=1)
    assert told.out == "", "run_jobs returns nothing that is not whole"
    assert len(rows(split.folder / "results.csv")) == 1 + 8


def test_what_cannot_be_called_is_refused_before_it_is(split: Machine) -> None:
    text = ENTRY.replace("SEED", "None")
    split.write("main.py", text.replace("(a, b) for", "a for"))
    assert "the working set:1: item 0 is no tuple: 0" in split.call("plan", code=2).err
    split.write("main.py", text.replace("(a, b) for", "(a, b, a) for"))
    assert "the job does not take what it is given: too many positional" in split.call("plan", code=2).err
    split.write("main.py", text.replace("(a, b) for", "(a, object()) for"))
    assert "row 0 is not JSON" in split.call("plan", code=2).err


def test_its_own_example_plans(here: Machine) -> None:
    here.write("main.py", """
from shareout.job_splitter import run_jobs, _sleeper
from logging import basicConfig, DEBUG


if __name__ == '__main__':
    FORMAT = "%(asctime)s - %(name)s/%(levelname)s - %(message)s"
    basicConfig(filename='test.log', level=DEBUG, format=FORMAT)
    run_jobs(_sleeper, [(x, ) for x in range(256)])
""")  # fmt: skip
    here.program = [sys.executable, "main.py"]
    assert "init" in here.call("run", code=2).err
    here.call("init", "--configs", ".")
    assert here.call("plan", "--json").json["jobs"] == 256


# What its own example does, in other words: files, configuration and a log of its own around run_jobs.
AROUND = """
import logging
from shareout.job_splitter import ZippedRotatingFileHandler, get_config, make_config_files
from shareout.job_splitter import parse_file_size, run_jobs

def job(number, random_obj, config, *, progress):
    return number, config["logging"]["file_name"], config.getint("logging", "level")

if __name__ == "__main__":
    make_config_files()
    config = get_config()
    log = logging.getLogger()
    log.setLevel(config.getint("logging", "level"))
    handler = ZippedRotatingFileHandler(
        config["logging"]["file_name"] + ".txt", mode="w", encoding="utf-8",
        maxBytes=config.getfilesize("logging", "max_file_size"),
        backupCount=config.getfilesize("logging", "backup_count"))
    handler.setFormatter(logging.Formatter(config["logging"]["format"] % ()))
    log.addHandler(handler)
    log.info("begun")
    try:
        run_jobs(job, [(x, ) for x in range(4)])
    finally:
        log.removeHandler(handler)
        handler.close()
"""


@pytest.fixture
def around(here: Machine) -> Machine:
    here.write("main.py", AROUND)
    here.program = [sys.executable, "main.py"]
    return here


def test_the_first_start_makes_the_files_that_it_makes_there_and_ends(around: Machine) -> None:
    told = around.call(code=2)
    assert "wrote machines.json, header.csv, runner.config to start from" in told.err
    made = {path.name for path in around.folder.iterdir()} - {"main.py"}
    # Its fourth file was always empty.
    assert made == set(THEIRS["made"]) - {"logging.template"}
    assert "machines.json:2:" in around.call(code=2).err, "unfilled it is refused, as there"
    around.write("machines.json", '{"alice": [1, 2]}')
    around.run("--quiet")
    around.call("status")


def test_a_program_that_is_called_with_a_command_makes_no_files(around: Machine) -> None:
    around.call("--version")
    around.call("plan", code=2)
    assert {path.name for path in around.folder.iterdir()} <= {"main.py", "__pycache__", "test.txt.zip"}


def test_its_configuration_says_what_it_says_there(around: Machine) -> None:
    sizes = list(THEIRS["sizes"])
    around.write("main.py", f"""
import json
from shareout.job_splitter import get_config, make_config_files, parse_file_size
config = get_config()
said = {{name: dict(config[name]) for name in ("ProgressPool", "logging", "results")}}
converted = {{
    "level": config.getint("logging", "level"), "auto_zip": config.getboolean("logging", "auto_zip"),
    "format": config["logging"]["format"] % (),
    **{{key: config.getfilesize("logging", key) for key in ("max_file_size", "backup_count")}},
}}
print(json.dumps([said, converted, {{size: parse_file_size(size) for size in {sizes}}}]))
if not config.has_section("other"): make_config_files()
""")  # fmt: skip
    # A table with the id in it and packed is what later versions default to; the header they ask for has no id.
    theirs = {**THEIRS["config"], "results": {**THEIRS["config"]["results"], "compress": "false"}}
    theirs["results"]["include_job_id"] = "false"
    for _ in "without the file", "with the one that was made":
        said, converted, told = around.call("any word").json
        assert (said, converted, told) == (theirs, THEIRS["converted"], THEIRS["sizes"])
        around.call(code=None)
        assert (around.folder / "runner.config").exists()


def test_a_configuration_that_is_refused_is_told_without_a_traceback(around: Machine) -> None:
    around.write("machines.json", '{"alice": [1, 2]}')
    around.write("header.csv", "")
    around.write("runner.config", "[logging\n")
    assert "runner.config:1" in around.call(code=2).err


def test_jobs_get_the_whole_configuration_and_the_scripts_log_is_packed(around: Machine) -> None:
    around.write("machines.json", '{"alice": [1, 2]}')
    around.run("--quiet")
    assert [row[4:] for row in rows(around.folder / "results.csv")[1:]] == [["test", "10"]] * 4
    with zipfile.ZipFile(around.folder / "test.txt.zip") as packed:
        assert "root/INFO - begun" in packed.read("test.txt").decode()
    assert not (around.folder / "test.txt").exists()
