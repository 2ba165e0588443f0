"""`python -m simulated.together SEED [COUNT] [--seconds S] [--faults 0,2|none] [--planted BUG]`, with tests/ on the
path: searches seeds for what breaks a promise of machines that share a ledger."""

from __future__ import annotations

import gc
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from math import inf

from simulated.planted import bug_of, plant
from simulated.together import BUGS

if "--planted" in sys.argv:
    # Before the program is loaded.
    plant(bug_of(sys.argv[sys.argv.index("--planted") + 1], BUGS))

from simulated import stand_in
from simulated.together import farm


def main() -> int:
    parser = ArgumentParser(prog="python -m simulated.together")
    parser.add_argument("seed", type=int)
    parser.add_argument("count", type=int, nargs="?", default=1)
    parser.add_argument("--seconds", type=float, default=inf)
    parser.add_argument("--most", type=int, default=3, help="so many that fail end the search")
    parser.add_argument("--planted", help="with this bug of bugs.txt")
    parser.add_argument("--faults", help="replay: only these faults of the seed, by number, or none")
    asked = parser.parse_args()
    stand_in.put_in_place()
    farm.put_in_place()
    if asked.faults is not None:
        what = farm.run_seed(asked.seed, Counter(), [int(one) for one in asked.faults.split(",") if one.isdigit()])
        print(what or "all promises were kept")
        return int(bool(what))
    seen: Counter[str] = Counter()
    failed = number = 0
    began, end = time.process_time(), time.monotonic() + asked.seconds
    gc.freeze()
    gc.disable()
    while number < asked.count and failed < asked.most and time.monotonic() < end:
        seed = asked.seed + number
        number += 1
        if number % 20 == 0:
            gc.collect()
        if what := farm.run_seed(seed, seen):
            failed += 1
            if asked.planted:
                print(f"{seed}: {what[:500]}", flush=True)
            else:
                tell(seed)
    print(f"{number} seeds, {failed} failed, {(time.process_time() - began) / number * 1000:.0f} ms a seed")
    for name, times in sorted(seen.items()):
        print(f"{times:9} {name}")
    return int(failed > 0)


def tell(seed: int) -> None:
    """The line that replays it, with the fewest faults that it needs."""
    faults = farm.Farm(seed, Counter()).faults
    kept = list(range(len(faults)))
    at = 0
    while at < len(kept):
        fewer = kept[:at] + kept[at + 1 :]
        if farm.run_seed(seed, Counter(), fewer):
            kept = fewer
        else:
            at += 1
    words = f"simulated.together {seed} --faults {','.join(map(str, kept)) or 'none'}"
    told = "; ".join(str(faults[at]) for at in kept) or "none"
    print(f"PYTHONPATH=tests PYTHONHASHSEED=0 .venv/bin/python -m {words}  # {told}", flush=True)
    print(f"    {farm.run_seed(seed, Counter(), kept)[:2500]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
