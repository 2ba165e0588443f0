"""Journals of a shared run grow while they are read: a record whose claim came after the look at claims belongs."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.joiners import Joiners
from shareout.errors import RunDirectoryDamaged
from shareout.record.belonging import Belonging
from shareout.record.folder import RunFolder
from shareout.record.journal import claim_line
from shareout.record.lines.claim import Claim, How
from shareout.record.reader import incarnations_of


def test_a_record_that_a_later_claim_covers_belongs_and_another_does_not(tmp_path: Path) -> None:
    joiners = Joiners(tmp_path)
    joiners.host("alice").jobs(*["true"] * 9, machines='{"alice": [1, 1], "bob": [1, 1]}')
    joiners.run("alice", "-n", "1", dead="1h")
    joiners.ended("alice")
    folder = RunFolder(joiners.host("alice").run_folder)
    (start,) = incarnations_of(folder)
    claimed = max(stop for _, stop in start.header.claimed)
    belonging = Belonging(start.header)
    with start.path.open("ab") as journal:
        journal.write(claim_line(Claim("1.0", 1, ((claimed, claimed + 1),), how=How.OPEN)))
    belonging.check(start.path, [(start.begin, 0, claimed)])
    with pytest.raises(RunDirectoryDamaged, match="which is not alice's to run"):
        belonging.check(start.path, [(start.begin, 0, claimed + 1)])
