"""What a folder is mounted from, and by how much a look at it may lag: from this host's own mount table."""

from __future__ import annotations

import math
import re
from pathlib import Path

from shareout.fields import dataclass

OWN = {
    "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfsplus", "jfs", "ntfs3", "overlay", "ramfs",
    "reiserfs", "tmpfs", "ubifs", "vfat", "xfs", "zfs",
}  # fmt: skip
"""Kinds of file systems that only this host writes, whose looks see all that was done before."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/self/mountinfo."""

    point: str
    kind: str
    source: str
    options: str

    @property
    def is_own(self) -> bool:
        """Of this host alone, as far as it can tell: it may give it to others, who then see it by another mount."""
        return self.kind in OWN

    @property
    def slack_s(self) -> float:
        """`math.inf` where the mount table does not say: what sshfs and other programs keep is known to them alone."""
        if self.is_own:
            return 0.0
        if self.kind in ("nfs", "nfs4"):
            # A name that was not there is asked for again each time under `lookupcache=none` and `=positive`.
            if re.search(r"\b(noac|lookupcache=(none|pos\w*))\b", self.options):
                return 0.0
            return self._longest(("acregmax", "acdirmax"), otherwise=60.0)
        if self.kind in ("cifs", "smb3"):
            return self._longest(("actimeo", "acregmax", "acdirmax"), otherwise=1.0)
        return math.inf

    def _longest(self, options: tuple[str, ...], *, otherwise: float) -> float:
        """The table names those that are not as usual. No less than usual where only one of them is named."""
        named = dict(re.findall(r"\b(\w+)=(\d+)\b", self.options))
        found = [float(named[one]) for one in options if one in named]
        # One alone may stand beside another that is as usual.
        complete = len(found) == len(options) or "actimeo" in named
        return max(found) if complete else max([otherwise, *found])


def mount_of(folder: int, table: Path = Path("/proc/self/mountinfo")) -> Mount | None:
    """Of an open folder; None where the system does not tell."""
    try:
        told = Path(f"/proc/self/fdinfo/{folder}").read_text()
        number = re.search(r"^mnt_id:\s*(\d+)$", told, re.MULTILINE)
        lines = table.read_bytes().decode("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    return next((_read(line) for line in lines if number and line.startswith(f"{number[1]} ")), None)


def _read(line: str) -> Mount:
    """`36 35 0:39 / /mnt/a\\040b rw,noatime - nfs server:/x rw,acdirmax=30`: blanks within are octal."""
    before, _, after = line.partition(" - ")
    kind, source, *options = (_plain(word) for word in after.split(" "))
    return Mount(_plain(before.split(" ")[4]), kind, source, f"{before.split(' ')[5]},{''.join(options)}")


def _plain(word: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), word)
