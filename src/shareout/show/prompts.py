"""The questions that a run asks on a terminal: which machine this is, and whether the digest is the same elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import questionary

from shareout.plan.plan import ALL


def ask_machine(names: Sequence[str], described: Sequence[str], host: str) -> str | None:
    """The machine, by arrow keys; the one that this host's name matches is preselected. None: the user left."""
    choices = [questionary.Choice(text, value=name) for name, text in zip(names, described, strict=True)]
    choices.append(questionary.Choice("all machines (this host runs every job)", value=ALL))
    default = next((choice for choice in choices if choice.value == matching(names, host)), None)
    answer = questionary.select(
        "Which machine is this?", choices=choices, default=default, instruction="(arrow keys, Enter)"
    ).ask()
    return None if answer is None else str(answer)


def ask_same(question: str) -> bool:
    """A confirmation; leaving is a no."""
    return bool(questionary.confirm(question, default=True).ask())


def matching(names: Sequence[str], host: str) -> str | None:
    """The machine that is named as this host is: in full, or by the part before the first dot."""
    short = host.lower().partition(".")[0]
    exact = [name for name in names if name.lower() == host.lower()]
    close = [name for name in names if name.lower().partition(".")[0] == short]
    return next(iter([*exact, *close]), None)
