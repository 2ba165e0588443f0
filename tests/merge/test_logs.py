"""Logs of any machines become one stream: by time, each machine's own order kept, nothing left out."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.journals import header, last_journal
from kit.program import Machine
from shareout.merge.logs.by_time import Filter, merged
from shareout.merge.logs.copies import without_copies
from shareout.record.folder import RunFolder
from shareout.record.logs.segments import LogWriter

TIMES = st.lists(st.integers(0, 40), max_size=30)


def write_log(folder: Path, machine: str, times: list[int], segment: int = 1 << 20) -> RunFolder:
    folder.mkdir(parents=True, exist_ok=True)
    made = RunFolder(folder)
    writer = LogWriter(made, machine, segment)
    for number, at in enumerate(times):
        writer.output(b"record %d\n" % number, number % 3, 1, word="out", when=1.7e9 + at)
        if number % 7 == 6:
            writer.flush()
    writer.close()
    return made


def lines_of(folders: list[RunFolder], wanted: Filter | None = None) -> list[str]:
    said: list[str] = []
    found = [line.decode() for lines in merged(folders, wanted or Filter(), said.append) for line in lines]
    assert not said
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(TIMES, min_size=1, max_size=4), st.booleans())
def test_all_records_in_order_of_time_and_of_their_machine(
    tmp_path_factory: pytest.TempPathFactory, machines: list[list[int]], steady: bool
) -> None:
    home = tmp_path_factory.mktemp("logs")
    times = [sorted(one) if steady else one for one in machines]
    folders = [write_log(home / f"m{number}", f"m{number}", one, 200) for number, one in enumerate(times)]
    lines = lines_of(folders)
    for number, one in enumerate(times):
        own = [line.rpartition(" ")[2].strip() for line in lines if f" m{number} " in line]
        assert own == [str(at) for at in range(len(one))], "a clock that was set back tears nothing apart"
    if steady:
        stamps = [line[:27] for line in lines]
        assert stamps == sorted(stamps)


def test_filters(tmp_path: Path) -> None:
    folders = [write_log(tmp_path / "a", "alice in the lab", list(range(9))), write_log(tmp_path / "b", "bob", [1, 2])]
    assert len(lines_of(folders, Filter(jobs=((1, 2),)))) == 4
    assert len(lines_of(folders, Filter(jobs=((0, 1), (2, 10**18))))) == 7
    home = Machine(tmp_path)
    for folder, name in zip(folders, ("alice in the lab", "bob"), strict=True):
        last_journal(folder).write_bytes(header(machine=name).lines())
    assert home.call("merge-logs", ".", "--machine", "alice in the lab").out.count("\n") == 9
    assert home.call("merge-logs", ".", "--machine", "bob", "--grep", "record 1$").out.count("\n") == 1
    assert home.call("merge-logs", ".", "--job", "0, 2-14").out.count("\n") == 7
    assert home.call("merge-logs", ".", "--since", "2023-11-14T22:13:28").out.count("\n") == 1
    assert home.call("merge-logs", ".", "--until", "2023-11-14T22:13:20").out.count("\n") == 1
    assert home.call("merge-logs", ".", "--level", "ERROR").out == ""
    assert home.call("merge-logs", ".", "--since", "2023-11-14 22:13:28Z").out.count("\n") == 1
    assert "is no time" in home.call("merge-logs", ".", "--until", "yesterday", code=2).err
    home.call("merge-logs", ".", "-o", "all.gz")
    assert not list(tmp_path.glob(".all.gz*"))
    assert gzip.decompress((tmp_path / "all.gz").read_bytes()).count(b"\n") == 11


def test_a_damaged_segment_is_told_and_the_rest_is_merged(tmp_path: Path) -> None:
    good = write_log(tmp_path / "a", "alice", list(range(20)))
    bad = write_log(tmp_path / "b", "bob", list(range(20)), 150)
    segments = bad.log_segments()
    assert len(segments) > 1
    data = bytearray(segments[0].read_bytes())
    data[len(data) // 2] ^= 255
    segments[0].write_bytes(data)
    for folder in (good, bad):
        last_journal(folder).write_bytes(header().lines())
    told = Machine(tmp_path).call("merge-logs", ".")
    assert segments[0].name in told.err
    assert told.out.count(" alice ") == 20
    assert 0 < told.out.count(" bob ") < 20


def test_a_log_that_was_brought_home_twice_is_read_once(tmp_path: Path) -> None:
    whole = write_log(tmp_path / "a", "alice", list(range(40)), 300)
    older = RunFolder(tmp_path / "older")
    older.path.mkdir()
    segments = whole.log_segments()
    assert len(segments) > 2
    for segment in segments[:-1]:
        (older.path / segment.name).write_bytes(segment.read_bytes())
    last = older.path / segments[-2].name
    last.write_bytes(last.read_bytes()[:-7])
    other = write_log(tmp_path / "b", "bob", [1, 2])
    said: list[str] = []
    for order in ([whole, older, other], [older, other, whole]):
        assert without_copies(order, said.append) == [one for one in order if one is not older]
    assert said == [f"the log of {older.path} is in that of {whole.path}, and is read once"] * 2
    last.write_bytes(last.read_bytes()[:-7] + b"another")
    assert len(without_copies([whole, older, other], said.append)) == 3


def test_memory_does_not_grow_with_the_logs(tmp_path: Path) -> None:
    source = random.Random(3)
    for machine in ("a", "b"):
        made = write_log(tmp_path / machine, machine, [])
        last_journal(made).write_bytes(header().lines())
        writer = LogWriter(made, machine, 1 << 30)
        noise = bytes(source.choices(b"0123456789abcdef", k=70))
        for at in range(2000):
            writer.output(
                b"".join(b"%d %b\n" % (at * 200 + line, noise) for line in range(200)),
                1,
                1,
                word="out",
                when=1.7e9 + at,
            )
        writer.close()
    call = [*Machine.way.runner(), "merge-logs", str(tmp_path), "-o", str(tmp_path / "all.log")]
    meter = f"import resource, subprocess, sys; subprocess.run({call!r}, check=True); "
    meter += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", meter], capture_output=True, text=True, check=True)
    assert (tmp_path / "all.log").stat().st_size > 80_000_000
    assert int(done.stdout) < 60_000, "kilobytes"
