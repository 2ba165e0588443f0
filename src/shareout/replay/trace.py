"""Shows a Python job's own steps while it runs: every line, what its variables become, what is returned or raised.

The job's own code is all that is neither Python's, nor installed beside it, nor ours. In a frozen program there is
no source to show; file, line and variables are shown all the same.
"""

from __future__ import annotations

import linecache
import os
import reprlib
import sys
import sysconfig
import threading
from collections.abc import Callable, Mapping
from types import CodeType, FrameType
from typing import Any

_OURS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
LONGEST = 200


def traced(call: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """The call, its steps on standard error."""
    steps = Steps(lambda line: print(line, file=sys.stderr))
    # Not sys.monitoring, which is faster: it needs Python 3.12.
    threading.settrace(steps.entered)
    sys.settrace(steps.entered)
    try:
        return call(*args, **named)
    finally:
        sys.settrace(None)
        threading.settrace(None)


class Steps:
    """A trace function. `shown` takes a line of text."""

    def __init__(self, shown: Callable[[str], None]) -> None:
        self._shown = shown
        self._own: dict[CodeType, bool] = {}
        self._known: dict[int, dict[str, str]] = {}
        self._repr = reprlib.Repr()
        self._repr.maxstring = self._repr.maxother = LONGEST
        self._repr.maxlist = self._repr.maxtuple = self._repr.maxdict = self._repr.maxset = 8

    def entered(self, frame: FrameType, event: str, value: Any) -> Callable[..., Any] | None:
        """A function is called."""
        code = frame.f_code
        if code not in self._own:
            self._own[code] = _is_own(frame)
        if not self._own[code]:
            return None
        known = self._known[id(frame)] = self._told(frame)
        given = ", ".join(f"{name}={text}" for name, text in known.items())
        self._shown(f"{_place(frame)} {code.co_qualname}({given})")
        return self._stepped

    def _stepped(self, frame: FrameType, event: str, value: Any) -> Callable[..., Any]:
        self._tell_changes(frame)
        if event == "line":
            source = linecache.getline(frame.f_code.co_filename, frame.f_lineno, frame.f_globals)
            self._shown(f"{_place(frame)} {source.rstrip()}")
        elif event == "return":
            self._shown(f"{_place(frame)} → {self._text(value)}")
            self._known.pop(id(frame), None)
        elif event == "exception":
            self._shown(f"{_place(frame)} raised {value[0].__name__}: {self._text(value[1])}")
        return self._stepped

    def _tell_changes(self, frame: FrameType) -> None:
        known, now = self._known.get(id(frame), {}), self._told(frame)
        for name, text in now.items():
            # By what is shown, and not by the values: a list that is changed in place is the same object before and
            # after, and to keep copies would hold all that the job has let go. What lies beyond the shown part changes
            # unseen.
            if known.get(name) != text:
                self._shown(f"{' ' * len(_place(frame))}   {name} = {text}")
        self._known[id(frame)] = now

    def _told(self, frame: FrameType) -> dict[str, str]:
        return {name: self._text(value) for name, value in frame.f_locals.items() if not name.startswith("__")}

    def _text(self, value: Any) -> str:
        """Short, and never a reason to fail: a repr may be the job's own code."""
        try:
            # Lists and texts are cut while their text is made: one of a million entries would else be written out at
            # every line.
            return " ".join(self._repr.repr(value).split())
        except Exception:  # noqa: BLE001
            return f"<{type(value).__name__}>"


def _is_own(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    if module in sys.stdlib_module_names or module == "shareout":
        return False
    name = frame.f_code.co_filename
    if getattr(sys, "frozen", False):
        return True
    return not name.startswith("<") and not os.path.abspath(name).startswith((*_INSTALLED, _OURS))


def _place(frame: FrameType) -> str:
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
