"""The plan that another one continues: the same jobs at the same positions, in other shares.

A digest decides the shuffle. So whoever corrects a weight would shuffle anew, and what is done would be done by the
wrong machines. A plan that says since when it goes on has the shuffle, and the run directories, of the plan that it
continues; only where shares end is its own. The work hash stands beside the digest, because positions mean something
only as long as the jobs are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from shareout.choices import Order


@dataclass(frozen=True, slots=True)
class Origin:
    """What has to be known of it."""

    digest: bytes
    work: bytes
    order: Order

    @property
    def text(self) -> str:
        """As `[run] since` has it."""
        return f"{self.digest.hex()}:{self.work.hex()}{':given' if self.order is Order.GIVEN else ''}"


def origin_of(text: str) -> Origin | None:
    """What `[run] since` says; None where it says nothing. Its form was checked as it was read."""
    if not text:
        return None
    digest, work, *order = text.split(":")
    return Origin(bytes.fromhex(digest), bytes.fromhex(work), Order.GIVEN if order else Order.SHUFFLED)
