"""`[run] numerics = portable`: the variables that keep numeric libraries from choosing code by the CPU.

A library that finds a better CPU runs other code, and the last bits of a sum differ. Each has a variable that takes
that choice away, and reads it once, when it is loaded. What is pinned here is what every machine of the same kind has.
Left to others: threads (`environment`), other versions of a library, code that jobs compile for the CPU themselves.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from shareout.environment import with_threads

# The lowest that is built into every OpenBLAS, although HASWELL would cost nothing on a newer CPU: a core type is
# obeyed unchecked, and on an older machine the job would die of an illegal instruction. Who knows that all machines
# have AVX2 says OPENBLAS_CORETYPE=Haswell on each. All others are upper limits, which no CPU is too old for.
_X86 = {
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Prescott",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "ATEN_CPU_CAPABILITY": "default",
    # All above x86-64-v2, by the names of numpy before 2.4 and after. One that a numpy does not know costs a warning
    # that Python does not show; one that it was built upon would keep it from loading, so SSE is not among them.
    "NPY_DISABLE_CPU_FEATURES": "X86_V3,X86_V4,AVX,F16C,XOP,FMA4,FMA3,AVX2,AVX512F,AVX512CD,AVX512_KNL,AVX512_KNM,"
    "AVX512_SKX,AVX512_CLX,AVX512_CNL,AVX512_ICL,AVX512_SPR",
    # What libm has several functions for; with `_Usable` as glibc before 2.33 names them. It passes over other names.
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable,-FMA4_Usable",
}
# There is no MKL for it, and its glibc has one libm for all.
_ARM = {
    "OPENBLAS_CORETYPE": "ARMV8",
    "ONEDNN_MAX_CPU_ISA": "ADVANCED_SIMD",
    "ATEN_CPU_CAPABILITY": "default",
    "NPY_DISABLE_CPU_FEATURES": "ASIMDHP,ASIMDDP,ASIMDFHM,SVE",
}
_BY_MACHINE = {"x86_64": _X86, "AMD64": _X86, "aarch64": _ARM, "arm64": _ARM}
# A second name of the same choice. numpy does not load when both of its own are set.
_OTHER_NAMES = {"NPY_DISABLE_CPU_FEATURES": "NPY_ENABLE_CPU_FEATURES", "ONEDNN_MAX_CPU_ISA": "DNNL_MAX_CPU_ISA"}
NAMES = (*_X86, *_OTHER_NAMES.values())
"""Of all variables that decide it; also those that only a user sets."""


def pins(users: Mapping[str, str], machine: str | None = None) -> dict[str, str]:
    """What pins the numerics of this kind of machine; of that, what the user did not decide."""
    known = _BY_MACHINE.get(machine or os.uname().machine, {})
    decided = {name for name in known if users.get(name) or users.get(_OTHER_NAMES.get(name, ""))}
    return {name: value for name, value in known.items() if name not in decided}


def own_choices(users: Mapping[str, str]) -> dict[str, str]:
    """What the user decided of it."""
    return {name: users[name] for name in NAMES if users.get(name)}


def job_environment(users: Mapping[str, str], cores: int, *, is_portable: bool) -> dict[str, str]:
    """The user's own, with what makes numeric libraries keep to the job's cores, and to what all machines have."""
    return {**with_threads(users, cores), **(pins(users) if is_portable else {})}
