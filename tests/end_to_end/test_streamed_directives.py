"""Directives in a list whose lines come while hosts work: what disBatch's task files have, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.fed import Fed
from kit.program import Machine

pytestmark = pytest.mark.module_only("the plain executable has no part that speaks over a network")

TASKS = """\
#DISBATCH PERENGINE START echo start $DISBATCH_ENGINE_RANK >> ../order
#DISBATCH PERENGINE STOP echo stop $DISBATCH_ENGINE_RANK >> ../order
#DISBATCH PREFIX (echo pre;
#DISBATCH SUFFIX ) >> ../order
sleep 0.3; echo a
echo b
#DISBATCH BARRIER a key
  # comment
#DISBATCH REPEAT 3 start 100 step 50 echo $DISBATCH_REPEAT_INDEX $SHAREOUT_JOB
#DISBATCH BARRIER CHECK
#SHAREOUT PREFIX (
echo c; test -e ../go
#DISBATCH BARRIER CHECK
echo d
"""


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[Fed]:
    made = Fed(tmp_path)
    yield made
    made.end_all()


def order(fed: Fed) -> list[str]:
    return [line for line in (fed.home.folder.parent / "order").read_text().splitlines() if line != "pre"]


def test_a_task_file_that_comes_line_by_line_is_held_at_its_barriers_by_all_hosts_and_goes_on(
    fed: Fed, tmp_path: Path
) -> None:
    fed.home.write("Tasks", TASKS)
    words = ["--stream", "tasks", "--from", "cat Tasks"]
    fed.serve(*words)
    fed.join("alice")
    assert "1 job before this barrier failed" in fed.ended(fed.processes["alice"], 1)
    told = fed.ended(fed.serving, 1)
    assert "cat Tasks:13: 1 job before this barrier failed" in told
    assert "5 done, 1 failed, 0 to do" in told
    ran = order(fed)
    assert ran[0] == "start 0"
    assert ran[-1] == "stop 0"
    assert sorted(ran[1:3]) == ["a", "b"], "whatever stands before a barrier comes before what stands behind it"
    assert sorted(ran[3:6]) == ["100 2", "150 3", "200 4"]
    assert ran[6] == "c"
    # It is held as long as that job is not mended; a host that comes late runs what each is to run once.
    fed.serve(*words)
    assert "1 job before this barrier failed" in fed.ended(fed.serving, 1)
    (tmp_path / "go").touch()
    assert "1 to do again" in fed.home.call("requeue", "--failed").out
    fed.serve(*words)
    fed.join("bob")
    fed.ended(fed.processes["bob"])
    assert "7 done, 0 failed, 0 to do" in fed.ended(fed.serving)
    assert order(fed)[8:] == ["start 1", "c", "d", "stop 1"]
    assert fed.home.call("status", "--json").json["jobs"] == 7
    assert "complete: 7 of 7 jobs, each counted once" in fed.home.call("merge-results").out
    assert "echo $DISBATCH_REPEAT_INDEX $SHAREOUT_JOB) >> ../order" in fed.home.call("list", "--job", "2").out
    # What hosts were to run once stays as it was, as do lines.
    fed.home.write("Tasks", TASKS.replace("echo start", "echo begin"))
    assert "cat Tasks:1: the stream tasks has begun without this PERENGINE" in refused(fed, *words)
    fed.home.write("Tasks", TASKS.replace("echo b\n", "echo x\n"))
    assert "job 1 of the stream tasks is '(echo pre;echo b) >> ../order', and now" in refused(fed, *words)
    fed.home.write("Tasks", TASKS.replace("echo d\n", ""))
    assert "the stream tasks has 7 jobs, and 6 came again" in refused(fed, *words)
    fed.home.write("Tasks", f"{TASKS}echo e\n")
    assert "the stream tasks was closed with 7 jobs, and more come" in refused(fed, *words)


def refused(fed: Fed, *words: str) -> str:
    return fed.home.call("serve", "--port", "0", "--quiet", *words, code=2).err


def test_a_start_that_fails_ends_its_host_before_the_first_job(fed: Fed) -> None:
    fed.serve("--from", "echo '#SHAREOUT PERENGINE START exit 3'; echo touch ran", "--stream", "x")
    fed.join("alice")
    assert "PERENGINE START ended with status 3: exit 3" in fed.ended(fed.processes["alice"], 3)
    assert not (fed.hosts["alice"].folder / "ran").exists()


@pytest.mark.parametrize(
    ("lines", "words", "told"),
    [
        ("true\n#SHAREOUT GROUP x\n", [], "standard input:2: GROUP is for lists that are whole"),
        ("#SHAREOUT NEED cores=2\n", [], "standard input:1: NEED is for lists that are whole"),
        ("#DISBATCH REPAET 3\n", [], 'standard input:1:11: "REPAET" is no directive (did you mean "REPEAT"?)'),
        ("true\n#DISBATCH PERENGINE START true\n", [], "standard input:2:11: PERENGINE must come before the first job"),
        ("#SHAREOUT PREFIX x\n", ["--as", "jsonl"], "standard input:1: PREFIX is for lists that are whole"),
    ],
)
def test_what_cannot_be_heeded_is_refused_with_its_line(here: Machine, lines: str, words: list[str], told: str) -> None:
    call = ["serve", "-", "--port", "0", "--quiet", *words]
    assert told in here.call(*call, code=2, stdin=lines.encode()).err
