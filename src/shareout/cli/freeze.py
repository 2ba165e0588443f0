"""`freeze`: an entry script → one executable file, for machines on which nothing is installed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from shareout.entry import Entry
from shareout.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """The script, what to put in besides what it is seen to import, and what is to come out."""
    parser.epilog = "example:\n  shareout freeze main.py --with scipy.special --data model.bin:."
    parser.add_argument(
        "entry",
        nargs="?",
        metavar="ENTRY",
        help="the script that calls run(); without it: the command runner",
    )
    parser.add_argument("--name", help="name of the file (default: the entry's)")
    parser.add_argument("--data", action="append", default=[], metavar="SRC:DEST", help="a file to carry along")
    parser.add_argument(
        "--with",
        dest="needs",
        action="append",
        default=[],
        metavar="MODULE",
        help="a module that is imported by name only",
    )
    parser.add_argument("--small", action="store_true", help="compressed: half the size, slower to start")
    parser.add_argument(
        "--dir", "--onedir", dest="onedir", action="store_true", help="a folder instead of one file: for large programs"
    )
    parser.add_argument("--network", action="store_true", help="with what `serve` and `join nats://` need: + 15 MB")
    parser.add_argument("-o", "--output", default="build", metavar="DIR", help="where to (default: build)")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """0 when the file is made, also when a module is missing that only some jobs would need: that is told."""
    if getattr(sys, "frozen", False):
        raise UsageError("an executable cannot make another one", way_out="Use `shareout freeze` where it was built.")
    from shareout.freeze.build import Recipe, build
    from shareout.freeze.inside import table

    script = Path(arguments.entry) if arguments.entry else None
    recipe = Recipe(
        script,
        arguments.name or (script.stem if script else "shareout"),
        Path(arguments.output),
        data=tuple(_data(one) for one in arguments.data),
        needs=tuple(name for one in arguments.needs for name in one.split()),
        small=arguments.small,
        onedir=arguments.onedir,
        server=_server() if arguments.network else None,
    )
    built = build(recipe)
    for name in built.missing:
        print(
            f"shareout: {name} is imported but was not found here; jobs that use it will fail on the machines\n"
            f"shareout: Install it (often: {sys.executable} -m pip install {name.partition('.')[0]}), and build again.",
            file=sys.stderr,
        )
    if arguments.json:
        sizes = [{"name": name, "bytes": size} for name, size in built.inside]
        facts: dict[str, object] = {"program": str(built.program), "starter": str(built.starter), "bytes": built.bytes}
        print(
            json.dumps(
                {
                    **facts,
                    "glibc": built.glibc,
                    "code": built.code,
                    "missing": list(built.missing),
                    "inside": sizes,
                    "left_out": list(built.left_out),
                }
            )
        )
    else:
        print(
            "\n".join(["inside, as it is unpacked:", table(built.inside), *map("left out  {}".format, built.left_out)])
        )
        print(f"{built.program}  {built.bytes / 1e6:.1f} MB  code {built.code[:16]}")
        print(f"runs on Linux with glibc {built.glibc} or newer; {built.starter} starts it where /tmp does not serve")
    return 0


def _server() -> Path:
    from shareout.serving.program import find_program
    from shareout.stores.nats.token import refuse_where_nothing_speaks

    refuse_where_nothing_speaks()
    return find_program()


def _data(text: str) -> tuple[str, str]:
    source, colon, target = text.rpartition(":")
    return (source, target) if colon else (text, ".")
