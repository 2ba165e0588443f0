"""A program called by a shell, with the streams that the shell gives it."""

from __future__ import annotations

import os
import subprocess

from kit.program import Machine, Told


def in_shell(machine: Machine, words: str, end: str, **environ: str) -> Told:
    """The program's call with redirections; its own exit code."""
    text = f'"$@" {words} {end}; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", text, "bash", *machine.program], cwd=machine.folder, capture_output=True, check=False,
        env={**os.environ, **environ}, timeout=60,
    )  # fmt: skip
    told = Told(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
    assert "Traceback" not in told.err
    assert "bug of ours" not in told.err
    assert "Exception ignored" not in told.err
    return told
