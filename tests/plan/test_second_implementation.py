"""docs/algorithm.md is enough to work out every share: an implementation of it in another language, written from the
page alone, agrees over random pools, machines, settings, barriers, audits and rebalances.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pytest

from shareout.config import load_settings
from shareout.plan.origin import Origin
from shareout.plan.plan import Plan, make_plan
from shareout.plan.rest import SelectedPool, Step, with_rest, write_rest
from shareout.plan.seeds import job_seed
from shareout.pool import open_pool
from shareout.rewrite import with_setting

PROGRAM = Path(__file__).with_name("algorithm.mjs")
CASES = 300
IDS = 60

CONFIGS = [
    "",
    "[run]\naudit = 0\n",
    "[run]\naudit = 1%\nseed = seven äöü\n",
    "\ufeff[run]\nAudit: 12.5%\norder = given\nNumerics = portable\n[commands]\nTemplate = echo {} = : $$HOME\n",
    "[DEFAULT]\nwhere = /data\ncolsep = ,\n[sim]\nScale = ${where}/x$${y}\nscale=2\n[commands]\n[empty]\n",
    "# a comment\n"
    '[sim]\nlong = one\n  two ${tail}\n\n  # none\n    three\n\ntail : ${other:€ 😀}\n[other]\n€ 😀 = "\\\t\u007f\n',
    "[limits]\nretries = 3\n[commands]\nbackground = kill\nshell = \n[run]\naudit = 33.3%\n",
    "[run]\nnumerics = portable\n",
    "[run]\nnumerics = native\n",
    "[run]\ncost = none\n",
    "[run]\ncost = none\n[commands]\ncolsep = ,\n",
    "[z]\na = 1\n[Z]\nb = ${z:a}${z:a}\n[run]\naudit = 100%\nSEED = 0\n",
]


def jobs(dice: random.Random) -> tuple[str, bytes]:
    kind = dice.choice(["jobs.txt"] * 4 + ["jobs.jsonl", "jobs.grid.json"])
    if kind == "jobs.grid.json":
        return kind, json.dumps(
            {"a": list(range(dice.randint(1, 9))), "b": {"stop": dice.choice([3, 900, 10**6])}}
            if dice.random() < 0.5
            else {"a": list(range(3)), dice.choice(["cost", "hours"]): [0.5, 2, 0, 1.25e-5], "b": {"stop": 40}}
        ).encode()
    few = dice.choice([0, 3, 12, 40, 400, 5000])
    if kind == "jobs.jsonl":
        choices = ["[1]", "[2]", "[3]\r", " ", ""]
        if dice.random() < 0.5:
            name = dice.choice(["cost", "hours"])
            choices = [f'{{"a":1,"{name}":{cost(dice)}}}' for _ in range(20)] + ['{"a":"cost"}', ""]
        lines = [dice.choice(choices) for _ in range(few)]
    else:
        choices = ["true", " echo", "echo é\r"] * 3 + ["", " \t\r", "# no job", "\t# none", "#SHAREOUT REPEAT 3 true"]
        lines = [dice.choice(choices) for _ in range(few)]
        for _ in range(dice.choice([0, 0, 1, 2, 30])):
            lines.insert(dice.randint(0, len(lines)), dice.choice(["#SHAREOUT BARRIER", "#DISBATCH BARRIER CHECK"]))
    return kind, dice.choice(["", "\ufeff"]).encode() + ("\n".join(lines) + dice.choice(["", "\n"])).encode()


def cost(dice: random.Random) -> str:
    return dice.choice(
        [str(dice.randint(0, 9)), f"{dice.expovariate(1):.4f}", "0.5e1", "12.3456789012", "0", "1000000000"]
    )


def costs(folder: Path, jobs: int, dice: random.Random) -> None:
    """Of some of them."""
    if not 0 < jobs <= 6000 or dice.random() < 0.5:
        return
    known = dice.sample(range(jobs), dice.choice([0, 1, jobs // 2, jobs]))
    rows = [f"{job},{cost(dice)}" for job in known]
    head, rows = ("job,cost,from", [f"{row},run" for row in rows]) if dice.random() < 0.2 else ("job,cost", rows)
    (folder / "costs.csv").write_text(dice.choice(["", "\ufeff"]) + dice.choice(["\n", "\r\n"]).join([head, *rows, ""]))


def machines(dice: random.Random) -> str:
    perfs = dice.choice([["1", "1.0"], ["1", "0.8", "1.25", "3"], ["0.1", "7e-3", "2.50", "1E2", "12345.678"]])
    made = []
    for number in range(dice.choice([1, 2, 3, 5, 12])):
        perf, cores = dice.choice(perfs), dice.randint(1, 4)
        pair = dice.choice([f"[{perf}, {cores}]", f'{{"cores": {cores}, "perf": {perf}}}'])
        made.append(f'"m{number}": {pair}')
    return "{" + ", ".join(made) + "}\n"


def plan_in(folder: Path, kind: str) -> Plan:
    settings = load_settings(folder)
    return make_plan(with_rest(open_pool(folder, settings), folder), folder / "machines.json", settings, kind=kind,
                     local_barriers=True)  # fmt: skip


def inputs(folder: Path, dice: random.Random) -> tuple[Path, str]:
    """A folder and what its jobs are; now and then what a plan or two of it have left."""
    folder.mkdir()
    name, content = jobs(dice)
    (folder / name).write_bytes(content)
    (folder / "machines.json").write_text(machines(dice))
    (folder / "runner.config").write_text(dice.choice(CONFIGS), encoding="utf-8")
    if b'"hours"' in content and "cost" not in (folder / "runner.config").read_text("utf-8"):
        config = folder / "runner.config"
        config.write_text(with_setting(config.read_text("utf-8"), "run", "cost", "hours"), encoding="utf-8")
    costs(folder, len(open_pool(folder, load_settings(folder))), dice)
    kind = dice.choice(["python", "command"])
    for turn in range(dice.choice([0, 0, 0, 1, 2])):
        plan = plan_in(folder, kind)
        if plan.jobs < 2:
            break
        cuts = sorted({dice.randint(0, plan.jobs) for _ in range(2 * dice.randint(1, 4))})
        left = tuple(zip(cuts[0::2], cuts[1::2], strict=False)) or ((0, plan.jobs),)
        earlier = plan.pool.steps if isinstance(plan.pool, SelectedPool) else ()
        write_rest(
            folder, plan.work.hex(), plan.total, [*earlier, Step(plan.hex, tuple(plan.pool.phases), left, plan.order)]
        )
        (folder / "machines.json").write_text(machines(random.Random(turn)))
    if dice.random() < 0.3:
        _go_on(folder, plan_in(folder, kind), dice)
    return folder, kind


def _go_on(folder: Path, plan: Plan, dice: random.Random) -> None:
    """The same jobs by other machines, in a plan that goes on from this one."""
    config = folder / "runner.config"
    text = config.read_text("utf-8") if config.exists() else ""
    origin = Origin(plan.origin, plan.work, plan.order)
    config.write_text(with_setting(text, "run", "since", origin.text), "utf-8")
    (folder / "machines.json").write_text(machines(dice))


def ids(plan: Plan, ranges: Sequence[tuple[int, int]]) -> Iterator[int]:
    return islice(chain.from_iterable(plan.jobs_between(start, stop) for start, stop in ranges), IDS)


def facts(plan: Plan) -> dict[str, Any]:
    shares = [plan.share(machine.name) for machine in plan.machines]
    return {
        "digest": plan.hex,
        "origin": plan.origin_hex,
        "fingerprint": plan.fingerprint,
        "pool": plan.pool_digest.hex(),
        "work": plan.work.hex(),
        "seeds": [str(job_seed(plan.pool_digest, job)) for job in (0, 1, 12345678901)],
        "machines": [
            {
                "name": share.machine,
                "ranges": [list(one) for one in share.ranges],
                "ids": list(ids(plan, share.ranges)),
                "audit": [list(one) for one in share.audit],
            }
            for share in shares
        ],
    }


def test_an_implementation_from_the_page_alone_finds_the_same_plans(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        # `make test` installs it where it may: there a skip would hide that this was never compared.
        assert not os.environ.get("CI"), "node is not here"
        pytest.skip("node is not here")
    dice = random.Random(2)
    cases = [inputs(tmp_path / str(number), dice) for number in range(CASES)]
    asked = [{"folder": str(folder), "python": kind == "python"} for folder, kind in cases]
    told = subprocess.run([node, PROGRAM], input=json.dumps(asked), text=True, capture_output=True, check=False)
    assert told.returncode == 0, told.stderr
    for (folder, kind), found in zip(cases, json.loads(told.stdout), strict=True):
        assert found == facts(plan_in(folder, kind)), folder
