"""Every row of docs/coming-from.md is run: what it says to type here works, and does what it says.

`coming/TOOL/` holds what the user of that tool has when they come; each row is run in a fresh copy of it, with its
`bin` on the PATH. The row's commands are what stands in backticks in its second column, run in turn. In `cases.toml`
they are the key, joined by `; `, and the value is a shell line that must then succeed (`$said` names a file with what
was printed), or a table of `first` (run before), `run` (instead, where the column shows a setting), `code` and `then`.
So a new row is a line there and a line in the document. A row that says **the same** has a line in `same.toml` too:
which test compares with what theirs left.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kit.slurm import Slurm, cluster, why_no_slurm

DOCUMENT = Path(__file__).parents[2] / "docs" / "coming-from.md"
FOLDERS = Path(__file__).parent / "coming"
TOOLS = ["disBatch", "spit", "swarm", "Runmaker4", "jug", "job-splitter", "GNU parallel", "xargs"]
TESTS = Path(__file__).parents[1] / "coming"
SAME = "**the same**"
HEAD = "| what you typed | what to type here | what is better |"


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    tool: str
    typed: str
    commands: tuple[str, ...]
    better: str

    @property
    def key(self) -> str:
        return "; ".join(self.commands)

    @property
    def folder(self) -> Path:
        return FOLDERS / self.tool.lower().replace(" ", "-")


def rows() -> list[Row]:
    """Those with a command; where nothing is to be typed, a plain word stands alone."""
    found = []
    for section in re.split(r"^## ", DOCUMENT.read_text(), flags=re.MULTILINE)[1:]:
        tool, _, text = section.partition("\n")
        for line in re.findall(r"^\| (?!---)(.*) \|$", text, re.MULTILINE):
            typed, here, better = re.split(r"(?<!\\)\|", line)
            commands = tuple(one.replace(r"\|", "|") for one in re.findall(r"`+ ?(.+?) ?`+", here))
            if commands:
                found.append(Row(tool, typed.strip(), commands, better.strip()))
    return found


def cases(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "cases.toml").read_text())


def test_each_tool_has_its_table() -> None:
    headings = re.findall(rf"^## (.+)\n(?:.+\n|\n(?!## ))*?{re.escape(HEAD)}$", DOCUMENT.read_text(), re.MULTILINE)
    assert headings == TOOLS
    assert {row.tool for row in rows()} == set(TOOLS)


@pytest.mark.parametrize("folder", sorted(FOLDERS.iterdir()), ids=lambda folder: folder.name)
def test_every_row_has_a_case_and_every_case_a_row(folder: Path) -> None:
    assert set(cases(folder)) == {row.key for row in rows() if row.folder == folder}


@pytest.mark.parametrize("folder", sorted(FOLDERS.iterdir()), ids=lambda folder: folder.name)
def test_what_is_said_to_be_the_same_is_compared(folder: Path) -> None:
    said = {row.key for row in rows() if row.folder == folder and SAME in row.better}
    compared = tomllib.loads((folder / "same.toml").read_text()) if (folder / "same.toml").exists() else {}
    assert set(compared) == said
    for key, test in compared.items():
        file, _, name = test.partition("::")
        assert f"def {name}(" in (TESTS / file).read_text() or name in alike(), f"{key}: there is no test {test}"


def alike() -> set[str]:
    """Calls of GNU parallel and xargs that print what ours print."""
    calls = tomllib.loads((TESTS / "transcripts" / "parallel-xargs.toml").read_text())["calls"]
    return {call["row"] for call in calls if call.get("same", True)}


def test_every_option_of_disbatch_is_spoken_of() -> None:
    options = tomllib.loads((TESTS / "transcripts" / "disbatch.toml").read_text())["options"]
    section = DOCUMENT.read_text().partition("## disBatch\n")[2].partition("\n## ")[0]
    told = set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", section))
    assert [names for names in options if not told & set(names)] == [["-h", "--help"], ["--version"]]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    if os.geteuid():
        pytest.skip("only root runs a Slurm of its own")
    assert not why_no_slurm(), f"{why_no_slurm()}: `make test` installs it"
    with cluster(tmp_path_factory.mktemp("slurm"), (2, 2, 1)) as made:
        yield made


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.folder.name}: {row.typed}")
def test_what_the_row_says_to_type_works(row: Row, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    case = cases(row.folder).get(row.key)
    assert case is not None, f"no case for: {row.key}"
    if isinstance(case, str):
        case = {"then": case}
    here = tmp_path / "here"
    shutil.copytree(row.folder, here)
    said = tmp_path / "said"
    path = f"{here / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "said": str(said)}
    if row.key.startswith(("sbatch", "salloc")):
        environ |= request.getfixturevalue("slurm").environ

    def bash(script: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "-uc", script], cwd=here, env=environ, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    first = bash(f"set -e\n{case.get('first', '')}")
    assert first[0] == 0, first[1]
    code, text = bash(case.get("run") or "\n".join(row.commands))
    said.write_text(text)
    assert code == case.get("code", 0), text
    then = bash(f"set -e\n{case.get('then', '')}")
    assert then[0] == 0, f"{case['then']}\n{then[1]}\n{text}"
