"""The flags that commands share, and their typed class; where the inputs are found.

`configs` in the current directory, or that itself when it has a machines.json; else the same beside the program.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from shareout.cli.elsewhere import called_here
from shareout.errors import UsageError, nearest
from shareout.fields import dataclass

# An argument of a job's may be empty, what stands before its lines, and a word that is about to be typed.
MAY_BE_EMPTY = {"--arg", "--arg+", "--tagstring", "WORD"}


class Parser(argparse.ArgumentParser):
    """Parses the flags of one command; what is wrong with them is told as every other mistake is."""

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """An empty value is most often a variable that was never set."""
        flag = action.option_strings[0] if action.option_strings else str(action.metavar or action.dest)
        # At argparse's own seam for values, and not by a `type` of each flag: there the next flag would be forgotten,
        # and `--machine "$NAME"` without a NAME be taken for a flag that was not given.
        if flag not in MAY_BE_EMPTY and any(not one.strip(None if flag != "--colsep" else "") for one in arg_strings):
            raise UsageError(f'{flag}: "" says nothing', way_out="Give it a value, or leave it out.")
        return super()._get_values(action, arg_strings)

    def error(self, message: str) -> NoReturn:
        """Raised, where argparse would print a screen of usage and exit: so `--json` has it too."""
        raise UsageError(self._told(message), way_out=f"`{self.prog} --help` lists the flags.")

    def _told(self, message: str) -> str:
        choice = re.fullmatch(r"argument .*: invalid choice: '(.*)' \(choose from (.*)\)", message, re.DOTALL)
        if choice is not None:
            return message + nearest(choice[1], re.findall(r"[\w.-]+", choice[2]))
        words = message.removeprefix("unrecognized arguments: ")
        if words == message:
            return message
        first = words.split()[0]
        what = f"there is no flag {first}" if first.startswith("-") else f'"{first}" is one word too many'
        flag = first.partition("=")[0]
        said = called_here(flag, self._option_string_actions)
        if said:
            return what + said
        flags = [flag[2:] for flag in self._option_string_actions if flag.startswith("--")]
        return what + nearest(flag.lstrip("-"), flags, before="--", cutoff=0.67)


class Help(argparse.RawDescriptionHelpFormatter):
    """Fits eighty columns, a line a flag."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=80)

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None = None,
    ) -> None:
        """What must be said, and that there are flags: their list follows anyway."""
        said = [one for one in actions if one.required or not one.option_strings]
        words = "".join(f" {self._words(one)}" for one in said)
        super().add_usage(f"{self._prog} [FLAG …]{words}".replace("%", "%%"), (), (), prefix)

    def _words(self, action: argparse.Action) -> str:
        flag = f"{action.option_strings[0]} " if action.option_strings else ""
        return flag + self._format_args(action, (action.dest or "").upper())

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        """`NAME …`, where argparse would say `NAME [NAME ...]`."""
        metavar = str(action.metavar or default_metavar)
        return {"+": f"{metavar} …", "*": f"[{metavar} …]", "?": f"[{metavar}]"}.get(str(action.nargs), metavar)


@dataclass(frozen=True, slots=True)
class Common:
    """What every command may be told."""

    configs: Path
    runs: Path
    json: bool
    quiet: bool
    token_file: str | None = None
    """What is shown at an address."""

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Common:
        """From a command's flags; of those that it does not have, the default. A `--configs` that is not
        there is refused: without it other inputs would be found."""
        given = getattr(arguments, "configs", None)
        if given and not Path(given).is_dir():
            raise UsageError(
                f"there is no folder {given}", way_out="--configs names the folder of runner.config and machines.json."
            )
        return cls(
            configs=Path(given) if given else find_configs(),
            runs=Path(getattr(arguments, "runs", None) or "runs"),
            json=bool(getattr(arguments, "json", False)),
            quiet=bool(getattr(arguments, "quiet", False)),
            token_file=getattr(arguments, "token_file", None),
        )


def configs_of(common: Common) -> list[str]:
    """For who is started beside; there need be none."""
    return ["--configs", str(common.configs)] if common.configs.is_dir() else []


def program_name() -> str:
    """What the user typed: `shareout`, or the name of their own executable."""
    name = Path(sys.argv[0]).name
    return "shareout" if name in ("__main__.py", "", "-c", "shareout") else name


def add_common(parser: argparse.ArgumentParser, *, json: bool = True) -> None:
    """Last, so that the help of every command ends with the same lines."""
    group = parser.add_argument_group("where things are, and how to tell them")
    group.add_argument("--configs", metavar="DIR", help="inputs (default: ./configs, or beside the program)")
    add_runs(group)
    group.add_argument("-q", "--quiet", action="store_true", help="tell only what is wrong")
    if json:
        group.add_argument("--json", action="store_true", help="one JSON document on standard output")


def add_runs(parser: argparse._ActionsContainer) -> None:
    """For commands that need no inputs: logs can be merged where no configs are."""
    parser.add_argument("--runs", metavar="DIR", help="run directories (default: ./runs)")


def add_output(parser: argparse.ArgumentParser, what: str) -> None:
    """-o, for a file."""
    parser.add_argument("-o", "--output", type=_output_file, metavar="FILE", help=what)


def add_token(parser: argparse.ArgumentParser) -> None:
    """--token-file, of what may be at an address."""
    parser.add_argument("--token-file", metavar="FILE", help="what an address asks for (- is standard input)")


def _output_file(text: str) -> Path:
    if not text or text.endswith("/"):
        raise UsageError(f'"{text}" names no file', way_out="Name a file after -o.")
    return Path(text)


@dataclass(frozen=True, slots=True)
class Web:
    """A page is asked for."""

    port: int | None
    """None: any."""
    is_opened: bool


def add_web(parser: argparse._ActionsContainer) -> None:
    """`--web [PORT]` and `--open`, of what a page can follow."""
    parser.add_argument("--web", nargs="?", type=int, const=0, metavar="PORT", help="on a page for a browser here")
    parser.add_argument("--open", action="store_true", help="open that page")


def web_asked(arguments: argparse.Namespace) -> Web | None:
    """None where no page is."""
    if arguments.web is None:
        if arguments.open:
            raise UsageError("--open is about the page of --web", way_out="Say --web --open.")
        return None
    if getattr(arguments, "dry_run", False):
        raise UsageError("--dry-run starts nothing that a page could follow", way_out="Leave out --web.")
    return Web(arguments.web or None, arguments.open)


def find_configs() -> Path:
    """The default folder; a folder with a machines.json is one itself, as job-splitter has it. `configs` is told when
    it is in neither place."""
    beside = Path(sys.executable if getattr(sys, "frozen", False) else sys.argv[0]).resolve().parent
    # Not searched upward, as git does: the inputs of another project would be another plan, and it would look like
    # this one's.
    for folder in (Path(), beside):
        if (folder / "configs").is_dir():
            return folder / "configs"
        if (folder / "machines.json").is_file():
            return folder
    return Path("configs")


def machines_file(common: Common) -> Path:
    """machines.json of the configs, or a refusal that says how to get one."""
    path = common.configs / "machines.json"
    alone = "--machine all needs none: this host then runs every job."
    if not common.configs.is_dir():
        raise UsageError(
            f"there is no folder {common.configs}",
            way_out=f"Name it with --configs DIR, or write a starting set with `shareout init`. {alone}",
        )
    if not path.exists():
        raise UsageError(f"there is no {path}", way_out=f"`shareout init` writes one to start from. {alone}")
    return path
