"""What the recipe of the executable does to the parts that PyInstaller has found, so that a start waits for few."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shareout.freeze.late import MARK

Part = tuple[str, str, str]
"""As PyInstaller has it: the name inside, the file here, its kind."""

EARLY = frozenset(("_struct", "zlib"))
"""What PyInstaller's own start imports, before anything could be unpacked late."""
# The libraries that only one module is linked to.
_LIBRARIES: dict[str, tuple[str, ...]] = {
    "_ctypes": ("libffi.",), "_sqlite3": ("libsqlite3.",), "_decimal": ("libmpdec.",), "pyexpat": ("libexpat.",),
    "_ssl": ("libssl.", "libcrypto."),
}  # fmt: skip
OF_NETWORK = ("ssl", "_ssl", "cryptography", "_cffi_backend")
"""What a ledger over a network is spoken with: only in executables that are to do so."""
# Of Python's library: large, and nothing that a run waits for. Smaller in the file, slower to load.
_COLD = frozenset(
    ("_aix_support", "ast", "asyncio", "base64", "_bootsubprocess", "calendar", "colorsys", "_compat_pickle",
     "concurrent", "dataclasses", "difflib", "dis", "email", "filecmp", "getopt", "getpass", "gzip", "hmac", "html",
     "http", "importlib", "inspect", "mimetypes", "multiprocessing", "nturl2path", "opcode", "pickle", "platform",
     "pprint", "_py_abc", "py_compile", "_pydatetime", "_pydecimal", "quopri", "rlcompleter", "secrets", "socket",
     "socketserver", "sqlite3", "statistics", "stringprep", "_strptime", "subprocess", "sysconfig", "tarfile",
     "_threading_local", "tracemalloc", "unittest", "uuid", "webbrowser", "xml", "zipfile", "zoneinfo")
)  # fmt: skip
_SELDOM = tuple(
    f"shareout.{room}"
    for room in (
        "adopt", "cli.", "cli.inputs.abandoned_work", "cli.inputs.adoption", "cli.inputs.earlier_plans",
        "cli.inputs.measured", "cli.inputs.moving", "cli.place.brought", "cli.place.inputs_there", "cli.place.ledger",
        "cli.place.served", "cli.plans", "cli.run_joblog", "cli.run_table", "costs", "export", "feeding", "freeze",
        "job_splitter", "joining", "launch", "ledger", "merge", "pilot", "plan.card", "pool.stream",
        "pool.templates", "record.amend", "record.foreign.status_file", "record.logs.job_log", "record.logs.printed",
        "replay", "report", "rewrite", "run.output.as_it_comes", "run.output.letters", "runs", "serving", "show.launch",
        "show.pilot", "show.report", "status.claims", "status.lanes", "status.plans", "stores", "web",
    )
)  # fmt: skip
"""Of ours, what few calls load."""
_OFTEN = tuple(
    f"shareout.{room}"
    for room in (
        "adopt.kept", "cli.inputs", "cli.options", "cli.place", "cli.plan", "cli.rates", "cli.run", "cli.status",
        "cli.streams", "costs",
    )
)  # fmt: skip
"""And what many do: of two names that a module begins with the longer one says which it is."""
_RARE = frozenset(
    ("_asyncio", "_pickle", "_sqlite3", "_ssl", "pyexpat", "_cffi_backend", "cryptography-hazmat-bindings-_rust")
)
_COLD_PARTS = (
    "ctypes._aix", "ctypes.macholib.dyld", "ctypes.util", "ctypes.wintypes", "urllib.error", "urllib.request",
    "urllib.response", "urllib.robotparser",
)  # fmt: skip
# PyInstaller imports these at every start, to change them. They cost more than all else of one: here they are changed
# when somebody imports them.
_CHANGES = {
    "inspect": """
def _first(object, _own=getsourcefile, _here=globals()):
    if _here["getsourcefile"] is _first:
        _here["getsourcefile"] = _own
        import pyi_rth_inspect
    return _here["getsourcefile"](object)
getsourcefile = _first
""",
    "ctypes": "\nimport shareout_ctypes\nshareout_ctypes.install()\ndel shareout_ctypes\n",
}


def stripped(binaries: Sequence[Part], work: Path) -> list[Part]:
    """Python's own without their symbols: libpython loses three quarters.

    Wheels' are left alone. Their libraries were moved about by patching tools, and stripping those makes files that no
    longer load.
    """
    made, python = [], os.path.realpath(sys.base_prefix) + os.sep
    for name, source, kind in binaries:
        slim = work / "stripped" / name
        if os.path.realpath(source).startswith(python) and "site-packages" not in source:
            slim.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, slim)
            slim.chmod(0o755)
            done = subprocess.run(["strip", "--strip-unneeded", slim], check=False, capture_output=True)
            source = source if done.returncode else str(slim)
        made.append((name, source, kind))
    return made


