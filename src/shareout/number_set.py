"""Sets of whole numbers where ten million of them are no rare thing: a byte each where they lie close together, and
nothing for the stretches that have none. As objects they would be a hundred bytes each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

PAGE = 4096
_STRETCH = re.compile(rb"\x01+")


class NumberSet:
    """Whole numbers from 0."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        page = self._pages.get(number // PAGE)
        return page is not None and page[number % PAGE] == 1

    def __iter__(self) -> Iterator[int]:
        """Ascending."""
        for start, stop in self._stretches():
            yield from range(start, stop)

    def add(self, number: int) -> bool:
        """Whether it is new here."""
        at, place = divmod(number, PAGE)
        page = self._pages.get(at)
        if page is None:
            page = self._pages[at] = bytearray(PAGE)
        if page[place]:
            return False
        page[place] = 1
        self._count += 1
        return True

    def update(self, numbers: Iterable[int]) -> None:
        """All of them."""
        for number in numbers:
            self.add(number)

    def ranges(self) -> list[tuple[int, int]]:
        """Start and stop of what follows one another."""
        made: list[tuple[int, int]] = []
        for start, stop in self._stretches():
            if made and made[-1][1] == start:
                made[-1] = made[-1][0], stop
            else:
                made.append((start, stop))
        return made

    def _stretches(self) -> Iterator[tuple[int, int]]:
        for at in sorted(self._pages):
            base = at * PAGE
            for found in _STRETCH.finditer(self._pages[at]):
                yield base + found.start(), base + found.end()
