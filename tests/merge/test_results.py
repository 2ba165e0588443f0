"""Whatever way the records came about, the same jobs merge to the same table; nothing wrong is merged."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import sqlite3
import tarfile
import zipfile
from array import array
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.journals import last_journal, proof_of
from shareout.errors import Place, PlanMismatch, RunDirectoryDamaged, ShareoutError, UsageError
from shareout.merge.proof.certificate import certificate
from shareout.merge.proof.complete import Summary, open_journals, owners_without_plan
from shareout.merge.results import Merge
from shareout.merge.sheet import sheet_for
from shareout.merge.tables import RowStore, table_form
from shareout.merge.target import Target
from shareout.plan.ids import ids_as_told
from shareout.plan.permutation import Permutations
from shareout.record.folder import RunFolder
from shareout.record.journal import Header, Session, attempt_line
from shareout.record.outcome import Attempt, Cause, State
from shareout.record.reader import newest_header
from shareout.record.sources import find_sources
from shareout.record.tallies.saved import save, tally_of
from shareout.record.values import decode
from shareout.record.writer import JournalWriter

DIGEST, POOL = "ab" * 32, "cd" * 32
JOURNAL = "journal.1-00000000.jsonl"


def header(machine: str, jobs: int, *ranges: tuple[int, int], **more: object) -> Header:
    facts = {"digest": DIGEST, "audit": (), "kind": "python", "order": "given", **more}
    return Header(pool_digest=POOL, machine=machine, jobs=jobs, ranges=ranges, version="0.1.0", code="", **facts)  # type: ignore[arg-type]


def attempt(
    job: int, position: int, result: object, *, number: int = 1, state: State = State.DONE, at: float = 0
) -> bytes:
    start = 1763666581.0 + at
    cause = Cause.EXCEPTION if state is State.FAILED else Cause.NONE
    return attempt_line(Attempt(job, position, number, state, start, start + 1, 0, None, None, cause, None, result))


def journal(folder: Path, head: Header, lines: Sequence[bytes]) -> RunFolder:
    folder.mkdir(parents=True)
    made = RunFolder(folder)
    last_journal(made).write_bytes(head.lines() + b"".join(lines))
    return made


def merged(folders: Sequence[RunFolder], output: Path, processes: int = 1, meta: str = "none") -> Summary:
    """What `merge-results --partial -o` writes."""
    journals = open_journals(folders, lambda sentence: None)
    with Merge(journals, output.parent, meta=meta != "none", processes=processes) as merge:
        merge.gather()
        first = merge.first_row()
        value = decode(first.split(b"\t", 1)[1]) if first else None
        sheet = sheet_for(value, (), journals[0].header.kind, meta, merge.starts())
        form = table_form(output)
        with Target(output) as target:
            if isinstance(form, RowStore):
                summary = merge.summarize()
                merge.write_store(form, sheet, target.fresh)
            else:
                summary, _ = merge.write_text(form, sheet, target, packed=output.name.endswith(".gz"))
            target.finish()
        return summary


def result_of(job: int, kind: int) -> object:
    return [job * 7, [job, job / 3], {"a": job, "b": None}, f'é,"{job}', ["x", True, None, float("inf")], None][kind]


CASES = st.tuples(st.integers(1, 60), st.integers(1, 5), st.integers(0, 5), st.randoms(use_true_random=False))


@settings(max_examples=40, deadline=None)
@given(CASES)
def test_any_split_into_machines_runs_requeues_and_copies_merges_to_the_same(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[int, int, int, random.Random]
) -> None:
    jobs, machines, kind, rng = case
    folder = tmp_path_factory.mktemp("merge")
    order = Permutations(bytes.fromhex(DIGEST), [jobs], "shuffled")[0]
    one = [attempt(order.at(place), place, result_of(order.at(place), kind)) for place in range(jobs)]
    whole = journal(folder / "one" / "all", header("all", jobs, (0, jobs), order="shuffled"), one)
    expected = merged([whole], folder / "one.csv")
    folders = []
    for number in range(machines):
        low, high = jobs * number // machines, jobs * (number + 1) // machines
        lines = []
        for place in rng.sample(range(low, high), high - low):
            job, number_of = order.at(place), 1
            at = rng.random()
            if rng.random() < 0.3:
                lines.append(attempt(job, place, None, state=State.FAILED, at=at))
                number_of = 2
            if rng.random() < 0.2:
                lines.append(attempt(job, place, ["wrong"], number=number_of, at=at + 1))
                lines.append(attempt(job, place, None, number=number_of, state=State.REQUEUED, at=at + 3))
                number_of += 1
            lines.append(attempt(job, place, result_of(job, kind), number=number_of, at=at + 5))
            if rng.random() < 0.2:
                lines.append(attempt(job, place, result_of(job, kind), number=number_of + 1, at=at + 9))
        head = header(f"m{number}", jobs, (low, high), order="shuffled")
        made = journal(folder / "many" / f"m{number}", head, lines)
        folders.append(made)
        if rng.random() < 0.3:
            cut = folder / "copy" / f"m{number}"
            shutil.copytree(made.path, cut)
            data = last_journal(RunFolder(cut)).read_bytes()
            last_journal(RunFolder(cut)).write_bytes(data[: rng.randint(len(head.lines()), len(data))])
            folders.append(RunFolder(cut))
    rng.shuffle(folders)
    found = merged(folders, folder / "many.csv", processes=rng.choice([1, 2]))
    assert found.is_complete
    assert (folder / "many.csv").read_bytes() == (folder / "one.csv").read_bytes()
    assert certificate(POOL, (), found.blocks) == certificate(POOL, (), expected.blocks)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_rows_of_many_partitions_stand_in_pool_order(tmp_path: Path, processes: int) -> None:
    jobs = 200_000
    folders = []
    for number in range(2):
        low, high = number * 100_000, (number + 1) * 100_000
        lines = [attempt(place, place, [place % 10, 0.5]) for place in range(low, high)]
        folders.append(journal(tmp_path / f"m{number}", header(f"m{number}", jobs, (low, high)), lines))
        if number:
            tally_of(folders[1], newest_header(folders[1]))
    summary = merged(folders, tmp_path / "t.csv", processes)
    assert summary.is_complete
    rows = (tmp_path / "t.csv").read_text().splitlines()
    assert rows[:2] == ["job,result,result_2", "0,0,0.5"]
    assert [int(row.split(",")[0]) for row in rows[1:]] == list(range(jobs))


def test_a_journal_that_its_tally_proves_merges_to_the_same_as_one_without(tmp_path: Path) -> None:
    head = header("all", 300_000, (0, 300_000))
    folder = journal(tmp_path / "all", head, [attempt(job, job, [job, "a b"]) for job in range(300_000)])
    plain = merged([folder], tmp_path / "plain.csv", 2)
    tally = tally_of(folder, head, ids_as_told(head))
    save(tally, folder.tally)
    assert open_journals([folder], print)[0].proof.good == last_journal(folder).stat().st_size
    proven = merged([folder], tmp_path / "proven.csv", 2)
    assert plain.blocks == proven.blocks
    assert (tmp_path / "plain.csv").read_bytes() == (tmp_path / "proven.csv").read_bytes()


def test_a_journal_cut_at_every_byte_merges_what_was_whole(tmp_path: Path) -> None:
    lines = [attempt(job, job, [job, 1.5]) for job in range(4)]
    head = header("alice", 4, (0, 4))
    folder = journal(tmp_path / "alice", head, [])
    data = head.lines() + b"".join(lines)
    for cut in range(len(head.lines()), len(data) + 1):
        last_journal(folder).write_bytes(data[:cut])
        summary = merged([folder], tmp_path / "t.csv")
        assert summary.done == data[len(head.lines()) : cut].count(b"\n")
        assert not summary.damage


def test_a_flipped_byte_costs_its_line_and_is_told_with_its_place(tmp_path: Path) -> None:
    lines = [attempt(job, job, [job, 1.5]) for job in range(50)]
    head = header("alice", 50, (0, 50))
    data = bytearray(head.lines() + b"".join(lines))
    at = data.index(b'"job":20,') + 60
    data[at] ^= 1
    folder = journal(tmp_path / "alice", head, [])
    last_journal(folder).write_bytes(data)
    summary = merged([folder], tmp_path / "t.csv")
    assert (summary.done, summary.missing_ids) == (49, array("Q", [20, 21]))
    assert [one.line for one in summary.damage] == [23]


@pytest.mark.parametrize("packed", [False, True], ids=["read line by line", "in bulk"])
@pytest.mark.parametrize("kind", ["id", "position", "pair", "foreign", "failed", "audited"])
def test_a_record_that_does_not_belong_is_refused_with_its_line(tmp_path: Path, kind: str, packed: bool) -> None:
    """Whatever was exchanged: each line's checksum is right, and only the plan knows better."""
    jobs, at = 5000 if packed else 50, 20
    order = Permutations(bytes.fromhex(DIGEST), [jobs], "shuffled")[0]
    ids = [order.at(place) for place in range(jobs)]
    lines = [attempt(ids[place], place, place) for place in range(jobs - 10)]
    wrong = {
        "id": attempt(ids[at + 1], at, at),
        "position": attempt(ids[at], at + 1, at),
        "pair": attempt(ids[at], at + 1, at),
        "foreign": attempt(ids[jobs - 5], jobs - 5, at),
        "failed": attempt(ids[at + 1], at, None, state=State.FAILED),
        "audited": attempt(ids[at], jobs - 2, at),
    }
    lines[at] = wrong[kind]
    if kind == "pair":
        lines[at + 1] = attempt(ids[at + 1], at, at + 1)
    head = header("alice", jobs, (0, jobs - 10), audit=((jobs - 3, jobs),), order="shuffled")
    folder = journal(tmp_path / "alice", head, lines)
    with pytest.raises(RunDirectoryDamaged, match=r"job \d+ at position \d+") as refused:
        merged([folder], tmp_path / "t.csv")
    assert (refused.value.where, refused.value.exit_code) == (Place(str(last_journal(folder)), at + 3), 4)
    assert not (tmp_path / "t.csv").exists()
    with pytest.raises(RunDirectoryDamaged):
        tally_of(folder, head, ids_as_told(head))


