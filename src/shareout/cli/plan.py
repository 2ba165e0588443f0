"""`plan`: who runs what, as a table that a person checks at a glance, as JSON, or as a stream of job ids."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from shareout.choices import Barriers, words_of
from shareout.cli.inputs.other_runs import has_others
from shareout.cli.inputs.recorded_call import Call, call_of
from shareout.cli.options import Common, add_common
from shareout.cli.place.scheduler import machine_said
from shareout.cli.place.shard import Shard, add_shard, shard_asked
from shareout.cli.planning import check_expected, check_fits, tell_oddities
from shareout.cli.running_order import in_running_order
from shareout.config import Settings
from shareout.entry import Entry
from shareout.errors import CannotRead, InputError, UsageError, cannot_read
from shareout.fields import dataclass
from shareout.names import ALL
from shareout.plan.fitting import hosts_of, refuse_unfit, unknown_of
from shareout.plan.plan import Plan, Share
from shareout.plan.shares.forecast import Expected, Forecast, forecast_of
from shareout.show.beside import say
from shareout.show.fold import columns_of
from shareout.show.plan import number, plan_text

AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class PlanArguments:
    """The flags of `plan`."""

    machine: str | None
    shard: Shard | None
    ids: bool
    card: bool
    compare: str | None
    expect: str | None
    pool: Path | None
    local_barriers: bool


def configure(parser: argparse.ArgumentParser) -> None:
    """A pool, whose share to show and in which form, and what to compare the plan with."""
    parser.epilog = (
        "examples:\n"
        "  shareout plan\n"
        "  shareout plan --machine alice --ids | head\n"
        "  shareout plan --card > card.txt     # here, and on the machine that disagrees:\n"
        "  shareout plan --compare card.txt"
    )
    parser.add_argument("named", nargs="?", metavar="POOL", help="a pool file (default: the configs')")
    parser.add_argument("--machine", metavar="NAME", help="this machine's share only (or all, or auto)")
    add_shard(parser)
    parser.add_argument("--ids", action="store_true", help="with --machine: its job ids in running order, one a line")
    parser.add_argument("--card", action="store_true", help="1 KB of text that tells this plan to another machine")
    parser.add_argument("--compare", metavar="CARD", help="say what differs from a card: a file, or -")
    parser.add_argument("--expect", metavar="FINGERPRINT", help="exit 2 when the plan is another one")
    parser.add_argument("--pool", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--barriers", choices=words_of(Barriers), help="let every machine keep barriers by itself")
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0; 2 when `--compare` finds another plan. What cannot run as it is planned is refused, as `run` would."""
    common = Common.of(arguments)
    asked = _asked(arguments, common)
    says_what = asked.pool is not None or asked.machine == ALL
    call = call_of(common, asked.pool, {}, says_what=says_what, shards=asked.shard.of if asked.shard else 0)
    call = _over_nodes(call, common, asked.machine)
    # As `run` would make it, with the pool that is named and, where there is no machines.json, this host as the only
    # machine: the digest that is compared must be the one that runs.
    plan, settings = call.plan(common, entry, local_barriers=asked.local_barriers)
    _check_fits(entry, plan)
    tell_oddities(plan)
    _tell_unasked(call, common, plan)
    # Before anything is shown: who says what is expected wants to see nothing of another plan.
    check_expected(plan, asked.expect)
    if asked.card:
        return _print_card(plan)
    if asked.compare:
        return _compare(plan, asked.compare, common)
    machine = asked.shard.name if asked.shard else machine_said(asked.machine, plan, os.environ)
    shares = [plan.share(machine)] if machine else [plan.share(one.name) for one in plan.machines]
    if asked.ids:
        return _print_ids(in_running_order(plan, shares[0], settings))
    _tell_fitting(plan, settings, common)
    _tell_adoptable(common, entry, plan, settings)
    if common.json:
        print(json.dumps(plan_facts(plan, shares, forecast_of(plan, settings.run)), ensure_ascii=True))
    elif not common.quiet:
        print(plan_text(plan, shares, columns_of(sys.stdout), forecast_of(plan, settings.run)))
    return 0


def _over_nodes(call: Call, common: Common, machine: str | None) -> Call:
    """In an allocation of Slurm with several nodes: with these as machines, as `run` has them."""
    if machine is not None or "SLURM_JOB_ID" not in os.environ or "SLURM_STEP_ID" in os.environ:
        return call
    from shareout.cli.inputs.slurm_nodes import spread_of

    spread = spread_of(call, common)
    return spread.called(call, {}) if spread else call


