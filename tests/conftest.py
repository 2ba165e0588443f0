"""Fixtures that all tests share."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from kit.program import Machine
from kit.ways import Executable

# What whoever started the tests ignores (`nohup`, `&` in a script) our programs would rightly ignore as well.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
# Who has it set, as images with a Python do, would have each of some ten thousand starts compile all modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# How long an example takes says how busy the machine is, and nothing of what is promised.
settings.register_profile("any time", deadline=None)
settings.load_profile("any time")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, then those with many: processes that take one file after the other end together."""
    tests = Counter(item.path for item in items)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, -tests[item.path]))


@pytest.fixture(scope="session")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Executable:
    """The one-file programs of this session, whose processes have each a folder in one."""
    own = tmp_path_factory.getbasetemp()
    return Executable((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "executable")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Machine]:
    """A machine in a folder with an awkward name."""
    folder = tmp_path / "it's a 'folder'"
    folder.mkdir()
    machine = Machine(folder)
    yield machine
    machine.end_all()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have to tell also when they pass."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "told":
                terminalreporter.write_line(str(value))