def split_late(binaries: Sequence[Part]) -> tuple[list[Part], dict[str, list[Part]]]:
    """What the loader unpacks at each start; and by the name of a module of Python's own, what its import unpacks."""
    libraries = {one: [part for part in binaries if part[0].startswith(start)] for one, start in _LIBRARIES.items()}
    early: list[Part] = []
    loose: list[Part] = []
    late: dict[str, list[Part]] = {}
    for part in binaries:
        module = os.path.basename(part[0]).partition(".")[0]
        if part[2] == "EXTENSION" and "/lib-dynload/" in part[0] and module not in EARLY:
            # What it is linked to has to be there first.
            late[module] = [*libraries.get(module, ()), part]
        elif part[2] == "EXTENSION" and part[0].startswith(OF_NETWORK):
            # Without folders of its own, which the loader has not made.
            name = part[0].partition(".")[0].replace("/", "-")
            late[name] = [(os.path.basename(part[0]), *part[1:])]
            loose.append(part)
        else:
            early.append(part)
    apart = {part for parts in late.values() for part in parts} | set(loose)
    return [part for part in early if part not in apart], late


def as_modules(late: dict[str, list[Part]], work: Path) -> list[Part]:
    """Modules that hold those files: they travel in the archive of modules, and are found there by their names."""
    (work / "late").mkdir()
    made = []
    for module, parts in late.items():
        held = work / "late" / f"{MARK}{module}.py"
        held.write_text(f"FILES = { ({name: Path(source).read_bytes() for name, source, _ in parts})!r}\n")
        made.append((held.stem, str(held), "PYMODULE"))
    return made


def held_server(program: str, work: Path) -> Part:
    """A module that holds the server which `serve` starts: a program, which nobody imports to load it."""
    held = work / "shareout_nats_server.py"
    held.write_text(f"PROGRAM = {Path(program).read_bytes()!r}\n")
    return held.stem, str(held), "PYMODULE"


def change_when_imported(analysis: Any, code: dict[str, Any], work: Path) -> None:
    """Of what PyInstaller does at every start, what only those need who import a certain module."""
    from PyInstaller.loader import pyimod03_ctypes  # type: ignore[import-untyped]

    carried = {"ctypes": ("shareout_ctypes", pyimod03_ctypes.__file__)}
    for part in [one for one in analysis.scripts if one[0] == "pyi_rth_inspect"]:
        carried["inspect"] = part[:2]
        analysis.scripts.remove(part)
    for place, (name, source, kind) in enumerate(analysis.pure):
        if name in _CHANGES and name in carried:
            changed = work / "changed" / name / Path(source).name
            changed.parent.mkdir(parents=True)
            changed.write_text(Path(source).read_text("utf-8") + _CHANGES[name])
            analysis.pure[place] = (name, str(changed), kind)
            code.pop(name, None)
            analysis.pure.append((*carried[name], "PYMODULE"))


def without_ctypes(dependencies: Sequence[Part], work: Path) -> list[Part]:
    """PyInstaller's start, with nothing where it would import ctypes."""
    from PyInstaller.building.utils import compile_pymodule  # type: ignore[import-untyped]

    nothing = work / "nothing" / "pyimod03_ctypes.py"
    nothing.parent.mkdir()
    nothing.write_text("def install(): pass\n")
    made = compile_pymodule(nothing.stem, str(nothing), str(nothing.parent), optimize=0)
    return [(name, made if name == nothing.stem else source, kind) for name, source, kind in dependencies]


def is_stored(name: str) -> bool:
    """Whether a module lies in the archive as it is: what a run loads, which takes longer to unpack than to read."""
    if name.startswith(MARK):
        return name.removeprefix(MARK) not in _RARE
    top = name.partition(".")[0]
    is_ours = top == "shareout" and _longest(name, _OFTEN) >= _longest(name, _SELDOM)
    return (is_ours or top in sys.stdlib_module_names) and top not in _COLD and name not in _COLD_PARTS


def _longest(name: str, beginnings: Sequence[str]) -> int:
    return max((len(one) for one in beginnings if name.startswith(one)), default=0)


def store(writer: Any) -> None:
    """Let PyInstaller's writer of archives compress a module only if it is not stored."""
    write = writer._write_entry.__func__
    level = writer._COMPRESSION_LEVEL

    def write_one(cls: Any, file: Any, part: Part, codes: dict[str, Any]) -> Any:
        cls._COMPRESSION_LEVEL = 0 if is_stored(part[0]) else level
        return write(cls, file, part, codes)

    writer._write_entry = classmethod(write_one)
