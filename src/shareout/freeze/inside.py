"""What an executable is made of, by package: for who asks why it is so large."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

PYTHON = "Python's library"
SHOWN = 10


def whats_inside(files: Iterable[tuple[str, int]], archive: Path) -> tuple[tuple[str, int], ...]:
    """Files by the package whose folder they are in, modules by their top name, the largest first."""
    from PyInstaller.archive.readers import ZlibArchiveReader  # type: ignore[import-untyped]

    sizes: Counter[str] = Counter()
    for name, size in files:
        sizes[_package(name)] += size
    for name, (_, _, length) in ZlibArchiveReader(str(archive)).toc.items():
        top = name.partition(".")[0]
        sizes[PYTHON if top in sys.stdlib_module_names else top] += length
    return tuple(sorted(sizes.items(), key=lambda one: (-one[1], one[0])))


def _package(name: str) -> str:
    """`numpy` of `numpy/linalg/x.so` and of `numpy.libs/y.so`."""
    folder, slash, _ = name.partition("/")
    if not slash:
        # Libraries that several may share, and modules in C that lie by themselves.
        top = name.partition(".")[0]
        return PYTHON if top.startswith("libpython") or top in sys.stdlib_module_names else top
    return PYTHON if folder.startswith(("lib-dynload", "python3")) else folder.removesuffix(".libs")


def table(inside: Sequence[tuple[str, int]]) -> str:
    """The ten largest, and how much all others are."""
    rest = inside[SHOWN:]
    rows = [*inside[:SHOWN], *([(f"{len(rest)} more", sum(size for _, size in rest))] if rest else [])]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {size / 1e6:6.1f} MB" for name, size in rows)
