"""What `make release` has left in dist/, where it was called: it runs on the systems that it is said to run on."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from PyInstaller.archive.readers import CArchiveReader

from shareout.freeze.build import oldest_glibc

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
NEWEST = (2, 31)
FILES = sorted(one for one in DIST.glob("shareout-*-linux-*") if one.suffix != ".sh")


@pytest.fixture(params=FILES or [None], ids=lambda one: one.name if one else "none")
def given_out(request: pytest.FixtureRequest) -> Path:
    if request.param is None:
        pytest.skip("there is no release here: `make release` makes one, as root")
    assert isinstance(request.param, Path)
    return request.param


def test_nothing_in_it_wants_a_newer_c_library(given_out: Path, tmp_path: Path) -> None:
    inside = CArchiveReader(str(given_out))
    for number, name in enumerate(inside.toc):
        (tmp_path / str(number)).write_bytes(inside.extract(name))
    programs = [path for path in tmp_path.iterdir() if path.read_bytes().startswith(b"\x7fELF")]
    assert len(programs) > 5
    assert tuple(map(int, oldest_glibc([given_out, *programs]).split("."))) <= NEWEST


def test_it_is_the_file_of_its_sum_and_runs(given_out: Path, tmp_path: Path) -> None:
    sums = dict(reversed(line.split()) for line in (DIST / "SHA256SUMS").read_text().splitlines())
    assert sums[given_out.name] == hashlib.sha256(given_out.read_bytes()).hexdigest()
    assert set(sums) == {path.name for path in DIST.iterdir()} - {"SHA256SUMS"}
    call = [given_out, "run", "--quiet", "--tee", "--template", "echo {}", ":::", "a"]
    assert subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == "0: a\n"
