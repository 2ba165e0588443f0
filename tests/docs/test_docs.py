"""What the documents show is what happens: their examples are run, in order, in one folder a document.

A block that begins with ```console is run line by line; ```KIND PATH is a file that is written there; ```screen COMMAND
is what the command shows on a terminal, where the machine is chosen by Enter and the digest confirmed by y. ```sh is
pasted as it stands, into a shell that goes on from block to block, and ```text behind it is what it prints.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from kit.program import Machine
from kit.terminal import Terminal

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
LONGEST_GUIDE = 5000
LONGEST_PAGE = 800
"""Words."""
# What differs from one run to the next.
MASKS = [
    (r" over=\S+", ""), (r"rate=\S+", "rate=…"), (r"eta=\S+", "eta=…"), (r"[\d.]+/s", "…/s"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"), (r"pid \d+", "pid …"),
    (r"\b(btrfs|ext4|overlay|tmpfs|xfs)\b", "FILES"), (r"other host  \S+:", "other host  …:"),
    (r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME"), (r"\b[\d.]+ ?(µs|ms|s)\b", "…s"), (r" 0\.\d{3} ", " 0.000 "),
    (r"[\d.]+(, 19 times in 20 between )[\d.]+ and [\d.]+ core", r"…\1… and … core"),
    (r"--mem=\d+M", "--mem=…M")]  # fmt: skip


def blocks(document: Path) -> list[tuple[str, str]]:
    """The first line of each block, and what follows."""
    return re.findall(r"^```(\w+[^\n]*)\n(.*?)^```$", document.read_text(), re.DOTALL | re.MULTILINE)


def commands(block: str) -> list[tuple[str, str]]:
    """Command and output of every `$` line."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def masked(text: str) -> str:
    for pattern, shown in MASKS:
        text = re.sub(pattern, shown, text)
    return text.rstrip()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_examples_print_what_the_document_shows(document: Path, tmp_path: Path) -> None:
    programs = str(Path(sys.executable).parent)
    environ = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    parts = blocks(document)
    # Where the shell that blocks are pasted into stands.
    place = tmp_path
    for (head, block), (following, shown_then) in zip(parts, [*parts[1:], ("", "")], strict=False):
        kind, _, rest = head.partition(" ")
        if kind == "sh":
            place, printed = pasted(block, place, environ)
            assert following != "text" or masked(printed) == masked(shown_then), block
        if kind == "screen":
            shown = Terminal(Machine(tmp_path, ["sh", "-c", rest], environ), columns=100)
            shown.answer({"(arrow keys": "\r", "(y/N)": "y\r"})
            seen = masked("\n".join(shown.lines))
            for line in masked(block).splitlines():
                assert line.strip() in seen, f"{rest}\n{line}\n{seen}"
        elif rest:
            (tmp_path / rest).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / rest).write_text(block)
        for command, output in commands(block) if kind == "console" else ():
            done = subprocess.run(
                command, shell=True, cwd=tmp_path, env=environ, text=True, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            )  # fmt: skip
            assert masked(done.stdout) == masked(output), command


def pasted(block: str, place: Path, environ: Mapping[str, str]) -> tuple[Path, str]:
    """Where the shell stands then, and what was printed; a line that fails ends it, and the test."""
    call = ["bash", "-e", "-c", f"{block}\npwd > '{place}/.place'"]
    done = subprocess.run(
        call, cwd=place, env=environ, text=True, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    note = place / ".place"
    where = Path(note.read_text().strip())
    note.unlink()
    return where, done.stdout


def test_the_guide_is_one_story_and_a_page_answers_one_question() -> None:
    """In words, without what stands in blocks for pages: what a program prints is not read word by word."""
    assert len((ROOT / "docs/guide.md").read_text().split()) <= LONGEST_GUIDE
    for page in (ROOT / "docs" / "how").glob("*.md"):
        text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        assert len(text.split()) <= LONGEST_PAGE, page.name
        assert f"(how/{page.name})" in (ROOT / "docs/guide.md").read_text(), (
            f"nothing in the guide leads to {page.name}"
        )
        assert not re.search(r"^## ", text, re.MULTILINE), f"{page.name} has several questions"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_anchors_are_headings(document: Path) -> None:
    for target, part in re.findall(r"\]\(([^)#:]*)#([^)]*)\)", document.read_text()):
        text = (document.parent / target).read_text() if target else document.read_text()
        assert part in map(anchor, re.findall(r"^##+ (.*)$", text, re.MULTILINE)), part


def test_the_guide_begins_with_its_contents() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text()
    headings = re.findall(r"^## (.*)$", guide, re.MULTILINE)
    assert re.findall(r"^- \[(.*)\]\(#", guide, re.MULTILINE) == headings


def test_every_command_and_every_exit_code_is_in_the_guide() -> None:
    from shareout.cli import BUG, COMMANDS
    from shareout.edges import code_after
    from shareout.errors import ShareoutError

    guide = (ROOT / "docs" / "guide.md").read_text()
    for command in COMMANDS:
        assert f"`{command}" in guide, command
    of_errors = {kind.exit_code for kind in ShareoutError.__subclasses__()}
    for code in {0, *of_errors, BUG, code_after(signal.SIGINT), code_after(signal.SIGTERM)}:
        assert f"| {code} |" in guide, code


def test_help_fits_eighty_columns_a_line_a_flag() -> None:
    from shareout.cli import COMMANDS, make_parser

    for command in COMMANDS:
        lines = make_parser(command).format_help().splitlines()
        assert max(map(len, lines)) <= 80, command
        flags = [number for number, line in enumerate(lines) if line.startswith("  -")]
        assert flags
        for number in flags:
            assert re.match(r"  -\S.*?  +\S", lines[number]), f"{command}: what does {lines[number]} do?"
            assert not re.match(r" {20,}\S", "".join(lines[number + 1 : number + 2])), lines[number]


def test_the_help_of_run_begins_with_examples() -> None:
    from shareout.cli import make_parser

    lines = make_parser("run").format_help().splitlines()
    assert "seq 1 1000 | " in "".join(lines[:8])
    assert sum(line.endswith(":") for line in lines) >= 7, "flags stand in groups"


def test_every_station_of_the_way_of_a_job_is_where_it_is_said_to_be() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text().partition("## The way of a job")[2].partition("\n## ")[0]
    stations = re.findall(r"`([A-Z]\w+\.)?(\w+)`[^`]*?in\s+`([\w/]+\.py)`", text)
    assert len(stations) >= 12
    for owner, name, file in stations:
        source = (ROOT / "src" / "shareout" / file).read_text()
        assert re.search(rf"^\s*(def|class) {name}\b|^{name}\b", source, re.MULTILINE), f"{file} has no {name}"
        assert not owner or f"class {owner[:-1]}" in source, f"{file} has no {owner[:-1]}"
