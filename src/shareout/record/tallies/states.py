"""The state of each place of a share, in memory for what is scattered: a byte for a page of places that are alike, and
only where they differ a byte each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from shareout.ranges import Range

# A failure among a billion places that are done costs a page: of a thousand places it is little, and a share of a
# billion is still a million pages, through which a search in C goes in a millisecond.
SHIFT = 10
PAGE = 1 << SHIFT
_PLACE = PAGE - 1
MIXED = 255
"""Stands for a page whose places differ; all below are states."""
# Of places that lie so far apart each is looked up by itself: what lies between them would be copied.
FAR_APART = 16
FEW = 16
"""So many places a stretch, on average, are worth to be looked at as stretches."""


class States:
    """As a bytearray of so many states would be, all 0 at first."""

    __slots__ = ("_heads", "_mixed", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._heads = bytearray(-(-size // PAGE))
        """Of each page what all its places are, or MIXED."""
        # That a page is in here means that its places do differ, always: so two that are alike are equal.
        self._mixed: dict[int, bytearray] = {}

    def __len__(self) -> int:
        return self._size

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, States):
            return NotImplemented
        return (self._size, self._heads, self._mixed) == (other._size, other._heads, other._mixed)

    def __getitem__(self, at: int) -> int:
        head = self._heads[at >> SHIFT]
        return head if head != MIXED else self._mixed[at >> SHIFT][at & _PLACE]

    def swap(self, at: int, state: int) -> int:
        """Set one, and tell what it was."""
        page, place = at >> SHIFT, at & _PLACE
        was = self._heads[page]
        if was == MIXED:
            was = self._mixed[page][place]
        if was != state:
            self._fill_page(page, place, place + 1, state)
        return was

    def count(self, state: int, start: int = 0, stop: int | None = None) -> int:
        """How many are so, from a place up to another."""
        stop = self._size if stop is None else min(stop, self._size)
        if start >= stop:
            return 0
        first, last = start >> SHIFT, (stop - 1) >> SHIFT
        if first == last:
            return self._count_page(first, start & _PLACE, stop - (first << SHIFT), state)
        whole = self._heads.count(state, first + 1, last) << SHIFT
        within = sum(self._mixed[page].count(state) for page in self._mixed_pages(first + 1, last))
        ends = self._count_page(first, start & _PLACE, PAGE, state) + self._count_page(
            last, 0, stop - (last << SHIFT), state
        )
        return whole + within + ends

    def find(self, state: int, start: int = 0, stop: int | None = None) -> int:
        """The first that is so, from a place up to another; -1 when none is."""
        # Where a walk in order goes on it is found at once, as a rule.
        stop = self._size if stop is None else min(stop, self._size)
        if start < stop and self[start] == state:
            return start
        return next((first for first, _ in self.runs(state, start=start, stop=stop, is_first=True)), -1)

    def alike(self, at: int, stop: int) -> int:
        """How many are as the one at this place, from it on up to another."""
        state, page = self[at], at >> SHIFT
        end = self._end_in_page(page, at & _PLACE, stop, state=state)
        if end == (page + 1) << SHIFT < stop:
            heads = self._heads[page + 1 : ((stop - 1) >> SHIFT) + 1]
            page += 1 + len(heads) - len(heads.lstrip(bytes((state,))))
            end = page << SHIFT
            if end < stop and self._heads[page] == MIXED:
                end = self._end_in_page(page, 0, stop, state=state)
        return min(end, stop) - at

    def runs(self, *states: int, start: int = 0, stop: int | None = None, is_first: bool = False) -> Iterator[Range]:
        """The stretches of places in any of these states, each as long as can be. They may be filled as they come.
        `is_first`: no more is asked than where the first one begins."""
        stop = self._size if stop is None else min(stop, self._size)
        if start >= stop:
            return
        held, until = -1, -1
        for first, end in self._pieces(states, start, stop):
            if first == until:
                until = end
                continue
            if held >= 0:
                yield held, until
            held, until = first, end
            if is_first:
                break
        if held >= 0:
            yield held, until

    def fill(self, start: int, stop: int, state: int) -> None:
        """All from a place up to another are so now."""
        if start >= stop:
            return
        first, last = start >> SHIFT, (stop - 1) >> SHIFT
        if first == last:
            self._fill_page(first, start & _PLACE, stop - (first << SHIFT), state)
            return
        self._fill_page(first, start & _PLACE, PAGE, state)
        for page in self._mixed_pages(first + 1, last):
            del self._mixed[page]
        self._heads[first + 1 : last] = bytes((state,)) * (last - first - 1)
        self._fill_page(last, 0, stop - (last << SHIFT), state)

    def turn(self, places: Sequence[int], was: int, state: int) -> bool:
        """These places, none of them twice and one at least, go from one state to another. False, and nothing is
        changed, when one of them is in another."""
        # Most places of a journal's lines are neighbours, a few batches side by side: these are looked at as stretches.
        stretches = _stretches(sorted(places))
        if not stretches:
            return self._turn_each(places, was, state)
        if any(self.count(was, first, stop) < stop - first for first, stop in stretches):
            return False
        for first, stop in stretches:
            self.fill(first, stop, state)
        return True

    def window(self, start: int, stop: int) -> bytearray:
        """A byte for each from a place up to another."""
        found = bytearray()
        while start < stop:
            page, place = start >> SHIFT, start & _PLACE
            head, end = self._heads[page], min(stop - (page << SHIFT), PAGE)
            found += self._mixed[page][place:end] if head == MIXED else bytes((head,)) * (end - place)
            start += end - place
        return found

    def packed(self, table: bytes | None = None) -> list[bytes | bytearray]:
        """As it is saved: the pages' bytes, then the places of each page that is mixed. `table`: other states for
        some."""
        pages = [self._heads, *(self._mixed[page] for page in sorted(self._mixed))]
        return [page.translate(table) for page in pages] if table else list(pages)

    @classmethod
    def unpacked(cls, size: int, saved: bytearray, at: int) -> tuple[States, int]:
        """What was `packed` and stands there, and where it ends. ValueError when it is of another size."""
        made = cls(size)
        end = at + len(made._heads)
        made._heads = saved[at:end]
        for page in list(made._mixed_pages(0, len(made._heads))):
            length = made._length(page)
            made._mixed[page] = saved[end : end + length]
            end += length
            made._settle(page)
        if end > len(saved):
            raise ValueError("it is of another share")
        return made, end

    def _length(self, page: int) -> int:
        return min(PAGE, self._size - (page << SHIFT))

    def _mixed_pages(self, first: int, last: int) -> Iterator[int]:
        page = self._heads.find(MIXED, first, last)
        while page >= 0:
            yield page
            page = self._heads.find(MIXED, page + 1, last)

    def _count_page(self, page: int, first: int, end: int, state: int) -> int:
        head = self._heads[page]
        return self._mixed[page].count(state, first, end) if head == MIXED else (end - first) * (head == state)

    def _end_in_page(self, page: int, place: int, stop: int, *, state: int) -> int:
        """Where the places end that are so, from one that is on, within its page; looked for up to `stop`."""
        if self._heads[page] != MIXED:
            return (page << SHIFT) + self._length(page)
        rest = self._mixed[page][place : stop - (page << SHIFT)]
        return (page << SHIFT) + place + len(rest) - len(rest.lstrip(bytes((state,))))

    def _pieces(self, states: tuple[int, ...], start: int, stop: int) -> Iterator[Range]:
        """The runs, but cut at the borders of mixed pages."""
        pages, places = _sought(states)
        for found in pages.finditer(self._heads, start >> SHIFT, ((stop - 1) >> SHIFT) + 1):
            base = found.start() << SHIFT
            if self._heads[found.start()] == MIXED:
                low, high = max(start - base, 0), min(stop - base, PAGE)
                for one in places.finditer(self._mixed[found.start()], low, high):
                    yield base + one.start(), base + one.end()
            else:
                yield max(start, base), min(stop, found.end() << SHIFT)

    def _fill_page(self, page: int, first: int, end: int, state: int) -> None:
        head, length = self._heads[page], self._length(page)
        if head == state:
            return
        if end - first == length:
            self._heads[page] = state
            self._mixed.pop(page, None)
            return
        if head != MIXED:
            self._mixed[page] = bytearray(bytes((head,)) * length)
            self._heads[page] = MIXED
        self._mixed[page][first:end] = bytes((state,)) * (end - first)
        self._settle(page)

    def _turn_each(self, places: Sequence[int], was: int, state: int) -> bool:
        low, high = min(places), max(places) + 1
        if high - low > FAR_APART * len(places):
            if any(self[place] != was for place in places):
                return False
            for place in places:
                self.swap(place, state)
            return True
        window, within = self.window(low, high), [place - low for place in places]
        if set(map(window.__getitem__, within)) != {was}:
            return False
        for place in within:
            window[place] = state
        self._put(low, window)
        return True

    def _put(self, start: int, window: bytearray) -> None:
        at = 0
        while at < len(window):
            page, place = (start + at) >> SHIFT, (start + at) & _PLACE
            piece = window[at : at + PAGE - place]
            if self._heads[page] != MIXED:
                self._mixed[page] = bytearray(bytes((self._heads[page],)) * self._length(page))
                self._heads[page] = MIXED
            self._mixed[page][place : place + len(piece)] = piece
            self._settle(page)
            at += len(piece)

    def _settle(self, page: int) -> None:
        """Of a mixed page: is it still?"""
        data = self._mixed[page]
        # The ends first: to count is to go through all of it, and a page that is being filled differs there until last.
        if data and data[0] == data[-1] and data.count(data[0]) == len(data):
            self._heads[page] = data[0]
            del self._mixed[page]


def _stretches(places: Sequence[int]) -> list[Range]:
    """Of ascending places those that follow one another together; none when that would be hardly fewer."""
    found: list[Range] = []
    left = [(0, len(places) - 1)]
    most = len(places) // FEW + 1
    while left and len(found) + len(left) <= most:
        first, last = left.pop()
        # As many as lie between them, and none twice: so there is no gap.
        if places[last] - places[first] == last - first:
            found.append((places[first], places[last] + 1))
        else:
            middle = (first + last) // 2
            left += [(first, middle), (middle + 1, last)]
    return [] if left else found


@cache
def _sought(states: tuple[int, ...]) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """What finds pages that may have any of these, and places that are so. An expression over bytes, for that is a
    search in C."""
    return re.compile(b"[%b]+|\xff" % bytes(states), re.DOTALL), re.compile(b"[%b]+" % bytes(states))
