"""Builds the executable with PyInstaller, and turns what PyInstaller says into words for a researcher."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shareout.errors import InputError, Place, ShareoutError, UsageError

HERE = Path(__file__).parent
RUNNER = "import sys\nfrom shareout.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"


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


@dataclass(frozen=True, slots=True)
class Built:
    """What came of it."""

    program: Path
    starter: Path
    bytes: int
    glibc: str
    missing: tuple[str, ...]
    code: str


def build(recipe: Recipe) -> Built:
    """The same sources built twice on one machine give the same bytes."""
    _check(recipe)
    with tempfile.TemporaryDirectory(prefix="shareout-freeze-") as folder:
        work = Path(folder)
        order = _order(recipe, work)
        said = _run_pyinstaller(order, work, recipe)
        made = work / "dist" / recipe.name
        recipe.output.mkdir(parents=True, exist_ok=True)
        program = recipe.output / recipe.name
        _move(made, program)
        facts = json.loads((work / "shareout-build.json").read_text())
        binaries = [program] if recipe.onedir else _collected(work)
        size, unpacked = _sizes(program, work, recipe)
        starter = _write_starter(recipe, unpacked)
        return Built(program, starter, size, oldest_glibc(binaries), _missing(recipe, work, said), facts["code"])


def _check(recipe: Recipe) -> None:
    if recipe.entry is not None:
        try:
            ast.parse(recipe.entry.read_bytes(), str(recipe.entry))
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", where=Place(str(recipe.entry))) from error
        except SyntaxError as error:
            place = Place(str(recipe.entry), error.lineno or 0, error.offset or 0, (error.text or "").rstrip("\n"))
            raise InputError(f"is not valid Python: {error.msg}", where=place) from error
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


def _order(recipe: Recipe, work: Path) -> dict[str, object]:
    runner = work / "shareout_runner.py"
    runner.write_text(RUNNER)
    wanted = {name.partition(".")[0] for name in recipe.needs}
    third_party = bool(wanted)
    if recipe.entry is not None:
        imported = set(_imports(recipe.entry, set()))
        wanted |= imported
        third_party |= bool(imported - set(sys.stdlib_module_names) - {"shareout"})
    script = recipe.entry.resolve() if recipe.entry else runner
    return {
        "script": str(script),
        "entry": str(script),
        "beside": str(script.parent),
        "paths": [str(HERE.parents[1])],
        "name": recipe.name,
        "data": [[str(Path(source).resolve()), target] for source, target in recipe.data],
        "with": list(recipe.needs),
        "wanted": sorted(wanted),
        "lean": not third_party,
        "small": recipe.small,
        "onedir": recipe.onedir,
        "strip": shutil.which("strip") is not None,
        "work": str(work),
    }


def _imports(script: Path, seen: set[Path]) -> Iterator[str]:
    """Top-level names that a script imports, itself or by modules beside it."""
    if script in seen:
        return
    seen.add(script)
    for node in ast.walk(ast.parse(script.read_bytes(), str(script))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
        for name in names:
            top = name.partition(".")[0]
            beside = [script.parent / f"{top}.py", *script.parent.glob(f"{top}/**/*.py")]
            local = [path for path in beside if path.is_file()]
            for path in local:
                yield from _imports(path, seen)
            if not local:
                yield top


def _run_pyinstaller(order: dict[str, object], work: Path, recipe: Recipe) -> str:
    # Its own process: it changes global state, and its many lines are kept for when something fails.
    environment = {
        **os.environ,
        "SHAREOUT_FREEZE": json.dumps(order),
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


def _missing(recipe: Recipe, work: Path, said: str) -> tuple[str, ...]:
    """Modules that the entry itself imports and that were not found: each would fail on the machines."""
    if recipe.entry is None:
        return ()
    named = set(_imports(recipe.entry, set())) | {name.partition(".")[0] for name in recipe.needs}
    found = re.findall(r"missing module named '?([\w.]+)'?", "".join(_warnings(work)))
    lost = set(re.findall(r"Hidden import '([\w.]+)' not found", said))
    return tuple(sorted((named & set(found)) | (lost & {*recipe.needs})))


def _warnings(work: Path) -> Iterator[str]:
    for path in (work / "build").rglob("warn-*.txt"):
        yield path.read_text("utf-8", "replace")


def _collected(work: Path) -> list[Path]:
    """The binaries that went in, from the table of contents that PyInstaller leaves."""
    for path in (work / "build").rglob("PKG-*.toc"):
        sources = re.findall(r"'(/[^']+)',\s+'(?:BINARY|EXTENSION|EXECUTABLE)'", path.read_text("utf-8", "replace"))
        return [Path(source) for source in sources]
    return []


def oldest_glibc(binaries: Sequence[Path]) -> str:
    """The newest GLIBC symbol version that anything inside asks for: the oldest system it will run on."""
    newest = (0, 0)
    for binary in [Path(_bootloader()), *binaries]:
        if binary.is_file():
            for major, minor in re.findall(rb"GLIBC_(\d+)\.(\d+)", binary.read_bytes()):
                newest = max(newest, (int(major), int(minor)))
    return f"{newest[0]}.{newest[1]}" if newest != (0, 0) else "unknown"


def _bootloader() -> str:
    import PyInstaller

    return str(next(Path(PyInstaller.__file__).parent.glob("bootloader/Linux-*/run"), ""))


def _sizes(program: Path, work: Path, recipe: Recipe) -> tuple[int, int]:
    if recipe.onedir:
        return sum(path.stat().st_size for path in program.rglob("*") if path.is_file()), 0
    unpacked = sum(path.stat().st_size for path in _collected(work) if path.is_file())
    return program.stat().st_size, unpacked


def _move(made: Path, program: Path) -> None:
    """Beside it first, then one rename: an older build is replaced whole, also while it runs."""
    fresh = program.with_name(f".{program.name}.new")
    for old in (fresh, program):
        if old.is_dir():
            shutil.rmtree(old)
    shutil.copytree(made, fresh, symlinks=True) if made.is_dir() else shutil.copy2(made, fresh)
    fresh.replace(program)


def _write_starter(recipe: Recipe, unpacked: int) -> Path:
    target = f"{recipe.name}/{recipe.name}" if recipe.onedir else recipe.name
    text = (HERE / "starter.sh").read_text()
    text = text.replace("@PROGRAM@", target).replace("@NEEDED_KIB@", str(unpacked // 1024 + 4096))
    starter = recipe.output / f"{recipe.name}.sh"
    starter.write_text(text)
    starter.chmod(0o755)
    return starter
