"""The rules of the house: what may import what, how large a file may be, which names are missing nouns."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from shareout.world import World

HOUSE = Path(__file__).parents[2] / "src" / "shareout"
FILES = sorted(HOUSE.rglob("*.py"))
LARGEST = 15_000
LONGEST_FUNCTION = 60
MOST_FILES = 15
MOST_BY_PLACE = 5
MOST_BRANCHES = 10
MOST_THAT_BRANCH_MORE = 0.007
"""Of all functions."""
# What the seam answers, and where it would be found past it. `os.path` is about words only.
ANSWERS = {name for name in vars(World) if not name.startswith("_")} - {"path"} | {"_exit"}
OUTSIDE = {"os", "time", "signal", "select", "selectors", "fcntl", "mmap", "linux"}
BRANCHES = (
    ast.If, ast.IfExp, ast.For, ast.While, ast.comprehension, ast.BoolOp, ast.ExceptHandler, ast.match_case,
)  # fmt: skip
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "core", "base", "manager", "misc"}

# A room may import the rooms named for it (and itself); floor by floor, as the design's picture has them.
GROUND = {
    "errors",
    "units",
    "number_set",
    "ranges",
    "safe",
    "json_places",
    "environment",
    "edges",
    "files",
    "code_hash",
    "fields",
    "_version",
    "entry",
    "linux",
    "world",
    "unpacked",
    "names",
}
INPUTS = {"choices", "settings_values", "settings_table", "config", "titles", "machines", "pool"}
ALLOWED: dict[str, set[str]] = {
    **dict.fromkeys(GROUND, GROUND),
    "choices": GROUND,
    "settings_values": GROUND | {"choices"},
    "numerics": GROUND | {"choices"},
    "settings_table": GROUND | {"choices", "settings_values"},
    "config": GROUND | {"choices", "settings_values", "settings_table"},
    "rewrite": GROUND,
    "titles": GROUND | {"config"},
    "machines": GROUND,
    "pool": GROUND | {"choices", "config"},
    "costs": GROUND | INPUTS,
    "plan": GROUND | INPUTS | {"costs"},
    "record": GROUND | INPUTS,
    "adopt": GROUND | INPUTS | {"record", "plan"},
    "ledger": GROUND,
    "supply": GROUND | INPUTS | {"record", "plan"},
    "events": GROUND | {"record"},
    "stores": GROUND | {"ledger"},
    "serving": GROUND | INPUTS | {"joining", "ledger", "plan", "record", "stores"},
    "joining": GROUND | INPUTS | {"events", "ledger", "plan", "record", "stores", "supply"},
    "run": GROUND | INPUTS | {"adopt", "joining", "ledger", "numerics", "plan", "record", "stores", "supply", "events"},
    "replay": GROUND | INPUTS | {"numerics", "plan", "record", "supply", "events", "run"},
    "merge": GROUND | INPUTS | {"numerics", "plan", "record", "ledger", "stores"},
    "status": GROUND | INPUTS | {"costs", "ledger", "plan", "record", "stores"},
    "pilot": GROUND | INPUTS | {"costs", "plan", "record"},
    "report": GROUND | INPUTS | {"costs", "plan", "record"},
    "export": GROUND | INPUTS | {"plan", "record", "status"},
    "freeze": GROUND | INPUTS,
    "launch": GROUND | INPUTS | {"plan", "record"},
    "show": GROUND | INPUTS | {"plan", "pilot", "record", "events", "merge", "status", "report", "launch"},
    "web": GROUND,
    "licences": GROUND,
    "cli": GROUND
    | INPUTS
    | {
        "web",
        "licences",
        "adopt",
        "numerics",
        "rewrite",
        "costs",
        "plan",
        "record",
        "supply",
        "events",
        "joining",
        "ledger",
        "serving",
        "stores",
        "run",
        "replay",
        "merge",
        "status",
        "pilot",
        "report",
        "export",
        "freeze",
        "launch",
        "show",
    },
    "__main__": {"cli", "edges"},
    "job_splitter": GROUND | {"cli", "config", "merge", "record", "show"},
    "runs": GROUND | {"cli", "merge", "record"},
    "feeding": GROUND | {"ledger", "pool", "record", "serving", "stores"},
    "__init__": GROUND | {"cli", "feeding", "run", "runs"},
}


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).with_suffix("").parts[0]


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("shareout."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.ImportFrom) and node.module == "shareout":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name.split(".")[1] for name in node.names if name.name.startswith("shareout."))


def named(path: Path) -> str:
    return str(path.relative_to(HOUSE))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_imports_run_downward(path: Path) -> None:
    room = room_of(path)
    upward = {name for name in imports(ast.parse(path.read_text())) if name not in ALLOWED[room] | {room}}
    assert not upward, f"{named(path)} may not import {upward}"


@pytest.mark.parametrize("path", [one for one in FILES if room_of(one) in ("run", "record")], ids=named)
def test_the_outside_is_met_through_the_one_seam(path: Path) -> None:
    """What `world` answers is asked of it, so that the simulated one is all that such code meets in tests/simulated."""
    past = {
        f"{node.value.id}.{node.attr}, line {node.lineno}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in OUTSIDE
        if node.attr in ANSWERS
    }
    assert not past, f"{named(path)} goes past the seam: {past}"


def test_no_two_modules_import_each_other() -> None:
    needs: dict[str, set[str]] = {}
    for path in FILES:
        name = "shareout." + ".".join(path.relative_to(HOUSE).with_suffix("").parts).removesuffix(".__init__")
        needs[name] = {
            node.module
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("shareout.")
        }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " → ".join([*way, name])
        if name in done:
            return
        for other in needs.get(name, ()):
            visit(other, (*way, name))
        done.add(name)

    for name in needs:
        visit(name, ())


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_file_is_read_in_one_sitting(path: Path) -> None:
    assert path.stat().st_size <= LARGEST, "it has a second idea: name it"
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, f"{node.name} does not fit a screen"


def test_a_room_is_taken_in_at_a_look() -> None:
    """Not the ground floor, which is no room; nor `cli`, where a command is a file."""
    rooms = Counter(path.parent for path in FILES if path.parent not in (HOUSE, HOUSE / "cli"))
    crowded = {str(room.relative_to(HOUSE)): count for room, count in rooms.items() if count > MOST_FILES}
    assert not crowded, f"these want rooms of their own: {crowded}"


@pytest.mark.parametrize("path", FILES, ids=named)
def test_values_that_travel_together_have_a_name(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            count = sum(not isinstance(value, ast.Starred) for value in node.args)
            assert count <= MOST_BY_PLACE, f"line {node.lineno} hands over {count} values by place"


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())) or not path.read_text().strip()
    assert not FORBIDDEN & set(path.relative_to(HOUSE).with_suffix("").parts), "a noun is missing"


@pytest.mark.parametrize("path", FILES, ids=named)
def test_what_others_call_says_what_it_promises(path: Path) -> None:
    """Classes, functions and methods without an underscore; not what a function has inside it."""
    silent = [one.name for one in public(ast.parse(path.read_text())) if not ast.get_docstring(one)]
    assert not silent, f"{named(path)}: {silent}"


def public(tree: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from () if node.name.startswith("_") else (node,)
            yield from public(node)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def test_a_function_has_few_branches() -> None:
    """A table of cases may have more: so a few may, and not a share of all."""
    counts = {
        f"{named(path)}:{node.lineno} {node.name}": branches(node)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    many = {name: count for name, count in counts.items() if count > MOST_BRANCHES}
    assert len(many) <= MOST_THAT_BRANCH_MORE * len(counts), f"these do more than one thing: {many}"


def branches(node: ast.AST) -> int:
    """What may go one way or the other, conditions within expressions included; not in functions inside it."""
    inner = [one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.FunctionDef | ast.Lambda)]
    return sum(isinstance(one, BRANCHES) + branches(one) for one in inner)
