"""One kind of damage has one judgement: what each command makes of each is made here, and stands in the docs."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit.journals import rewrite
from kit.program import Machine
from shareout.cli import main
from shareout.record.folder import RunFolder

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "formats.md"
MARKS = "<!-- damage -->\n", "<!-- end of damage -->"
JOBS = 3


def journal(here: Path) -> Path:
    return next(here.glob("runs/*/alice/journal.*.jsonl"))


def edit(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """The journal's bytes, and nothing beside it that proves them."""

    def apply(here: Path) -> None:
        path = journal(here)
        path.write_bytes(change(path.read_bytes()))

    return apply


def move(here: Path) -> None:
    """Records of positions that nobody has."""

    def positions(lines: list[dict[str, Any]]) -> None:
        for facts in lines:
            if "job" in facts:
                facts["pos"] += JOBS

    folder = RunFolder(journal(here).parent)
    rewrite(folder, positions)
    folder.tally.unlink()


def exchange(here: Path) -> None:
    """The ids of the two first attempts."""

    def ids(lines: list[dict[str, Any]]) -> None:
        one, other = [facts for facts in lines if "job" in facts][:2]
        one["job"], other["job"] = other["job"], one["job"]

    folder = RunFolder(journal(here).parent)
    rewrite(folder, ids)
    folder.tally.unlink()


def misform(here: Path) -> None:
    """The first attempt, with a right checksum."""

    def slot(lines: list[dict[str, Any]]) -> None:
        next(facts for facts in lines if "job" in facts)["slot"] = "x"

    folder = RunFolder(journal(here).parent)
    rewrite(folder, slot)
    folder.tally.unlink()


def widen(jobs: int) -> Callable[[Path], None]:
    """A header that says more than its plan does."""

    def apply(here: Path) -> None:
        def header(lines: list[dict[str, Any]]) -> None:
            lines[0]["jobs"], lines[1]["ranges"] = jobs, [[0, jobs]]

        folder = RunFolder(journal(here).parent)
        rewrite(folder, header)
        folder.tally.unlink()

    return apply


def misform_header(here: Path) -> None:
    def ranges(lines: list[dict[str, Any]]) -> None:
        lines[1]["ranges"] = [[0, JOBS + 1]]

    rewrite(RunFolder(journal(here).parent), ranges)


def archive(here: Path) -> None:
    """Cut where its first member ends."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(journal(here).parent, "alice")
        end = tar.offset
    (here / "cut.tar").write_bytes(packed.getvalue()[:end])


def fifo(here: Path) -> None:
    os.mkfifo(here / "fifo")


def flip(data: bytes) -> bytes:
    return data.replace(b'"state":"done"', b'"state":"dome"', 1)


# What happened, what does it, and what the commands are given then.
EVENTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "nothing": (lambda here: None, "runs"),
    "a torn last line": (edit(lambda data: data[:-9]), "runs"),
    "a damaged line in the middle": (edit(flip), "runs"),
    "a record that cannot be one": (misform, "runs"),
    "a journal of one line that is none": (edit(lambda data: b"nothing of ours\n"), "runs"),
    "a header that is damaged": (edit(lambda data: data.replace(b"alice", b"alicf", 1)), "runs"),
    "a header that is cut off": (edit(lambda data: data[:40]), "runs"),
    "a header that cannot be one": (misform_header, "runs"),
    "a header that says more than its plan": (widen(JOBS + 1), "runs"),
    "a header of more than any memory holds": (widen(10**17), "runs"),
    "a record that is not its machine's": (move, "runs"),
    "a record of a job that the plan has elsewhere": (exchange, "runs"),
    "a journal that cannot be read": (lambda here: None, "runs"),
    "a folder that cannot be read": (lambda here: None, "runs"),
    "an archive that is cut off": (archive, "cut.tar"),
    "a FIFO in its place": (fifo, "fifo"),
}
COMMANDS: dict[str, list[str]] = {
    "merge-results": ["DIR"],
    "merge-logs": ["DIR"],
    "status": ["DIR"],
    "wait": ["DIR"],
    "list": ["DIR"],
    "show": ["0-2", "--in", "DIR"],
    "report": ["DIR", "-o", "r.html"],
    "export": ["--format", "joblog", "-o", "joblog", "DIR"],
    "rebalance": ["DIR", "-o", "configs2"],
    "requeue": ["--failed", "--in", "DIR"],
}

# Who reads all of a journal says what is damaged in it.
TOLD_OF = ("merge-results", "status", "wait", "list", "rebalance")


def refuse(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, ending: str) -> None:
    """As the system refuses who has no right; root has it everywhere."""
    real = getattr(module, name)

    def guarded(path: Any, *rest: Any, **more: Any) -> Any:
        if isinstance(path, str | Path) and str(path).endswith(ending):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *rest, **more)

    monkeypatch.setattr(module, name, guarded)


def code_of(here: Path, event: str, command: str, words: list[str]) -> int:
    damage, place = EVENTS[event]
    damage(here)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(here)
        if event == "a journal that cannot be read":
            refuse(monkeypatch, io, "open", journal(here).name)
        if event == "a folder that cannot be read":
            refuse(monkeypatch, os, "scandir", "alice")
        return main([command, *(place if word == "DIR" else word for word in words)])


def test_each_damage_ends_each_command_as_the_docs_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = Machine(tmp_path / "sound")
    sound.folder.mkdir()
    sound.jobs(*["true"] * JOBS)
    sound.run("--quiet")
    rows = ["| | " + " | ".join(COMMANDS) + " |", "| --- |" + " --: |" * len(COMMANDS)]
    for number, event in enumerate(EVENTS):
        codes = []
        for command, words in COMMANDS.items():
            here = tmp_path / f"{number}-{command}"
            shutil.copytree(sound.folder, here)
            codes.append(code_of(here, event, command, words))
            told = capsys.readouterr()
            if event in ("a damaged line in the middle", "a record that cannot be one") and command in TOLD_OF:
                assert ".jsonl:" in told.err, (command, told.err)
                assert "are damaged" in told.err
            assert "Traceback" not in told.err
            assert codes[-1] in (0, 1, 3) or told.err.startswith("shareout: "), (event, command)
        rows.append(f"| {event} | " + " | ".join(map(str, codes)) + " |")
    made = "\n".join(["", *rows, ""]) + "\n"
    head, tail = MARKS
    told_now = DOCUMENT.read_text().partition(head)[2].partition(tail)[0]
    assert told_now == made, f"docs/formats.md is to say:\n{made}"