def test_what_was_read_without_the_ids_is_not_taken_for_proven(tmp_path: Path) -> None:
    head = header("alice", 10, (0, 10))
    folder = journal(tmp_path / "alice", head, [attempt(job, job, job) for job in (1, 0)])
    for ids_at, proven in ((None, 0), (ids_as_told(head), last_journal(folder).stat().st_size)):
        tally = tally_of(folder, head, ids_at)
        save(tally, folder.tally)
        assert proof_of(folder).good == proven


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (header("b", 10, (4, 10)), "position 4 is said to be of a "),
        (header("a", 10, (0, 6)), "gives a 0…4, it 0…5"),
        (header("b", 10, (5, 10), order="shuffled"), "says other things of the same plan"),
        (header("b", 10, (5, 11)), "no positions of a plan of 10 jobs"),
    ],
)
def test_headers_that_cannot_both_be_true_are_refused(tmp_path: Path, others: Header, said: str) -> None:
    one = journal(tmp_path / "a", header("a", 10, (0, 5)), [])
    two = journal(tmp_path / "b", others, [])
    with pytest.raises(RunDirectoryDamaged, match=said) as refused:
        open_journals([one, two], print)
    assert refused.value.where == Place(str(last_journal(two)), 1)


def test_journals_of_different_plans_are_refused(tmp_path: Path) -> None:
    one = journal(tmp_path / "a", header("a", 2, (0, 1)), [])
    two = journal(tmp_path / "b", header("b", 2, (1, 2), digest="ef" * 32), [])
    with pytest.raises(PlanMismatch):
        open_journals([one, two], print)


