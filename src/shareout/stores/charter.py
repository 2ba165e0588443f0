"""What a ledger is, put once by whoever comes first, and held against what everybody else brings: its charter."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path

from blake3 import blake3

from shareout.errors import UsageError
from shareout.fields import dataclass, replace

PROTOCOL = 1
"""Of what hosts say to each other in a ledger. Hosts of two versions never work in one."""


MIRROR = '["what serve has laid down"]'
"""In the place of groups, so that nobody takes the copy of a ledger for one in which hosts could work: it is about
none."""


@dataclass(frozen=True, slots=True)
class Charter:
    """Hosts agree in all of it but in the times, where those of the ledger hold for all."""

    origin: str
    """Digests in hex."""
    plan: str
    group: str
    """The groups that this ledger is about, as they were asked for; empty: all of the plan."""
    machines: tuple[str, ...]
    dead_s: float
    slack_s: float
    """By how much looks may lag, as whoever made it was told or saw; `math.inf` when nobody knows."""
    protocol: int = PROTOCOL
    nonce: str = ""
    """Drawn when it is put: tells this ledger from one that was made anew in its place."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(json.loads(self.group)) if self.group and self.group != MIRROR else ()

    @property
    def is_probe(self) -> bool:
        """Of no plan at all."""
        return not self.plan

    @property
    def folders(self) -> tuple[str, str]:
        """Its place among others: all of one origin together, one for each plan, group and version."""
        about = json.dumps([self.plan, self.group, self.protocol], separators=(",", ":"))
        return self.origin[:16], blake3(about.encode()).hexdigest()[:8]

    def made_now(self) -> Charter:
        """The same as a new ledger."""
        return replace(self, nonce=os.urandom(8).hex())

    def text(self) -> bytes:
        """A line of JSON."""
        facts = {
            "ledger": self.protocol, "nonce": self.nonce, "origin": self.origin, "plan": self.plan,
            "group": self.group, "machines": self.machines, "dead_s": self.dead_s,
            "slack_s": None if math.isinf(self.slack_s) else self.slack_s,
        }  # fmt: skip
        return json.dumps(facts, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"

    def refuse_version(self, text: bytes, place: Path | str) -> None:
        """When the charter that has this text is of hosts that speak another version. What is none says nothing."""
        try:
            found = json.loads(text)["ledger"]
        except (ValueError, TypeError, KeyError):
            return
        if isinstance(found, int) and found != self.protocol:
            raise _another_version(found, place)

    def refuse_other(self, found: Charter, place: Path | str) -> None:
        """When the ledger that stands there is not the one that this host would have made."""
        same = "Give all hosts the same inputs (`plan --card` here, `plan --compare` there), or another folder."
        if found.plan != self.plan or found.origin != self.origin:
            what = f"{place} is the ledger of another plan: {found.plan[:16]}, and ours is {self.plan[:16]}"
            raise UsageError(what, way_out=same)
        if found.group != self.group:
            what = f"{place} is about {_groups(found.group)}, and this run about {_groups(self.group)}"
            raise UsageError(what, way_out="Say the same --group on all hosts.")
        if found.machines != self.machines:
            raise UsageError(f"{place} names other machines than machines.json does here", way_out=same)


def read_charter(data: bytes, place: Path | str) -> Charter:
    """From its text. One of another version is refused, whatever else it says; so is what is cut short."""
    try:
        if not data.endswith(b"\n"):
            raise ValueError
        facts = json.loads(data)
        if not isinstance(facts["ledger"], int):
            raise TypeError
        if facts["ledger"] != PROTOCOL:
            raise _another_version(facts["ledger"], place)
        return _of(facts)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        what = f"{place} is cut short or damaged: it does not say which ledger this is"
        where = place.parent if isinstance(place, Path) else "what it holds"
        way_out = f"If no host works from it any more, move {where} away and join again: journals at home stay."
        raise UsageError(what, way_out=way_out) from None


def _of(facts: dict[str, object]) -> Charter:
    machines, slack = facts["machines"], facts["slack_s"]
    words = [facts[name] for name in ("origin", "plan", "group", "nonce")]
    if not isinstance(machines, list) or not all(isinstance(one, str) for one in [*machines, *words]):
        raise TypeError
    origin, plan, group, nonce = map(str, words)
    if not _is_group(group):
        raise ValueError
    return Charter(
        origin, plan, group, tuple(machines), _seconds(facts["dead_s"]), nonce=nonce,
        slack_s=math.inf if slack is None else _seconds(slack),
    )  # fmt: skip


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise ValueError
    return float(value)


def _another_version(found: int, place: Path | str) -> UsageError:
    return UsageError(
        f"{place} is of version {found} of what hosts say to each other, and this program speaks version {PROTOCOL}",
        way_out="Use the same program on all hosts, or another folder.",
    )


def told_groups(groups: Iterable[str]) -> str:
    """As a charter has them: the same of the same groups, in whatever order they were said."""
    names = sorted(set(groups))
    return json.dumps(names) if names else ""


def _groups(group: str) -> str:
    if not group:
        return "all of the plan"
    names = ", ".join(f'"{name}"' for name in json.loads(group))
    return f"{'the groups' if ', ' in names else 'the group'} {names}"


def _is_group(group: str) -> bool:
    """Whether a charter may say so."""
    try:
        names = json.loads(group) if group else []
    except ValueError:
        return False
    return isinstance(names, list) and all(isinstance(one, str) for one in names) and told_groups(names) == group
