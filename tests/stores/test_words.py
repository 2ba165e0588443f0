"""What a store is told and tells in words: names, charters, and the mount table."""

from __future__ import annotations

import math
import os
import random
import unicodedata
from pathlib import Path

import pytest

from kit.remote_store import charter
from shareout.errors import UsageError
from shareout.stores.charter import read_charter
from shareout.stores.folder.mount import Mount, mount_of
from shareout.stores.folder.spelling import LONGEST, meant, parts_of, spelled


def test_any_name_comes_back_and_needs_nothing_of_a_file_system() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moment = random.Random(seed)
    signs = [chr(code) for code in range(1, 0x3000) if unicodedata.category(chr(code)) != "Cs"]
    for _ in range(1_000):
        name = "".join(moment.choices([*signs, *"./%.-_ " * 300], k=moment.randrange(1, 20)))
        text = spelled(name)
        assert meant(text) == name
        assert text.isascii()
        assert not set(text) & set(b'/\\ :*?"<>|\0\n')
        assert not text.startswith(b".")
        assert not text.endswith(b".")


def test_names_are_spelled_so() -> None:
    assert spelled("node17.example.org") == b"node17.example.org"
    assert spelled("node 17") == b"node%2017"
    assert spelled("..") == b"%2E%2E"
    assert spelled("é/%") == b"%C3%A9%2F%25"
    assert parts_of("lanes/0.0/17") == (b"lanes", b"0.0", b"17")


def test_what_is_no_name_of_ours_means_nothing() -> None:
    for text in (b"", b".hidden", b"a b", b"%2e", b"%41", b"%", b"a/b", b"x" * (LONGEST + 1), b"ends."):
        assert meant(text) is None


def test_a_name_that_cannot_be_one() -> None:
    with pytest.raises(ValueError, match="a name is empty"):
        parts_of("lanes//1")
    with pytest.raises(UsageError, match="is too long for a name in a shared folder: 201 bytes"):
        spelled("x" * (LONGEST + 1))


def test_a_charter_comes_back_as_it_was() -> None:
    for slack_s in (0.0, 60.0, math.inf):
        made = charter(machines=("alice", "Žofie"), group='["a", "b"]', slack_s=slack_s).made_now()
        assert read_charter(made.text(), Path("x")) == made
        assert made.text().isascii()


def test_what_decides_where_a_ledger_lies() -> None:
    """As docs/formats.md has it: the origin, and the plan with its group and version."""
    assert charter().folders == ("ab" * 8, "2c9c9405")
    assert charter(dead_s=9.0, slack_s=1.0, machines=()).folders == charter().folders
    others = [charter(plan="ee" * 32), charter(group='["g"]'), charter(protocol=2)]
    assert len({one.folders for one in [charter(), *others]}) == 4


@pytest.mark.parametrize(
    ("kind", "options", "slack_s"),
    [
        ("ext4", "rw,relatime", 0.0),
        ("tmpfs", "rw,size=1k", 0.0),
        ("nfs4", "rw,vers=4.2,hard", 60.0),
        ("nfs", "rw,acregmax=3,acdirmax=5", 5.0),
        ("nfs", "rw,acregmin=1,acregmax=90,acdirmin=1,acdirmax=30", 90.0),
        ("nfs4", "rw,acdirmax=5", 60.0),
        ("nfs4", "rw,acdirmax=120", 120.0),
        ("nfs4", "rw,noac", 0.0),
        ("nfs4", "rw,acregmax=60,lookupcache=pos,hard", 0.0),
        ("nfs4", "rw,lookupcache=none", 0.0),
        ("cifs", "rw,vers=3.1.1", 1.0),
        ("cifs", "rw,actimeo=30", 30.0),
        ("smb3", "rw,acregmax=2,acdirmax=7", 7.0),
        ("fuse.sshfs", "rw,user_id=0", math.inf),
        ("lustre", "rw", math.inf),
        ("fuse.glusterfs", "rw", math.inf),
    ],
)
def test_by_how_much_a_look_may_lag(kind: str, options: str, slack_s: float) -> None:
    assert Mount("/mnt", kind, "server:/x", options).slack_s == slack_s


def test_the_mount_of_a_folder_is_read_from_the_table(tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_RDONLY)
    here = mount_of(handle)
    assert here is not None
    assert str(tmp_path).startswith(here.point)
    number = Path(f"/proc/self/fdinfo/{handle}").read_text().partition("mnt_id:")[2].split()[0]
    table = tmp_path / "mountinfo"
    table.write_text(
        "1 0 0:1 / / rw - ext4 /dev/x rw\n"
        f"{number} 1 0:39 / /mnt/a\\040b rw,noatime shared:1 master:2 - nfs4 server:/x\\134y rw,acregmax=7,acdirmax=9\n"
    )
    assert mount_of(handle, table) == Mount("/mnt/a b", "nfs4", "server:/x\\y", "rw,noatime,rw,acregmax=7,acdirmax=9")
    assert mount_of(handle, table.with_name("none")) is None
    table.write_text("")
    assert mount_of(handle, table) is None
    os.close(handle)
