"""Which code runs: in every journal, so that a merge can tell machines that ran different code.

A frozen program carries the hash that was made when it was built. From source it covers the entry script and
what it imported from beside it.
"""

from __future__ import annotations

import os
import sys

# `--version` of an executable waits for what is imported here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

_asked: dict[str, str] = {}


# No part of the digest: a mended program must not throw away what is done. A difference is told by the merge.
def code_hash() -> str:
    """Hex; worked out once, so that a source that is edited while it runs changes nothing."""
    if getattr(sys, "frozen", False):
        # A module that `freeze` made: nothing is found quicker.
        import shareout_build  # type: ignore[import-not-found]

        return str(shareout_build.CODE)
    if not _asked:
        _asked["code"] = _source_hash()
    return _asked["code"]


def _source_hash() -> str:
    from pathlib import Path

    from blake3 import blake3

    script = Path(getattr(sys.modules.get("__main__"), "__file__", None) or sys.argv[0])
    hasher = blake3(derive_key_context="shareout 1 code hash")
    for path in sorted(_beside(script)):
        # By names and not by paths: the same code in another folder is the same code.
        hasher.update(path.name.encode() + b"\0" + blake3(path.read_bytes()).digest())
    return hasher.hexdigest()


def _beside(script: Path) -> set[Path]:
    """The script and the loaded modules that live in its folder, when it is a script of the user's."""
    from pathlib import Path

    if not script.is_file() or script.suffix != ".py" or script.parent == Path(__file__).parent:
        return set(Path(__file__).parent.glob("*.py"))
    folder = script.resolve().parent
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    # A folder is looked at once, and not for each of the hundreds of modules in it.
    resolved = {place: Path(place).resolve() for place in {os.path.dirname(file) for file in files if file}}
    found = {
        resolved[os.path.dirname(file)] / os.path.basename(file) if not os.path.islink(file) else Path(file).resolve()
        for file in files
        if file
    }
    return {script.resolve()} | {file for file in found if file.parent == folder and file.suffix == ".py"}
