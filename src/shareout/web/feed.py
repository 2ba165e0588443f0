"""What is told to all browsers: looked at by one thread, and after the first time only what is new."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

State = dict[str, Any]

LEAST_S = 1.0
"""Between two looks."""
TIMES = 10.0
"""And so many times as long as one took: a look costs a tenth of a core at most, and most often much less."""


def patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> State:
    """What makes the new one of the old one, as RFC 7396 has it: a null takes away. So no value may be null in both
    a key that stays and one that goes: what is null is left out of states from the beginning."""
    changed: State = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = patch(before, value)
            if inner:
                changed[key] = inner
        elif key not in old or value != before:
            changed[key] = value
    return changed


def without_nulls(value: Any) -> Any:
    """A state in which nothing is null; in lists it stays, for they are told whole."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


class Feed:
    """The state as it was seen last. `look` is called by one thread alone; what it raises is told, and it goes on."""

    def __init__(self, look: Callable[[], State]) -> None:
        self._look = look
        self._news = threading.Condition()
        self._state: State = {}
        self._version = 0
        self._change = b"{}"
        self._ended = False
        self._is_over = False
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """With a first look, so that who asks at once is answered."""
        self._look_again()
        self._thread.start()

    def last(self) -> None:
        """A last look, told to all as the end: nothing comes after it, but who comes later still gets the whole."""
        with self._news:
            self._is_over = True
            self._news.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        # Twice: of what is complete the second look tells more.
        self._look_again()
        self._look_again()

    def stop(self) -> None:
        """All who wait go."""
        with self._news:
            self._ended = True
            self._news.notify_all()

    def after(self, version: int, patience_s: float) -> tuple[int, bytes] | None:
        """The next version and what is new in it; the whole for who is more than one behind. None when it has ended.
        An empty change when there was none for so long: that is a sign of life."""
        with self._news:
            self._news.wait_for(lambda: self._ended or self._version != version, patience_s)
            if self._ended:
                return None
            if self._version == version:
                return version, b"{}"
            is_next = self._version == version + 1 and version
            return self._version, self._change if is_next else _written({"whole": self._state})

    def _watch(self) -> None:
        while not self._is_done():
            began = time.monotonic()
            self._look_again()
            took = time.monotonic() - began
            with self._news:
                self._news.wait_for(self._is_done, max(LEAST_S, TIMES * took))

    def _is_done(self) -> bool:
        return self._ended or self._is_over

    def _look_again(self) -> None:
        try:
            state = without_nulls(self._look())
        except Exception as error:  # noqa: BLE001 (a folder that is away for a while ends no page)
            state = {**self._state, "trouble": f"this cannot be looked at: {error}"}
        with self._news:
            if self._is_over:
                state = {**state, "over": True}
            change = patch(self._state, state)
            if not change:
                return
            self._state, self._change = state, _written({"patch": change})
            self._version += 1
            self._news.notify_all()


def _written(message: State) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()
