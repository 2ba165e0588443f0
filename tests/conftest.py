"""Fixtures that all tests share."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.program import Machine
from kit.ways import Executable

# What whoever started the tests ignores (`nohup`, `&` in a script) our programs would rightly ignore as well.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(scope="session")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Executable:
    """The one-file programs of this session."""
    return Executable(tmp_path_factory.mktemp("executable"))


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
