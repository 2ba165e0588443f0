"""Hosts that are named on the command line, as disBatch has them: `host:4,other:8`. Each is a machine of that many
cores."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from shareout.errors import InputError, InputErrors, UsageError
from shareout.files import replace_file
from shareout.machines import MOST_CORES, load_machines

VARIABLE = "DISBATCH_SSH_NODELIST"


def cores_of(texts: Sequence[str]) -> dict[str, int]:
    """By address, in the order in which they are named; one that is named twice has the sum."""
    cores: dict[str, int] = {}
    for item in (one.strip() for text in texts for one in text.split(",")):
        address, _, count = item.rpartition(":")
        if not address or not (count.isascii() and count.isdigit()) or not 0 < int(count) <= MOST_CORES:
            raise UsageError(f'"{item}" is not HOST:CORECOUNT', way_out="Write -s node1:8,node2:16.")
        cores[address] = cores.get(address, 0) + int(count)
    return cores


def write_machines(file: Path, text: str, flag: str) -> bool:
    """Keeps the machines that a flag names where all commands find them; False where they are there already. Another
    file that is there is somebody's: refused."""
    if file.exists():
        if file.read_text("utf-8", "replace") != text:
            raise UsageError(
                f"{file} names other machines than {flag}",
                way_out=f"Leave {flag} out to use them; or remove the file, and it is written from {flag}.",
            )
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, [text.encode("ascii")])
    try:
        load_machines(file)
    except (InputError, InputErrors) as error:
        # Every command that comes later would stumble over it.
        file.unlink()
        first = error.mistakes[0] if isinstance(error, InputErrors) else error
        raise UsageError(f"{flag}: {first.what}", way_out=first.way_out) from None
    return True


def machines_text(cores: dict[str, int]) -> str:
    """A machines.json. A machine is named as its host is, without the user's name."""
    lines = (
        f"  {json.dumps(address.rpartition('@')[2])}: {json.dumps({'perf': 1, 'cores': count, 'ssh': address})}"
        for address, count in cores.items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"
