"""Tests here run on the executable too, but for those where nothing could differ; a missing executable fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.far_hosts import Net
from kit.launches import hosts_for
from kit.program import Machine
from kit.slurm import Slurm, cluster, why_no_slurm
from kit.ways import Executable


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marks = [mark.name for mark in metafunc.definition.iter_markers() if mark.name in ("module_only", "both_ways")]
    # A test's own mark is nearer than its file's.
    once = marks[:1] == ["module_only"]
    metafunc.parametrize("way", ["module"] if once else ["module", "executable"], indirect=True)


@pytest.fixture(autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `Machine` starts in this test."""
    if request.param == "executable":
        executable: Executable = request.getfixturevalue("executable")
        monkeypatch.setattr(Machine, "way", executable)


@pytest.fixture
def net(here: Machine, tmp_path: Path) -> Iterator[Net]:
    """Hosts that are reached by ssh."""
    with hosts_for(here, tmp_path / "net") as one:
        yield one


@pytest.fixture(scope="module")
def three_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """For all tests of a file: it takes longer to start than most of them."""
    assert not why_no_slurm(), f"{why_no_slurm()}: `make test` installs it"
    with cluster(tmp_path_factory.mktemp("slurm"), (2, 2, 1)) as made:
        yield made


@pytest.fixture
def slurm(three_nodes: Slurm, here: Machine) -> Iterator[Slurm]:
    """A Slurm of three nodes, with an empty queue."""
    here.environ = three_nodes.environ
    yield three_nodes
    here.end_all()
    three_nodes.clear()
