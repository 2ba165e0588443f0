"""Merged tables as other programs read them: pandas, polars, DuckDB, Miller. The first three are in a folder of their
own (`make readers`), for they are larger than all else that the tests need."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.program import Machine

READERS = Path(__file__).parents[2] / "build" / "readers"
SCRIPT = """
from shareout import run
def job(alpha: float, n: int, name: str):
    return {"whole": n * 3, "part": alpha / 4, "good": n > 1, "text": name + ", \\u00e9\\n2", "parts": [alpha, 1.5],
            "words": [name, None]}
if __name__ == "__main__":
    run(job)
"""
# Each prints the types that it has found, and the rows, as JSON.
PANDAS = """
import json, sys, pandas
name = sys.argv[1]
read = {"csv": pandas.read_csv, "csv.gz": pandas.read_csv, "parquet": pandas.read_parquet}
if name.endswith("sqlite"):
    import sqlite3
    table = pandas.read_sql("select * from results", sqlite3.connect(name))
elif name.endswith("jsonl"):
    table = pandas.read_json(name, lines=True)
else:
    table = read[name.split(".", 1)[1]](name)
print(json.dumps([{key: str(kind) for key, kind in table.dtypes.items()}, json.loads(table.to_json(orient="records"))]))
"""
POLARS = """
import json, sys, polars
name = sys.argv[1]
read = {"csv": polars.read_csv, "jsonl": polars.read_ndjson, "parquet": polars.read_parquet}[name.split(".", 1)[1]]
table = read(name)
print(json.dumps([{key: str(kind) for key, kind in table.schema.items()}, table.to_dicts()]))
"""
DUCKDB = """
import json, sys, duckdb
found = duckdb.sql(f"select * from '{sys.argv[1]}' order by job")
rows = [dict(zip(found.columns, row)) for row in found.fetchall()]
print(json.dumps([dict(zip(found.columns, map(str, found.types))), rows]))
"""
ROWS = [
    {"job": 0, "alpha": 0.5, "n": 1, "name": "a", "whole": 3, "part": 0.125, "good": False, "text": "a, é\n2",
     "parts": [0.5, 1.5], "words": ["a", None]},
    {"job": 1, "alpha": 2.0, "n": 2, "name": "b", "whole": 6, "part": 0.5, "good": True, "text": "b, é\n2",
     "parts": [2.0, 1.5], "words": ["b", None]},
]  # fmt: skip
AS_JSON = [{**row, "parts": json.dumps(row["parts"], separators=(",", ":"))} for row in ROWS]

needs_readers = pytest.mark.skipif(not (READERS / "made").exists(), reason="`make readers` installs them")
environment = {**os.environ, "PYTHONPATH": str(READERS)}


def printed(script: str, name: Path) -> list[object]:
    done = subprocess.run(
        [sys.executable, "-c", script, name.name],
        cwd=name.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run, and its table in every form."""
    here = Machine(tmp_path_factory.mktemp("tables"), environ={"PYTHONPATH": str(READERS)})
    here.write("configs/jobs.csv", "alpha,n,name\n0.5,1,a\n2,2,b\n")
    here.script(SCRIPT)
    here.run("--quiet")
    for ending in ("csv", "csv.gz", "jsonl", "sqlite", "parquet"):
        here.call("merge-results", "-o", f"t.{ending}", "--quiet")
    here.call("merge-results", "-o", "marked.csv", "--bom", "--quiet")
    return here.folder


@needs_readers
@pytest.mark.parametrize("ending", ["csv", "csv.gz", "jsonl", "sqlite", "parquet"])
def test_pandas_reads_each_form(tables: Path, ending: str) -> None:
    types, rows = printed(PANDAS, tables / f"t.{ending}")
    is_whole = ending in ("jsonl", "parquet")
    expected = ROWS if is_whole else AS_JSON
    for row, right in zip(rows, expected, strict=True):
        words = row.pop("words")
        assert words in (right["words"], json.dumps(right["words"], separators=(",", ":")))
        assert {**row, "good": bool(row["good"])} == {key: one for key, one in right.items() if key != "words"}
    assert (types["whole"], types["part"]) == ("int64", "float64")
    assert types["good"] == ("int64" if ending == "sqlite" else "bool")


@needs_readers
def test_polars_reads_types_and_lists(tables: Path) -> None:
    types, rows = printed(POLARS, tables / "t.parquet")
    assert rows == ROWS
    assert (types["whole"], types["part"], types["good"]) == ("Int64", "Float64", "Boolean")
    assert (types["text"], types["parts"], types["words"]) == ("String", "List(Float64)", "List(String)")
    assert printed(POLARS, tables / "t.jsonl")[1] == ROWS
    assert [row["text"] for row in printed(POLARS, tables / "t.csv")[1]] == ["a, é\n2", "b, é\n2"]


@needs_readers
def test_duckdb_reads_types_and_lists(tables: Path) -> None:
    types, rows = printed(DUCKDB, tables / "t.parquet")
    assert rows == ROWS
    assert (types["whole"], types["good"], types["parts"]) == ("BIGINT", "BOOLEAN", "DOUBLE[]")
    types, rows = printed(DUCKDB, tables / "marked.csv")
    assert types["job"] == "BIGINT", "the mark is no part of a name"
    assert [row["text"] for row in rows] == ["a, é\n2", "b, é\n2"]
    assert printed(DUCKDB, tables / "t.jsonl")[1] == ROWS


@pytest.mark.skipif(not shutil.which("mlr"), reason="`make readers` installs Miller, as root")
def test_miller_reads_csv_and_json_lines(tmp_path: Path) -> None:
    here = Machine(tmp_path)
    here.write("configs/jobs.csv", "alpha,n,name\n0.5,1,a\n2,2,b\n")
    here.script(SCRIPT)
    here.run("--quiet")
    for name, flag in (("t.csv", "--icsv"), ("t.jsonl", "--ijsonl")):
        here.call("merge-results", "-o", name, "--quiet", *(("--bom",) if name.endswith("csv") else ()))
        done = subprocess.run(
            ["mlr", flag, "--ojson", "cut", "-o", "-f", "job,whole,text", name],
            cwd=here.folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert json.loads(done.stdout) == [{key: row[key] for key in ("job", "whole", "text")} for row in ROWS]


@needs_readers
def test_runs_become_a_data_frame(tables: Path) -> None:
    script = (
        "import json, shareout\nruns = shareout.read()\ntable = runs.to_pandas()\n"
        "shown = '<table>' in runs._repr_html_()\n"
        "print(json.dumps([list(table.columns), table.whole.tolist(), len(list(runs)), shown]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tables, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    columns, whole, count, is_shown = json.loads(done.stdout)
    assert columns[:4] == ["job", "alpha", "n", "name"]
    assert (whole, count, is_shown) == ([3, 6], 2, True)
