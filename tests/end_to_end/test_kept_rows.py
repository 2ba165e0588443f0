"""What a run keeps of a large pool: only a run writes it, and whatever becomes of it, jobs and digest are the same."""

from __future__ import annotations

from kit.lists import line, ran
from kit.program import Machine

LINES = [f"# {'x' * 99_990}" for _ in range(50)]


def test_a_run_keeps_it_and_other_commands_only_read_it(here: Machine) -> None:
    here.jobs(line("a"), *LINES, line("b"))
    pools = here.folder / "runs" / "pools"
    digest = here.call("plan", "--json").json["digest"]
    assert not pools.exists()
    here.run("-n", "1")
    (path,) = pools.glob("*.text.rows")
    whole = path.read_bytes()
    for content in (whole, whole[:-1], b""):
        path.write_bytes(content)
        assert here.call("plan", "--json").json["digest"] == digest
        assert here.call("status", "--json").json["done"] == 1
        assert path.read_bytes() == content
    here.run()
    assert path.read_bytes() == whole
    assert ran(here) == ["a", "b"]
    here.call("plan", "--machine", "alice", "--ids")
    assert here.call("merge-results", "--json").json["digest"] == digest


def test_where_it_cannot_be_kept_the_run_goes_on_without_a_word(here: Machine) -> None:
    here.jobs("true", *LINES, "false")
    here.write("runs/pools", "no folder")
    told = here.run(code=1)
    assert "pools" not in told.err
    assert here.call("status", "--json", code=None).json["failed"] == 1


def test_that_of_rows_from_code_stands_beside_them(here: Machine) -> None:
    here.script(
        "from shareout import run\n"
        "def job(n, text): return len(text)\n"
        "if __name__ == '__main__': run(job, pool=((n, 'x' * 1_000_000) for n in range(5)))\n"
    )
    for _ in range(2):
        here.run()
        rows, kept = sorted((here.folder / "runs" / "pools").iterdir())
        assert rows.suffix == ".jsonl"
        assert kept.name == f"{rows.stem}.jsonl.rows"
    assert [facts["result"] for facts in here.records()] == [1_000_000] * 5
