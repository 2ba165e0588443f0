"""What a machine claimed beside its share is its own to record: for every reader of journals, and while it grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kit.journals import JOBS, attempt, header, last_journal
from shareout.errors import RunDirectoryDamaged
from shareout.merge.proof.complete import open_journals
from shareout.merge.results import Merge
from shareout.record.belonging import ever_owed, own_ranges
from shareout.record.folder import RunFolder
from shareout.record.journal import Header, attempt_line, claim_line, parse
from shareout.record.lines.claim import Claim, How
from shareout.record.outcome import State
from shareout.record.reader import incarnations_of, newest_header
from shareout.record.tallies.saved import save, tally_of
from shareout.record.tallies.standing import DONE, NEW
from shareout.record.tallies.tally import Tally
from shareout.status.jobs import JobStates, settled_of
from shareout.status.machine import Follower
from shareout.status.total import look

CUT = Claim("1.0", 3, ((12, 14), (17, 20)), How.CUT, "bob/2-0a1b2c3d")
LINE = b'{"claim":"1.0","k":3,"ranges":[[12,14],[17,20]],"how":"cut","from":"bob/2-0a1b2c3d","crc":"%s"}\n'


def alices(*, claims: bool = True) -> Header:
    """Of her own she has ten of twenty; bob has the others."""
    return replace(header(ranges=((0, 10),)), claims=claims)


def folder_of(path: Path, head: Header, lines: Sequence[bytes]) -> RunFolder:
    path.mkdir(parents=True)
    made = RunFolder(path)
    last_journal(made).write_bytes(head.lines() + b"".join(lines))
    return made


def claimed(path: Path, *positions: int, claim: Claim = CUT, head: Header | None = None) -> RunFolder:
    lines = [attempt_line(attempt(one)) for one in positions]
    return folder_of(path, head or alices(), [claim_line(claim), *lines])


def read(folder: RunFolder) -> Tally:
    return tally_of(folder, newest_header(folder))


def test_its_line_is_what_the_formats_tell() -> None:
    line = claim_line(CUT)
    assert line == LINE % line[-11:-3]
    assert parse(line[:-1]) == CUT
    assert b"from" not in claim_line(replace(CUT, origin=""))


def test_a_header_says_that_claims_may_follow_only_where_they_may(tmp_path: Path) -> None:
    assert b'"claims":true' in alices().lines()
    assert b"claims" not in alices(claims=False).lines()
    assert not newest_header(folder_of(tmp_path / "alice", alices(claims=False), [])).claims


def test_what_was_claimed_counts_where_it_is_read(tmp_path: Path) -> None:
    tally = read(claimed(tmp_path / "alice", 0, 12, 19))
    assert [tally.state(position) for position in (0, 1, 12, 13, 19)] == [DONE, NEW, DONE, NEW, DONE]
    assert (len(tally.states), tally.done) == (10, 1), "her share is counted as before"


def test_it_counts_from_a_saved_tally_as_well(tmp_path: Path) -> None:
    folder = claimed(tmp_path / "alice", 0, 12)
    save(read(folder), folder.tally)
    with last_journal(folder).open("ab") as file:
        file.write(attempt_line(attempt(17)) + claim_line(replace(CUT, ranges=((10, 11),))) + attempt_line(attempt(10)))
    tally = read(folder)
    assert [tally.state(position) for position in (10, 11, 12, 17)] == [DONE, NEW, DONE, DONE]


def test_without_a_claim_it_is_refused(tmp_path: Path) -> None:
    damaged = claim_line(CUT).replace(b"cut", b"cub")
    for folder in (
        claimed(tmp_path / "another position", 11),
        claimed(tmp_path / "a session that has none", 12, head=alices(claims=False)),
        folder_of(tmp_path / "a damaged claim", alices(), [damaged, attempt_line(attempt(12))]),
    ):
        for look_at in (read, lambda one: JobStates([one]), merge):
            with pytest.raises(RunDirectoryDamaged, match="not alice's to run"):
                look_at(folder)


def test_a_claim_of_no_position_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryDamaged, match="plan of 20 jobs does not have"):
        read(claimed(tmp_path / "alice", claim=replace(CUT, ranges=((12, JOBS + 1),))))


def test_a_torn_claim_is_none(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "alice", alices(), [attempt_line(attempt(0)), claim_line(CUT)[:-2]])
    assert incarnations_of(folder)[0].header.claimed == ()
    assert read(folder).done == 1


def test_claims_anywhere_in_a_long_journal_are_found(tmp_path: Path) -> None:
    lines = [attempt_line(attempt(0, State.FAILED, number + 1)) for number in range(3000)]
    lines[1500:1500] = [claim_line(CUT)]
    folder = folder_of(tmp_path / "alice", alices(), [*lines, claim_line(replace(CUT, ranges=((10, 11),)))])
    assert last_journal(folder).stat().st_size > 1 << 18, "more than is read at once"
    (start,) = incarnations_of(folder)
    assert start.header.claimed == ((10, 11), (12, 14), (17, 20))
    assert ever_owed([start.header]) == own_ranges([start.header]) == [(0, 11), (12, 14), (17, 20)]


def test_a_list_and_the_outcome_of_a_job_tell_it(tmp_path: Path) -> None:
    folder = claimed(tmp_path / "alice", 0, 12)
    job = attempt(12).job
    state = JobStates([folder]).state(job)
    assert (state.state, state.machine) == ("d", "alice")
    (settled,) = settled_of([folder], job)
    assert not settled.header.audits(12)


def merge(*folders: RunFolder) -> int:
    said: list[str] = []
    with Merge(open_journals(folders, said.append), folders[0].path.parent) as merging:
        merging.gather()
        return merging.summarize().done


def test_a_merge_has_it_and_misses_nothing(tmp_path: Path) -> None:
    alice = claimed(tmp_path / "alice", *range(10), 12, 13, 17, 18, 19)
    bobs = replace(alices(claims=False), machine="bob", ranges=((10, 20),))
    bob = folder_of(tmp_path / "bob", bobs, [attempt_line(attempt(one)) for one in (10, 11, 14, 15, 16)])
    assert merge(alice, bob) == JOBS


def test_a_machine_is_told_what_another_has_claimed_of_its_share(tmp_path: Path) -> None:
    alice = claimed(tmp_path / "alice", 0, 12, 13)
    bobs = replace(alices(claims=False), machine="bob", ranges=((10, 20),))
    bob = folder_of(tmp_path / "bob", bobs, [attempt_line(attempt(10))])
    seen = look([Follower(alice), Follower(bob)], {})
    assert [(one.name, one.jobs, one.done) for one in seen.machines] == [("alice", 10, 1), ("bob", 10, 3)]


def test_what_is_claimed_while_somebody_looks_is_seen(tmp_path: Path) -> None:
    folder = claimed(tmp_path / "alice", 0)
    follower = Follower(folder)
    assert follower.look().done == 1
    with last_journal(folder).open("ab") as file:
        file.write(claim_line(replace(CUT, ranges=((10, 12),))) + attempt_line(attempt(11)))
    follower.refresh()
    assert follower.tally.state(11) == DONE


def test_a_start_that_owes_something_else_is_seen_by_who_looks(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "alice", alices(claims=False), [attempt_line(attempt(0))])
    follower = Follower(folder)
    assert follower.look().jobs == 10
    later = replace(alices(claims=False), digest="ef" * 32, origin="ab" * 32, ranges=((0, 12),), ordinal=2)
    folder.journal(2, "0" * 8).write_bytes(later.lines() + attempt_line(attempt(11)))
    seen = follower.look()
    assert (seen.jobs, seen.done) == (12, 2)
