"""Any history of runs, interruptions, failures, audits and rebalances merges to the same table."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.journals import last_journal
from shareout.config import load_settings
from shareout.merge.proof.certificate import certificate
from shareout.merge.proof.complete import Summary, open_journals
from shareout.merge.rebalance import left_positions
from shareout.merge.results import Merge
from shareout.merge.sheet import sheet_for
from shareout.merge.tables import RowStore, table_form
from shareout.merge.target import Target
from shareout.plan.plan import Plan, Share, make_plan
from shareout.plan.rest import SelectedPool, Step, with_rest, write_rest
from shareout.pool import open_pool
from shareout.record.folder import RunFolder
from shareout.record.journal import Header, attempt_line
from shareout.record.outcome import Attempt, Cause, State
from shareout.record.reader import newest_header

HISTORIES = st.tuples(st.integers(1, 50), st.integers(0, 4), st.randoms(use_true_random=False))


def plan_in(configs: Path) -> Plan:
    known = load_settings(configs)
    return make_plan(
        with_rest(open_pool(configs, known), configs), configs / "machines.json", known, local_barriers=True
    )


def inputs(configs: Path, lines: list[str], source: random.Random) -> None:
    """A pool, some machines of unequal weight, perhaps an audit."""
    configs.mkdir()
    (configs / "jobs.txt").write_text("\n".join(lines) + "\n")
    weights = ", ".join(f'"m{at}": [{source.randint(1, 9)}, 1]' for at in range(source.randint(1, 4)))
    (configs / "machines.json").write_text(f"{{{weights}}}")
    if source.random() < 0.5:
        (configs / "runner.config").write_text("[run]\naudit = 30%\n")


def run(plan: Plan, share: Share, folder: Path, part: float, source: random.Random) -> RunFolder:
    """A journal of some of a share, in several sessions' worth of disorder; what fails may be tried again."""
    head = Header(
        plan.hex, plan.pool_digest.hex(), share.machine, plan.jobs, share.ranges, share.audit, "0", "", "python",
        plan.ancestors, plan.total if plan.ancestors else 0, work=plan.work.hex(),
    )  # fmt: skip
    lines = [head.lines()]
    positions = [at for start, stop in (*share.ranges, *share.audit) for at in range(start, stop)]
    for place, at in enumerate(source.sample(positions, round(part * len(positions)))):
        job, number = plan.job_at(at), 1
        if part < 1 and source.random() < 0.3:
            lines.append(record(job, at, 1, State.FAILED, place))
            number = 2
        if number == 1 or source.random() < 0.5:
            lines.append(record(job, at, number, State.DONE, place))
    made = RunFolder(folder)
    folder.mkdir(parents=True)
    torn = source.choice([b"", lines[-1][:9]])
    last_journal(made).write_bytes(b"".join(lines) + torn)
    return made


def record(job: int, position: int, number: int, state: State, place: int) -> bytes:
    cause = Cause.EXCEPTION if state is State.FAILED else Cause.NONE
    start = 1.7e9 + place
    return attempt_line(Attempt(job, position, number, state, start, start + 1, 0, cause=cause, result=job % 7))


def merged(folders: list[RunFolder], output: Path) -> tuple[Summary, bytes, str]:
    journals = open_journals(folders, lambda sentence: None)
    form = table_form(output)
    assert not isinstance(form, RowStore)
    with Merge(journals, output.parent, processes=1) as merge, Target(output) as target:
        merge.gather()
        sheet = sheet_for(None, (), "python", "none", merge.starts())
        summary, _ = merge.write_text(form, sheet, target, packed=False)
        target.finish()
    return summary, output.read_bytes(), certificate(journals[0].header.work, (), summary.blocks)


@settings(max_examples=40, deadline=None)
@given(HISTORIES)
def test_any_history_merges_to_the_same_table(
    tmp_path_factory: pytest.TempPathFactory, history: tuple[int, int, random.Random]
) -> None:
    jobs, turns, source = history
    home = tmp_path_factory.mktemp("history")
    lines: list[str] = []
    for job in range(jobs):
        lines += ["#SHAREOUT BARRIER"] * (source.random() < 0.1)
        lines.append(f"job {job}")
    inputs(home / "configs0", lines, source)
    folders: list[RunFolder] = []
    for turn in range(turns):
        plan = plan_in(home / f"configs{turn}")
        shares = [plan.share(one.name) for one in plan.machines if source.random() < 0.8]
        ran = [run(plan, one, home / f"runs{turn}" / one.machine, source.random() * 0.9, source) for one in shares]
        folders += ran
        left = left_positions(plan.jobs, [(one, newest_header(one)) for one in ran], lambda _: None, failed=True)
        if not left:
            break
        inputs(home / f"configs{turn + 1}", lines, source)
        earlier = plan.pool.steps if isinstance(plan.pool, SelectedPool) else ()
        step = Step(plan.hex, tuple(plan.pool.phases), left)
        write_rest(home / f"configs{turn + 1}", plan.work.hex(), plan.total, [*earlier, step])
    else:
        plan = plan_in(home / f"configs{turns}")
        folders += [run(plan, plan.share(one.name), home / "last" / one.name, 1, source) for one in plan.machines]
    source.shuffle(folders)
    summary, table, proof = merged(folders, home / "table.csv")
    assert summary.is_complete
    assert not summary.disagreements
    assert table.decode() == "job,result\n" + "".join(f"{job},{job % 7}\n" for job in range(jobs))
    inputs(home / "alone", lines, source)
    plan = plan_in(home / "alone")
    assert proof == merged([run(plan, plan.share_all(), home / "one", 1, source)], home / "one.csv")[2]
