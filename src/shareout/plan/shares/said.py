"""The inputs of a plan that are no files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from shareout.choices import Numerics, Order
from shareout.config import Settings, digest_text
from shareout.costs.source import OFF, USUAL
from shareout.plan.digest import HashedInput, hash_text
from shareout.pool import Pool

# An input of its own: rows that a Python function is called with are other jobs than the same rows as commands.
KIND = "kind"
PYTHON = "python"


def said_by(settings: Settings, kind: str, pool: Pool, costs_file: Path) -> Iterator[HashedInput]:
    """Inputs that are no files. What is as usual is none, so that a setting that is new changes no digest."""
    if said := digest_text(settings):
        yield hash_text("settings", said)
    if settings.run.audit:
        # In lowest terms and not as it was written: 1% and 1.0% ask for the same audit, and are one plan.
        yield hash_text("audit", "{}/{}".format(*settings.run.audit.as_integer_ratio()).encode())
    if settings.run.seed:
        yield hash_text("seed", settings.run.seed.encode("utf-8", "surrogateescape"))
    if kind == PYTHON:
        yield hash_text(KIND, PYTHON.encode())
    if settings.run.order == Order.GIVEN:
        yield hash_text("order", Order.GIVEN.encode())
    if settings.run.is_portable:
        yield hash_text("numerics", Numerics.PORTABLE.encode())
    yield from _said_of_costs(pool, settings, costs_file)
    if settings.run.since:
        yield hash_text("since", settings.run.since.encode())


def _said_of_costs(pool: Pool, settings: Settings, costs_file: Path) -> Iterator[HashedInput]:
    """Where shares end by another field than the usual one, or not by what could decide it."""
    name, is_file = settings.run.cost, costs_file.is_file()
    # A word that changes nothing is no input. `none` where there are no costs, or a field's name where costs.csv takes
    # its place, would else part the digests of two machines that do the very same.
    if (name == OFF and (is_file or pool.field(USUAL) is not None)) or (name not in (OFF, USUAL) and not is_file):
        yield hash_text("cost", name.encode("utf-8", "surrogateescape"))
