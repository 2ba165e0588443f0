"""Machines that share a folder, where quick jobs are followed by long ones."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.joiners import Joiners
from kit.wait import wait_until

JOBS = 600
LONG_JOB = """
[ $SHAREOUT_MACHINE = alice ] && [ $(ls {ended} | wc -l) -ge 200 ] && mkdir {ended}-waits 2>/dev/null &&
  until [ $(ls {ended} | wc -l) -ge {others} ]; do sleep 0.1; done
touch {ended}/$1
"""


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Joiners]:
    made = Joiners(tmp_path)
    yield made
    made.end_all()


@pytest.mark.slow
@pytest.mark.module_only
def test_what_waits_behind_a_long_job_is_for_whoever_is_idle(hosts: Joiners) -> None:
    """A worker has taken many short ones at once, and alice reserved some more; one that waits for all others to end
    shows that nothing stays with alice meanwhile."""
    ended = hosts.folder / "ended"
    ended.mkdir()
    script = hosts.folder / "job.sh"
    script.write_text(LONG_JOB.format(ended=shlex.quote(str(ended)), others=JOBS - 1))
    lines = [f"sh {shlex.quote(str(script))} {number}" for number in range(JOBS)]
    for name in ("alice", "bob"):
        hosts.host(name).jobs(*lines, machines='{"alice": [1, 1], "bob": [1, 1]}')
    hosts.run("alice")
    wait_until(lambda: any(ended.iterdir()))
    hosts.run("bob")
    for name in ("alice", "bob"):
        assert f"{JOBS} done, 0 failed, 0 to do" in hosts.ended(name)
    assert (hosts.folder / "ended-waits").exists()