def test_journals_of_a_rebalanced_plan_merge_with_those_it_came_from(tmp_path: Path) -> None:
    old = journal(tmp_path / "a", header("a", 4, (0, 4)), [attempt(0, 0, 0), attempt(3, 3, 3)])
    new_head = header("b", 2, (0, 2), digest="ef" * 32, ancestors=(DIGEST,), pool_jobs=4)
    new = journal(tmp_path / "b", new_head, [attempt(1, 0, 1), attempt(2, 1, 2)])
    assert merged([old, new], tmp_path / "t.csv").is_complete
    assert (tmp_path / "t.csv").read_text() == "job,result\n0,0\n1,1\n2,2\n3,3\n"


def test_of_a_job_that_ran_twice_the_first_that_finished_counts_in_any_order(tmp_path: Path) -> None:
    early = journal(tmp_path / "b", header("all", 2, (0, 2)), [attempt(0, 0, "early", at=1), attempt(1, 1, 1)])
    late = journal(tmp_path / "a", header("a", 2, (0, 1)), [attempt(0, 0, "late", at=2)])
    for folders in ([early, late], [late, early]):
        summary = merged(folders, tmp_path / "t.csv")
        assert (summary.twice, summary.done) == (1, 2)
        assert (tmp_path / "t.csv").read_text().splitlines()[1] == "0,early"


