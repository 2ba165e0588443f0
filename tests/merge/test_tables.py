"""What a job returned stands in every kind of table under the right name, and is read back from it."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from configparser import ConfigParser
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kit.journals import last_journal
from kit.program import Machine
from shareout.config import load_settings
from shareout.errors import InputError
from shareout.merge.proof.complete import open_journals
from shareout.merge.results import Merge
from shareout.merge.share_table import completed, header_of
from shareout.merge.sheet import Sheet, sheet_for
from shareout.merge.tables import RowStore, table_form
from shareout.merge.target import Target
from shareout.record.folder import RunFolder
from shareout.record.journal import Header, attempt_line
from shareout.record.outcome import Attempt, State
from shareout.record.values import NotJson, decode, encode
from shareout.titles import named_columns

ENDINGS = ["csv", "csv.gz", "jsonl", "sqlite", "parquet"]
READERS = Path(__file__).parents[2] / "build" / "readers"


@pytest.fixture(scope="module", autouse=True)
def readers() -> Iterator[None]:
    """What `make readers` has installed is found, behind all that is here already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(READERS)])
        yield


def table(folder: Path, results: Sequence[Any], ending: str, named: Sequence[str] = (), kind: str = "python") -> Sheet:
    """Results of jobs 0, 1 … in `folder/t.ENDING`."""
    folder.mkdir(parents=True, exist_ok=True)
    made, output, count = RunFolder(folder), folder / f"t.{ending}", len(results)
    head = Header("ab" * 32, "cd" * 32, "a", count, ((0, count),), (), "0", "", kind, order="given")
    lines = [
        attempt_line(Attempt(job, job, 1, State.DONE, 1e9, 1e9 + 1, 0, 0 if kind == "command" else None, result=result))
        for job, result in enumerate(results)
    ]
    last_journal(made).write_bytes(head.lines() + b"".join(lines))
    journals = open_journals([made], print)
    with Merge(journals, folder, processes=1) as merge, Target(output) as target:
        merge.gather()
        first = merge.first_row()
        value = decode(first.split(b"\t", 1)[1]) if first else None
        sheet, form = sheet_for(value, named, kind, "none", ()), table_form(output)
        if isinstance(form, RowStore):
            sheet = merge.write_store(form, sheet, target.fresh)
        else:
            _, sheet = merge.write_text(form, sheet, target, packed=ending.endswith("gz"))
        target.finish()
    return sheet


def read_back(folder: Path, ending: str) -> tuple[list[str], list[list[Any]]]:
    """Titles but `job`, and the cells behind them; of JSON lines what is there is given by title."""
    path = folder / f"t.{ending}"
    if ending.startswith("csv"):
        import gzip

        data = gzip.decompress(path.read_bytes()) if ending.endswith("gz") else path.read_bytes()
        csv.field_size_limit(1 << 24)
        titles, *rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))
        return titles[1:], [list(row[1:]) for row in rows]
    if ending == "sqlite":
        with closing(sqlite3.connect(path)) as base:
            found = base.execute("select * from results order by job")
            return [column[0] for column in found.description][1:], [list(row[1:]) for row in found]
    if ending == "parquet":
        import pyarrow.parquet  # type: ignore[import-not-found,unused-ignore]

        read = pyarrow.parquet.read_table(path)
        return read.column_names[1:], [list(row.values())[1:] for row in read.to_pylist()]
    rows = [decode(line) for line in path.read_bytes().splitlines()]
    titles = list(dict.fromkeys(title for row in rows for title in row if title != "job"))
    return titles, [[row.get(title) for title in titles] for row in rows]


def as_csv(value: Any) -> str:
    """The documented form of a cell."""
    if value is None:
        return ""
    return as_text(value) if isinstance(value, str) else encode(value)


def as_text(value: str) -> str:
    return value.encode("utf-8", "backslashreplace").decode()


def as_lists(value: Any) -> Any:
    """Where a column is of lists, their texts are as those of any column."""
    if isinstance(value, list):
        return [as_lists(one) for one in value]
    return as_text(value) if isinstance(value, str) else value


