"""A log that was killed, cut, damaged or packed anew: every record that can be read is read, and a new one fits in."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.journals import run_folder
from shareout.errors import CannotRecord
from shareout.record.folder import RunFolder
from shareout.record.logs.exact import raw_of
from shareout.record.logs.segments import MOST_HELD, DamagedLog, LogWriter, read_segment, stamp

LARGE = 1 << 30


def written(folder: RunFolder, count: int) -> bytes:
    """Each record in a member of its own."""
    log = LogWriter(folder, "alice", LARGE)
    for number in range(count):
        log.record(f"record {number} " + "text " * 30)
        log.flush()
    log.close()
    return folder.log_segment(1).read_bytes()


def read(path: Path) -> tuple[list[str], str]:
    """What the records say, and what is told of damage."""
    text = b""
    why = ""
    try:
        for block in read_segment(path):
            assert block.endswith(b"\n")
            text += block
    except DamagedLog as error:
        why = str(error)
    return [" ".join(line.split()[4:6]) for line in text.decode().splitlines()], why


def test_damage_in_the_middle_costs_its_member_only_and_nothing_is_cut(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    whole = written(folder, 4)
    every = [f"record {number}" for number in range(4)]
    for at in range(len(whole)):
        spoiled = whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]
        folder.log_segment(1).write_bytes(spoiled)
        found, why = read(folder.log_segment(1))
        lost = [one for one in every if one not in found]
        assert len(lost) <= 1
        assert found == [one for one in every if one not in lost]
        assert bool(why) or not lost, "what is lost is told"
        last = at >= whole.rindex(b"\x1f\x8b\x08")
        again = LogWriter(folder, "alice", LARGE)
        again.record("after it")
        again.close()
        assert last or folder.log_segment(1).read_bytes().startswith(spoiled), (
            "nothing behind the damage is thrown away"
        )
        heard = [one for segment in folder.log_segments() for one in read(segment)[0]]
        kept = [one for one in found if one != every[-1] or one in heard]
        assert heard == [*kept, "after it"]
        assert last or kept == found, "only what looks torn, at the very end, may be cut"
        folder.log_segment(2).unlink(missing_ok=True)


def test_what_a_power_cut_left_behind_is_cut_away(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    whole = written(folder, 2)
    for tail in (bytes(5000), whole[:3], whole[:9], whole[:40]):
        folder.log_segment(1).write_bytes(whole + tail)
        log = LogWriter(folder, "alice", LARGE)
        log.record("after it")
        log.close()
        assert read(folder.log_segment(1)) == (["record 0", "record 1", "after it"], "")
        assert subprocess.run(["zcat", folder.log_segment(1)], capture_output=True, check=True).stdout.count(b"\n") == 3


def test_of_a_torn_last_member_what_is_readable_is_read(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    log = LogWriter(folder, "alice", LARGE)
    for number in range(20_000):
        log.record(f"line {number * 7919 % 20_011} of {number * 104_729 % 1_000_003}")
    log.close()
    whole = folder.log_segment(1).read_bytes()
    folder.log_segment(1).write_bytes(whole[: -len(whole) // 20])
    found, why = read(folder.log_segment(1))
    assert 15_000 < len(found) < 20_000
    assert "its end is cut off" in why


def test_a_log_that_was_packed_anew_is_read_in_bounded_pieces(tmp_path: Path) -> None:
    path = tmp_path / "log-0001.gz"
    line = b"2026-11-20T19:23:01.123456Z alice job=1 try=1 out " + b"x" * 949 + b"\n"
    count = 3 * MOST_HELD // len(line)
    path.write_bytes(gzip.compress(line * count, 1) + gzip.compress(b"2026 a job=- INFO the end\n"))
    blocks = list(read_segment(path))
    assert b"".join(blocks) == line * count + b"2026 a job=- INFO the end\n"
    assert max(map(len, blocks)) < 2 * MOST_HELD


def test_files_of_other_names_are_no_segments(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for name in ("log-notes.gz", "log-1.gz", "log-0002.gz.bak", "xlog-0003.gz"):
        (tmp_path / name).write_bytes(b"mine")
    written(folder, 1)
    assert folder.log_segments() == [folder.log_segment(1)]
    for number in (9, 10_000, 300):
        folder.log_segment(number).write_bytes(b"")
    assert [int(path.name[4:-3]) for path in folder.log_segments()] == [1, 9, 300, 10_000]


def test_a_machine_of_two_words_is_one_word_in_the_log(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    log = LogWriter(folder, "big blue", LARGE)
    log.record("hello", job=3, attempt=2, level="WARNING")
    log.close()
    [line] = b"".join(read_segment(folder.log_segment(1))).splitlines()
    assert line.split(b" ", 1)[1] == rb"big\x20blue job=3 try=2 WARNING hello"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_whatever_is_printed_each_of_its_lines_is_one_record(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = RunFolder(tmp_path_factory.mktemp("printed"))
    log = LogWriter(folder, "alice", LARGE)
    log.output(data, 7, 1, word="err", when=1.5)
    log.close()
    text = b"".join(read_segment(folder.log_segment(1))).decode("utf-8")
    lines = text.split("\n")
    assert lines.pop() == ""
    exact = [line.split(" RAW ", 1)[1].encode() for line in lines if " try=1 RAW " in line]
    text = "".join(f"{line}\n" for line in lines if " try=1 RAW " not in line)
    lines = text.removesuffix("\n").split("\n")
    prefix = f"{stamp(1.5)} alice job=7 try=1 err "
    assert all(line.startswith(prefix) for line in lines)
    assert len(lines) == data.removesuffix(b"\n").count(b"\n") + 1
    assert text.splitlines() == lines or set(text) & set("\u2028\u2029"), "nothing else ends a line"
    if exact:
        assert raw_of(exact[0]) == ("err", len(lines), data)
    else:
        assert "\n".join(line.removeprefix(prefix) for line in lines).encode() == data.removesuffix(b"\n")


def test_exact_bytes_of_any_length_come_back_from_records_of_few(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    log = LogWriter(folder, "alice", LARGE)
    data = bytes(range(256)) * 1000 + b"a\\b\r\n"
    log.output(data, 7, 1, word="out", when=1.5)
    log.output(b"a \\x41 that is no escape\n", 7, 1, word="out", when=1.6)
    log.close()
    records = b"".join(read_segment(folder.log_segment(1))).split(b"\n")
    told = [raw_of(one.split(b" RAW ", 1)[1]) for one in records if b" try=1 RAW " in one]
    assert b"".join(bytes_ for _, _, bytes_ in told) == data
    assert [lines for _, lines, _ in told][1:] == [0] * (len(told) - 1)
    assert told[0][1] == sum(b" out " in one and b" RAW " not in one for one in records) - 1


def test_a_log_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    folder.log_segment(1).mkdir()
    with pytest.raises(CannotRecord, match="the log of"):
        LogWriter(folder, "alice", LARGE)
