"""Where shares end is looked up for large pools: believed only as it was written, and never in the way."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from shareout.costs.boundaries import Cut, Load
from shareout.costs.kept import MOST_KEPT, keep_cut, kept_cut

DIGEST = "ab" * 32
CUT = Cut([array("Q", [0, 0]), array("Q", [3, 1]), array("Q", [5, 4])], [Load(12, 7, 1), Load(10**20, 9, 4)])


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    keep_cut(DIGEST, CUT)
    return tmp_path / "shareout" / f"{DIGEST}.shares"


def test_what_was_kept_comes_back(cache: Path) -> None:
    assert kept_cut(DIGEST, 2, 2) == CUT
    assert kept_cut("cd" * 32, 2, 2) is None


def test_any_damage_makes_it_worth_nothing(cache: Path) -> None:
    whole = cache.read_bytes()
    for at in range(0, len(whole), 7):
        cache.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert kept_cut(DIGEST, 2, 2) is None
        cache.write_bytes(whole[:at])
        assert kept_cut(DIGEST, 2, 2) is None


def test_what_is_of_another_plan_is_not_taken(cache: Path) -> None:
    cache.rename(cache.with_name(f"{'cd' * 32}.shares"))
    assert kept_cut("cd" * 32, 2, 2) is None


def test_where_nothing_can_be_kept_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    keep_cut(DIGEST, CUT)
    assert kept_cut(DIGEST, 2, 2) is None


def test_only_the_last_ones_are_kept(cache: Path) -> None:
    for number in range(MOST_KEPT + 5):
        keep_cut(f"{number:064x}", CUT)
    assert len(list(cache.parent.iterdir())) == MOST_KEPT
