"""`init` for jobs of one's own: what it writes runs at once. And the whole way of the first hour, on a terminal."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.program import Machine
from kit.terminal import Terminal

ROOT = Path(__file__).parents[2]


def own_machine(here: Machine, configs: str = "configs") -> tuple[str, list[float]]:
    ((name, pair),) = json.loads((here.folder / configs / "machines.json").read_text()).items()
    return name, pair


def runs_at_once(here: Machine, *words: str) -> list[str]:
    """All that was written, run and merged."""
    here.call("run", *words, "--machine", own_machine(here)[0], "--yes", "--quiet")
    return here.call("merge-results", *words, "-o", "-").out.splitlines()


def test_a_list_of_commands_runs_at_once_on_this_host(here: Machine) -> None:
    here.write("my list", "echo one\necho two\n")
    told = here.call("init", "--commands", "my list")
    assert told.out.splitlines()[-1].startswith("next   ")
    assert (here.folder / "configs/jobs.txt").read_text() == "echo one\necho two\n"
    name, (perf, cores) = own_machine(here)
    assert name == os.uname().nodename.partition(".")[0]
    assert (perf, cores) == (1.0, len(os.sched_getaffinity(0)))
    runs_at_once(here)
    assert here.call("status", "--json").json["done"] == 2


def test_hosts_are_named_with_their_cores(here: Machine) -> None:
    here.write("list", "echo one\n")
    here.call("init", "--commands", "list", "--hosts", "alice:8, bob:4")
    assert json.loads((here.folder / "configs/machines.json").read_text()) == {"alice": [1.0, 8], "bob": [1.0, 4]}
    assert "2 jobs" not in here.call("plan").out


@pytest.mark.module_only("argparse and a parser of ours")
@pytest.mark.parametrize(
    ("hosts", "told"),
    [("alice", "NAME:CORES"), ("alice:0", "NAME:CORES"), ("a:1,a:2", "twice"), ("a/b:1", "slash"), ("all:2", "ours")],
)
def test_hosts_that_cannot_be_meant_are_refused_and_nothing_is_written(here: Machine, hosts: str, told: str) -> None:
    assert told in here.call("init", "--hosts", hosts, code=2).err
    assert not (here.folder / "configs").exists()


def test_rows_are_for_a_command_until_a_script_is_named(here: Machine) -> None:
    here.write("rows.csv", "alpha,learning rate\n1,fast\n2,slow\n")
    here.call("init", "--csv", "rows.csv")
    runs_at_once(here)
    assert "2 slow" in here.call("show", "1").out


@pytest.mark.module_only("the scripts are Python's to run")
def test_a_script_is_written_for_the_columns_of_rows(here: Machine) -> None:
    here.write("rows.csv", "alpha,n,name,flag\n1.5,3,x,true\n2,4,y,false\n")
    here.call("init", "--csv", "rows.csv", "--python", "main.py")
    assert "def job(alpha: float, n: int, name: str, flag: bool):" in (here.folder / "main.py").read_text()
    here.program = [sys.executable, "main.py"]
    assert runs_at_once(here) == [
        "job,alpha,n,name,flag,result_alpha,result_n,result_name,result_flag",
        "0,1.5,3,x,true,1.5,3,x,true",
        "1,2.0,4,y,false,2.0,4,y,false",
    ]
    here.program = here.way.runner()
    kept = here.call("init", "--csv", "rows.csv", "--python", "main.py").out
    assert kept.count("it is there already") == 5


@pytest.mark.module_only("the scripts are Python's to run")
def test_a_script_that_is_there_gets_rows_for_its_parameters(here: Machine) -> None:
    here.write("my.py", "from shareout import run\ndef work(n: int, x: float, *, rng): return n * x\nrun(work)\n")
    here.call("init", "--python", "my.py")
    assert (here.folder / "configs/jobs.csv").read_text() == "n,x\n1,0.5\n2,1.5\n3,2.5\n"
    here.program = [sys.executable, "my.py"]
    assert len(runs_at_once(here)) == 4
    here.program = here.way.runner()
    here.write("none.py", "print(1)\n")
    assert "never calls shareout.run" in here.call("init", "--python", "none.py", "--configs", "c", code=2).err
    here.write("rows.csv", "n\n1\n")
    here.write("own.py", "def other(): ...\ndef mine(n): return n\n")
    told = here.call("init", "--python", "own.py", "--csv", "rows.csv", "--configs", "c", code=2)
    assert "        run(mine)" in told.err
    here.write("bad.py", "def (\n")
    assert "bad.py:1: is no Python" in here.call("init", "--python", "bad.py", "--configs", "c", code=2).err
    assert not (here.folder / "c").exists()


@pytest.mark.module_only("builds an executable itself")
def test_the_makefile_makes_the_executable_without_a_checkout(here: Machine) -> None:
    here.call("init", "--python", "main.py")
    call = ["make", "exe", f"PYTHON={sys.executable}"]
    done = subprocess.run(call, cwd=here.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    here.program = [str(here.folder / "build/main")]
    assert runs_at_once(here)[0] == "job,steps,right,result_steps,result_right,place"


@pytest.mark.module_only("the scripts are Python's to run")
@pytest.mark.parametrize("example", ["percolation", "commands", "csv"])
def test_an_example_is_a_whole_program(here: Machine, example: str) -> None:
    here.call("init", "--example", example)
    if (here.folder / "main.py").exists():
        here.program = [sys.executable, "main.py"]
    name, _ = own_machine(here)
    here.call("run", "--machine", name, "--yes", "-q", "-n", "20")
    assert here.call("status", "--json").json["failed"] == 0
    if example == "percolation":
        assert (here.folder / "main.py").read_text() == (ROOT / "examples/percolation/main.py").read_text()


@pytest.mark.module_only("refused before anything runs")
def test_what_cannot_be_meant_is_refused_before_anything_is_written(here: Machine) -> None:
    here.write("list", "echo one\n")
    assert "say what the jobs are" in here.call("init", "--commands", "list", "--example", "csv", code=2).err
    assert "there is no file none" in here.call("init", "--commands", "none", code=2).err
    assert "--csv takes a .csv file" in here.call("init", "--csv", "list", code=2).err
    here.write("empty", "# nothing\n")
    assert "it has no jobs" in here.call("init", "--commands", "empty", code=2).err
    assert not (here.folder / "configs").exists()
    here.write("configs/jobs.csv", "a\n1\n")
    assert "has a pool already: jobs.csv" in here.call("init", "--commands", "list", code=2).err


def test_on_a_terminal_it_asks_what_no_flag_says(here: Machine) -> None:
    here.write("list.txt", "echo one\n")
    terminal = Terminal(here, "init")
    terminal.wait_for("What are the jobs?")
    terminal.send("\r")
    terminal.wait_for("The file with the command lines:")
    terminal.send("list.txt\r")
    terminal.wait_for("The machines, as")
    terminal.send("\x15alice\r")
    terminal.wait_for("is not NAME:CORES")
    terminal.seen = ""
    terminal.wait_for("The machines, as")
    terminal.send("\x15alice:1\r")
    assert terminal.end() == 0
    assert own_machine(here) == ("alice", [1.0, 1])
    terminal = Terminal(here, "init")
    terminal.wait_for("What are the jobs?")
    terminal.send("\x03")
    assert terminal.end() == 130


def test_the_whole_card_of_the_first_hour(here: Machine) -> None:
    """Two machines as folders, each with the program and the inputs and nothing else; a person at each terminal."""
    here.script(
        "from shareout import run\n"
        "def job(n: int, *, rng):\n    print('said', n)\n    return n, rng.random()\n"
        "def total(so_far, row): return so_far + row[0]\n"
        "if __name__ == '__main__':\n    run(job, reduce=total, initial=0)\n",
        machines='{"alice": [1, 1], "bob": [1, 1]}',
    )
    here.write("configs/jobs.csv", "n\n" + "".join(f"{n}\n" for n in range(40)))
    words = here.call("plan", "--json").json["fingerprint"]
    home = here.folder.with_name("home")
    for number, name in enumerate(("alice", "bob")):
        there = here.folder.with_name(f"host of {name}")
        shutil.copytree(here.folder, there)
        terminal = Terminal(Machine(there, here.program))
        terminal.wait_for("Which machine is this?")
        terminal.wait_for("all machines")
        # A person looks at what is chosen before the next key.
        terminal.send("\x1b[B" * number)
        terminal.send("\r")
        terminal.wait_for("Is the digest the same on every machine")
        assert words in terminal.seen
        assert f"20 of 40 jobs for {name}" in terminal.seen
        terminal.send("y\r")
        assert terminal.end() == 0
        shutil.copytree(there / "runs", home, dirs_exist_ok=True)
    told = here.call("merge-results", str(home), "-o", "all.csv")
    assert told.out.splitlines()[0] == "780"
    assert "complete: 40 of 40 jobs" in told.err + told.out
    program = " ".join(f"'{word}'" for word in here.program)
    line = f"{program} merge-logs {home} | grep -o 'said [0-9]*' | cut -d' ' -f2 | paste -sd+"
    done = subprocess.run(["sh", "-c", line], cwd=here.folder, capture_output=True, text=True, check=True)
    assert sum(map(int, done.stdout.strip().split("+"))) == 780
