"""What is said of commands, flags, settings and exit codes, from the tables that the program itself goes by: as the
page `docs/commands.md`, as a man page, and as an answer to `help WORD`.

`python -m shareout.cli.manual` writes both pages anew; a test holds them to it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from shareout._version import VERSION
from shareout.cli import COMMANDS, make_parser
from shareout.cli.options import Help
from shareout.errors import UsageError, nearest
from shareout.fields import dataclass
from shareout.settings_table import TABLE

EXIT_CODES = {
    0: "everything asked for was done; with `-n N`, these N",
    1: "some jobs failed or are missing",
    2: "the call or an input is wrong",
    3: "stopped before the end; the same command goes on",
    4: "the run directory is in use or damaged",
    70: "a bug of ours; the traceback is in a file that is named",
    74: "the world would not read or write what was asked: a full disk, no right to a file, too many open files",
    130: "stopped at once by Ctrl-C, or at a prompt",
    143: "stopped at once by TERM",
}


@dataclass(frozen=True, slots=True)
class Flag:
    """One, or what stands without one."""

    spelt: str
    meaning: str


def flags_of(command: str) -> list[Flag]:
    """As its help has them, those that every command has left out."""
    parser = make_parser(command)
    shown = Help(parser.prog)
    found = [one for one in parser._actions if one.help != argparse.SUPPRESS and one.dest != "help"]
    return [Flag(shown._format_action_invocation(one), (one.help or "").replace("%%", "%")) for one in found]


def page() -> str:
    """docs/commands.md."""
    lines = ["# Commands", "", "Made from the program's own tables; `shareout help WORD` searches them.", ""]
    for command, what in COMMANDS.items():
        lines += [f"## {command}", "", f"{what[0].upper()}{what[1:]}.", "", "| flag | meaning |", "| --- | --- |"]
        lines += [f"| `{_cell(one.spelt)}` | {_cell(one.meaning)} |" for one in flags_of(command)]
        lines.append("")
    lines += ["## Exit codes", "", "| code | meaning |", "| --- | --- |"]
    lines += [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def man_page() -> str:
    """docs/shareout.1, for `man`."""
    lines = [
        f'.TH SHAREOUT 1 "" "shareout {VERSION}" "User Commands"',
        ".SH NAME",
        "shareout \\- split a huge pile of independent jobs over unequal machines",
        ".SH SYNOPSIS",
        ".B shareout",
        "[\\fICOMMAND\\fR] [\\fIFLAG\\fR ...]",
        ".SH DESCRIPTION",
        "Every machine that has the same inputs works out alone which jobs are its own, runs them, and can be stopped",
        "and started again; a merge proves that no job is missing and none was counted twice. Without a command it is",
        ".BR run .",
        ".SH COMMANDS",
    ]
    for command, what in COMMANDS.items():
        lines += [f".SS {_roff(command)}", f"{_roff(what[0].upper() + what[1:])}."]
        for one in flags_of(command):
            lines += [".TP", f".B {_roff(one.spelt)}", _roff(one.meaning)]
    lines.append(".SH SETTINGS")
    lines.append("Of runner.config; flags override them.")
    for setting in TABLE:
        lines += [".TP", f".B {_roff(f'[{setting.section}] {setting.key}')}", _roff(setting.comment)]
    lines.append(".SH EXIT STATUS")
    for code, meaning in EXIT_CODES.items():
        lines += [".TP", f".B {code}", _roff(meaning.replace("`", ""))]
    return "\n".join(lines) + "\n"


def _roff(text: str) -> str:
    # A line that began with a dot or a quote would be an order to the formatter, and a bare hyphen is not one to copy.
    told = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{told}" if told[:1] in (".", "'") else told


def about(word: str) -> str:
    """All that is about a word, a line each. Refused when nothing is."""
    lines = list(_found(word.lower().lstrip("-")))
    if not lines:
        known = {part for name in COMMANDS for part in (name, *name.split("-"))}
        known |= {part for setting in TABLE for part in (setting.key, *setting.key.split("_"))}
        raise UsageError(
            f'no command, flag or setting is about "{word}"{nearest(word, known)}',
            way_out="Try one word, as `help timeout` or `help memory`; `--help` lists the commands.",
        )
    return "\n".join(lines)


def _found(word: str) -> Iterator[str]:
    for command, what in COMMANDS.items():
        if word in f"{command} {what}".lower():
            yield f"{command}: {what}"
    for command in COMMANDS:
        for one in flags_of(command):
            if _says(word, one.spelt, one.meaning):
                yield f"{command} {one.spelt}: {one.meaning}"
    for setting in TABLE:
        if _says(word, f"[{setting.section}] {setting.key}", setting.comment):
            yield f"[{setting.section}] {setting.key} = {setting.default}: {setting.comment}"
    for code, meaning in EXIT_CODES.items():
        if word in ("exit", "code", str(code)):
            yield f"exit code {code}: {meaning}"


def _says(word: str, name: str, meaning: str) -> bool:
    return word in name.lower() or word in meaning.lower()


def write(docs: Path) -> None:
    """Both pages."""
    (docs / "commands.md").write_text(page())
    (docs / "shareout.1").write_text(man_page())


if __name__ == "__main__":
    write(Path("docs"))
