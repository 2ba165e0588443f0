"""Logs that are unpacked by processes of ours: the same lines however many these are, and whatever ends one of them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from kit.wait import wait_until
from merge.test_logs import write_log
from shareout.errors import CannotWrite
from shareout.merge.logs import unpacked
from shareout.merge.logs.by_time import Filter, merged
from shareout.merge.logs.unpacked import END, TEXT, Unpacked
from shareout.record.folder import RunFolder


@pytest.fixture
def logs(tmp_path: Path) -> list[RunFolder]:
    """Of five machines, in segments, one of them damaged, one empty."""
    made = [write_log(tmp_path / f"m{at}", f"m{at}", [7 * at % 5 + n for n in range(50 * at)], 300) for at in range(5)]
    segment = made[3].log_segments()[1]
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 255
    segment.write_bytes(data)
    return made


def children() -> set[int]:
    return set(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))


@pytest.mark.parametrize("cores", [2, 3, 16])
def test_one_order_however_many_processes_unpack(
    logs: list[RunFolder], monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    found = []
    before = children()
    for count in (1, cores):
        monkeypatch.setattr(unpacked, "how_many", lambda count=count: count)
        said: list[str] = []
        lines = [line for lines in merged(logs, Filter(), said.append) for line in lines]
        found.append((lines, said))
    assert found[0] == found[1]
    assert len(found[0][0]) > 400
    assert [one for one in found[0][1] if "is left out" in one]
    assert children() == before, "none of them is left"


def test_one_that_is_killed_ends_the_merge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "how_many", lambda: 2)
    monkeypatch.setattr(unpacked, "PIECE", 100)
    # More than is asked for ahead, so that there is something left to ask for.
    folder = write_log(tmp_path / "a", "a", list(range(500)))
    before = children()
    one = Unpacked([folder])
    kind, data = one.next(0)
    assert (kind, data[-1:]) == (TEXT, b"\n")
    (helper,) = children() - before
    os.kill(helper, signal.SIGKILL)
    wait_until(lambda: Path(f"/proc/{helper}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    with pytest.raises(CannotWrite, match=f"process {helper} of the merge was killed"):
        list(iter(lambda: one.next(0)[0], END))
    one.close()
    assert children() == before


def test_a_mistake_of_ours_in_one_of_them_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(unpacked, "how_many", lambda: 2)
    monkeypatch.setattr(unpacked, "read_segment", fails)
    one = Unpacked([write_log(tmp_path / "a", "a", [1])])
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        one.next(0)
    one.close()
