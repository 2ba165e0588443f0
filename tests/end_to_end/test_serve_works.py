"""`serve --work`: a host that serves and runs jobs as well, alone, through halts and what is asked for once more."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.fed import Fed
from kit.wait import wait_until

pytestmark = pytest.mark.module_only("the plain executable has no part that speaks over a network: test_joined has it")


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[Fed]:
    made = Fed(tmp_path)
    yield made
    made.end_all()


def states(fed: Fed) -> str:
    return "".join(one["state"] for one in fed.home.call("list", "--json", code=None).json)


def test_it_takes_part_again_after_a_halt_and_when_something_is_asked_for_once_more(fed: Fed, tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    fed.home.write("Tasks", f"test -e {mended}\n" + f"until test -e {tmp_path}/go; do sleep 0.05; done\n" * 3)
    fed.serve("Tasks", "--work", "--keep")
    wait_until(lambda: '"live": true' in fed.home.call("status", "--json", code=None).out, 30)
    fed.home.call("halt", "--now")
    wait_until(lambda: '"live": false' in fed.home.call("status", "--json", code=None).out, 30)
    fed.home.call("resume")
    (tmp_path / "go").touch()
    wait_until(lambda: states(fed) == "!ddd", 40)
    mended.touch()
    fed.home.call("requeue", "--failed")
    wait_until(lambda: states(fed) == "dddd", 40)
    fed.end_all()


def test_where_it_has_worked_alone_its_folder_answers_without_words_when_it_has_ended(fed: Fed, tmp_path: Path) -> None:
    fed.home.write("Tasks", f"true\ntest -e {tmp_path}/mended\n")
    fed.serve("Tasks", "--work")
    fed.ended(fed.serving, 1)
    assert states(fed) == "d!"
    assert "`requeue 1` gives it out again" in fed.home.call("explain", "1").out
    (tmp_path / "mended").touch()
    for words in (["halt"], ["resume"], ["requeue", "--failed"]):
        fed.home.call(*words)
    fed.serve("Tasks", "--work")
    fed.ended(fed.serving)
    assert states(fed) == "dd"
    assert "complete: 2 of 2 jobs, each counted once" in fed.home.call("merge-results", "-o", "all.csv").out


def test_jobs_of_a_stream_are_told_where_they_were_run_as_well(fed: Fed) -> None:
    fed.serve("-", stdin=subprocess.PIPE)
    assert fed.serving.stdin is not None
    fed.serving.stdin.write(b"echo a\nfalse\n")
    fed.serving.stdin.close()
    fed.serving.stdin = None
    fed.join("here")
    fed.ended(fed.processes["here"], 1)
    fed.ended(fed.serving, 1)
    host = fed.hosts["here"]
    assert host.call("list").out.splitlines()[1].endswith("false")
    assert "it failed (1 try)" in host.call("explain", "1").out
    assert host.call("show", "1").out.startswith("job 1: false")
