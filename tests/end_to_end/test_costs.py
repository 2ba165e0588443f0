"""Jobs that are known to be long or short: shares that end together, the longest first, and nothing done runs again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from kit.program import Machine
from kit.wait import wait_until

pytestmark = pytest.mark.module_only("costs are reckoned by the same code in an executable")

WEIGHTS = {"alice": [1, 2], "bob": [1, 2], "carol": [1, 2]}
HEAD = "job,cost\n"
# A size and a method, and what they take: a whole number of hundredths.
ROWS = [(number % 3 + 1, "slow" if number % 2 else "fast") for number in range(60)]
CSV = "size,method\n" + "".join(f"{size},{method}\n" for size, method in ROWS)
TEMPLATE = (
    "[commands]\ntemplate = echo {id} >> ran.txt; sleep 0.0{size}; if [ {method} = slow ]; then sleep 0.0{size}; fi\n"
)


def measured(here: Machine, *names: str, limit: int = 12) -> Machine:
    """Some machines in one place, that have run some of their jobs."""
    here.write("configs/jobs.csv", CSV)
    here.write("configs/machines.json", json.dumps(WEIGHTS))
    here.write("configs/runner.config", TEMPLATE)
    for name in names:
        here.run("-n", str(limit), machine=name)
    return here


def ran(here: Machine) -> list[int]:
    """The jobs that were begun, in that order."""
    path = here.folder / "ran.txt"
    return list(map(int, path.read_text().split())) if path.exists() else []


def finish(here: Machine, names: Sequence[str]) -> None:
    for name in names:
        here.run(machine=name)


def certificate(here: Machine) -> str:
    told = here.call("merge-results", "--json").json
    assert (told["done"], told["missing"]) == (60, 0)
    return str(told["certificate"])


def alone(folder: Path) -> str:
    here = measured(Machine(folder / "alone"))
    here.write("configs/machines.json", '{"only": [1, 2]}')
    here.run(machine="only")
    return certificate(here)


@pytest.mark.both_ways
def test_costs_are_measured_shares_follow_and_what_is_done_is_not_run_again(here: Machine, tmp_path: Path) -> None:
    measured(here, "alice", "bob")
    origin = here.call("plan", "--json").json["digest"]
    before = {path.name: path.read_bytes() for path in (here.folder / "configs").iterdir()}
    dry = here.call("costs", "--by", "size,method", "--dry-run", "--json").json
    assert {path.name: path.read_bytes() for path in (here.folder / "configs").iterdir()} == before
    told = here.call("costs", "--by", "size,method", "--json").json
    assert told == {**dry, "written": True}
    assert (told["measured"], told["fitted"], told["unknown"], told["origin"]) == (24, 36, 0, origin)
    assert told["error"] < told["error_without"]
    plan = here.call("plan", "--json").json
    assert (plan["digest"], plan["costs"]["are_seconds"]) == (told["digest"], True)
    assert [one["role"] for one in plan["inputs"]][:3] == ["pool", "machines", "costs"]
    finish(here, WEIGHTS)
    assert sorted(ran(here)) == list(range(60)), "each job once"
    assert len(list(here.folder.glob("runs/*"))) == 1, "all in the folder of the first plan"
    status = here.call("status", "--json").json["machines"]
    assert all(one["expected"] > 0 and one["took"] > 0 for one in status.values())
    assert "by costs  alice" in here.call("status").out
    assert certificate(here) == alone(tmp_path)
    again = here.call("costs", "--json").json
    assert (again["measured"], again["since"]) == (60, told["since"]), "a chain keeps the first plan"


def test_the_longest_of_a_share_run_first_and_those_not_known_count_as_the_median(here: Machine) -> None:
    here.jobs(*[f"echo {job} >> ran.txt" for job in range(12)])
    here.write("configs/costs.csv", HEAD + "3,0.5\n7,40\n1,20.25\n9,3\n0,3\n11,3\n")
    expected = list(map(int, here.call("plan", "--machine", "alice", "--ids").out.split()))
    here.run("-j", "1")
    assert ran(here)[:2] == [7, 1]
    assert ran(here)[-1] == 3
    assert ran(here) == expected
    assert len(ran(here)) == 12


def test_what_would_run_is_shown_in_the_order_of_the_run(here: Machine) -> None:
    here.jobs(*[f"echo {job} >> ran.txt" for job in range(12)])
    # With one slot those of 1.5 are too short to be begun first, with four they are not.
    here.write("configs/costs.csv", HEAD + "0,1000\n" + "".join(f"{job},{1.5 - job % 2}\n" for job in range(1, 12)))
    here.write("configs/runner.config", "[run]\nslots = 4\n")
    for name in ("alice", "all"):
        shown = here.call("run", "--dry-run", "--machine", name).out
        ids = list(map(int, here.call("plan", "--machine", name, "--ids").out.split()))
        assert shown == "".join(f"echo {job} >> ran.txt\n" for job in ids)
        assert sorted(ids) == list(range(12))
        assert (ids[0], {job % 2 for job in ids[1:6]}) == (0, {0})
    shown = here.call("run", "--dry-run", "-n", "3", "-j", "1", "--machine", "alice").out
    here.run("-n", "3", "-j", "1", machine="alice")
    assert shown == "".join(f"echo {job} >> ran.txt\n" for job in ran(here))


@pytest.mark.both_ways
def test_a_run_that_is_killed_goes_on_with_the_longest_that_are_left(here: Machine) -> None:
    here.jobs(*[f"echo {job} >> ran.txt; sleep 0.05" for job in range(20)])
    here.write("configs/costs.csv", HEAD + "".join(f"{job},{job + 1}\n" for job in range(20)))
    process = here.start("-j", "1")
    wait_until(lambda: len(ran(here)) >= 5)
    process.kill()
    process.communicate()
    here.run("-j", "1")
    order = ran(here)
    assert list(dict.fromkeys(order)) == list(range(19, -1, -1))
    assert len(order) <= 21, "at most what ran when it was killed runs again"


@pytest.mark.both_ways
def test_a_column_is_the_cost_and_a_function_is_not_given_it(here: Machine) -> None:
    here.script("from shareout import run\ndef job(x: int):\n    return x\nif __name__ == '__main__':\n    run(job)\n")
    here.write("configs/machines.json", '{"alice": [1, 1], "bob": [1, 1]}')
    here.write("configs/jobs.csv", "x,cost\n" + "".join(f"{x},{1 + 99 * (x == 5)}\n" for x in range(100)))
    plan = here.call("plan", "--json").json
    assert sum(one["expected"]["cost"] for one in plan["machines"]) == 199
    assert plan["costs"]["are_seconds"] is False
    assert max(one["jobs"] for one in plan["machines"]) > 60
    for name in ("alice", "bob"):
        here.run(machine=name)
    assert here.call("merge-results", "--json").json["done"] == 100
    here.write("configs/runner.config", "[run]\ncost = x\n")
    here.write("configs/jobs.csv", "x,y\n5,1\n6,1\n")
    here.script("from shareout import run\ndef job(x, y):\n    return x\nif __name__ == '__main__':\n    run(job)\n")
    here.call("run", "--machine", "alice", "--yes", "--runs", "other")
    shown = here.call("show", "0", "--json", "--in", "other", code=None).out
    assert "failed" not in shown, "it asks for the field, and is given it"


def test_a_job_that_takes_longer_than_all_others_together_is_told(here: Machine) -> None:
    here.jobs(*["true"] * 20, machines=json.dumps(WEIGHTS))
    here.write("configs/costs.csv", HEAD + "4,1000\n" + "".join(f"{job},1\n" for job in range(20) if job != 4))
    assert "job 4 alone takes as long" in here.call("plan").out


def test_failed_jobs_say_nothing_and_those_out_of_time_say_the_least_that_they_take(here: Machine) -> None:
    lines = [f"sleep 0.0{job % 3 + 1}" for job in range(20)]
    here.jobs(*lines[:-2], "false", "sleep 30")
    here.write("configs/runner.config", "[limits]\ntimeout = 0.5s\n")
    here.run("-j", "4", code=1)
    told = here.call("costs", "--json")
    assert (told.json["measured"], told.json["failed"], told.json["cut_off"], told.json["unknown"]) == (19, 1, 1, 1)
    assert "1 job failed" in told.err
    assert "1 job ran into a time limit" in told.err
    costs = dict(line.split(",")[:2] for line in (here.folder / "configs/costs.csv").read_text().splitlines()[1:])
    assert "18" not in costs
    assert float(costs["19"]) > 0.4
    assert max(costs, key=lambda job: float(costs[job])) == "19"


def test_a_model_that_explains_nothing_is_refused_and_nothing_is_written(here: Machine) -> None:
    here.write("configs/jobs.csv", "x,noise\n" + "".join(f"{x % 3 + 1},{x * x % 4}\n" for x in range(60)))
    here.write("configs/machines.json", json.dumps(WEIGHTS))
    here.write("configs/runner.config", "[commands]\ntemplate = sleep 0.0{x}; true {noise}\n")
    for name in WEIGHTS:
        here.run(machine=name)
    for words, said in (
        (["--by", "noise"], "explains nothing"),
        (["--by", "nose"], 'did you mean "noise"'),
        (["--since", "ab" * 8], "no run of these jobs"),
    ):
        assert said in here.call("costs", *words, code=2).err
    assert not (here.folder / "configs/costs.csv").exists()
    here.call("costs", "-o", "elsewhere.csv")
    assert (here.folder / "elsewhere.csv").read_text().startswith("job,cost,from\n")
    assert "since" not in (here.folder / "configs/runner.config").read_text(), "no plan looks at that file"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"costs.csv": HEAD + "0,nan\n"}, 'configs/costs.csv:2: the cost "nan" is not a number'),
        ({"costs.csv": HEAD + "99,1\n"}, "configs/costs.csv:2: there is no job 99"),
        ({"costs.csv": HEAD + "1,1\n1,2\n"}, "configs/costs.csv:3: the job 1 stands here twice"),
        ({"costs.csv": b"\x00\x01"}, "configs/costs.csv"),
        ({"runner.config": "[run]\ncost = hours\n"}, '[run] cost names "hours"'),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(here: Machine, files: dict[str, str | bytes], said: str) -> None:
    here.jobs("true", "true")
    for name, text in files.items():
        here.write(f"configs/{name}", text)
    for command in (["plan"], ["run", "--machine", "alice", "--yes"]):
        assert said in here.call(*command, code=2).err
    assert not (here.folder / "runs").exists()


def test_what_is_left_of_a_plan_keeps_its_costs(here: Machine) -> None:
    measured(here, "alice", "bob")
    here.call("costs", "--by", "size,method")
    here.call("rebalance", "-o", "rest")
    plan = here.call("plan", "--configs", "rest", "--json").json
    assert "costs" in [one["role"] for one in plan["inputs"]]
    finishes = [one["expected"]["finish"] for one in plan["machines"]]
    assert max(finishes) < 2 * min(finishes)
    for name in WEIGHTS:
        here.run("--configs", "rest", machine=name)
    assert sorted(ran(here)) == list(range(60))


def test_costs_that_changed_by_hand_are_told_and_kept_by_costs(here: Machine) -> None:
    measured(here, "alice", "bob")
    here.write("configs/costs.csv", HEAD + "".join(f"{job},{job % 5 + 1}\n" for job in range(60)))
    refused = here.call("run", "--machine", "alice", "--yes", code=2).err
    assert "24 as " in refused
    told = here.call("reweigh", "--json").json
    assert told["done"] == 24
    finish(here, WEIGHTS)
    assert sorted(ran(here)) == list(range(60))
    certificate(here)


def test_barriers_and_audits_hold(here: Machine) -> None:
    lines = [f"echo {job} >> ran.txt" for job in range(30)]
    jobs = [*lines[:10], "#SHAREOUT BARRIER CHECK", "#SHAREOUT GROUP late", *lines[10:]]
    here.jobs(*jobs, machines='{"alice": [1, 1], "bob": [1, 1]}')
    here.write("configs/runner.config", "[run]\nbarriers = local\naudit = 20%\n")
    here.write("configs/costs.csv", HEAD + "".join(f"{job},{1 + job * 7 % 30}\n" for job in range(30)))
    plan = here.call("plan", "--json").json
    costs = [one["expected"]["cost"] for one in plan["machines"]]
    assert abs(costs[0] - costs[1]) <= 2 * 30
    for name in ("alice", "bob"):
        before = len(ran(here))
        here.run("-j", "1", machine=name)
        order = ran(here)[before:]
        own = next(one for one in plan["machines"] if one["name"] == name)["jobs"]
        late = [job >= 10 for job in order[:own]]
        assert late == sorted(late), "the barrier is kept"
        for phase in (False, True):
            mine = [1 + job * 7 % 30 for job in order[:own] if (job >= 10) is phase]
            assert mine == sorted(mine, reverse=True), "the longest first, in each phase"
    told = here.call("merge-results", "--json").json
    assert (told["done"], told["missing"]) == (30, 0)


def test_what_was_measured_counts_where_a_field_was_guessed(here: Machine) -> None:
    measured(here)
    here.write("configs/runner.config", TEMPLATE + "[run]\ncost = size\n")
    guessed = here.call("plan", "--json").json
    assert [one["role"] for one in guessed["inputs"]] == ["pool", "machines", "settings", "cost"]
    here.run("-n", "12")
    told = here.call("costs", "--json").json
    plan = here.call("plan", "--json").json
    assert (plan["digest"], told["origin"]) == (told["digest"], guessed["digest"])
    assert [one["role"] for one in plan["inputs"]] == ["pool", "machines", "costs", "settings", "since"]


def test_the_longest_that_ran_first_are_told_as_no_sample(here: Machine) -> None:
    measured(here, "alice", "bob")
    assert "random sample" in here.call("merge-results", "--partial", "-o", "r.csv", code=None).out
    assert "random sample" in here.call("status").out
    here.call("costs")
    assert "random sample" not in here.call("merge-results", "--partial", "-o", "r.csv", code=None).out
    assert "random sample" not in here.call("status").out


def test_weights_are_not_suggested_where_the_longest_ran_first_and_some_are_left(here: Machine) -> None:
    measured(here, *WEIGHTS)
    assert set(here.call("report", "--json").json["balance"]["machines_json"]) == set(WEIGHTS)
    here.call("costs")
    assert here.call("report", "--json").json["balance"] is None
    finish(here, WEIGHTS)
    assert set(here.call("report", "--json").json["balance"]["machines_json"]) == set(WEIGHTS)


def test_a_machine_is_judged_by_the_costs_of_its_own_plan_only(here: Machine) -> None:
    measured(here, "alice")
    here.call("costs")
    here.call("rebalance", "-o", "rest")
    here.run("-n", "8", "--configs", "rest", machine="bob")
    assert "took" in here.call("status", "--json", "--configs", "rest").json["machines"]["bob"]
    assert "took" not in here.call("status", "--json").json["machines"]["bob"], "positions are others in that plan"