def test_an_audit_that_disagrees_names_both_machines(tmp_path: Path) -> None:
    owner = journal(tmp_path / "a", header("a", 2, (0, 1), audit=((1, 2),)), [attempt(0, 0, 5), attempt(1, 1, 7)])
    other = journal(tmp_path / "b", header("b", 2, (1, 2), audit=((0, 1),)), [attempt(1, 1, 7), attempt(0, 0, 6)])
    summary = merged([owner, other], tmp_path / "t.csv")
    assert summary.twice == 0
    assert [(job, [(one.machine, one.result) for one in said]) for job, said in summary.disagreements] == [
        (0, [("a", "5"), ("b", "6")])
    ]
    assert (tmp_path / "t.csv").read_text() == "job,result\n0,5\n1,7\n"


def test_missing_jobs_are_told_as_ranges_with_their_owners(tmp_path: Path) -> None:
    order = Permutations(bytes.fromhex(DIGEST), [100], "shuffled")[0]
    lines = [attempt(order.at(place), place, 1) for place in range(40)]
    folder = journal(tmp_path / "a", header("a", 100, (0, 50), order="shuffled"), lines)
    summary = merged([folder], tmp_path / "t.csv")
    owner = owners_without_plan(open_journals([folder], print))
    assert owner is not None
    missing = [job for at in range(0, len(summary.missing_ids), 2) for job in range(*summary.missing_ids[at : at + 2])]
    assert missing == sorted(set(range(100)) - {order.at(place) for place in range(40)})
    assert [owner(job) for job in missing].count("a") == 10
    assert [owner(job) for job in missing].count(None) == 50


def test_a_pool_of_a_billion_with_few_rows_needs_no_memory_for_the_rest(tmp_path: Path) -> None:
    jobs = 10**9
    lines = [attempt(job, job, job) for job in (0, 5, 10**9 - 1)]
    summary = merged([journal(tmp_path / "a", header("a", jobs, (0, jobs)), lines)], tmp_path / "t.csv")
    assert summary.missing_ids.tolist() == [1, 5, 6, 10**9 - 1]


@pytest.mark.parametrize("packed", ["home.tar", "home.tar.gz", "home.zip"])
def test_archives_of_odd_names_are_sources_and_nothing_is_written_outside(tmp_path: Path, packed: str) -> None:
    folder = journal(tmp_path / "with space\nand line" / "alice", header("alice", 1, (0, 1)), [attempt(0, 0, 1)])
    archive = tmp_path / packed
    evil = f"../../evil-{packed}/{JOURNAL}"
    if packed.endswith(".zip"):
        with zipfile.ZipFile(archive, "w") as made:
            made.write(last_journal(folder), f"x y/alice/{JOURNAL}")
            made.writestr(evil, last_journal(folder).read_bytes())
    else:
        with tarfile.open(archive, "w:gz" if packed.endswith("gz") else "w") as tar:
            tar.add(folder.path, "x y/alice")
            tar.add(last_journal(folder), evil)
    said: list[str] = []
    with find_sources([str(archive), str(folder.path), str(folder.path)], said.append) as sources:
        assert len(sources.folders) == 3
        assert all(last_journal(one).exists() for one in sources.folders)
        unpacked = sources.folders[0].path
    assert not unpacked.exists()
    assert not list(tmp_path.parent.glob(f"evil-{packed}"))
    assert any("given twice" in sentence for sentence in said)


