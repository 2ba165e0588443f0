"""How well machines share a folder: simulated farms around the program's own ledger.

bench/ledger_quality.py [--quick]     writes the tables in docs/peers.md (--quick: one farm of each, only printed)

Twenty machines of eight slots, jobs of 15 to 25 s, half an hour of them; machines.json calls all machines equal, and
they are not, by so much (one standard deviation of the logarithm of their speed). Then the same farms, and one machine
dies at a moment of the run. Each call of the folder takes 50 ms, and others see what was put 5 s later.

And five hundred machines in one folder, 5 ms for each name that is looked at: three of them are hosts, of the others
there is what they put and how they are.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from farm import Farm, Folder, Machine
from written import put_between

ROOT = Path(__file__).parents[1]
MACHINES, SLOTS, JOBS, TRIALS = 20, 8, 14_400, 2
OFF_BY = (0.1, 0.2, 0.4)
FOLDER = Folder(call_s=0.05, lag_s=5, slack_s=60, dead_s=120)
MANY, LIVE, MANY_S = 500, 3, 480
LONGEST_JOB_S = 25
GOAL_OFF_BY = 0.2
"""How wrong weights are where the goals are to be met."""
GOAL_RATIO, GOAL_NAMES = 1.05, 50
GOAL_ENTRIES = 60 + 3 + 1
"""Of a host, three for its share by plan, and of what is asked of all no more than the end."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A farm to be run."""

    off_by: float
    number: int
    dies: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds, and entries a host."""

    ideal_s: float
    took_s: float
    alone_s: float
    entries: float
    undone: int
    longest_job_s: float

    @property
    def ratio(self) -> float:
        return self.took_s / self.ideal_s


def main(arguments: Sequence[str]) -> int:
    trials = 1 if "--quick" in arguments else TRIALS
    asked = [Trial(off, number, dies) for dies in (False, True) for off in OFF_BY for number in range(trials)]
    with ProcessPoolExecutor() as pool:
        outcomes = dict(zip(asked, pool.map(outcome, asked), strict=True))
    rates, share = of_many()
    goals = goals_of([one for trial, one in outcomes.items() if trial.off_by == GOAL_OFF_BY], max(rates))
    told = (
        f"Of {MANY} machines in one folder each looks at {min(rates):.0f} to {max(rates):.0f} names a second, and has "
        f"{share:.1%} of a core to do with it."
    )
    text = "\n".join([*of_farms(outcomes), "", told, "", *goals])
    print(text)
    if "--quick" not in arguments:
        put_between(ROOT / "docs" / "peers.md", "ledger quality", text)
    return int(any("missed" in row for row in goals))


def outcome(trial: Trial) -> Outcome:
    dice = random.Random(f"{trial.off_by} {trial.number}")
    speeds = [math.exp(dice.gauss(0, math.log(1 + trial.off_by))) for _ in range(MACHINES)]
    work = [dice.uniform(15, 25) for _ in range(JOBS)]
    machines = [Machine(f"m{number:02}", SLOTS, speed) for number, speed in enumerate(speeds)]
    all_s, share = SLOTS * sum(speeds), JOBS // MACHINES
    ideal = sum(work) / all_s
    if trial.dies:
        dead, moment = dice.randrange(MACHINES), dice.uniform(0, ideal)
        machines[dead] = replace(machines[dead], dies_s=moment)
        ideal = moment + (sum(work) - all_s * moment) / (all_s - SLOTS * speeds[dead])
    told = Farm(machines, work, [share] * MACHINES, FOLDER).run(20 * ideal)
    sums = [sum(work[at * share : (at + 1) * share]) for at in range(MACHINES)]
    alone = math.inf if trial.dies else max(one / (SLOTS * speed) for one, speed in zip(sums, speeds, strict=True))
    undone, longest = sum(not ran for ran in told.ran), LONGEST_JOB_S / min(speeds)
    return Outcome(ideal, told.ended_s, alone, told.entries / MACHINES, undone, longest)


def of_farms(outcomes: dict[Trial, Outcome]) -> list[str]:
    """A row a kind."""
    heads = ("alone", "with a ledger", "worst of all", "after the ideal end, at most", "entries a host")
    rows = [f"| weights off by | one dies | {' | '.join(heads)} |", f"| --- | --- |{' --: |' * len(heads)}"]
    for off_by in OFF_BY:
        for dies in (False, True):
            some = [one for trial, one in outcomes.items() if (trial.off_by, trial.dies) == (off_by, dies)]
            assert not any(one.undone for one in some)
            alone = "never" if dies else f"{median(one.alone_s / one.ideal_s for one in some):.2f}"
            cells = [
                f"±{off_by:.0%}", "yes" if dies else "no", alone, f"{median(one.ratio for one in some):.3f}",
                f"{max(one.ratio for one in some):.3f}", f"{max(one.took_s - one.ideal_s for one in some):.0f} s",
                f"{median(one.entries for one in some):.0f}",
            ]  # fmt: skip
            rows.append(f"| {' | '.join(cells)} |")
    return rows


def goals_of(outcomes: Sequence[Outcome], names: float) -> list[str]:
    """A row a goal: the most that is to be found in any farm, and what was found."""
    alive = [one for one in outcomes if one.alone_s < math.inf]
    late = [one.took_s - one.ideal_s for one in outcomes if one.alone_s == math.inf]
    may_be_late = 2 * FOLDER.dead_s + 10 + max(one.longest_job_s for one in outcomes)
    found = [
        ("all live: times the ideal", GOAL_RATIO, max(one.ratio for one in alive), ".3f"),
        ("one dies: seconds after the ideal end", may_be_late, max(late), ".0f"),
        ("entries a host", GOAL_ENTRIES, max(one.entries for one in outcomes), ".1f"),
        (f"{MANY} machines: names a second", GOAL_NAMES, names, ".0f"),
    ]
    rows = [f"| goal, with weights off by ±{GOAL_OFF_BY:.0%} | at most | found | |", "| --- | --: | --: | --- |"]
    for what, most, is_, form in found:
        rows.append(f"| {what} | {most:{form}} | {is_:{form}} | {'met' if is_ <= most else 'missed'} |")
    return rows


def of_many() -> tuple[list[float], float]:
    """What each of very many asks of the folder, in names a second of each minute, and of a core: minutes of work, then
    idle minutes."""
    shares = [24] * LIVE + [200] * (MANY - LIVE)
    machines = [Machine(f"m{number:03}", 2, 1.0) for number in range(MANY)]
    farm = Farm(machines, [20.0] * sum(shares), shares, replace(FOLDER, call_s=0, name_s=0.005), MANY - LIVE)
    began = time.process_time()
    told = farm.run(MANY_S)
    share = (time.process_time() - began) / LIVE / MANY_S
    rates = [told.names[f"m{number:03}", minute] / 60 for number in range(LIVE) for minute in range(MANY_S // 60)]
    return rates, share


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
