"""The inputs of this run go to the store once, for hosts that have none: after all else, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from blake3 import blake3

from shareout.joining.inputs.parcel import KEY, Parcel
from shareout.joining.liaison import Liaison
from shareout.joining.messages import Answer
from shareout.ledger.store import COMMON


class Publishing:
    """One call at a time is under way. Nobody waits for it, but for a moment who leaves what others could help with."""

    def __init__(self, parcel: Parcel, file: Path) -> None:
        """`file`: where the list of them may be written."""
        self._parcel, self._file = parcel, file
        self._left: Iterator[tuple[str, Path, int]] = iter(())
        self._now: tuple[str, Path, int] | None = None
        self._under_way = 0
        self._call = "get"
        self._name = b""

    @property
    def is_over(self) -> bool:
        """They are there, whoever has put them."""
        return not self._call

    def ask(self, liaison: Liaison) -> None:
        """Asks for what comes next, if nothing is under way."""
        if self._under_way or not self._call or not liaison.may_ask():
            return
        if self._call == "get":
            self._under_way = liaison.ask("get", KEY)
        elif self._call == "ship" and self._now:
            name, path, length = self._now
            self._under_way = liaison.ask("ship", COMMON, name, str(path), length)
        else:
            self._under_way = liaison.ask("put", KEY, body=self._name)

    def heard(self, answer: Answer) -> bool:
        """Whether it was an answer to a call of ours. What is lost is asked again."""
        if not self._under_way or answer.number != self._under_way:
            return False
        self._under_way = 0
        if answer.away:
            return True
        if self._call == "get":
            self._begin(is_there=answer.body is not None)
        elif self._call == "ship":
            if self._now and answer.told >= self._now[2]:
                self._go_on()
        else:
            self._call = ""
        return True

    def _begin(self, *, is_there: bool) -> None:
        self._call = "" if is_there else "ship"
        if not is_there:
            text = self._parcel.text()
            self._name = blake3(text).hexdigest().encode("ascii")
            self._file.write_bytes(text)
            # The list last: whoever finds its name finds all that it names.
            pieces = [(one.hash, one.source, one.size) for one in self._parcel.pieces if one.source and one.size]
            self._left = iter([*pieces, (self._name.decode(), self._file, len(text))])
            self._go_on()

    def _go_on(self) -> None:
        self._now = next(self._left, None)
        if self._now is None:
            self._call = "put"
