"""Builds the executable with PyInstaller, and turns what PyInstaller says into words for a researcher."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from shareout.errors import ShareoutError, UsageError
from shareout.fields import dataclass
from shareout.freeze.imports import Need, Reading, check, how_to_install, is_installed, read_imports
from shareout.freeze.inside import whats_inside
from shareout.freeze.leaving_out import told

HERE = Path(__file__).parent
RUNNER = "import sys\nfrom shareout.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"


# PyInstaller and not a zipapp: that wants a Python where it runs, and the machines have none.
class BuildFailed(ShareoutError):
    """PyInstaller did not make the file."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is asked for. Without an entry it is the command runner."""

    entry: Path | None
    name: str
    output: Path
    data: tuple[tuple[str, str], ...] = ()
    needs: tuple[str, ...] = ()
    small: bool = False
    onedir: bool = False
    server: Path | None = None
    """The program that `serve` starts, where it is to be inside, with all that speaks to it."""


@dataclass(frozen=True, slots=True)
class Built:
    """What came of it."""

    program: Path
    starter: Path
    bytes: int
    glibc: str
    missing: tuple[str, ...]
    code: str
    inside: tuple[tuple[str, int], ...]
    """What it is made of, by package, the largest first: bytes as they are unpacked, or read."""
    left_out: tuple[str, ...]
    """What is installed here and was not put in, a line a reason."""


def build(recipe: Recipe) -> Built:
    """The same sources built twice on one machine give the same bytes."""
    reading = _check(recipe)
    lost = check(recipe.entry, reading) if recipe.entry else []
    with tempfile.TemporaryDirectory(prefix="shareout-freeze-") as folder:
        work = Path(folder)
        order = _order(recipe, reading, work)
        said = _run_pyinstaller(order, work, recipe)
        for name in re.findall(r"Hidden import '([\w.]+)' not found", said):
            if name in recipe.needs:
                raise _not_there(name, f"{name.partition('.')[0]} is there, but nothing of that name in it.")
        missing = tuple(sorted({*lost, *_missing(reading, work)}))
        facts = json.loads((work / "shareout-build.json").read_text())
        recipe.output.mkdir(parents=True, exist_ok=True)
        program = recipe.output / recipe.name
        _move(work / "dist" / recipe.name, program)
        inside = _files_in(program) if recipe.onedir else [*_collected(work), *map(Path, facts["late"])]
        size = sum(path.stat().st_size for path in (inside if recipe.onedir else [program]))
        starter = _write_starter(recipe, 0 if recipe.onedir else sum(path.stat().st_size for path in inside))
        return Built(
            program,
            starter,
            size,
            glibc=oldest_glibc(inside),
            missing=missing,
            code=facts["code"],
            inside=whats_inside(facts["files"], next(iter((work / "build").rglob("PYZ-*.pyz")))),
            left_out=() if order["lean"] else tuple(told(wanted_by(recipe, reading))),
        )


def _files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def _check(recipe: Recipe) -> Reading:
    for source, _ in recipe.data:
        if not Path(source).exists():
            raise UsageError(f"there is no {source} to put into the executable", way_out="Use --data FILE:FOLDER.")
    try:
        import PyInstaller  # type: ignore[import-untyped]  # noqa: F401
    except ImportError:
        raise UsageError(
            "PyInstaller, which makes the executable, is not installed here",
            way_out="pip install 'shareout[freeze]', or use `make exe` in a checkout.",
        ) from None
    beside = recipe.entry.parent if recipe.entry else Path()
    for name in recipe.needs:
        if not is_installed(top := name.partition(".")[0], beside):
            raise _not_there(name, how_to_install(top))
    return read_imports(recipe.entry) if recipe.entry else Reading(uses_shareout=True)


def _not_there(name: str, way_out: str) -> UsageError:
    return UsageError(f"--with {name}: this Python ({sys.executable}) has no such module", way_out=way_out)


def _order(recipe: Recipe, reading: Reading, work: Path) -> dict[str, object]:
    runner = work / "shareout_runner.py"
    runner.write_text(RUNNER)
    script = recipe.entry.resolve() if recipe.entry else runner
    return {
        "script": str(script),
        "first": [str(HERE / "first.py"), str(HERE.parent / "cli" / "completing" / "at_once.py")],
        "beside": str(script.parent),
        "paths": [str(HERE.parents[1])],
        "name": recipe.name,
        "data": [[str(Path(source).resolve()), target] for source, target in recipe.data],
        "with": list(recipe.needs),
        "wanted": sorted(wanted_by(recipe, reading)),
        "lean": reading.is_light and not recipe.needs,
        "small": recipe.small,
        "onedir": recipe.onedir,
        "network": str(recipe.server) if recipe.server else "",
        # Without it the file is larger, and works.
        "strip": shutil.which("strip") is not None,
        "work": str(work),
    }


