"""Runs in an executable before the entry does: PyInstaller's loader behind us, the user's world before us."""

from __future__ import annotations

import os
import sys

import pyimod02_importers  # type: ignore[import-not-found]

from shareout.edges import edges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

# Before all else, also of ours.
edges.begin()

from shareout.environment import without_loader  # noqa: E402
from shareout.freeze.late import LateFinder  # noqa: E402


def settle_environment() -> None:
    """Now, not only for each child: what the entry itself starts must not load our libraries either."""
    own = without_loader()
    for name in set(os.environ) - set(own):
        del os.environ[name]
    os.environ.update(own)


def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An entry that fails as it starts is the user's own code: its traceback, and a word when a module was left out."""
    sys.__excepthook__(kind, error, trace)
    if isinstance(error, ModuleNotFoundError) and error.name:
        print(f"shareout: {error.name} is not in this executable: it was not seen to be imported", file=sys.stderr)
        print(f"shareout: Build it again with --with {error.name} (make exe … WITH={error.name}).", file=sys.stderr)
    sys.stderr.flush()
    sys.stdout.flush()
    # Else the loader adds a line of its own, which says less.
    os._exit(1)


def settle_imports() -> None:
    """The archive of modules before the folders, as nearly all is found there; what is unpacked late after them."""
    here = sys._MEIPASS  # type: ignore[attr-defined]
    sys.path.remove(here)
    sys.path.insert(0, here)
    sys.meta_path.append(LateFinder(pyimod02_importers.pyz_archive.toc))


settle_imports()
settle_environment()
sys.excepthook = tell
