"""What an executable needs of a host, read from its own first bytes; and whether a host has it."""

from __future__ import annotations

import re
import struct
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from shareout.fields import dataclass

# e_machine of elf.h → what `uname -m` says there.
MACHINES = {
    3: ("i386", "i486", "i586", "i686", "x86_64"), 21: ("ppc64", "ppc64le"), 22: ("s390x",), 40: ("armv7l", "armv8l"),
    62: ("x86_64", "amd64"), 183: ("aarch64", "arm64"), 243: ("riscv64",),
}  # fmt: skip
CLOCKS_APART_S = 60
ROOM = 4
"""Of the program's size: it unpacks itself, and there are journals."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Empty where it is a script, of which nothing is known."""

    machines: tuple[str, ...] = ()
    glibc: tuple[int, int] = (0, 0)
    bytes: int = 0


def needs_of(program: Path, size: int) -> Needs:
    """Of this file. Which glibc, is known of the program that runs here: it lies unpacked."""
    with program.open("rb") as file:
        head = file.read(20)
    if not head.startswith(b"\x7fELF") or len(head) < 20:
        return Needs(bytes=size)
    (machine,) = struct.unpack("<H" if head[5] == 1 else ">H", head[18:20])
    inside = getattr(sys, "_MEIPASS", "")
    is_ours = inside and program.samefile(sys.executable)
    glibc = _newest_glibc([program, *Path(inside).rglob("*.so*")]) if is_ours else (0, 0)
    return Needs(MACHINES.get(machine, ()), glibc, size)


def lacks(needs: Needs, told: Mapping[str, str]) -> str:
    """Why it will not run on a host that has answered so; empty where nothing is known against it."""
    if (system := told.get("system", "")) != "Linux":
        return f"is {system or 'no system that answers'}, and runs are for Linux"
    if needs.machines and (arch := told.get("arch", "")) not in needs.machines:
        return f"is {arch}, and the program is for {needs.machines[0]}"
    has = _version(told.get("glibc", ""))
    if has and has < needs.glibc:
        return f"has glibc {_dotted(has)}, and the program needs {_dotted(needs.glibc)}"
    if tools := told.get("lacks", ""):
        return f"has no {', no '.join(tools.split())}"
    return _lacks_place(needs, told)


def about_clock(told: str) -> str:
    """What a person should know of the time that it is there; empty where it is that of here."""
    apart_s = int(told) - round(time.time()) if told.isdigit() else 0
    if abs(apart_s) < CLOCKS_APART_S:
        return ""
    return f"its clock is {abs(apart_s):,} s {'ahead' if apart_s > 0 else 'behind'}"


def _lacks_place(needs: Needs, told: Mapping[str, str]) -> str:
    if told.get("ends"):
        return (
            "ends all that a user runs when they log out (KillUserProcesses of logind); "
            "type there, once: loginctl enable-linger"
        )
    if shared := told.get("unshared", ""):
        return f"has no folder {shared} to write in: is it mounted there?"
    if closed := told.get("closed", ""):
        return f"gives no right to write in {closed}"
    free = told.get("free", "")
    if free.isdigit() and int(free) * 1024 < ROOM * needs.bytes:
        return f"has {int(free):,} KiB free there, and {ROOM * needs.bytes // 1024:,} are needed"
    if not told.get("tmp"):
        return "has no folder in which a program may unpack itself: all are full, or allow none (noexec)"
    return ""


def _newest_glibc(binaries: list[Path]) -> tuple[int, int]:
    found = (re.findall(rb"\0GLIBC_(\d+)\.(\d+)", binary.read_bytes()) for binary in binaries)
    return max((_pair(one) for pairs in found for one in pairs), default=(0, 0))


def _pair(found: tuple[bytes, bytes]) -> tuple[int, int]:
    return int(found[0]), int(found[1])


def _version(text: str) -> tuple[int, int] | None:
    match = re.match(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
