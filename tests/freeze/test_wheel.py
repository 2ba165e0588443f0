"""The wheel: what pip and uvx install has all that the program reads beside its modules, and starts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("src", "pyproject.toml", "README.md", "LICENSE", "docs/shareout.1")
BESIDE = ("shareout/freeze/program.spec", "shareout/freeze/starter.sh", "shareout/py.typed")


@pytest.mark.slow
def test_the_wheel_has_everything_and_its_programs_start(tmp_path: Path) -> None:
    tree, dist, place = tmp_path / "tree", tmp_path / "dist", tmp_path / "place"
    for name in SOURCES:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
        else:
            shutil.copy2(ROOT / name, tree / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", dist, tree], check=True, capture_output=True)
    (wheel,) = dist.iterdir()
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert inside >= set(BESIDE)
    assert any(name.endswith("share/man/man1/shareout.1") for name in inside)
    modules = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src").rglob("*.py")}
    assert modules <= inside
    subprocess.run([*pip, "install", "--no-deps", "--target", place, wheel], check=True, capture_output=True)
    # Its dependencies are those of these tests; its modules must be its own.
    environ = {**os.environ, "PYTHONPATH": str(place)}
    for program in ("shareout", "merge-results", "merge-logs"):
        done = subprocess.run(
            [place / "bin" / program, "--help"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("usage: ")
