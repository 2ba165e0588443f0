"""What each command loads, for a start is mostly imports: what is slow is loaded by who needs it, and no command comes
to load more without anybody seeing it here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest

from kit.program import Machine
from shareout.cli import COMMANDS

# Each takes several milliseconds, or brings what does.
NEVER = {
    "asyncio", "concurrent", "ctypes", "curses", "dataclasses", "difflib", "email", "http", "inspect", "logging",
    "multiprocessing", "numpy", "platform", "prompt_toolkit", "pyarrow", "questionary", "random", "socket", "sqlite3",
    "ssl", "subprocess", "tarfile", "tempfile", "unicodedata", "urllib.request", "xml", "zipfile",
}  # fmt: skip
# What a command cannot do without: and it alone may have it.
NEEDS = {
    "merge-results": {"concurrent", "logging", "random", "tempfile"},
    "costs": {"random", "tempfile"},
    "reweigh": {"random", "tempfile"},
    "replay": {"inspect", "logging", "random", "tempfile"},
    # It speaks to its own server.
    "serve": {"random", "socket", "tempfile"},
    # Before its first job also what it may need after that: prctl, and letters that take two columns.
    "run": {"ctypes", "unicodedata"},
    "pilot": {"ctypes", "unicodedata"},
}
RUN = ["run", "--machine", "alice", "--yes", "--quiet"]
# In modules beyond those of a bare Python, a few more than now.
MOST = {"--version": 9, "--help": 60, "plan": 150, "status": 177, "list": 165, "run": 272, "merge-results": 224}
CALLS = [["--version"], ["--help"], ["plan"], ["status"], ["list"], RUN, ["merge-results", "-o", "all.csv"]]


def loaded(here: Machine, words: Sequence[str]) -> set[str]:
    """Beyond what Python itself loads, by the words of a call that goes well."""
    code = "import sys\nbare = set(sys.modules)\nfrom shareout.cli import main\nmain(sys.argv[1:])\n"
    call = [sys.executable, "-c", f"{code}print(*set(sys.modules) - bare, file=sys.stderr)", *words]
    done = subprocess.run(call, cwd=here.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


def denied(command: str, modules: set[str]) -> set[str]:
    tops = {name.partition(".")[0] for name in modules} | modules
    return tops & (NEVER - NEEDS.get(command, set()))


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_loads_what_is_slow_and_another_one_needs(here: Machine, command: str) -> None:
    """With its module and its flags. What it loads in its work is looked at below, for those that are called often."""
    modules = loaded(here, [command, "--help"])
    assert f"shareout.cli.{command.replace('-', '_')}" in modules
    assert not denied(command, modules)


@pytest.mark.parametrize("words", CALLS, ids=lambda words: words[0])
def test_a_call_loads_few_modules_and_none_that_is_slow(here: Machine, words: list[str]) -> None:
    here.jobs("true")
    if words is not RUN:
        here.run()
    modules = loaded(here, words)
    assert not denied(words[0], modules)
    assert len(modules) <= MOST[words[0]], f"{len(modules)} modules; which are new? {' '.join(sorted(modules))}"


def test_a_run_of_commands_loads_nothing_for_python_jobs_or_of_other_plans(here: Machine) -> None:
    here.jobs("true")
    modules = loaded(here, RUN)
    assert not {name for name in modules if name.startswith(("shareout.run.python.worker", "shareout.merge"))}
    assert "shareout.cli.inputs.adoption" not in modules


def test_plan_loads_nothing_of_a_run(here: Machine) -> None:
    here.jobs("true")
    assert not {name for name in loaded(here, ["plan"]) if name.startswith("shareout.run")}


def test_version_loads_nothing_at_all_but_its_answer(here: Machine) -> None:
    modules = loaded(here, ["--version"])
    assert {name for name in modules if not name.startswith("shareout")} <= {"__future__", "atexit", "gc"}
