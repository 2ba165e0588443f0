"""What decides the last bits of a number on this machine: its CPU, its libm, and what pins them.

A class of CPUs is its maker and the level of its instructions, and not the name of its design: that is what libraries
ask the CPU for before they choose code. A table of designs would be out of date on each new machine, and two versions
of ours would name the same one differently. Under a hypervisor the level is what the guest is shown, and so what the
libraries see.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from shareout.choices import Numerics
from shareout.fields import asdict, dataclass
from shareout.numerics.pins import own_choices, pins

CPUINFO = Path("/proc/cpuinfo")
_MAKERS = {"AuthenticAMD": "AMD", "GenuineIntel": "Intel", "HygonGenuine": "Hygon", "CentaurHauls": "Zhaoxin"}
_ARM_MAKERS = {
    0x41: "Arm", 0x46: "Fujitsu", 0x48: "HiSilicon", 0x4E: "NVIDIA", 0x51: "Qualcomm", 0x61: "Apple", 0xC0: "Ampere",
}  # fmt: skip
# As /proc/cpuinfo names what the levels of the x86-64 ABI demand (`abm` holds lzcnt, `pni` is SSE3).
_LEVELS = (
    ("v2", {"cx16", "lahf_lm", "popcnt", "pni", "ssse3", "sse4_1", "sse4_2"}),
    ("v3", {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}),
    ("v4", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    # No level of the ABI, but OpenBLAS has code of its own for it.
    ("v4+bf16", {"avx512_bf16"}),
)


@dataclass(frozen=True, slots=True)
class HostNumerics:
    """Of one run on one machine. All texts, so that a journal has them as they are."""

    cpu: str
    """The model, as the CPU says it."""
    cpu_class: str
    libc: str
    numerics: str
    """`native` or `portable`."""
    pinned: str
    """What was set for the jobs, as a shell would take it."""
    own: str
    """What the user had set, and what therefore was left as it is."""

    def facts(self) -> dict[str, str]:
        """Flat, for a line of JSON; what is empty is left out."""
        return {name: value for name, value in asdict(self).items() if value}

    def sentence(self) -> str:
        """For people, in one line."""
        said = f"numerics: {self.numerics}; {self.cpu} ({self.cpu_class}), {self.libc}"
        said += f"; set: {self.pinned}" if self.pinned else ""
        return said + (f"; your own: {self.own}" if self.own else "")


def numerics_of_this_machine(users: Mapping[str, str], *, is_portable: bool) -> HostNumerics:
    """As jobs that are given the user's environment find it."""
    own = own_choices(users)
    ours = {}
    if is_portable:
        # A value that is the same as ours is no choice of its own: a run within a job of another run finds those.
        own = {name: value for name, value in own.items() if pins({}).get(name) != value}
        ours = pins(own)
    cpu, cpu_class = cpu_of(_cpuinfo(), os.uname().machine)
    return HostNumerics(
        cpu,
        cpu_class,
        libc=_libc(),
        numerics=(Numerics.PORTABLE if is_portable else Numerics.NATIVE).value,
        pinned=_as_words(ours),
        own=_as_words(own),
    )


def kind_of_numerics(facts: Mapping[str, str]) -> str:
    """What `facts` said, as the words of a class: runs of the same one may be expected to find the same bits. Empty
    where nothing is known."""
    libc, own = facts.get("libc", ""), facts.get("own", "")
    # Where all is pinned the CPU decides nothing any more, and a difference is somebody's mistake.
    kind = Numerics.PORTABLE if facts.get("numerics") == Numerics.PORTABLE and not own else facts.get("cpu_class", "")
    return ", ".join(part for part in (kind, libc, own) if part) if kind else ""


def cpu_of(cpuinfo: str, machine: str) -> tuple[str, str]:
    """Model and class of the first CPU that the text of /proc/cpuinfo describes."""
    said: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        name, found, value = line.partition(":")
        if found:
            said.setdefault(name.strip(), value.strip())
    if "CPU implementer" in said:
        return _arm(said)
    if "vendor_id" in said and machine in ("x86_64", "AMD64", "i686"):
        maker = _MAKERS.get(said["vendor_id"], said["vendor_id"])
        return said.get("model name", maker), f"{maker} x86-64{_level(set(said.get('flags', '').split()))}"
    return said.get("model name", machine), machine


def _level(flags: set[str]) -> str:
    level = ""
    for name, needed in _LEVELS:
        # Level by level: what lacks one of a lower level is of no higher one, whatever else a hypervisor lets through.
        if not needed <= flags:
            break
        level = f"-{name}"
    return level


def _arm(said: Mapping[str, str]) -> tuple[str, str]:
    try:
        number = int(said["CPU implementer"], 16)
    except ValueError:
        number = -1
    maker = _ARM_MAKERS.get(number, said["CPU implementer"])
    features = said.get("Features", "").split()
    vectors = next((name for name in ("sve2", "sve") if name in features), "neon")
    return f"{maker} part {said.get('CPU part', '?')}", f"{maker} arm64-{vectors}"


def _cpuinfo() -> str:
    try:
        return CPUINFO.read_text("utf-8", "replace")
    except OSError:
        return ""


def _libc() -> str:
    """`glibc 2.36`. Asked of libc itself: what is installed may be several."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or "unknown libc"
    except (AttributeError, OSError, ValueError):
        # Another libc than glibc.
        import platform

        return " ".join(platform.libc_ver()).strip() or "unknown libc"


def _as_words(variables: Mapping[str, str]) -> str:
    return shlex.join(f"{name}={value}" for name, value in variables.items())
