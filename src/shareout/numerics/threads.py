"""Keeps numeric libraries to a job's cores that a script had loaded before there was a job.

A library reads `OMP_NUM_THREADS` and its kin when it is loaded, and takes all cores of the host where nothing is said.
Workers are forked from a process that has loaded it: what is set for them comes too late, sixteen jobs would start
sixteen threads each, and sums would be split, and so rounded, by the number of cores of the host. So each library is
told by a call, too. To start the program again with these variables, as `restart` does with others, would keep `setup`
from working with all cores.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

MAPS = Path("/proc/self/maps")
_LIBRARY = re.compile(r"/.*/lib[^/\n]*(?:openblas|blis|mkl_rt|[gi]omp)[^/\n]*\.so[^/\n]*$", re.MULTILINE)
# What sets a library's threads, what tells them, and the variables by which a user decides it. Wheels of numpy and
# scipy have an OpenBLAS whose names begin and end with their own.
_BLAS = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")
_CALLS = (
    *(
        (f"{before}openblas_set_num_threads{after}", f"{before}openblas_get_num_threads{after}", _BLAS)
        for before in ("", "scipy_")
        for after in ("", "64_", "_64")
    ),
    ("bli_thread_set_num_threads", "bli_thread_get_num_threads", ("BLIS_NUM_THREADS", "OMP_NUM_THREADS")),
    ("MKL_Set_Num_Threads", "MKL_Get_Max_Threads", ("MKL_NUM_THREADS", "OMP_NUM_THREADS")),
    ("omp_set_num_threads", "omp_get_max_threads", ("OMP_NUM_THREADS",)),
)


class LoadedThreads:
    """The threads of what this process has loaded by now, but for those that the user has decided by a variable."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._libraries = [found for library in _loaded() for found in _calls_of(library, users)]

    def keep_to(self, cores: int) -> None:
        """No more than so many. A library that the script has told to take fewer keeps to that."""
        for set_threads, most in self._libraries:
            set_threads(min(most, max(1, cores)))


def _calls_of(library: Any, users: Mapping[str, str]) -> Iterator[tuple[Callable[[int], object], int]]:
    """What sets its threads, and how many it has."""
    for setter, getter, variables in _CALLS:
        if hasattr(library, setter) and hasattr(library, getter) and users.keys().isdisjoint(variables):
            yield getattr(library, setter), getattr(library, getter)()


def _loaded() -> Iterator[Any]:
    try:
        paths = dict.fromkeys(_LIBRARY.findall(MAPS.read_text("utf-8", "surrogateescape")))
    except OSError:
        return
    if paths:
        import ctypes

        for path in paths:
            try:
                yield ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
            except OSError:
                # Replaced on the disk since, or mapped by something else than the loader.
                continue
