"""The command runner, as `python -m shareout` and as the console scripts: signals first, then all the rest."""

from __future__ import annotations

import sys

from shareout.edges import End, edges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main(*words: str) -> NoReturn:
    """What was typed, or with these words before it."""
    edges.begin()
    from shareout.cli import main

    raise End(main([*words, *sys.argv[1:]]))


def main_merge_results() -> NoReturn:
    """`merge-results` as a program of its own: job-splitter's users type that."""
    main("merge-results")


def main_merge_logs() -> NoReturn:
    """The same for `merge-logs`."""
    main("merge-logs")


if __name__ == "__main__":
    main()
