"""Small cases, each with what may go wrong in it."""

from __future__ import annotations

from ledger.model import Budget, Case

ONE = (("a", 2),)
NONE = (("x", 1), ("a", 0), ("b", 0))
LONE = (("a", 1), ("b", 0))
HELPED = (("a", 2), ("b", 0))
LONG = (("a", 3), ("b", 0))
CASES = [
    Case("one alone", (("a", 3),), "a", Budget(), quick=True),
    Case("it dies and starts again", ONE, "a", Budget(crashes=1, restarts=1), late=True, quick=True),
    Case("it starts twice", LONE, "a", Budget(twins=1, suspicions=1), quick=True),
    Case("its only job is suspected", LONE, "ab", Budget(suspicions=1), quick=True),
    Case("its only job is suspected twice", LONE, "ab", Budget(suspicions=2), quick=True),
    Case("its only job is suspected by one who dies", LONE, "ab", Budget(suspicions=1, crashes=1), quick=True),
    Case("its only job is suspected, an answer lost", LONE, "ab", Budget(suspicions=1, lost=1), quick=True),
    Case(
        "its only job is suspected, looks are stale",
        LONE,
        "ab",
        Budget(suspicions=1),
        slack=2,
        dead=4,
        fence=3,
        quick=True,
    ),
    Case("its only job is suspected, two answers lost", LONE, "ab", Budget(suspicions=1, lost=2), quick=True),
    Case(
        "who took its job is suspected, an answer lost",
        (("x", 1), ("a", 0), ("b", 0)),
        "ab",
        Budget(suspicions=1, lost=1),
    ),
    Case("its only job is suspected, it freezes", LONE, "ab", Budget(suspicions=1, freezes=1), quick=True),
    Case(
        "its only job is suspected, it freezes, an answer lost",
        LONE,
        "ab",
        Budget(suspicions=1, freezes=1, lost=1),
    ),
    Case("its only job is lost", LONE, "ab", Budget(crashes=1), late=True, quick=True),
    Case("its only job is released", LONE, "ab", Budget(releases=1), quick=True),
    Case("its only job is released at once", LONE, "ab", Budget(at_once=1), quick=True),
    Case("its only job must run elsewhere", LONE, "ab", Budget(retries=1), quick=True),
    Case("its job is in its second lane", (("a", 1), ("a", 1), ("b", 0)), "ab", Budget(suspicions=1)),
    Case("it never came", (("a", 1), ("b", 1)), "a", Budget(suspicions=1), quick=True),
    Case("it is helped", HELPED, "ab", Budget(), quick=True),
    Case("it is helped, an answer lost", HELPED, "ab", Budget(lost=1), quick=True),
    Case("it is helped and dies", HELPED, "ab", Budget(crashes=1), late=True),
    Case("it is helped and dies and starts again", HELPED, "ab", Budget(crashes=1, restarts=1)),
    Case("it is helped and suspected", HELPED, "ab", Budget(suspicions=1), quick=True),
    Case("it is helped and leaves", HELPED, "ab", Budget(leaves=1), batch=2, rate=1, jumbled=True),
    Case("it is helped and leaves, with two slots", HELPED, "ab", Budget(leaves=1), slots=2, jumbled=True),
    Case("it leaves with three", LONG, "ab", Budget(leaves=1), batch=3, rate=1.5, jumbled=True),
    Case("it puts a job aside", HELPED, "ab", Budget(asides=1), quick=True),
    Case("it puts a job aside, with two slots", ONE, "a", Budget(asides=1), slots=2, quick=True),
    Case("a job must run elsewhere", HELPED, "ab", Budget(retries=1), quick=True),
    Case("it gives back", HELPED, "ab", Budget(), rate=1),
    Case("it gives back, an answer lost", HELPED, "ab", Budget(lost=1), rate=1),
    Case("it gives back some of three", LONG, "ab", Budget(), rate=1),
    Case("it is helped twice and suspected", LONG, "ab", Budget(suspicions=1)),
    Case("it is helped, looks take long", HELPED, "ab", Budget(suspicions=1), fine=True, blind=True),
    Case("it is helped, looks are stale", HELPED, "ab", Budget(suspicions=1), slack=1, dead=4, fence=3),
    Case("it is helped and freezes", HELPED, "ab", Budget(freezes=1, suspicions=1)),
    Case("it is helped, dies and is released", HELPED, "ab", Budget(releases=1, crashes=1)),
    Case("two help each other", (("a", 2), ("b", 1)), "ab", Budget()),
    Case("three, and one dies", (("a", 1), ("b", 1), ("c", 0)), "abc", Budget(crashes=1)),
]