def as_sqlite(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return encode(value)
    if isinstance(value, float) and value != value:
        return "NaN"
    return as_text(value) if isinstance(value, str) else encode(value) if isinstance(value, list | dict) else value


def same(one: Any, other: Any) -> bool:
    """NaN is NaN, and -0.0 may be 0 in a database."""
    return one == other or (one != one and other != other)


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.integers(min_value=2**53).map(lambda n: n * 2**20) | st.floats()
    | st.text(max_size=8) | st.text(st.characters(codec=None), max_size=4) | st.just("\udc80") | st.just(10**4000)
)  # fmt: skip
KEYS = st.text(max_size=3) | st.sampled_from(["a", "A", "job", "result", "result_job", "x y", '"', "\udc80", "a_2"])
RESULTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)


def recordable(result: Any) -> bool:
    try:
        encode(result)
    except NotJson:
        return False
    return True


@pytest.mark.parametrize("ending", ENDINGS)
@example(results=[[["\udc80"]]])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(results=st.lists(RESULTS.filter(recordable), min_size=1, max_size=5))
def test_every_result_is_in_every_table_and_comes_back(
    tmp_path_factory: pytest.TempPathFactory, ending: str, results: list[Any]
) -> None:
    """What `encode` takes, no table refuses; each value is under one title, in the form that its table has for it."""
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    folder = tmp_path_factory.mktemp("t")
    sheet = table(folder, results, ending)
    titles, rows = read_back(folder, ending)
    form: Callable[[Any], Any] = {"csv": as_csv, "csv.gz": as_csv, "sqlite": as_sqlite}.get(ending, lambda value: value)
    assert len({title.lower() for title in titles}) == len(titles)
    place = {title: at for at, title in enumerate(titles)}
    for result, row in zip(results, rows, strict=True):
        cells = dict(zip(sheet.titles[1:], sheet.cells(decode(encode(result))), strict=True))
        for title, value in cells.items():
            if ending == "jsonl" and title not in place:
                assert value is None
                continue
            found = row[place[title]]
            if ending == "parquet":
                assert same(found, as_lists(value)) or found == as_csv(value) or same(found, float(value))
            elif ending == "jsonl":
                assert encode(found) == encode(value)
            else:
                assert same(found, form(value)), (title, value)


def test_a_number_of_any_length_is_in_every_table(tmp_path: Path) -> None:
    """Also of more digits than Python writes unless it is told to."""
    for ending in ("csv", "jsonl", "sqlite"):
        table(tmp_path / ending, [[10**5000, {"a": [-(10**5000)]}]], ending)
        first, second = read_back(tmp_path / ending, ending)[1][0]
        assert first in (10**5000, encode(10**5000))
        assert second in ({"a": [-(10**5000)]}, encode({"a": [-(10**5000)]}))


@pytest.mark.parametrize("ending", ["csv", "jsonl", "sqlite"])
def test_columns_do_not_depend_on_which_job_came_first(tmp_path: Path, ending: str) -> None:
    results = [{"b": 1, "a": 2}, 7, [8, 9], {"c": 3, "a": 4}, None]
    seen = []
    for turn in range(len(results)):
        turned = results[turn:] + results[:turn]
        table(tmp_path / str(turn), turned, ending, ["c"])
        titles, rows = read_back(tmp_path / str(turn), ending)
        seen.append(
            {json.dumps(turned[at]): {t: v for t, v in zip(titles, row, strict=True) if v not in (None, "")}
             for at, row in enumerate(rows)}
        )  # fmt: skip
        if ending != "jsonl":
            assert titles == ["result", "result_2", "c", "a", "b"]
    assert all(one == seen[0] for one in seen)
    assert {str(value) for value in seen[0]["7"].values()} == {"7"}
    assert list(seen[0]["7"]) == ["result"], "a single value is no column of a dict's"


def test_keys_stand_as_dicts_have_them_when_all_have_the_same(tmp_path: Path) -> None:
    table(tmp_path, [{"n": 1, "a": 2}, {"n": 3, "a": 4}], "csv")
    assert (tmp_path / "t.csv").read_text() == "job,n,a\n0,1,2\n1,3,4\n"


def test_two_columns_never_get_one_title(tmp_path: Path) -> None:
    result = {"job": 1, "result_job": 2, "a": 3, "A": 4}
    for ending in ("csv", "jsonl", "sqlite"):
        table(tmp_path / ending, [result], ending)
        titles, rows = read_back(tmp_path / ending, ending)
        assert titles == ["result_job", "result_job_2", "a", "A_2"]
        assert list(map(str, rows[0])) == ["1", "2", "3", "4"]


