"""Beats of many hosts on a server: read in one call, a part at a time, and seldom; also where there is no such call."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from kit.nats import opened_there, server_at, serving
from kit.wait import wait_until
from shareout.stores.nats import beats, streams

NAMES = {f"host{number}" for number in range(90)}


def test_all_are_seen_in_some_looks_each_of_one_call_and_no_more_often_than_their_number_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beats, "LIST_S", 600.0)
    with (
        serving(tmp_path / "served") as program,
        closing(opened_there(tmp_path / "served", program.port, "t")) as store,
    ):
        line = server_at(tmp_path / "served", program.port).connect()
        for name in NAMES:
            streams.put(line, f"t-beats.{name}", name.encode(), behind=-1)
        first = store.beats(32)
        assert len(first) == 32
        # Not before its time, but for who wants to know of all.
        assert store.beats(32) == {}
        assert len(store.beats(5_000)) == len(NAMES)
        monkeypatch.setattr(beats, "TOGETHER", float("inf"))
        # What was asked for in vain is made up for.
        second = wait_until(lambda: store.beats(32))
        assert len(second) >= 58
        seen = first | second
        assert seen == {name: name.encode() for name in NAMES}
        # One that comes later is seen with the next list.
        streams.put(line, "t-beats.late", b"late", behind=-1)
        assert "late" not in store.beats(1_000)
        store._beats._next_list = 0.0
        assert "late" in store.beats(1_000)
        line.close()


def test_a_stream_without_that_call_is_read_one_after_the_other(tmp_path: Path) -> None:
    """As an earlier version has made it, or an older server knows it."""
    with (
        serving(tmp_path / "served") as program,
        closing(opened_there(tmp_path / "served", program.port, "t")) as store,
    ):
        line = server_at(tmp_path / "served", program.port).connect()
        streams.asked(line, "STREAM.DELETE.t-beats")
        streams.make(line, "t-beats", {**streams.settings_of_beats("t-beats", 4_000), "allow_direct": False})
        store.beat("alice", b"here")
        streams.put(line, "t-beats.bob", b"there", behind=-1)
        assert store.beats(9) == {"bob": b"there"}
        # What somebody else writes under one's own name is seen.
        streams.put(line, "t-beats.alice", b"another", behind=-1)
        assert store.beats(9) == {"bob": b"there", "alice": b"another"}
        line.close()
