"""Several machines of one simulated host that share a ledger: whole runs, each with its crew, its guardian, its workers
and its liaison, around a store that is in nobody's memory but the test's."""

from pathlib import Path

BUGS = Path(__file__).with_name("bugs.txt")
"""Planted ones, which the seeds must be able to find."""
