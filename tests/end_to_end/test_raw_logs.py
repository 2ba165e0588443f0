"""`merge-logs --raw`: each stream byte for byte, in pool order, as one machine would have printed it."""

from __future__ import annotations

import subprocess

import pytest

from kit.program import Machine

TWO = '{"alice": [1, 2], "bob": [1, 1]}'
LINES = [
    "printf 'no end'", "printf '\\377\\0\\r\\n'", "seq 3; echo err >&2", "printf 'a\\\\\\\\x41\\033[1m'", "true",
    "head -c 200000 /dev/zero", "echo last; printf 'bad \\200\\n' >&2; exit 3",
]  # fmt: skip


def of_one(here: Machine, descriptor: str) -> bytes:
    """What the lines print, run by a shell one after the other."""
    keep = "2> /dev/null" if descriptor == "1" else "2>&1 > /dev/null"
    done = [subprocess.run(["sh", "-c", f"{{ {line}; }} {keep}"], capture_output=True, check=False) for line in LINES]
    return b"".join(one.stdout for one in done)


def test_each_stream_is_what_one_machine_would_have_printed(here: Machine) -> None:
    here.jobs(*LINES, machines=TWO)
    for name in ("alice", "bob"):
        here.run("--quiet", machine=name, code=None)
    done = subprocess.run([*here.program, "merge-logs", "--raw"], cwd=here.folder, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, of_one(here, "1"), of_one(here, "2"))
    here.call("merge-logs", "--raw", "--stream", "err", "-o", "err.txt")
    assert (here.folder / "err.txt").read_bytes() == of_one(here, "2")
    here.call("merge-logs", "--raw", "-o", "out.txt")
    assert (here.folder / "out.txt").read_bytes() == of_one(here, "1")
    assert here.call("merge-logs", "--raw", "--job", "2", "--stream", "out").out == "1\n2\n3\n"


@pytest.mark.module_only("the same code")
def test_what_is_missing_is_told_by_words_and_by_the_exit_code(here: Machine) -> None:
    here.jobs("echo a", "echo b", machines=TWO)
    here.run("--quiet", "-n", "1", code=None)
    told = here.call("merge-logs", "--raw", code=1)
    assert "1 jobs have not ended" in told.err
    here.run("--quiet", code=None)
    here.run("--quiet", machine="bob", code=None)
    for log in here.folder.glob("runs/*/*/log-*.gz"):
        log.unlink()
    assert "the log does not have all that 2 jobs printed (0, 1)" in here.call("merge-logs", "--raw", code=1).err
    assert "looks at lines" in here.call("merge-logs", "--raw", "--grep", "x", code=2).err
    assert "no records of logging" in here.call("merge-logs", "--raw", "--stream", "log", code=2).err
