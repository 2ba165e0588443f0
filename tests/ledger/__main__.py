"""`python -m ledger MOST [CASE…] [--planted BUG]`, with tests/ on the path: searches cases up to so many states."""

import sys
import time

from ledger.planted import bug_of, plant

words = sys.argv[1:]
if "--planted" in words:
    at = words.index("--planted")
    # Before the program is loaded.
    plant(bug_of(words[at + 1]))
    del words[at : at + 2]

from ledger.cases import CASES  # noqa: E402
from ledger.search import search, told  # noqa: E402

wrong = False
for case in CASES:
    if case.name in words[1:] or not words[1:]:
        began = time.process_time()
        found = search(case, int(words[0]))
        print(told(case, found), f"({time.process_time() - began:.1f} s)", flush=True)
        wrong |= found.wrong != ""
sys.exit(wrong)
