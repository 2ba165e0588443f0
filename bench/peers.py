"""The peers, installed into a place of their own: GNU parallel from the system's packages, the rest from PyPI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "build" / "peers"
INSTALLED = """
from importlib.metadata import distributions
for one in distributions(): print(f"{one.metadata['Name']}=={one.version}")
"""
PACKAGES = ("disbatch", "joblib", "dask[distributed]", "jug", "hyperqueue")


def install() -> dict[str, str]:
    """Every peer's version; what cannot be had here is left out, and told."""
    stamp = PLACE / "made"
    if not stamp.exists() or stamp.read_text() != " ".join(PACKAGES):
        PLACE.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", str(PLACE / "venv")], check=True)
        for package in PACKAGES:
            call = [python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]
            if subprocess.run(call, stderr=subprocess.DEVNULL, check=False).returncode:
                print(f"{package} could not be installed: its rows are left out", file=sys.stderr)
        stamp.write_text(" ".join(PACKAGES))
    if shutil.which("parallel") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
        subprocess.run(["apt-get", "update", "-q"], **quiet)  # type: ignore[call-overload]
        subprocess.run(["apt-get", "install", "-qy", "parallel"], **quiet)  # type: ignore[call-overload]
    return versions()


def python() -> str:
    return str(PLACE / "venv" / "bin" / "python")


def program(name: str) -> str:
    """A peer's command; LookupError when it is not here."""
    beside = PLACE / "venv" / "bin" / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise LookupError(f"{name} is not installed")
    return found


def versions() -> dict[str, str]:
    """What is measured against, by name."""
    told = {
        **_packages(python(), {"disbatch", "joblib", "dask", "jug", "hyperqueue"}),
        **_packages(sys.executable, {"pyinstaller"}),
    }
    for name in ("parallel", "xargs", "sort", "shuf"):
        path = shutil.which(name)
        if path:
            said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
            told[name] = said.splitlines()[0].split()[-1] if said else "?"
    return told


def _packages(interpreter: str, wanted: set[str]) -> dict[str, str]:
    found = subprocess.run(
        [interpreter, "-c", INSTALLED], capture_output=True, text=True, check=False
    ).stdout.splitlines()
    known = dict(line.lower().split("==", 1) for line in found)
    return {name: known[name] for name in sorted(wanted & set(known))}
