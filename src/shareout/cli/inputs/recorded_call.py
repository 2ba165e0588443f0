"""What a call of `run` was given: configs, perhaps a pool file and settings by flags. It makes the plan, and is kept
in the run directory: so `list`, `show` or `export` know the jobs of a run that was given a file and no configs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

from shareout.choices import Order
from shareout.cli.options import Common
from shareout.cli.planning import plan_of, pool_of
from shareout.config import Settings, apply, load_settings
from shareout.entry import Entry, kind_of
from shareout.errors import ShareoutError, cannot_record
from shareout.fields import asdict, dataclass, replace
from shareout.files import replace_file
from shareout.linux import host_name
from shareout.machines import Machine, equal_machines
from shareout.plan.plan import Plan, make_plan
from shareout.pool import STREAM
from shareout.record.folder import RunFolder
from shareout.record.journal import Header
from shareout.show.progress import Progress

if TYPE_CHECKING:
    from shareout.pool.stream import StreamPool

Inputs = tuple[Plan, Settings]


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed, and where; and which of the jobs it was to run."""

    words: tuple[str, ...]
    cwd: str
    groups: tuple[str, ...] = ()
    limit: int | None = None

    @classmethod
    def of(cls, folder: RunFolder) -> Typed | None:
        """By the last run of this directory; None when that is not known."""
        try:
            facts = json.loads(folder.call.read_bytes())
            limit = facts["limit"]
            words, groups = tuple(map(str, facts["words"])), tuple(map(str, facts["groups"]))
            return cls(words, str(facts["cwd"]), groups, None if limit is None else int(limit))
        except (OSError, ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class Call:
    """Everything beyond the entry that decides what the jobs are."""

    configs: Path
    pool: Path | None
    flags: Mapping[str, str]
    own: tuple[str, int] | None = None
    """Without machines.json: this host's name and cores, as the only machine."""
    shards: tuple[int, int] | None = None
    """Without it, too: how many equal machines there are, and the cores of this one."""
    nodes: tuple[int, ...] = ()
    """Without it, too: the cores of each node of an allocation."""

    def plan(
        self, common: Common, entry: Entry | None, *, local_barriers: bool = False, kind: str | None = None
    ) -> Inputs:
        """The plan and the settings that this call asks for, made anew from the inputs as they are now. Raises the
        inputs' mistakes. `kind` is for who has not the program that ran the jobs."""
        kind = kind or kind_of(entry)
        there = replace(common, configs=self.configs)
        machines = self._machines()
        if not machines:
            return plan_of(
                there, entry, pool_file=self.pool, flags=self.flags, local_barriers=local_barriers, kind=kind
            )
        settings = apply(load_settings(self.configs), self.flags)
        pool = pool_of(there, settings, entry, self.pool)
        with Progress() as progress:
            watch = progress.watch
            made = make_plan(pool, machines, settings, kind=kind, local_barriers=local_barriers, watch=watch)
        return made, settings

    def _machines(self) -> Sequence[Machine]:
        """Those that stand in no file."""
        if self.shards:
            return equal_machines(*self.shards)
        if self.nodes:
            return [Machine(f"s{number}", Fraction(1), cores) for number, cores in enumerate(self.nodes)]
        return (Machine(self.own[0], Fraction(1), self.own[1]),) if self.own else ()

    def keep(self, folder: RunFolder, typed: Typed) -> None:
        """Absolute paths: later commands may be typed elsewhere."""
        pool = str(self.pool.absolute()) if self.pool else None
        facts = {
            "configs": str(self.configs.absolute()), "pool": pool, "flags": dict(self.flags), "own": self.own,
            "shards": self.shards, "nodes": self.nodes, **asdict(typed),
        }  # fmt: skip
        try:
            # Not synced: it decides nothing. Without it later commands ask for --configs, and no job is lost.
            replace_file(folder.call, [json.dumps(facts).encode("ascii") + b"\n"], sync=False)
        except OSError as error:
            raise cannot_record(folder.call, error, way_out="Name another place with --runs DIR.") from error


def call_of(common: Common, pool: Path | None, flags: Mapping[str, str], *, says_what: bool, shards: int = 0) -> Call:
    """What is called for. Without a machines.json there are so many equal machines, if that is said; else this host is
    the only one, when it is said what to run: a pool is named, or `all`. A folder that was forgotten must not make
    every machine run everything."""
    if shards:
        from shareout.run.host.cores import granted_cores

        return Call(common.configs, pool, flags, shards=(shards, granted_cores()))
    # With a machines.json a named pool is shared out as well: a pool on the command line is no word about who runs it.
    if not says_what or (common.configs / "machines.json").exists():
        return Call(common.configs, pool, flags)
    # Here, for whoever only plans loads nothing of a run.
    from shareout.run.host.cores import granted_cores

    if "run.order" not in apply(load_settings(common.configs), flags).texts:
        # Nobody else takes part, and nothing has to be shuffled.
        flags = {**flags, "run.order": Order.GIVEN}
    return Call(common.configs, pool, flags, (host_name().partition(".")[0] or "here", granted_cores()))


def is_same_place(call: Call, folder: RunFolder) -> bool:
    """Whether a run directory comes from a call that named the same configs and pool file."""
    try:
        facts = json.loads(folder.call.read_bytes())
        pool = str(call.pool.absolute()) if call.pool else None
        return bool(facts["configs"] == str(call.configs.absolute()) and facts["pool"] == pool)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def names_configs(folder: RunFolder, configs: Path) -> bool:
    """Whether a run directory comes from a call with these configs."""
    try:
        return bool(json.loads(folder.call.read_bytes())["configs"] == str(configs.absolute()))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def recalled(folder: RunFolder, header: Header, common: Common, entry: Entry | None) -> Inputs | None:
    """The inputs of a run directory, if what its call named is still here and unchanged."""
    try:
        facts = json.loads(folder.call.read_bytes())
        own, shards = facts["own"], facts.get("shards")
        call = Call(
            Path(facts["configs"]),
            Path(facts["pool"]) if facts["pool"] else None,
            {str(name): str(text) for name, text in facts["flags"].items()},
            (str(own[0]), int(own[1])) if own else None,
            shards=(int(shards[0]), int(shards[1])) if shards else None,
            nodes=tuple(map(int, facts.get("nodes", ()))),
        )
        plan, settings = call.plan(common, entry, local_barriers=True, kind=header.kind)
    # Whatever is wrong with it, nothing is refused: who asks looks at runs, and can do without the texts of jobs.
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, ShareoutError):
        return None
    if plan.origin_hex != header.origin:
        return None
    if plan.pool.kind == STREAM and folder.lines.is_file():
        # Where they came to this host; those beside the file that names the stream are of who serves it.
        cast("StreamPool", plan.pool).read_from(folder.lines)
    return plan, settings
