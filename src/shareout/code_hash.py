"""Which code runs: in every journal, so that a merge can tell machines that ran different code.

A frozen program carries the hash that was made when it was built. From source it covers the entry script and
what it imported from beside it.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

# No part of the digest: a mended program must not throw away what is done. A difference is told by the merge.
NOTE = "shareout-build.json"


@cache
def code_hash() -> str:
    """Hex; asked once, early, because the unpacked folder of a one-file program may be cleaned away."""
    unpacked = getattr(sys, "_MEIPASS", None)
    if unpacked:
        import json

        return str(json.loads((Path(unpacked) / NOTE).read_text())["code"])
    return _source_hash()


def _source_hash() -> str:
    from blake3 import blake3

    script = Path(getattr(sys.modules.get("__main__"), "__file__", None) or sys.argv[0])
    hasher = blake3(derive_key_context="shareout 1 code hash")
    for path in sorted(_beside(script)):
        # By names and not by paths: the same code in another folder is the same code.
        hasher.update(path.name.encode() + b"\0" + blake3(path.read_bytes()).digest())
    return hasher.hexdigest()


def _beside(script: Path) -> set[Path]:
    """The script and the loaded modules that live in its folder, when it is a script of the user's."""
    if not script.is_file() or script.suffix != ".py" or script.parent == Path(__file__).parent:
        return set(Path(__file__).parent.glob("*.py"))
    folder = script.resolve().parent
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    found = {Path(file).resolve() for file in files if file}
    return {script.resolve()} | {file for file in found if file.parent == folder and file.suffix == ".py"}
