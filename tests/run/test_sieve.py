"""A user's regular expression holds nobody up: not the crew, and not whoever wants to stop it."""

from __future__ import annotations

import signal

from shareout.run.output.sieve import Sieve

ENDLESS = "^(a+)+$"
LINE = b"a" * 60 + b"!\n"


def test_only_lines_that_match_are_kept() -> None:
    said: list[str] = []
    assert Sieve("^k", said.append).kept(b"kept\nnot\nkept too") == b"kept\nkept too"
    assert Sieve("", said.append).kept(b"all\nof it\n") == b"all\nof it\n"
    assert not said


def test_an_expression_that_never_ends_is_given_up_and_told_once_and_all_lines_are_kept() -> None:
    said: list[str] = []
    sieve = Sieve(ENDLESS, said.append)
    assert sieve.kept(b"aa\n" + LINE) == b"aa\n" + LINE
    assert sieve.kept(LINE) == LINE
    assert len(said) == 1
    assert ENDLESS in said[0]
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
