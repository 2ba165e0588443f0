"""Inputs that are given to other hosts: what comes back is what was given, and leads nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kit.remote_store import charter
from shareout.config import load_settings
from shareout.errors import UsageError
from shareout.joining.inputs.parcel import KEY, NotToShare, Parcel, fetched, parcel_of, read_parcel
from shareout.ledger.store import COMMON
from shareout.plan.plan import Plan, make_plan
from shareout.pool import open_pool
from shareout.stores.folder.opening import open_folder
from shareout.stores.folder.store import FolderStore


def made_in(folder: Path, pool: str = "jobs.txt", text: str = "true\nfalse\n") -> Plan:
    (folder / "configs").mkdir(parents=True, exist_ok=True)
    (folder / "configs" / "machines.json").write_text('{"alice": [1, 1]}')
    (folder / "configs" / pool).write_text(text)
    settings = load_settings(folder / "configs")
    return make_plan(open_pool(folder / "configs", settings), folder / "configs" / "machines.json", settings)


def given(plan: Plan, folder: Path) -> Parcel:
    return parcel_of(plan, folder / "configs", folder / "drafts", flags={"run.slots": "2"}, own=None, shards=None)


def put(store: FolderStore, parcel: Parcel, file: Path) -> None:
    from blake3 import blake3

    text = parcel.text()
    name = blake3(text).hexdigest()
    store.ship(COMMON, name, 0, text)
    for one in parcel.pieces:
        assert one.source is not None
        if one.size:
            store.ship(COMMON, one.hash, 0, one.source.read_bytes())
    store.put(KEY, name.encode())


def test_what_is_fetched_makes_the_same_plan(tmp_path: Path) -> None:
    grid = '{"video": {"lines": "videos/list.txt"}, "n": [1, 2]}'
    (tmp_path / "here/configs/videos").mkdir(parents=True)
    (tmp_path / "here/configs/videos/list.txt").write_text("a\nb\n")
    (tmp_path / "here/configs/costs.csv").write_text("job,cost\n0,3\n")
    (tmp_path / "here/configs/runner.config").write_text("[commands]\ntemplate = echo {video} {n}\n")
    plan = made_in(tmp_path / "here", "jobs.grid.json", grid)
    parcel = given(plan, tmp_path / "here")
    assert not parcel.flags, "how many slots a host has is its own business"
    (tmp_path / "shared").mkdir()
    with open_folder(tmp_path / "shared", charter()).closing() as store:
        assert fetched(store, tmp_path / "there") is None
        put(store, parcel, tmp_path)
        found = fetched(store, tmp_path / "there")
        assert found is not None
        _, folder = found
        (folder / "configs/jobs.grid.json").write_text("spoilt")
        # What is here and is another is fetched again.
        assert fetched(store, tmp_path / "there") == found
    settings = load_settings(folder / "configs")
    pool = open_pool(folder / "configs", settings, named=folder / found[0].pool)
    assert make_plan(pool, folder / "configs/machines.json", settings).hex == plan.hex


def test_a_runs_txt_is_given_as_it_stands_and_not_as_it_will_be(tmp_path: Path) -> None:
    plan = made_in(tmp_path, "runs.txt", "d true\n. false\n# no job\n")
    piece = next(one for one in given(plan, tmp_path).pieces if one.place.endswith("runs.txt"))
    assert piece.source is not None
    (tmp_path / "configs/runs.txt").write_text("d true\nr false\n# no job\n")
    assert piece.source.read_text() == "d true\n. false\n# no job\n"


def test_inputs_that_are_strewn_over_the_disk_are_not_given(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a\n")
    plan = made_in(tmp_path / "here", "jobs.grid.json", json.dumps({"x": {"lines": str(tmp_path / "list.txt")}}))
    with pytest.raises(NotToShare, match=r"list\.txt is neither below the pool's folder nor below the configs"):
        given(plan, tmp_path / "here")


@pytest.mark.parametrize(
    "change",
    [
        {"parcel": 2}, {"files": [["../../etc/passwd", 1, "ab"]]}, {"files": [["configs/../x", 1, "ab"]]},
        {"files": [["/etc/passwd", 1, "ab"]]}, {"files": [["configs", 1, "ab"]]}, {"files": [["pool/a\0b", 1, "ab"]]},
        {"pool": "pool/other"}, {"files": 7}, {"flags": []}, {"own": []}, {"own": 3},
    ],
    ids=str,
)  # fmt: skip
def test_a_list_that_names_other_places_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    plan = made_in(tmp_path)
    facts = json.loads(given(plan, tmp_path).text())
    assert read_parcel(json.dumps(facts).encode()).plan == plan.hex
    with pytest.raises(ValueError, match="it "):
        read_parcel(json.dumps({**facts, **change}).encode())


def test_a_list_that_is_none_is_told(tmp_path: Path) -> None:
    with open_folder(tmp_path, charter()).closing() as store:
        store.put(KEY, b"ab" * 32)
        with pytest.raises(UsageError, match="the list of inputs in the folder cannot be used: its hash is another"):
            fetched(store, tmp_path / "there")