@pytest.mark.parametrize("ending", ["tar.gz", "tar.xz", "tar.bz2", "zip"])
def test_a_damaged_archive_is_refused_in_words(tmp_path: Path, ending: str) -> None:
    lines = [attempt(job, job, job * 7) for job in range(60)]
    folder = journal(tmp_path / "alice", header("alice", 60, (0, 60)), lines)
    archive = tmp_path / f"home.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
            made.write(last_journal(folder), f"alice/{JOURNAL}")
    else:
        with tarfile.open(archive, f"w:{ending.removeprefix('tar.')}") as tar:  # type: ignore[call-overload]
            tar.add(folder.path, "alice")
    whole, source, refused = archive.read_bytes(), random.Random(3), 0
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[source.randrange(len(whole))] ^= source.randrange(1, 256)
        archive.write_bytes(damaged[: source.choice([len(whole), source.randrange(len(whole))])])
        try:
            find_sources([str(archive)], lambda sentence: None).__exit__()
        except UsageError:
            refused += 1
    assert refused > 30


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_a_tar_that_was_cut_between_two_members_is_refused(tmp_path: Path, ending: str) -> None:
    for name in ("alice", "bob"):
        journal(tmp_path / name, header(name, 2, (0, 2)), [attempt(0, 0, 1)])
    archive = tmp_path / f"a.{ending}"
    with tarfile.open(archive, "w:gz" if ending.endswith("gz") else "w") as tar:
        for name in ("alice", "bob"):
            tar.add(tmp_path / name / JOURNAL, f"{name}/{JOURNAL}")
    with find_sources([str(archive)], print) as sources:
        assert len(sources.folders) == 2
    data = gzip.decompress(archive.read_bytes()) if ending.endswith("gz") else archive.read_bytes()
    with tarfile.open(archive) as tar:
        stops = [one.offset_data + -(-one.size // 512) * 512 for one in tar]
    for stop in stops:
        cut = data[:stop]
        archive.write_bytes(gzip.compress(cut) if ending.endswith("gz") else cut)
        with pytest.raises(UsageError, match="cut off"):
            find_sources([str(archive)], print)


@pytest.mark.parametrize("name", ["fifo", JOURNAL])
def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        find_sources([str(tmp_path / name)], print)
    with pytest.raises(ShareoutError):
        open_journals(find_sources([str(tmp_path)], print).folders, print)


def test_loops_empty_folders_and_foreign_files_are_told(tmp_path: Path) -> None:
    folder = journal(tmp_path / "runs" / "alice", header("alice", 1, (0, 1)), [attempt(0, 0, 1)])
    (tmp_path / "runs" / "loop").symlink_to(tmp_path / "runs")
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    said: list[str] = []
    with find_sources([str(tmp_path / name) for name in ("runs", "empty", "notes.txt")], said.append) as sources:
        assert [one.path for one in sources.folders] == [folder.path]
    assert any("empty" in sentence for sentence in said)
    assert any("notes.txt" in sentence for sentence in said)
    with pytest.raises(UsageError):
        find_sources([str(tmp_path / "empty")], said.append)


def test_a_wider_row_or_an_unknown_key_gets_its_own_column(tmp_path: Path) -> None:
    lists = journal(
        tmp_path / "a", header("a", 3, (0, 3)), [attempt(0, 0, 1), attempt(1, 1, [2, 3]), attempt(2, 2, [])]
    )
    merged([lists], tmp_path / "l.csv", 2)
    assert (tmp_path / "l.csv").read_text() == "job,result,result_2\n0,1,\n1,2,3\n2,,\n"
    dicts = journal(
        tmp_path / "b", header("b", 2, (0, 2)), [attempt(0, 0, {"b": 1, "job": 9}), attempt(1, 1, {"a": [1]})]
    )
    merged([dicts], tmp_path / "d.csv", 2)
    assert (tmp_path / "d.csv").read_text() == "job,a,b,result_job\n0,,1,9\n1,[1],,\n"


def test_a_database_holds_what_the_csv_holds(tmp_path: Path) -> None:
    results = [[1, 2**70], ["ü", None], [True, float("nan")]]
    folder = journal(
        tmp_path / "a", header("a", 3, (0, 3)), [attempt(job, job, one) for job, one in enumerate(results)]
    )
    merged([folder], tmp_path / "t.sqlite")
    base = sqlite3.connect(tmp_path / "t.sqlite")
    assert base.execute("select * from results order by job").fetchall() == [
        (0, 1, str(2**70)), (1, "ü", None), (2, 1, "NaN")
    ]  # fmt: skip
    base.close()


def test_the_times_of_a_row_are_those_of_the_attempt_that_counts(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "a")
    folder.path.mkdir()
    tried = [attempt(0, 0, None, state=State.FAILED), attempt(1, 1, 2, at=3)]
    for at, lines in ((0, tried), (9, [attempt(0, 0, 1, number=2, at=10)])):
        start = Session("start", 1763666580.0 + at, 1, "host", "")
        writer = JournalWriter(folder, replace(header("a", 2, (0, 2)), start=start))
        writer.append(b"".join(lines))
        writer.close()
    merged([folder], tmp_path / "t.csv", meta="all")
    assert (tmp_path / "t.csv").read_text().splitlines() == [
        "job,result,machine,attempt,slot,run_start,start,duration,end",
        "0,1,a,2,0,2025-11-20T19:23:09.000000Z,2025-11-20T19:23:11.000000Z,1.0,2025-11-20T19:23:12.000000Z",
        "1,2,a,1,0,2025-11-20T19:23:00.000000Z,2025-11-20T19:23:04.000000Z,1.0,2025-11-20T19:23:05.000000Z",
    ]
