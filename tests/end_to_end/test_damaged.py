"""A journal that was damaged anywhere: the same command goes on with exactly what is whole, or says what to do."""

from __future__ import annotations

import json
import random
import re
from zlib import crc32

import pytest

from kit.program import Machine

JOBS = 25


def whole_records(data: bytes) -> set[int]:
    """The jobs that are done by records whose checksum is right, also where a newline beside one is damaged."""
    data = data[: data.rfind(b"\n") + 1]
    ends = list(re.finditer(rb',"crc":"([0-9a-f]{8})"\}', data))
    done = set()
    for start in re.finditer(rb'\{"job":', data):
        for end in ends:
            body = data[start.start() : end.start()]
            if body and crc32(body) == int(end[1], 16):
                facts = json.loads(body + b"}")
                done |= {facts["job"]} if facts["state"] == "done" else set()
    return done


@pytest.mark.module_only("reading damage is tested byte by byte in tests/record")
def test_a_damaged_journal_is_gone_on_with_or_refused(here: Machine) -> None:
    here.jobs(*(f"echo {number} >> ran" for number in range(JOBS)))
    here.run("--quiet")
    journal = here.journal
    sound = journal.read_bytes()
    assert whole_records(sound) == set(range(JOBS))
    chance = random.Random(5)
    seen = set()
    for _ in range(8):
        if chance.random() < 0.4:
            data = sound[: chance.randrange(1, len(sound))]
        else:
            damaged = bytearray(sound)
            for _ in range(chance.randrange(1, 4)):
                damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
            data = bytes(damaged)
        for later in here.run_folder.glob("journal.*.jsonl"):
            later.unlink()
        journal.write_bytes(data)
        (here.folder / "ran").write_text("")
        told = here.run("--quiet", code=None)
        ran = sorted(map(int, (here.folder / "ran").read_text().split()))
        seen.add(told.code)
        if told.code == 4:
            assert "Move" in told.err
            assert ran == []
            assert journal.read_bytes() == data, "what is refused is left as it is"
        else:
            assert told.code == 0
            assert ran == sorted(set(range(JOBS)) - whole_records(data)), "exactly what was not done is run"
            here.call("merge-results", "--quiet", "-o", "all.csv")
            (here.folder / "all.csv").unlink()
    assert 0 in seen
