"""What is done with journals and logs of millions of records: resume, status, merge."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

from measure import Aspect, Call, Row, nothing, once, peak_memory
from place import PYTHON, SHAREOUT, Place, journal_of, resume_calls, run_calls, told_count

MACHINES = "abcd"
PAIR = "from shareout import run\ndef job(n): return n, n * 0.37\nif __name__ == '__main__': run(job)\n"
RESULT = re.compile(rb'^\{"job":([0-9]+),[^\n]*?"result":\[([^\]\n]*)\]', re.MULTILINE)
PLAIN_ORDER = {"LC_ALL": "C"}
CHUNK = 16 << 20


def resume(place: Place) -> Iterator[Row]:
    count = place.sizes.records
    here = done(place, count)
    wc = Call(["wc", "-l", journal_of(here)])
    memory = peak_memory(f"resume onto {told_count(count)} done jobs", 200)
    # At most twenty times as long.
    yield Row(
        f"resume onto {told_count(count)} done jobs",
        "wc -l of the journal",
        resume_calls(here),
        wc,
        1 / 20,
        5,
        [memory],
    )


def status(place: Place) -> Iterator[Row]:
    """As a run leaves it, with what it counted cached beside the journal; and without that, of fewer."""
    many, some = place.sizes.records, place.sizes.calls
    for count, more, at_most in ((many, "", 2), (some, ", each line read", None)):
        here = done(place, count)
        cache = journal_of(here).with_name("tally")
        prepare = (lambda cache=cache: cache.unlink(missing_ok=True)) if more else nothing
        call = Call([SHAREOUT, "status", here / "runs"], prepare, here)
        wall = Aspect(f"status of {told_count(count)} attempts{more}", "s", lambda run: run.wall_s, at_most)
        yield Row("", "", call, None, aspects=[wall], rounds=place.sizes.rounds)


def merge(place: Place) -> Iterator[Row]:
    """The peer sorts the same rows, in the order in which they stand in the journals."""
    count = place.sizes.records
    pool = {"jobs.grid.json": json.dumps({"n": {"stop": count}})}
    here = place.inputs("merged", pool, {name: [1, 1] for name in MACHINES})
    (here / "main.py").write_text(PAIR)
    rows = here / "rows.csv"
    with rows.open("wb") as file:
        for name in MACHINES:
            once(Call([PYTHON, here / "main.py", "run", "--machine", name, "--yes", "--quiet", "-j", "2"], cwd=here))
            for block in blocks(journal_of(here, name)):
                file.write(b"".join([b"%b,%b\n" % found for found in RESULT.findall(block)]))
    ours = Call(
        [PYTHON, here / "main.py", "merge-results", "--columns", "result", "-o", here / "all.csv", "--quiet"], cwd=here
    )
    sort = Call(["sort", "-t,", "-k1,1n", "-o", here / "sorted.csv", rows], environment=PLAIN_ORDER)
    memory = peak_memory(f"merge {told_count(count)} rows", 500)
    yield Row(
        f"merge {told_count(count)} rows of four journals to CSV", "sort -t, -k1,1n", ours, sort, 1, aspects=[memory]
    )


def merge_logs(place: Place) -> Iterator[Row]:
    count, machines = place.sizes.log_lines, ("alice", "bob", "carol")
    here = place.inputs("logs", {"jobs.txt": "true\n" * 3}, {name: [1, 1] for name in machines})
    home, unpacked = here / "runs", ""
    for seed, machine in enumerate(machines):
        # Runs of one short job each, for journals; what they printed is then written in place of their own logs.
        once(Call([SHAREOUT, "run", "--machine", machine, "--yes", "--quiet"], cwd=here))
        folder = journal_of(here, machine).parent
        write_log(folder, machine, count, random.Random(seed))
        unpacked += f" <(zcat {folder}/log-*)"
    sort = Call(["bash", "-c", f"sort -m -k1,1{unpacked}"], environment=PLAIN_ORDER)
    ours = Call([SHAREOUT, "merge-logs", home])
    memory = peak_memory("merge-logs", 100)
    yield Row(
        f"merge-logs of {told_count(3 * count)} lines", "zcat, and sort -m", ours, sort, 1, place.sizes.rounds, [memory]
    )


def done(place: Place, count: int) -> Path:
    """A run of so many jobs, all done; made when nobody has made it yet."""
    here = place.calls(count)
    if not any(here.glob("runs/*/a/journal.jsonl")):
        once(run_calls(here))
    return here


def blocks(path: Path) -> Iterator[bytes]:
    """A file in pieces of whole lines."""
    rest = b""
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            whole = block.rfind(b"\n") + 1
            yield rest + block[:whole]
            rest = block[whole:]


def write_log(folder: Path, machine: str, count: int, dice: random.Random) -> None:
    from shareout.record.folder import RunFolder
    from shareout.record.logs.segments import LogWriter

    for segment in RunFolder(folder).log_segments():
        segment.unlink()
    writer = LogWriter(RunFolder(folder), machine, 64 << 20)
    now = 1.7e9
    for number in range(count):
        now += dice.random() / 100
        text = b"step %d: energy %.9f residual %.9f\n" % (number, dice.random(), dice.random())
        writer.output(text, number // 10, 1, word="out", when=now)
    writer.close()
