"""Parts of a one-file executable that few starts need: unpacked when they are first imported, not at every start.

Beside what the loader has unpacked, in the folder that it made for us alone and removes with all that is in it.
"""

from __future__ import annotations

import os
import sys

# By the names that they have before `importlib` is loaded.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container
    from importlib.machinery import ExtensionFileLoader, ModuleSpec
else:
    from _frozen_importlib import ModuleSpec
    from _frozen_importlib_external import ExtensionFileLoader

MARK = "shareout_late_"
"""How the module that holds the files of another one begins."""


class LateFinder:
    """The last that is asked for a module: no other has found it."""

    def __init__(self, inside: Container[str]) -> None:
        self._inside = inside

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Where it now lies; what it is linked to lies there before it."""
        held = MARK + name.replace(".", "-")
        if held not in self._inside:
            return None
        files: dict[str, bytes] = __import__(held).FILES
        # Large, and not wanted again: what is loaded stays loaded.
        del sys.modules[held]
        here = [_unpacked(place, content) for place, content in files.items()][-1]
        spec = ModuleSpec(name, ExtensionFileLoader(name, here), origin=here)
        spec.has_location = True
        return spec


def _unpacked(place: str, content: bytes) -> str:
    """Whole or not at all: another process of ours may want it at the same moment."""
    target = os.path.join(sys._MEIPASS, place)  # type: ignore[attr-defined]
    if os.path.exists(target):
        return target
    fresh = f"{target}.{os.getpid()}"
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700)
    except FileNotFoundError:
        # A cleaner of /tmp has taken the folder away: a file without a name does as well, as long as we live.
        handle = os.memfd_create(os.path.basename(place))
        _write(handle, content)
        return f"/proc/self/fd/{handle}"
    try:
        _write(handle, content)
        os.replace(fresh, target)
    except BaseException:
        os.unlink(fresh)
        raise
    finally:
        os.close(handle)
    return target


def _write(handle: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]
