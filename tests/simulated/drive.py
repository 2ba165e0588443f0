"""Runs seeds: each a case, its machines one after the other; what breaks a law is told, with the line to replay it."""

from __future__ import annotations

import gc
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from math import inf

from simulated import stand_in
from simulated.host import Host
from simulated.laws import Broken
from simulated.merging import check_merge
from simulated.plans import Case, case_of
from simulated.planted import Bug, bug_of

COLLECTED_EVERY = 50
MOST_SHOWN = 2000


def run_case(case: Case, seen: Counter[str]) -> str:
    """What is wrong; empty when all laws hold."""
    hosts = []
    seen.update(f"case {word}" for word in case.words() & {"reweighed", "brought"})
    for number in range(len(case.plan.machines)):
        host = Host(case, number, seen)
        if case.brings:
            host.bring(hosts)
        hosts.append(host)
        try:
            host.run()
        except Broken as error:
            return f"machine {host.name}: {error}"
    try:
        check_merge(case, hosts)
    except Broken as error:
        return str(error)
    return ""


def run_seed(seed: int, seen: Counter[str], kept: Collection[int] | None = None) -> str:
    case = case_of(seed)
    if kept is not None:
        case = replace(case, faults=[one for at, one in enumerate(case.faults) if at in kept])
    return run_case(case, seen)


def shrunk(seed: int) -> list[int]:
    """The fewest faults with which a seed still fails."""
    kept = list(range(len(case_of(seed).faults)))
    at = 0
    while at < len(kept):
        fewer = kept[:at] + kept[at + 1 :]
        if run_seed(seed, Counter(), fewer):
            kept = fewer
        else:
            at += 1
    return kept


def told(seed: int, kept: Collection[int]) -> str:
    """The line that replays it."""
    case = case_of(seed)
    faults = "; ".join(str(case.faults[at]) for at in kept) or "none"
    numbers = ",".join(map(str, kept)) or "none"
    return f"PYTHONPATH=tests PYTHONHASHSEED=0 .venv/bin/python -m simulated {seed} --faults {numbers}  # {faults}"


def search(base: int, count: int, seconds: float, most: int, planted: Bug | None) -> tuple[int, int, Counter[str]]:
    """Seeds base … base+count-1, as many as there is time for. How many they were, how many failed, what was seen."""
    seen: Counter[str] = Counter()
    words = planted.words if planted is not None else frozenset()
    failed = number = 0
    end = time.monotonic() + seconds
    # Garbage is looked for now and then only: a seed leaves much of it, and nothing that is large.
    gc.freeze()
    gc.disable()
    while number < count and failed < most and time.monotonic() < end:
        seed = base + number
        number += 1
        if words and not words <= case_of(seed).words():
            continue
        if number % COLLECTED_EVERY == 0:
            gc.collect()
        if what := run_seed(seed, seen):
            failed += 1
            if planted is not None:
                print(f"{seed}: {what}"[:MOST_SHOWN].replace("\n", "\n    "), flush=True)
                continue
            kept = shrunk(seed)
            print(told(seed, kept), flush=True)
            print(f"    {run_seed(seed, Counter(), kept)}"[:MOST_SHOWN].replace("\n", "\n    "), flush=True)
    return number, failed, seen


def main() -> int:
    parser = ArgumentParser(prog="python -m simulated", description="Search seeds for what breaks a promise of a run.")
    parser.add_argument("seed", type=int)
    parser.add_argument("count", type=int, nargs="?", default=1)
    parser.add_argument("--seconds", type=float, default=inf, help="look at no further seed after so long")
    parser.add_argument("--most", type=int, default=5, help="stop after so many that fail")
    parser.add_argument("--faults", help="replay: only these faults of the seed, by number, or none")
    parser.add_argument("--planted", metavar="BUG", help="with a bug of the list, which a seed should find")
    asked = parser.parse_args()
    stand_in.put_in_place()
    if asked.faults is not None:
        what = run_seed(asked.seed, Counter(), [int(one) for one in asked.faults.split(",") if one.isdigit()])
        print(what or "all promises were kept")
        return int(bool(what))
    began = time.process_time()
    planted = bug_of(asked.planted) if asked.planted else None
    number, failed, seen = search(asked.seed, asked.count, asked.seconds, asked.most, planted)
    took = time.process_time() - began
    print(f"{number} seeds, {failed} failed, {took:.1f} s, {took / number * 1000:.1f} ms a seed")
    for name, times in sorted(seen.items()):
        print(f"{times:9} {name}")
    return int(failed > 0)
