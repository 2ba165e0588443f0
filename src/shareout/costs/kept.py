"""Where shares end, as it was worked out before: a cache of the user's, by the plan's digest, for large pools only.

Every command makes the plan, and with costs that is a look at every job. What is kept is believed only with its seal.
"""

from __future__ import annotations

import json
import os
from array import array
from binascii import a2b_base64, b2a_base64
from contextlib import suppress
from pathlib import Path

from blake3 import blake3

from shareout._version import VERSION
from shareout.costs.boundaries import Cut, Load
from shareout.files import replace_file

WORTH_KEEPING = 200_000
"""Jobs; fewer are looked at in less than half a second."""
MOST_KEPT = 64


def kept_cut(digest: str, machines: int, phases: int) -> Cut | None:
    """None where there is none, or it is not what was written."""
    try:
        seal, _, text = _path(digest).read_bytes().partition(b"\n")
        if blake3(text).hexdigest().encode() != seal:
            return None
        facts = json.loads(text)
        bounds = []
        for packed in facts["bounds"]:
            bounds.append(array("Q"))
            bounds[-1].frombytes(a2b_base64(packed))
        cut = Cut(bounds, [Load(int(cost), int(largest), int(at)) for cost, largest, at in facts["loads"]])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    is_whole = len(cut.loads) == machines and [len(one) for one in bounds] == [phases] * (machines + 1)
    # Only from this very version: a cut that was worked out wrongly once must not outlive the program that did it.
    return cut if is_whole and facts["digest"] == digest and facts["by"] == VERSION else None


def keep_cut(digest: str, cut: Cut) -> None:
    """Where it cannot be written, it is worked out again."""
    bounds = [b2a_base64(one.tobytes(), newline=False).decode() for one in cut.bounds]
    facts = {
        "digest": digest, "by": VERSION, "bounds": bounds,
        "loads": [(one.cost, one.largest, one.position) for one in cut.loads],
    }  # fmt: skip
    text = json.dumps(facts).encode()
    path = _path(digest)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not synced: after a power cut it may be half there, the seal says so, and it is made again. To wait for the
        # disk would make the first command slower for the sake of the second.
        replace_file(path, [blake3(text).hexdigest().encode() + b"\n" + text], sync=False)
        others = sorted(path.parent.glob("*.shares"), key=lambda one: one.stat().st_mtime)
        for old in others[:-MOST_KEPT]:
            old.unlink()


def _path(digest: str) -> Path:
    home = os.environ.get("XDG_CACHE_HOME", "")
    # A relative XDG_CACHE_HOME is to be ignored, as its specification has it: else there would be a cache in every
    # folder that a command is typed in.
    folder = Path(home) if home.startswith("/") else Path(os.path.expanduser("~")) / ".cache"
    return folder / "shareout" / f"{digest}.shares"
