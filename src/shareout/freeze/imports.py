"""What an entry imports, itself and by the modules beside it: read from the source, nothing is executed.

A module that is not there is told in a second, with its line, and not by PyInstaller after ten.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from enum import IntEnum
from importlib.machinery import PathFinder
from pathlib import Path

from shareout.errors import InputError, Place, raise_all
from shareout.fields import dataclass, field

# Of Python's own library, what works without the big parts that the lean executable leaves out (program.spec):
# no ssl, http, xml, multiprocessing, bz2, lzma behind these.
LIGHT = frozenset(
    ("__future__", "abc", "argparse", "array", "atexit", "base64", "bisect", "calendar", "cmath", "collections",
     "configparser", "contextlib", "copy", "copyreg", "csv", "ctypes", "dataclasses", "datetime", "decimal", "enum",
     "errno", "faulthandler", "fcntl", "fnmatch", "fractions", "functools", "gc", "getpass", "glob", "graphlib", "gzip",
     "heapq", "importlib", "inspect", "io", "itertools", "json", "keyword", "linecache", "locale", "logging", "math",
     "mmap", "numbers", "operator", "os", "pathlib", "pickle", "platform", "pprint", "queue", "random", "re",
     "resource", "select", "selectors", "shlex", "shutil", "signal", "socket", "sqlite3", "stat", "statistics",
     "string", "struct", "subprocess", "sys", "tempfile", "textwrap", "threading", "time", "timeit", "tomllib",
     "traceback", "types", "typing", "unicodedata", "uuid", "warnings", "weakref", "zlib", "zoneinfo")
)  # fmt: skip
_HEAVY = frozenset(("logging.config", "logging.handlers"))


class Need(IntEnum):
    """What an import that fails would cost."""

    START = 0  # the entry could not start
    SOMETIMES = 1  # in a function or a branch: some jobs would fail
    NONE = 2  # in a `try` of its own, or for type checkers only


@dataclass(frozen=True, slots=True)
class Import:
    """One name that is imported, and where."""

    name: str
    where: Place
    need: Need

    @property
    def top(self) -> str:
        """What is installed, or not, as one: `numpy` of `numpy.linalg`."""
        return self.name.partition(".")[0]


@dataclass(slots=True)
class Reading:
    """What was found: the imports that are not of modules beside the entry, and whether `run` is ever used."""

    imports: list[Import] = field(default_factory=list)
    uses_shareout: bool = False

    @property
    def is_light(self) -> bool:
        """Whether the lean executable has all that it needs: nothing but the small parts of Python's library."""
        names = [one for one in self.imports if one.top != "shareout"]
        return all(one.top in LIGHT and one.name not in _HEAVY for one in names)


def read_imports(entry: Path) -> Reading:
    """Of the entry and all that it reaches beside it. What cannot be read or parsed is told with its place."""
    # Neither modulefinder, which follows all of Python's library, nor an import, which would run the entry.
    reading, seen, todo = Reading(), set[Path](), [entry]
    while todo:
        script = todo.pop()
        if script in seen:
            continue
        seen.add(script)
        tree = _parse(script)
        reading.uses_shareout |= _uses_shareout(tree)
        for one in _imports(tree, script, entry.parent):
            beside = _beside(one.name, entry.parent)
            if beside:
                todo += beside
            else:
                reading.imports.append(one)
    return reading


def check(entry: Path, reading: Reading) -> list[str]:
    """Refuses an entry that cannot start, or does nothing; gives the names that are missing only for some jobs."""
    if not reading.uses_shareout:
        raise InputError(
            "never calls run(), so the executable would do nothing",
            where=Place(str(entry)),
            way_out="End it with:\n    if __name__ == '__main__':\n        run(job)",
        )
    lost = [one for one in reading.imports if not is_installed(one.top, entry.parent)]
    raise_all([_refusal(one) for one in lost if one.need is Need.START])
    return sorted({one.top for one in lost if one.need is Need.SOMETIMES})


def _refusal(one: Import) -> InputError:
    return InputError(
        f"imports {one.name}, which this Python ({sys.executable}) does not have",
        where=one.where,
        way_out=how_to_install(one.top),
    )


def how_to_install(top: str) -> str:
    """A sentence for a person. The name to install is often that of the module, and sometimes not."""
    return f"Install it there (often: {sys.executable} -m pip install {top}), and build again."


def is_installed(top: str, beside: Path) -> bool:
    """Found without being imported: an import may take seconds, or do anything."""
    if top in sys.builtin_module_names or top in sys.stdlib_module_names:
        return True
    return PathFinder.find_spec(top, [str(beside), *sys.path]) is not None or top in sys.modules


def _parse(script: Path) -> ast.Module:
    try:
        return ast.parse(script.read_bytes(), str(script))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=Place(str(script))) from error
    except SyntaxError as error:
        text = (error.text or "").rstrip("\n") or None
        place = Place(str(script), error.lineno or 0, error.offset or 0, text)
        raise InputError(f"is not valid Python: {error.msg}", where=place) from error
    except ValueError as error:
        raise InputError(f"is not valid Python: {error}", where=Place(str(script))) from error


def _imports(tree: ast.Module, script: Path, root: Path) -> Iterator[Import]:
    for node, need in _within(tree, Need.START):
        place = Place(str(script), node.lineno)
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, place, need)
        else:
            base = _absolute(node, script, root)
            yield Import(base, place, need)
            for alias in node.names:
                # `from package import module`: followed when it is a file beside, else it is a name inside.
                if _beside(f"{base}.{alias.name}", root):
                    yield Import(f"{base}.{alias.name}", place, need)


def _within(node: ast.AST, need: Need) -> Iterator[tuple[ast.Import | ast.ImportFrom, Need]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, need
        elif isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from _within(child, max(need, _need_inside(child)))


def _need_inside(node: ast.AST) -> Need:
    if isinstance(node, ast.ClassDef):
        return Need.START
    is_spared = isinstance(node, ast.Try) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    return Need.NONE if is_spared else Need.SOMETIMES


def _absolute(node: ast.ImportFrom, script: Path, root: Path) -> str:
    if not node.level:
        return node.module or ""
    package = script.relative_to(root).parent.parts if script.is_relative_to(root) else ()
    parts = package[: len(package) - node.level + 1]
    return ".".join((*parts, *([node.module] if node.module else [])))


def _beside(name: str, root: Path) -> list[Path]:
    """The files of a module in the entry's folder, its packages' __init__.py among them."""
    parts = name.split(".")
    file = root.joinpath(*parts[:-1], f"{parts[-1]}.py")
    packages = [root.joinpath(*parts[:count], "__init__.py") for count in range(1, len(parts) + 1)]
    found = [path for path in packages if path.is_file()]
    return [*found, file] if file.is_file() else found


def _uses_shareout(tree: ast.Module) -> bool:
    """Whether a name that came from shareout is used: an import alone runs nothing."""
    nodes = list(ast.walk(tree))
    names = {name for node in nodes for name in _names_of_shareout(node)}
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    return "*" in names or bool(names & used)


def _names_of_shareout(node: ast.AST) -> set[str]:
    """The names that an import binds to something of shareout's."""
    if isinstance(node, ast.Import):
        return {alias.asname or "shareout" for alias in node.names if alias.name.partition(".")[0] == "shareout"}
    if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "shareout" and not node.level:
        return {alias.asname or alias.name for alias in node.names}
    return set()
