"""Lists of commands and rows that change, and what has run of them."""

from __future__ import annotations

from kit.program import Machine

ONE = '{"alice": [1, 2]}'
TWO = '{"alice": [1, 2], "bob": [1, 2]}'

JOB = """\
from shareout import run


def job(a: int, b: int{more}):
    with open("ran.txt", "a") as file:
        file.write(f"{{a}}\\n")
    return a + b


if __name__ == "__main__":
    run(job)
"""


def ran(here: Machine) -> list[str]:
    """What the jobs say that ran, in order of their words; forgotten by the next call."""
    path = here.folder / "ran.txt"
    words = sorted(path.read_text().split()) if path.exists() else []
    path.unlink(missing_ok=True)
    return words


def line(word: object) -> str:
    return f"echo said {word}; echo {word} >> ran.txt"


def listed(here: Machine, *words: object, machines: str = ONE) -> Machine:
    return here.jobs(*map(line, words), machines=machines)


def adopted(here: Machine) -> dict[int, str]:
    """By id in the newest plan's folders, whence each is that was taken over."""
    folders = sorted(here.folder.glob("runs/*/*"), key=lambda path: path.stat().st_mtime)
    records = [one for folder in folders[-1].parent.iterdir() for one in here.records(folder)]
    return {one["job"]: one["from"] for one in records if "from" in one}


def certificate(here: Machine, *words: str) -> str:
    told = here.call("merge-results", "--json", *words).json
    assert told["missing"] == 0
    return str(told["certificate"])