def _asked(arguments: argparse.Namespace, common: Common) -> PlanArguments:
    shard = shard_asked(arguments.shard, arguments.machine, common)
    if arguments.ids and not (arguments.machine or shard):
        raise UsageError("--ids needs to know whose", way_out="Add --machine NAME.")
    return PlanArguments(
        arguments.machine,
        shard,
        ids=arguments.ids,
        card=arguments.card,
        compare=arguments.compare,
        expect=arguments.expect,
        pool=Path(named) if (named := arguments.named or arguments.pool) else None,
        local_barriers=arguments.barriers == Barriers.LOCAL,
    )


def _tell_adoptable(common: Common, entry: Entry | None, plan: Plan, settings: Settings) -> None:
    if not common.quiet and has_others(common.runs, plan):
        from shareout.cli.inputs.adoption import tell_adoptable

        tell_adoptable(common, entry, plan, settings)


def _tell_unasked(call: Call, common: Common, plan: Plan) -> None:
    if not has_others(common.runs, plan):
        return
    from shareout.cli.inputs.earlier_plans import sentence_of, unasked

    if found := unasked(call, common, plan):
        say(f"shareout: {sentence_of(found)}: `shareout reweigh` keeps them, `run --anew` starts over")


def _tell_fitting(plan: Plan, settings: Settings, common: Common) -> None:
    """Jobs that fit no machine are refused; where machines.json leaves that open, it is told."""
    hosts = hosts_of(plan, settings)
    unknown = unknown_of(refuse_unfit(plan, settings, hosts), hosts)
    for sentence in () if common.quiet else unknown:
        say(f"shareout: {sentence}")


def _check_fits(entry: Entry | None, plan: Plan) -> None:
    """Who only plans may not have the program that the rows are for: that no command comes of them is told, and
    refused by `run`."""
    try:
        check_fits(entry, plan.pool)
    except InputError as error:
        if entry is not None:
            raise
        for line in error.lines():
            say(f"shareout: {line}")


def plan_facts(plan: Plan, shares: list[Share], forecast: Forecast | None = None) -> dict[str, Any]:
    """The document of `plan --json`; `docs/formats.md` describes it."""
    weights = {one.name: one for one in plan.machines}
    expected = {one.machine: one for one in forecast.machines} if forecast else {}
    return {
        "digest": plan.hex,
        "fingerprint": plan.fingerprint,
        "since": plan.since.text if plan.since else None,
        "jobs": plan.jobs,
        **({"costs": {"are_seconds": forecast.is_seconds, "even": forecast.even}} if forecast else {}),
        "inputs": [
            {"role": one.role, "path": one.path, "bytes": one.size, "blake3": one.blake3.hex()} for one in plan.inputs
        ],
        "machines": [
            {
                "name": share.machine,
                "weight": number(weights[share.machine].weight) if share.machine in weights else None,
                "cores": weights[share.machine].cores if share.machine in weights else None,
                "jobs": len(share),
                "ranges": [list(one) for one in share.ranges],
                **({"expected": _expected(expected[share.machine])} if share.machine in expected else {}),
                **({"audit": [list(one) for one in share.audit]} if share.audit else {}),
            }
            for share in shares
        ],
    }


def _expected(one: Expected) -> dict[str, Any]:
    return {"cost": one.cost, "finish": one.finish, "longest": one.longest, "job": one.job, "is_bound": one.is_bound}


def _print_card(plan: Plan) -> int:
    from shareout.plan.card import make_card

    sys.stdout.write(make_card(plan).text())
    return 0


def _print_ids(ids: Iterator[int]) -> int:
    while block := list(islice(ids, AT_ONCE)):
        sys.stdout.write("\n".join(map(str, block)) + "\n")
    return 0


def _compare(plan: Plan, where: str, common: Common) -> int:
    from shareout.plan.card import compare, read_card

    said = compare(plan, read_card(_card_text(where), where))
    if common.json:
        print(json.dumps({"same": not said, "differs": said}))
    elif not said:
        print(f"the same plan: {plan.fingerprint}")
    else:
        print("\n".join(said))
    return 2 if said else 0


def _card_text(where: str) -> str:
    """A card that is not there is a wrong call; one that may not be read, the world's refusal."""
    try:
        return sys.stdin.read() if where == "-" else Path(where).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and isinstance(refused := cannot_read(where, error), CannotRead):
            raise refused from error
        why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is no text"
        way_out = "`plan --card > FILE` on the other machine makes one."
        raise UsageError(f"the card {where} cannot be read: {why}", way_out=way_out) from error