def test_a_named_column_is_for_what_has_places_not_for_a_single_value_beside_it(tmp_path: Path) -> None:
    sheet = table(tmp_path, [[1, 2], 7], "csv", ["x", "y"])
    assert (tmp_path / "t.csv").read_text() == "job,x,y,result\n0,1,2,\n1,,,7\n"
    assert sheet.misfits() == ["no name is given for what stands in the column result"]


@pytest.mark.parametrize(
    ("results", "named", "titles", "said"),
    [
        ([[1, 2]], ["x"], "job,x,result_2", "no name is given for what stands in the column result_2"),
        ([[1, 2]], ["x", "y", "z"], "job,x,y,z", "no result has anything for the column z"),
        ([{"a": 1}], ["a", "z"], "job,a,z", "no result has anything for the column z"),
        ([{"a": 1, "b": 2}], ["b"], "job,b,a", "no name is given for what stands in the column a"),
        ([[1, 2]], ["x", "y"], "job,x,y", None),
        ([[1, 2]], ["Run Start Time", "Job Running Time", "Job Start Time", "Job ID", "x", "y"], "job,x,y", None),
    ],
)
def test_too_many_or_too_few_names_are_told(
    tmp_path: Path, results: list[Any], named: list[str], titles: str, said: str | None
) -> None:
    sheet = table(tmp_path, results, "csv", named)
    assert (tmp_path / "t.csv").read_text().splitlines()[0] == titles
    assert sheet.misfits() == ([said] if said else [])


def test_commands_obey_the_names_too(tmp_path: Path) -> None:
    table(tmp_path, [None, None], "csv", ["status"], kind="command")
    assert (tmp_path / "t.csv").read_text() == "job,status\n0,0\n1,0\n"


def test_simple_rows_of_none_and_others_settle_on_one_sheet(tmp_path: Path) -> None:
    sheet = table(tmp_path, [None, [1], None], "csv", ["x"])
    assert sheet.titles == ["job", "x"]
    sheet = table(tmp_path / "b", [None, None], "csv", ["x"])
    assert sheet.titles == ["job", "x"]


@pytest.mark.parametrize("result", [{"a\0b": 1}, [{"x": {"\0": 1}}], [[]]])
def test_what_no_table_holds_is_refused_in_the_job(result: Any) -> None:
    deep: Any = 1
    for _ in range(201):
        deep = [deep]
    for wrong in (result, deep):
        if wrong != [[]]:
            with pytest.raises(NotJson, match="cannot be recorded"):
                encode(wrong)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a,b,a", 'header.csv:1:5: the column "a" is named twice'),
        (",", "header.csv:1:1: the name of column 1 is empty"),
        ("a,,b", "header.csv:1:3: the name of column 2 is empty"),
        ('a,"b', "header.csv:1: is no line of CSV"),
        (b"a,\xff", "header.csv:1:3: is not UTF-8: the byte 0xff"),
    ],
)
def test_names_that_would_cost_a_column_are_refused_with_their_place(
    tmp_path: Path, line: str | bytes, said: str
) -> None:
    (tmp_path / "header.csv").write_bytes(line if isinstance(line, bytes) else line.encode())
    with pytest.raises(InputError) as refused:
        named_columns(tmp_path, load_settings(tmp_path))
    assert said in refused.value.lines()[0]


def test_they_are_refused_before_anything_runs_or_is_written(tmp_path: Path) -> None:
    here = Machine(tmp_path)
    here.jobs("touch ran")
    here.run("--quiet")
    (tmp_path / "ran").unlink()
    here.write("configs/header.csv", "a,a\n")
    for words in (("run", "--machine", "alice", "--yes"), ("plan",), ("merge-results", "-o", "t.csv")):
        assert 'the column "a" is named twice' in here.call(*words, code=2).err
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "t.csv").exists()


def test_ids_of_job_splitters_table_have_a_title_too(tmp_path: Path) -> None:
    config = ConfigParser()
    config.read_dict({"results": {"include_job_id": "true"}})
    config = completed(config)
    (tmp_path / "header.csv").write_text("Run Start Time,Job Running Time,Job Start Time,x,y\n")
    assert header_of(config, tmp_path) == b"Run Start Time,Job Running Time,Job Start Time,Job ID,x,y\n"
    (tmp_path / "header.csv").write_text("Run Start Time,Job Running Time,Job Start Time,Job ID,x\n")
    assert header_of(config, tmp_path) == (tmp_path / "header.csv").read_bytes()
