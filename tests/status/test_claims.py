"""A host that claims what no entry of the ledger gave it is named, with the entry that does not bear it out."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from kit.journals import header
from shareout.ledger.entry import Entry
from shareout.record.lines.claim import Claim, How
from shareout.status.claims import Amiss, amiss

ME, OTHER = "alice/1-aaaaaaaa", "bob/1-bbbbbbbb"
ROOT = Entry("take", 0, 8, 20, owner=ME, by=ME, nonce="1111")
CUT = Entry("cut", 0, 8, 12, owner=ME, kid=(12, 16, 20), by=OTHER, nonce="2222")
SEIZE = Entry("seize", 8, 8, 8, owner=ME, doubt="", kid=(8, 12, 12), before=2, by=OTHER, nonce="3333")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    above = tmp_path / "12345678"
    for k, entry in enumerate((ROOT, CUT, SEIZE), 1):
        file = above / "lanes" / "0.0" / str(k)
        file.parent.mkdir(parents=True, exist_ok=True)
        if k == 2:
            # As it is where there are no symbolic links.
            file.write_bytes(entry.text())
        else:
            file.symlink_to(os.fsdecode(entry.text().replace(b"/", b"\x1f")))
    (above / "lanes" / "0.0" / ".new-1").write_bytes(b"half of")
    return above


def found(machine: str, *claims: Claim, nonce: str, ledgers: list[Path]) -> Amiss | None:
    head = replace(header(machine=machine, ranges=((0, 0),)), nonce=nonce, ordinal=1, jobs=20, claims=True)
    return amiss(ledgers, head, claims)


def test_what_entries_gave_is_told_of_nobody(ledger: Path) -> None:
    assert not found("alice", Claim("0.0", 1, ((0, 8),), How.OPEN), nonce="aaaaaaaa", ledgers=[ledger])
    mine = Claim("2222", 0, ((12, 14), (15, 16)), How.CUT, "alice/1-aaaaaaaa"), Claim("3333", 0, ((8, 12),), How.SEIZE)
    assert not found("bob", *mine, nonce="bbbbbbbb", ledgers=[ledger])


@pytest.mark.parametrize(
    ("claim", "jobs", "owner", "is_there"),
    [
        (Claim("0.0", 1, ((0, 8),), How.TAKE), 9, ME, True),
        (Claim("2222", 0, ((12, 17),), How.CUT), 2, OTHER, True),
        (Claim("2222", 3, ((12, 14),), How.CUT), 2, "", False),
        (Claim("../x", 1, ((12, 14),), How.CUT), 2, "", False),
    ],
)
def test_a_claim_that_nothing_bears_out_is_told_with_its_jobs_and_the_first_entry(
    ledger: Path, claim: Claim, jobs: int, owner: str, is_there: bool
) -> None:
    also = Claim("2222", 9, ((13, 14),), How.CUT)
    one = found("bob", claim, also, nonce="bbbbbbbb", ledgers=[ledger])
    assert one == Amiss("bob", jobs, claim.lane, claim.k, owner, is_there=is_there)


def test_a_later_start_of_the_same_name_is_another_one(ledger: Path) -> None:
    one = found("bob", Claim("2222", 0, ((12, 13),), How.CUT), nonce="cccccccc", ledgers=[ledger])
    assert one is not None
    assert one.owner == OTHER


def test_what_one_of_several_ledgers_of_these_jobs_gave_is_fine(ledger: Path) -> None:
    """A host that was in a ledger of some groups before ships all its journals."""
    other = ledger.with_name("87654321")
    (other / "lanes").mkdir(parents=True)
    mine = Claim("2222", 0, ((12, 14),), How.CUT)
    assert not found("bob", mine, nonce="bbbbbbbb", ledgers=[other, ledger])
    assert found("bob", mine, nonce="bbbbbbbb", ledgers=[other])
