"""The questions of `init` on a terminal, in the words of its flags: whoever answers could have typed these."""

from __future__ import annotations

import sys

from shareout.cli.starting.files import machines_text
from shareout.errors import ShareoutError
from shareout.fields import dataclass, replace
from shareout.show.beside import say
from shareout.show.fold import columns_of

KINDS = {
    "commands": "command lines, one a line of a file",
    "rows": "a command, or a function, for each row of a CSV file",
    "python": "a Python function",
    "example": "none yet: an example that runs",
    "plain": "none yet: commented files to fill in",
}
COLUMNS = 80


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the flags of `init` say, or the answers."""

    commands: str | None = None
    python: str | None = None
    csv: str | None = None
    hosts: str | None = None
    example: str | None = None

    @property
    def is_plain(self) -> bool:
        """Nothing is said: commented files."""
        return self == Wanted()


def ask(has_entry: bool) -> Wanted | None:
    """None: the user left."""
    from shareout.show.prompts import ask_choice

    columns = columns_of(sys.stdout) or COLUMNS
    if has_entry:
        wanted: Wanted | None = Wanted()
    else:
        kind = ask_choice("What are the jobs?", list(KINDS.values()), columns)
        wanted = None if kind is None else _of_kind(list(KINDS)[kind], columns)
    return wanted if wanted is None or (wanted.is_plain and not has_entry) else _with_hosts(wanted, columns)


def _of_kind(kind: str, columns: int) -> Wanted | None:
    from shareout.show.prompts import ask_choice, ask_line

    if kind == "plain":
        return Wanted()
    if kind == "example":
        names = ["percolation", "commands", "csv"]
        chosen = ask_choice("Which one?", ["percolation: Python over a grid", "commands: a list", "csv: rows"], columns)
        return None if chosen is None else Wanted(example=names[chosen])
    if kind == "commands":
        file = ask_line("The file with the command lines:", "", columns, path=True)
        return Wanted(commands=file) if file else None
    if kind == "python":
        script = ask_line("The script (it is written where it is not there):", "main.py", columns, path=True)
        return Wanted(python=script) if script else None
    rows = ask_line("The CSV file, whose first row names the columns:", "", columns, path=True)
    if not rows:
        return None
    script = ask_line("The Python script that each row goes to (empty: a command line):", "", columns, path=True)
    return None if script is None else Wanted(csv=rows, python=script or None)


def _with_hosts(wanted: Wanted, columns: int) -> Wanted | None:
    """Asked again until it can be taken: one slip is not to throw away what was answered before."""
    from shareout.show.prompts import ask_line

    default = ",".join(f"{name}:{cores}" for name, cores in _own())
    while True:
        hosts = ask_line("The machines, as alice:8,bob:4 (names and cores):", default, columns)
        if hosts is None:
            return None
        try:
            machines_text(hosts or None)
            return replace(wanted, hosts=hosts or None)
        except ShareoutError as error:
            for line in error.lines():
                say(line)


def _own() -> list[tuple[str, int]]:
    import json

    return [(name, pair[1]) for name, pair in json.loads(machines_text(None)).items()]
