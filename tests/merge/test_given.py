"""A host that claims what no entry of the ledger gave it is told by name, where entries lie beside the journals."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from kit.journals import attempt, header
from shareout.ledger.entry import Entry
from shareout.merge.proof.complete import open_journals
from shareout.record.folder import RunFolder
from shareout.record.journal import attempt_line, claim_line
from shareout.record.lines.claim import Claim, How

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


def told(above: Path, name: str, *claims: Claim, nonce: str, machines: str = "machines") -> list[str]:
    folder = above / machines / name
    folder.mkdir(parents=True)
    head = replace(header(machine=name, ranges=((0, 0),)), claims=True)
    lines = [line for claim in claims for line in (claim_line(claim), attempt_line(attempt(claim.ranges[0][0])))]
    (folder / f"journal.1-{nonce}.jsonl").write_bytes(head.lines() + b"".join(lines))
    said: list[str] = []
    open_journals([RunFolder(folder)], said.append)
    return said


def test_what_entries_gave_is_told_of_nobody(ledger: Path) -> None:
    assert not told(ledger, "alice", Claim("0.0", 1, ((0, 8),), How.OPEN), nonce="aaaaaaaa")
    mine = Claim("2222", 0, ((12, 14), (15, 16)), How.CUT, "alice/1-aaaaaaaa"), Claim("3333", 0, ((8, 12),), How.SEIZE)
    assert not told(ledger, "bob", *mine, nonce="bbbbbbbb")


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        (Claim("0.0", 1, ((0, 8),), How.TAKE), "lane 0.0, entry 1 is of alice/1-aaaaaaaa, and not of bob/1-bbbbbbbb"),
        (Claim("2222", 0, ((12, 17),), How.CUT), "lane 2222, entry 0 is of 12 to 16, and not of 12 to 17"),
        (Claim("2222", 3, ((12, 14),), How.CUT), "there is no lane 2222, entry 3"),
        (Claim("../x", 1, ((12, 14),), How.CUT), "there is no lane ../x, entry 1"),
    ],
)
def test_a_claim_that_nothing_bears_out_is_told_by_name(ledger: Path, claim: Claim, why: str) -> None:
    (sentence,) = told(ledger, "bob", claim, Claim("2222", 9, ((13, 14),), How.CUT), nonce="bbbbbbbb")
    assert sentence.startswith(f"bob claims what no entry gave it: {why}. Look who that is")


def test_a_later_start_of_the_same_name_is_another_one(ledger: Path) -> None:
    assert "is of bob/1-bbbbbbbb" in told(ledger, "bob", Claim("2222", 0, ((12, 13),), How.CUT), nonce="cccccccc")[0]


def test_where_no_entries_are_nothing_is_said(ledger: Path) -> None:
    assert not told(ledger, "bob", Claim("9999", 9, ((0, 1),), How.CUT), nonce="bbbbbbbb", machines="runs")


def test_what_another_ledger_of_these_jobs_gave_is_fine(ledger: Path) -> None:
    """A host that was in a ledger of some groups before ships all its journals."""
    other = ledger.with_name("87654321")
    (other / "lanes").mkdir(parents=True)
    mine = Claim("2222", 0, ((12, 14),), How.CUT)
    assert not told(other, "bob", mine, nonce="bbbbbbbb")
    assert "there is no lane 9999" in told(other, "ann", Claim("9999", 1, ((0, 1),), How.CUT), nonce="bbbbbbbb")[0]
