"""Jobs of two lists that are the same one: by text, and of equal ones by their count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.adopt.matching import NOBODY, match

# Few texts, so that most stand there more than once.
LISTS = st.lists(st.sampled_from("aabcd"), max_size=40)
KEPT = st.sets(st.integers(0, 39))


@settings(max_examples=300, deadline=None)
@given(LISTS, LISTS)
def test_of_each_text_as_many_are_matched_as_both_lists_have_each_once_and_in_order(earlier: str, later: str) -> None:
    found = match(earlier, later)
    pairs = [(old, new) for old, new in enumerate(found) if new != NOBODY]
    assert all(earlier[old] == later[new] for old, new in pairs)
    assert len({new for _, new in pairs}) == len(pairs)
    assert Counter(earlier[old] for old, _ in pairs) == Counter(earlier) & Counter(later)
    for text in set(earlier):
        news = [new for old, new in pairs if earlier[old] == text]
        assert news == sorted(news)


@settings(max_examples=300, deadline=None)
@given(LISTS, KEPT, LISTS)
def test_a_list_that_only_grows_or_only_shrinks_keeps_all_that_it_can(
    earlier: Sequence[str], places: set[int], more: Sequence[str]
) -> None:
    grown = list(earlier)
    for place, text in zip(sorted(places), more, strict=False):
        grown.insert(min(place, len(grown)), text)
    assert NOBODY not in match(earlier, grown)
    assert sum(new != NOBODY for new in match(grown, earlier)) == len(earlier)


def test_a_job_that_is_what_it_is_by_its_place_is_like_no_other() -> None:
    assert list(match([None, "a", None], [None, None, "a"])) == [NOBODY, 2, NOBODY]
