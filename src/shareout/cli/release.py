"""`release HOST`: say that a host is dead, whose note keeps its run directories from being gone on with elsewhere."""

from __future__ import annotations

import argparse
import json

from shareout.cli.inputs.run_folders import folders_of
from shareout.cli.options import Common, add_common
from shareout.cli.place.ledger import add_ledger, shared_place
from shareout.cli.requeue import add_changed
from shareout.entry import Entry
from shareout.errors import UsageError, nearest
from shareout.record.lock import Owner, declare_dead, owner_elsewhere

WATCH_S = 3.0
"""A run says once a second how it stands."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The host, and the run directories that it holds."""
    parser.epilog = (
        "A run that ended by itself leaves nothing to release,\nand this host knows its own dead.\n\n"
        "example:\n  release node17"
    )
    parser.add_argument("host", metavar="HOST", help="a host that is dead for sure, as the refusal names it")
    parser.add_argument("--now", action="store_true", help="in a shared run: do not wait for an answer")
    add_changed(parser)
    add_ledger(parser)
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0 when at least one directory was released. A host that still writes into one is not believed to be dead."""
    common = Common.of(arguments)
    shared = shared_place(arguments.ledger, arguments.sources, common)
    if shared is not None:
        from shareout.cli.asking import release_shared

        return release_shared(shared, arguments.host, common, entry, at_once=arguments.now)
    return _release(arguments, common)


def _release(arguments: argparse.Namespace, common: Common) -> int:
    if arguments.now:
        raise UsageError("--now is about a run that hosts share", way_out="Name the folder they share: --join DIR.")
    with folders_of(arguments.sources, common) as folders:
        owned = [(folder, owner) for folder in folders if (owner := owner_elsewhere(folder))]
        # By a name that is typed, and without an `all`: each host is one that somebody knows to be dead.
        chosen = [(folder, owner) for folder, owner in owned if owner.host == arguments.host]
        if not chosen:
            _refuse_unknown(arguments.host, [owner for _, owner in owned])
        for folder, owner in chosen:
            # Watched for longer than a run is silent. A host that only seems dead would go on writing beside its
            # heir, and both would record the same jobs.
            declare_dead(folder, owner, WATCH_S)
    paths = [str(folder.path) for folder, _ in chosen]
    if common.json:
        print(json.dumps({"host": arguments.host, "released": paths}))
    elif not common.quiet:
        print("\n".join(f"{path}: released; `run` goes on with it" for path in paths))
    return 0


def _refuse_unknown(host: str, owners: list[Owner]) -> None:
    hosts = list(dict.fromkeys(owner.host for owner in owners))
    raise UsageError(
        f"no run directory here is held by a host {host}{nearest(host, hosts)}",
        way_out=f"Held by other hosts: {', '.join(hosts)}." if hosts else "None is held by another host: just run.",
    )
