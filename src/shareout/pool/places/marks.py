"""Where every so manieth row of a file begins: a row of millions is found in one look, wherever it is.

At most a byte a row. Made once, before workers are forked, who then share it; workers read rows in the order of
positions, that is at random places, so that a block which had to be split for every row would cost more than the job.
"""

from __future__ import annotations

from array import array
from itertools import accumulate

# Of a file of less than 4 GiB a place takes four bytes, else eight.
SMALL = 1 << 32


class Marks:
    """The places of rows 0, `step`, 2·`step` …, and where the last row ends."""

    def __init__(self, size: int) -> None:
        self.step = 4 if size < SMALL else 8
        self.count = 0
        """How many rows were told."""
        self.offsets = array("I" if size < SMALL else "Q")
        """Of rows 0, `step` …, and the end."""

    def add(self, offset: int) -> None:
        """Where the next row begins."""
        if not self.count % self.step:
            self.offsets.append(offset)
        self.count += 1

    def add_lines(self, offset: int, lines: list[bytes]) -> None:
        """The next rows are these lines, the first of them at this place."""
        first, step = -self.count % self.step, self.step
        begins = list(accumulate(map(len, lines), initial=offset))[first:-1:step]
        # Each line has a newline that its length does not tell.
        self.offsets.extend(map(int.__add__, begins, range(first, len(lines), step)))
        self.count += len(lines)

    def close(self, end: int) -> None:
        """Where the file ends."""
        self.offsets.append(end)

    def around(self, number: int) -> tuple[int, int, int]:
        """Where to read: start, stop, and how many rows stand between the start and this one."""
        at, nth = divmod(number, self.step)
        return self.offsets[at], self.offsets[at + 1], nth
