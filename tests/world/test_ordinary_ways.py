"""The world's ordinary ways (too few descriptors, a full disk, odd inputs, another's files) are no bugs of ours."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from kit.program import Machine

DEEP = "[" * 5000 + "]" * 5000


def test_too_few_descriptors_are_told_with_how_many_jobs_they_allow(here: Machine) -> None:
    here.jobs(*["sleep 0.05"] * 100)
    program = here.program
    here.program = ["bash", "-c", 'ulimit -n 70; exec "$@"', "bash", *program]
    told = here.run("-q", "-j", "100", code=2)
    assert "they allow 14 jobs" in told.err
    # As many as are allowed, each at once with the others.
    here.run("-q", "-j", "14")
    assert len(here.records()) == 100


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deep.jsonl", f"[1]\n{DEEP}\n"),
        ("deep.grid.json", f'{{"a": {DEEP}}}'),
        ("long.grid.json", '{"a": {"stop": 9223372036854775808}}'),
        ("fine.grid.json", '{"a": {"start": 0, "stop": 1, "step": 1e-400}}'),
    ],
)
def test_a_pool_beyond_all_bounds_is_a_mistake_in_it(here: Machine, name: str, text: str) -> None:
    here.write(name, text)
    told = here.call("plan", name, code=2)
    assert told.err.startswith(f"shareout: {name}:")


def test_a_lone_surrogate_in_a_row_fails_its_job_at_most(here: Machine) -> None:
    here.write("odd.jsonl", '["\\ud800"]\n["fine"]\n')
    here.call("run", "odd.jsonl", "--template", "echo {1}", "-q", "--machine", "all", "--yes", code=1)
    for words in (["list"], ["show", "0"], ["explain", "0"], ["merge-results", "--partial", "-o", "t.csv"]):
        here.call(*words, code=None)


def test_a_current_folder_that_is_gone_is_told(here: Machine) -> None:
    here.program = ["bash", "-c", 'mkdir gone; cd gone; rmdir ../gone; exec "$@"', "bash", *here.program]
    assert here.call("list", code=None).code in (0, 2)
    assert here.run(code=2).err
    # What is named by itself is found; where we are is asked all the same.
    named = here.write("t.txt", "true\n")
    assert "the current folder is gone" in here.call("run", str(named), "-q", code=2).err
    assert here.call("run", "--template", "echo {}", "--arg", "1", code=None).code in (2, 3)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_owners_files_are_no_bug(tmp_path: Path) -> None:
    here = Machine(tmp_path).jobs("true", "false")
    here.run("-q", code=1)
    for path in [tmp_path, *tmp_path.parents[:2]]:
        path.chmod(0o755)
    here.journal.chmod(0o600)
    here.program = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *here.program]
    for words in (
        ["list"], ["status"], ["show", "0"], ["merge-results"], ["merge-logs"], ["report", "-o", "r.html"],
        ["requeue", "0"], ["skip", "0"], ["run", "--machine", "alice", "--yes"], ["init"],
    ):  # fmt: skip
        told = here.call(*words, code=None)
        assert told.code in (0, 1, 2, 3, 4, 74), told


def test_lines_are_run_as_they_stand_whatever_the_locale_is(here: Machine) -> None:
    here.environ = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    here.jobs("echo \u00e9 >> told", "printf '%s\\n' \u00e9 >> told", "/bin/echo '\udcff' >> told")
    here.run("-j", "1")
    assert sorted((here.folder / "told").read_bytes().split()) == [b"\xc3\xa9", b"\xc3\xa9", b"\xff"]


def test_no_room_for_what_the_run_was_called_with_ends_it_with_3_before_any_job(here: Machine) -> None:
    here.jobs("true", "true").run("-q", "-n", "1")
    full = here.folder / "full"
    os.mknod(full, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
    (here.run_folder / ".call.json.new").symlink_to(full)
    told = here.run("-q", code=3)
    assert "call.json cannot be written: No space left on device" in told.err
    assert "Make room" in told.err
    assert len(here.records()) == 1
    here.run("-q")
    assert len(here.records()) == 2
