"""The questions that a run asks on a terminal: which machine this is, and whether the digest is the same elsewhere.

Every line fits the terminal: prompts would be wrapped in the middle of words. Leaving (Ctrl-C) is an answer; what is
said of it is ours alone.
"""

from __future__ import annotations

import signal
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import questionary
from prompt_toolkit.application import Application
from prompt_toolkit.output import Output, create_output

from shareout.edges import STOPPING, TERM, Interrupted
from shareout.fields import dataclass, field
from shareout.names import ALL
from shareout.show.beside import write
from shareout.show.fold import fold
from shareout.show.tables import clip

KEYS = "(arrow keys, Enter)"
SEARCH_KEYS = "(arrow keys or letters of it, Enter)"
MANY = 8
"""So many machines are searched by typing."""
CURSOR_ON = "\x1b[?25h"
BEFORE = 3
"""What stands before a choice and, but for a blank, before a question."""


def ask_machine(names: Sequence[str], described: Sequence[str], host: str, columns: int) -> str | None:
    """The machine, by arrow keys; the one that this host's name matches is preselected. None: the user left."""
    room = columns - BEFORE - 1
    choices = [questionary.Choice(clip(text, room), value=name) for name, text in zip(names, described, strict=True)]
    choices.append(questionary.Choice(clip("all machines (this host runs every job)", room), value=ALL))
    default = next((choice for choice in choices if choice.value == matching(names, host)), None)
    # Letters choose where the keys would be pressed too often; j and k are then letters.
    is_searched = len(names) >= MANY
    keys = SEARCH_KEYS if is_searched else KEYS
    # What stands behind it, the keys and then the answer, goes to a line of its own where it does not fit.
    end = "\n " if len("? Which machine is this? ") + max(map(len, [keys, *described])) >= columns else ""
    question = questionary.select(
        "Which machine is this?" + end,
        choices,
        default,
        instruction=keys,
        use_search_filter=is_searched,
        use_jk_keys=not is_searched,
        output=_screen(),
    )
    answer = _asked(question)
    return None if answer is None else str(answer)


def ask_what_to_keep(sentence: str, plans: Sequence[str], columns: int) -> int | None:
    """Which of these plans to go on from; one more than there are: none, all is run again. None: the user left."""
    room = columns - BEFORE - 1
    texts = [*(f"go on from {name}, and keep what is done" for name in plans), "start over: run all again"]
    choices = [questionary.Choice(clip(text, room), value=number) for number, text in enumerate(texts)]
    message = "\n  ".join(fold(sentence, room)) + "\n "
    answer = _asked(questionary.select(message, choices, instruction=KEYS, output=_screen()))
    return None if answer is None else int(answer)


def ask_choice(message: str, texts: Sequence[str], columns: int) -> int | None:
    """Which of these. None: the user left."""
    room = columns - BEFORE - 1
    choices = [questionary.Choice(clip(text, room), value=number) for number, text in enumerate(texts)]
    end = "\n " if len(f"? {message} ") + max(map(len, [KEYS, *texts])) >= columns else ""
    answer = _asked(questionary.select(message + end, choices, instruction=KEYS, output=_screen()))
    return None if answer is None else int(answer)


def ask_line(message: str, default: str, columns: int, *, path: bool = False) -> str | None:
    """What is typed; with `path` Tab completes the names of files. None: the user left."""
    asked = "\n  ".join(fold(message, columns - BEFORE))
    if path:
        answer = _asked(questionary.path(asked, default=default, output=_screen()))
    else:
        answer = _asked(questionary.text(asked, default=default, output=_screen()))
    return None if answer is None else str(answer).strip()


def ask_same(question: str, columns: int, *, default: bool) -> bool:
    """A confirmation by `y` and Enter, or by Enter alone where that is the default; leaving is a no."""
    keys = " (Y/n)" if default else " (y/N)"
    lines = fold(question + keys, columns - BEFORE - len(" Yes"))
    message = "\n  ".join(lines).removesuffix(keys)
    # y and then Enter: with y alone, the Enter that people type out of habit would go to the live view.
    confirm = questionary.confirm(message, default=default, auto_enter=False, output=_screen())
    return bool(_asked(confirm))


def _screen() -> Output:
    """The terminal itself: a prompt's own codes are to reach it, and the names in it are clipped already."""
    return create_output(sys.__stdout__)


def _asked(question: questionary.Question) -> Any:
    """The answer; None: the user left. A TERM meanwhile ends the program as ever, but leaves the terminal as it was."""
    # A signal in the middle of how the prompt sets it up, or back, would else leave it as it stands.
    before = termios.tcgetattr(sys.stdin)
    answer, heard = None, _Heard(question.application)
    try:
        with heard.listening():
            answer = question.application.run(pre_run=heard.leave)
    except Interrupted as stop:
        heard.numbers.append(stop.number)
    except (KeyboardInterrupt, EOFError):
        pass
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSANOW, before)
        write(CURSOR_ON)
    if TERM in heard.numbers:
        raise Interrupted(TERM)
    return None if heard.numbers else answer


# Not raised where it strikes, as everywhere else: in the middle of a task of the prompt's loop that would leave one
# behind that is waited for, for ever. On a busy host it did, once in some hundred times.
@dataclass(slots=True)
class _Heard:
    """The stopping signals that came at a question, which is left in its own time."""

    application: Application[Any]
    numbers: list[int] = field(default_factory=list)

    def hear(self, number: int, frame: object) -> None:
        """In a handler. The second one does not wait."""
        self.numbers.append(number)
        if len(self.numbers) > 1:
            raise Interrupted(number)
        if self.application.loop is not None:
            self.application.loop.call_soon_threadsafe(self.leave)

    def leave(self) -> None:
        """By the loop itself; also at its start, where one came before."""
        future = self.application.future
        if self.numbers and future is not None and not future.done():
            self.application.exit(exception=EOFError())

    @contextmanager
    def listening(self) -> Iterator[None]:
        """What is ignored stays ignored."""
        before = {number: handler for number in STOPPING if callable(handler := signal.getsignal(number))}
        try:
            for number in before:
                signal.signal(number, self.hear)
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def matching(names: Sequence[str], host: str) -> str | None:
    """The machine that is named as this host is: in full, or by the part before the first dot."""
    short = host.lower().partition(".")[0]
    exact = [name for name in names if name.lower() == host.lower()]
    close = [name for name in names if name.lower().partition(".")[0] == short]
    return next(iter([*exact, *close]), None)
