"""Every test here runs twice, on the module and on the executable; a missing executable fails."""

from __future__ import annotations

import pytest

from kit.program import Machine
from kit.ways import Executable


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    once = metafunc.definition.get_closest_marker("module_only")
    metafunc.parametrize("way", ["module"] if once else ["module", "executable"], indirect=True)


@pytest.fixture(autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `Machine` starts in this test."""
    if request.param == "executable":
        executable: Executable = request.getfixturevalue("executable")
        monkeypatch.setattr(Machine, "way", executable)
