"""Whoever has the token may say what he likes: it ends nobody, and what is none of ours is left out or told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kit.nats import opened_there, server_at, serving
from kit.remote_store import charter
from shareout.errors import RunDirectoryDamaged
from shareout.joining.member import facts_of
from shareout.ledger.calls import Root
from shareout.serving.lanes import Lanes
from shareout.serving.mirror import Mirror
from shareout.stores.folder.opening import open_folder
from shareout.stores.nats import streams
from shareout.stores.nats.wire import Line

LIES = [
    b"", b"\0", b"two\nlines", b"[" * 3_900, b"{}", b'{"live":7}', b'{"live":{"updated":"x","counts":{"done":"y"}}}',
    b'{"live":{"updated":1,"counts":[]}}', b"\xff\xfe", b"x" * 4_100, b"nan", b"1e999",
    b'{"owner":"a/1-aaaa","rate":1,"count":1e999,"live":{"counts":{"done":1e999}}}',
]  # fmt: skip


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[tuple[Mirror, Line, Path]]:
    (tmp_path / "home").mkdir()
    with serving(tmp_path / "served") as program, closing(opened_there(tmp_path / "served", program.port, "t")) as net:
        line = server_at(tmp_path / "served", program.port).connect()
        with open_folder(tmp_path / "home", charter()).closing() as home:
            lanes = Lanes([Root("0.0", "alice", 0, 0, 9)])
            yield Mirror(net, home, lanes.learn, tmp_path / "nowhere"), line, home.path
        line.close()


def everything(mirror: Mirror) -> None:
    while mirror.step():
        pass
    mirror.beats()
    mirror.present(9.0)
    mirror.over()


def test_beats_that_lie_end_nobody(ground: tuple[Mirror, Line, Path]) -> None:
    mirror, line, _ = ground
    for number, lie in enumerate(LIES):
        streams.put(line, f"t-beats.liar{number}", lie, behind=-1)
        assert facts_of(lie) is None
    streams.put(line, "t-beats." + "x" * 390, b"here", behind=-1)
    streams.put(line, "t-beats.=zz", b"here", behind=-1)
    everything(mirror)


def test_keys_and_files_that_nobody_of_ours_makes_are_left_out(ground: tuple[Mirror, Line, Path]) -> None:
    mirror, line, home = ground
    for number, lie in enumerate(one for one in LIES if len(one) < 900):
        streams.put(line, f"t-lanes.odd.{number}", lie, behind=0)
    for subject in ("t-lanes.=zz.1", "t-lanes.=2E=2E.=2E=2E.passwd", "t-lanes." + "x" * 390):
        streams.put(line, subject, b"text", behind=0)
    for subject in ("t-files.machines.=2E=2E.passwd", "t-files.machines.alice." + "x" * 390, "t-files.machines.a.=zz"):
        streams.put(line, subject, b"text", behind=0, at=0)
    # A piece that leaves a gap is not believed.
    streams.put(line, "t-files.machines.alice.journal", b"text", behind=0, at=7)
    everything(mirror)
    outside = {path.name for path in home.parents[1].iterdir()}
    assert outside == {home.parent.name}
    assert not list(home.glob("machines/alice/journal"))


@pytest.mark.parametrize("lie", [one for one in LIES if 0 < len(one) < 900])
def test_an_entry_that_is_none_is_told_with_its_place(ground: tuple[Mirror, Line, Path], lie: bytes) -> None:
    mirror, line, _ = ground
    streams.put(line, "t-lanes.lanes.0=2E0.1", lie, behind=0)
    with pytest.raises(RunDirectoryDamaged, match=r"entry 1 of lane 0\.0") as caught:
        everything(mirror)
    assert caught.value.exit_code == 4
