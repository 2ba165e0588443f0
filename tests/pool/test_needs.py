"""What jobs say they take is the same, whether one is asked or the whole pool is looked through."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from shareout.config import load_settings
from shareout.pool import Need, open_pool
from shareout.pool.needs import need_from

NAMES = ("cores", "memory")
POOLS = {
    "jobs.txt": "a\n#SHAREOUT NEED cores=2\nb\nc\n#SHAREOUT REPEAT 3 d\n#SHAREOUT NEED\ne\n",
    "jobs.csv": "x,memory,cores\n1,,2\n\n2,1GiB,\n3, 5M ,0.5\n",
    "jobs.jsonl": '{"x": 1, "cores": 2}\n\n[1, 2]\n{"memory": "1GiB", "cores": null}\n7\n{"cores": 0.5, "memory": 6}\n',
    "jobs.grid.json": '{"x": [1, 2], "cores": [1, "1/4"], "y": {"stop": 3}, "memory": ["1GiB", 7]}',
    "runs.txt": ". a\nd b\n",
}


@pytest.mark.parametrize("name", [*POOLS, "quoted jobs.csv"])
@pytest.mark.parametrize("names", [(), NAMES])
def test_the_whole_pool_says_what_each_job_says(tmp_path: Path, name: str, names: Sequence[str]) -> None:
    content = POOLS[name.removeprefix("quoted ")]
    if "quoted" in name:
        content += '"4\n5",8GiB,1\n'
    (tmp_path / name.removeprefix("quoted ")).write_text(content)
    pool = open_pool(tmp_path, load_settings(tmp_path))
    said = {job: one for jobs, one in pool.needs(names) for job in jobs}
    assert sorted(said) == list(range(len(pool)))
    for job, one in said.items():
        assert (one if isinstance(one, Need) else need_from(one)) in (
            pool.need(job, names),
            pool.need(job, names) or Need(),
        )


def test_a_grid_of_a_billion_billion_jobs_is_looked_through_at_once(tmp_path: Path) -> None:
    (tmp_path / "jobs.grid.json").write_text('{"a": {"stop": 1e9}, "cores": [1, 2, 9], "b": {"stop": 1e8}}')
    pool = open_pool(tmp_path, load_settings(tmp_path))
    found = [(next(iter(jobs)), said[0]) for jobs, said in pool.needs(("cores",))]
    assert found == [(0, "1"), (10**8, "2"), (2 * 10**8, "9")]
