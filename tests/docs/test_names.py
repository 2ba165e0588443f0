"""What the documents name is what the code has: parameters, attributes, keys, variables, placeholders."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import os
import re
from pathlib import Path

import pytest

import shareout
from kit.program import Machine
from shareout.machines import KEYS
from shareout.pool import Values, axes, directives
from shareout.pool.choose import NAMES
from shareout.pool.templates.template import Template
from shareout.record.outcome import Attempt
from shareout.run.python.context import GIVEN, JobInfo, Progress

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = "\n\n".join(path.read_text() for path in [DOCS / "guide.md", *sorted((DOCS / "how").glob("*.md"))])
FORMATS = (DOCS / "formats.md").read_text()


def rows(text: str, head: str) -> list[list[str]]:
    """The cells of the table under a head."""
    table = text[text.index(f"| {head} |") :].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def named(text: str, head: str) -> set[str]:
    """What stands in backticks in the first column."""
    return {word for cells in rows(text, head) for word in re.findall(r"`([^`]+)`", cells[0])}


def public(kind: type) -> set[str]:
    fields = {one.name for one in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
    return {name for name in fields | set(vars(kind)) if not name.startswith("_")}


def test_every_parameter_of_run_is_in_the_guide() -> None:
    # Read, for the room of the same name hides it here.
    body = ast.parse(Path(shareout.__file__).read_text()).body
    run = next(one.args for one in body if isinstance(one, ast.FunctionDef) and one.name == "run")
    assert named(GUIDE, "parameter of `run` | what it is") == {one.arg for one in [*run.args, *run.kwonlyargs]}


def test_what_jobs_are_given_is_in_the_guide() -> None:
    assert named(GUIDE, "parameter | what it is") == set(GIVEN)
    assert named(GUIDE, "attribute of `info` | what it is") == public(JobInfo)
    assert named(GUIDE, "attribute of `outcome` | what it is") - {"info", "state.value"} == public(Attempt)
    assert "progress.report(value, base=total)" in GUIDE
    assert list(inspect.signature(Progress.report).parameters)[1:3] == ["value", "base"]


def test_every_key_of_machines_json_is_in_the_guide() -> None:
    assert named(GUIDE, "key | what it says") == set(KEYS)


def test_every_kind_of_pool_and_its_words_are_in_the_formats() -> None:
    for name in NAMES:
        assert f"### {name}\n" in FORMATS
    said = {word.split()[0] for word in named(FORMATS, "directive | what it does")}
    assert said == set(directives.WORDS)
    for key in axes.KEYS:
        assert f"`{key}`" in FORMATS


@pytest.mark.parametrize("cells", rows(FORMATS, "placeholder | of the line `data/a b.csv 7` | what it is"))
def test_placeholders_are_filled_as_the_table_says(cells: list[str]) -> None:
    line = "data/a b.csv 7"
    places, values = (re.findall(r"`([^`]+)`", cell) for cell in cells[:2])
    for place, value in zip(places, values, strict=False):
        assert Template(f"f {place}", None).fill(Values(0, (line,), line.split(), {})) == f"f {value}"


def test_every_variable_of_jobs_and_hooks_is_in_the_formats(here: Machine) -> None:
    jobs, hooks = FORMATS[FORMATS.index("## Variables of jobs") :].split("A hook sees")
    here.jobs("#SHAREOUT NEED gpus=1", "env > job", "exit 3", machines='{"alice": {"perf": 1, "cores": 2, "gpus": 1}}')
    here.write("configs/runner.config", "[hooks]\non_failure = env > failure\non_finish = env > finish\n")
    here.run(code=1)
    of_jobs, of_hooks = (named(text, "variable | what it is") for text in (jobs, hooks))

    def seen(name: str) -> set[str]:
        names = {line.partition("=")[0] for line in (here.folder / name).read_text().splitlines()}
        return names - (set(os.environ) - of_jobs) - {"_", "SHLVL", "PWD", "OLDPWD"}

    assert seen("job") == of_jobs
    assert (seen("failure") | seen("finish")) - (set(os.environ) - of_hooks) == of_hooks
