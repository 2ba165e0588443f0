"""`join --probe DIR`: whether hosts can share a folder, tried on two of them at once."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

from shareout.cli.inputs.run_folders import tell
from shareout.errors import UsageError
from shareout.ledger.store import Away
from shareout.show.pace import told_seconds
from shareout.stores.folder.mount import Mount
from shareout.stores.folder.probe import Calls, Lag, Prober, probed
from shareout.stores.folder.store import FolderStore
from shareout.units import format_duration, parse_duration

PATIENCE = "2m"


def add_flags(group: argparse._ArgumentGroup) -> None:
    """The folder, and how long another host is waited for."""
    group.add_argument("--probe", metavar="DIR", help="try this folder, which the hosts mount, each in its way")
    told = f"for the other host ({PATIENCE}); joining, for a server (1h)"
    group.add_argument("--patience", metavar="TIME", help=told)


def probe(arguments: argparse.Namespace) -> int:
    """0 when they can, or when this host alone was asked for and nothing is in its way. What is in the way is refused
    as it is when a run joins."""
    folder, patience_s = Path(arguments.probe), _patience(arguments.patience or PATIENCE)
    with probed(folder).closing() as store:
        try:
            prober = Prober(store)
            calls = prober.calls()
            if not arguments.json:
                print("\n".join(_told_here(folder, store, calls)), flush=True)
            lag = _lag(prober, folder, patience_s) if patience_s else None
        except Away as error:
            raise UsageError(str(error), way_out="Mend that, then give the same command again.") from error
        if arguments.json:
            print(json.dumps(_facts(store, calls, lag)))
        elif lag is not None:
            print("\n".join(_told_together(store, lag)))
    return 0


def _patience(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--patience: {error}", way_out="Write it as 30s or 5m.") from error


def _lag(prober: Prober, folder: Path, patience_s: float) -> Lag:
    tell(f"give the same command on another host now; it is waited for {format_duration(patience_s)}")
    lag = prober.lag(patience_s)
    if lag is None:
        raise UsageError(
            f"nobody else was seen in {folder} for {format_duration(patience_s)}",
            way_out="If the same command was running on another host, the two do not see one folder: look at what is "
            "mounted on each.",
        )
    return lag


def _told_here(folder: Path, store: FolderStore, calls: Calls) -> list[str]:
    mount = store.mount
    kind = f"{mount.kind} from {mount.source}" if mount else "of a kind that the system does not tell"
    if mount and mount.is_own:
        kind = f"{mount.kind}: this host's own, which others must have mounted from here"
    return [
        f"folder      {folder}, {kind}",
        f"a name      is put by {store.way.told} in {told_seconds(calls.put_s)}, seen in {told_seconds(calls.look_s)}",
        f"a look      lags by {_slack(mount)}",
    ]


def _slack(mount: Mount | None) -> str:
    slack_s = mount.slack_s if mount else math.inf
    if math.isinf(slack_s):
        return "nobody knows how much, by what is mounted: a run puts a name instead, now and then"
    return f"{format_duration(slack_s)} at most, by what is mounted" if slack_s else "nothing, by what is mounted"


def _told_together(store: FolderStore, lag: Lag) -> list[str]:
    trips = f"{told_seconds(lag.median_s)} there and back, {told_seconds(max(lag.trips))} at most"
    return [f"other host  {lag.host}: {trips}", "verdict     hosts can share this folder"]


def _facts(store: FolderStore, calls: Calls, lag: Lag | None) -> dict[str, object]:
    mount = store.mount
    return {
        "folder": str(store.folder), "kind": mount.kind if mount else None, "source": mount.source if mount else None,
        "way": store.way.name, "put": calls.put_s, "look": calls.look_s,
        "slack": None if math.isinf(store.slack_s) else store.slack_s,
        "host": lag.host if lag else None, "trips": lag.trips if lag else [],
    }  # fmt: skip