def wanted_by(recipe: Recipe, reading: Reading) -> set[str]:
    """The packages that the entry names, or the call."""
    return {one.top for one in reading.imports} | {name.partition(".")[0] for name in recipe.needs}


def _run_pyinstaller(order: dict[str, object], work: Path, recipe: Recipe) -> str:
    # Its own process: it changes global state, and its many lines are kept for when something fails.
    environment = {
        **os.environ,
        "SHAREOUT_FREEZE": json.dumps(order),
        # Else the order of sets and the date would make every build of the same sources another file.
        "PYTHONHASHSEED": "0",
        "SOURCE_DATE_EPOCH": "1577836800",
        "PYINSTALLER_CONFIG_DIR": str(work / "cache"),
    }
    call = [
        sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN",
        "--distpath", str(work / "dist"), "--workpath", str(work / "build"), str(HERE / "program.spec"),
    ]  # fmt: skip
    done = subprocess.run(call, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = done.stdout.decode("utf-8", "replace")
    if done.returncode or not (work / "dist" / recipe.name).exists():
        raise BuildFailed(f"the executable could not be made: {_reason(said)}", way_out=_way_out(said))
    return said


def _reason(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"error|not found|missing", line, re.IGNORECASE)]
    return (errors or lines or ["PyInstaller said nothing"])[-1]


def _way_out(said: str) -> str:
    if "shared library" in said or "libpython" in said:
        return (
            "This Python was built without its shared library: use the system's python3, or build with --enable-shared."
        )
    return "All that PyInstaller said:\n" + said[-4000:]


def _missing(reading: Reading, work: Path) -> set[str]:
    """Modules inside installed packages that the entry names and that were not found: only PyInstaller can tell."""
    found = set(re.findall(r"missing module named '?([\w.]+)'?", "".join(_warnings(work))))
    return {one.name for one in reading.imports if one.need is not Need.NONE} & found


def _warnings(work: Path) -> Iterator[str]:
    for path in (work / "build").rglob("warn-*.txt"):
        yield path.read_text("utf-8", "replace")


def _collected(work: Path) -> list[Path]:
    """The files that went in, from the table of contents that PyInstaller leaves."""
    for path in (work / "build").rglob("PKG-*.toc"):
        sources = re.findall(
            r"'(/[^']+)',\s+'(?:BINARY|EXTENSION|EXECUTABLE|DATA)'", path.read_text("utf-8", "replace")
        )
        return [Path(source) for source in sources if Path(source).is_file()]
    return []


def oldest_glibc(binaries: Sequence[Path]) -> str:
    """The newest GLIBC symbol version that anything inside asks for: the oldest system it will run on."""
    newest = (0, 0)
    for binary in [Path(_bootloader()), *binaries]:
        content = binary.read_bytes()
        if content.startswith(b"\x7fELF"):
            for major, minor in re.findall(rb"\0GLIBC_(\d+)\.(\d+)", content):
                newest = max(newest, (int(major), int(minor)))
    return f"{newest[0]}.{newest[1]}" if newest != (0, 0) else "unknown"


def _bootloader() -> str:
    import PyInstaller

    return str(next(Path(PyInstaller.__file__).parent.glob("bootloader/Linux-*/run"), ""))


def _move(made: Path, program: Path) -> None:
    """Beside it first, then one rename: an older build is replaced whole, also while it runs; a link to one stays."""
    program = Path(os.path.realpath(program))
    if program.exists() and not program.is_file() and not program.is_dir():
        raise UsageError(f"{program} is there, and no file", way_out="Name another folder with -o, or a --name.")
    fresh = program.with_name(f".{program.name}.new")
    for old in (fresh, program):
        if old.is_dir():
            shutil.rmtree(old)
    shutil.copytree(made, fresh, symlinks=True) if made.is_dir() else shutil.copy2(made, fresh)
    fresh.replace(program)


def _write_starter(recipe: Recipe, unpacked: int) -> Path:
    target = f"{recipe.name}/{recipe.name}" if recipe.onedir else recipe.name
    text = (HERE / "starter.sh").read_text()
    text = (
        text.replace("@NAME@", recipe.name)
        .replace("@PROGRAM@", target)
        .replace("@NEEDED_KIB@", str(unpacked // 1024 + 4096))
    )
    starter = recipe.output / f"{recipe.name}.sh"
    starter.write_text(text)
    starter.chmod(0o755)
    return starter
