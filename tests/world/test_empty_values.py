"""An empty value of a flag is most often a variable that was never set: a mistake wherever it can mean nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kit.program import Machine
from shareout.cli import COMMANDS, make_parser
from shareout.cli.options import MAY_BE_EMPTY
from shareout.errors import UsageError


def flags() -> Iterator[tuple[str, str]]:
    """Every flag of every command that takes a value, but for those where nothing is one too."""
    for command in COMMANDS:
        for action in make_parser(command)._actions:
            if action.nargs != 0:
                yield from ((command, flag) for flag in action.option_strings if flag not in MAY_BE_EMPTY)


@pytest.mark.parametrize(("command", "flag"), list(flags()))
@pytest.mark.parametrize("value", ["", " "])
def test_every_flag_of_every_command_refuses_an_empty_value(command: str, flag: str, value: str) -> None:
    if (flag, value) == ("--colsep", " "):
        return
    # What the command must be given besides.
    needed = [one.option_strings[0] for one in make_parser(command)._actions if one.required and one.option_strings]
    others = [word for name in needed if name != flag for word in (name, "disbatch")]
    with pytest.raises(UsageError, match='"" says nothing'):
        make_parser(command).parse_args([*others, flag, value])


@pytest.mark.parametrize("words", [["run", ""], ["show", ""], ["merge-results", ""]])
def test_so_is_an_empty_word(here: Machine, words: list[str]) -> None:
    assert '"" says nothing' in here.call(*words, code=2).err


def test_an_argument_of_a_jobs_may_be_empty(here: Machine) -> None:
    here.call("run", "--template", "echo x{}y", "--tee", "--tagstring", "", "--arg", "")
