"""The lines of a Slurm script that ask for what a pilot has measured. Pure."""

from __future__ import annotations

from math import ceil

from shareout.fields import dataclass

MARGIN = 1.2
"""A job that is ended at its limit costs more than an hour that was asked for and not used."""
START_S = 60
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Batch:
    """An array: an element is a machine by itself."""

    nodes: int
    cores: int
    seconds: float
    """At worst, of the slowest element."""
    memory: int
    """Bytes, at worst, of all that runs at a time on one."""
    gpus: int = 0

    @property
    def minutes(self) -> int:
        """With the margin, and the start."""
        return ceil((self.seconds * MARGIN + START_S) / 60)

    @property
    def time(self) -> str:
        """As Slurm reads it."""
        days, rest = divmod(self.minutes, 24 * 60)
        hours, minutes = divmod(rest, 60)
        return f"{days}-{hours:02d}:{minutes:02d}:00" if days else f"{hours:02d}:{minutes:02d}:00"

    @property
    def mebibytes(self) -> int:
        """With the margin, in whole hundreds: Slurm's M is a MiB."""
        return ceil(self.memory * MARGIN / MIB / 100) * 100

    def lines(self) -> list[str]:
        """To paste."""
        asked = [
            f"--array=0-{self.nodes - 1}",
            f"--cpus-per-task={self.cores}",
            f"--time={self.time}",
            f"--mem={self.mebibytes}M",
            *([f"--gpus-per-node={self.gpus}"] if self.gpus else []),
        ]
        return [f"#SBATCH {one}" for one in asked]
