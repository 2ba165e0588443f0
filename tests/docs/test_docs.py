"""What the documents show is what happens: their console examples are run, in order, in one folder a document."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
# What differs from one run to the next.
MASKS = [
    (r"rate=\S+", "rate=…"), (r"eta=\S+", "eta=…"), (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"), (r"pid \d+", "pid …"),
    (r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME"), (r"\b[\d.]+ ?(µs|ms|s)\b", "…s"), (r"\b\d+\.\d{3}\b", "0.000")]  # fmt: skip


def examples(document: Path) -> list[tuple[str, str]]:
    """Command and output of every `$` line of the document's console blocks."""
    blocks = re.findall(r"```console\n(.*?)```", document.read_text(), re.DOTALL)
    found = []
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def masked(text: str) -> str:
    for pattern, shown in MASKS:
        text = re.sub(pattern, shown, text)
    return text.rstrip()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_examples_print_what_the_document_shows(document: Path, tmp_path: Path) -> None:
    programs = str(Path(sys.executable).parent)
    environ = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    for command, output in examples(document):
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environ, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        assert masked(done.stdout) == masked(output), command


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_every_command_and_every_exit_code_is_in_the_guide() -> None:
    from shareout.cli import COMMANDS

    guide = (ROOT / "docs" / "guide.md").read_text()
    for command in COMMANDS:
        assert f"`{command}" in guide, command
    for code in (0, 1, 2, 3, 4, 70, 130, 143):
        assert f"| {code} |" in guide, code


def test_every_command_has_help_that_fits_a_terminal() -> None:
    from shareout.cli import COMMANDS, make_parser

    os.environ["COLUMNS"] = "110"
    for command in COMMANDS:
        text = make_parser(command).format_help()
        assert max(map(len, text.splitlines())) <= 120
