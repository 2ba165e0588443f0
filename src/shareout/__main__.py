"""The command runner, as `python -m shareout` and as the console scripts: signals first, then all the rest."""

import sys

from shareout.edges import edges


def main(*words: str) -> int:
    """What was typed, or with these words before it."""
    edges.begin()
    from shareout.cli import main

    return main([*words, *sys.argv[1:]])


def main_merge_results() -> int:
    """`merge-results` as a program of its own: job-splitter's users type that."""
    return main("merge-results")


def main_merge_logs() -> int:
    """The same for `merge-logs`."""
    return main("merge-logs")


if __name__ == "__main__":
    sys.exit(main())
