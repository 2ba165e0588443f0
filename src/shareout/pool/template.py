"""{} {1} {name} {id} → a command line. Values are quoted for the shell; what is not a placeholder stays as it is.

`{}` the whole line (of a row of values, each as a word of its own), `{1}` `{2}` its columns, `{name}` a named field; of
each `{.}` without its suffix, `{/}` the file name, `{//}` the folder, `{/.}` the name without suffix, as `{1/.}`.
`{id}` the job, `{#}` its number from 1, `{%}` the slot from 1, which is known when the job runs: `command` keeps it.
Other braces and `${name}`, as in shell code, are kept.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Sequence
from typing import Any

from shareout.errors import UsageError, nearest
from shareout.pool import Values

_PLACEHOLDER = re.compile(r"\{(%|(?<!\$\{)#|(?:(?<!\$\{)[A-Za-z_]\w*|[1-9]\d*)?(?:\.|//|/\.|/)?)\}")
_WORD = re.compile(r"(\w*)(.*)")
SLOT = "{%}"
_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+").fullmatch


def quote(value: str) -> str:
    """As `shlex.quote`, which takes a byte that is not UTF-8 as well. In a value no SLOT is left standing."""
    if not value:
        return "''"
    return value if _SAFE(value) else "'" + value.replace("'", "'\"'\"'").replace(SLOT, "{%''}") + "'"


def as_it_is(value: str) -> str:
    """For what no shell reads."""
    return value


class Template:
    """A parsed template; without any placeholder, the line is put after it."""

    def __init__(
        self,
        text: str,
        names: Sequence[str] | None,
        columns: int | None = None,
        *,
        quoting: Callable[[str], str] = quote,
    ) -> None:
        """`names` are the fields that the pool has (None: it has no named ones); `columns` how many, when known."""
        pieces = _PLACEHOLDER.split(text)
        if len(pieces) == 1:
            pieces = [text + " ", "", ""]
        self._quoting = quoting
        self._texts = pieces[::2]
        self.columns = max((int(found[0]) for word in pieces[1::2] if (found := re.match(r"[0-9]+", word))), default=0)
        """How many columns it asks of a row."""
        self._fills = [self._fill(word, text, names, columns) for word in pieces[1::2]]

    def fill(self, values: Values) -> str:
        made = [self._texts[0]]
        for fill, text in zip(self._fills, self._texts[1:], strict=True):
            made.append(fill(values))
            made.append(text)
        return "".join(made)

    def _fill(self, word: str, text: str, names: Sequence[str] | None, columns: int | None) -> Callable[[Values], str]:
        if word == "%":
            return lambda values: SLOT
        if word == "#":
            return lambda values: str(values.id + 1)
        if word == "id":
            return lambda values: str(values.id)
        match = _WORD.fullmatch(word)
        assert match is not None
        field, part, quoting = match[1], _PARTS[match[2]], self._quoting
        if not field:
            return lambda values: " ".join([quoting(part(one)) for one in values.words])
        if field.isdigit():
            at = int(field) - 1
            if columns is not None and at >= columns:
                raise UsageError(f"the template has {{{word}}}, but a row has {columns} columns: {text}")
            return lambda values: quoting(part(values.columns[at] if at < len(values.columns) else ""))
        if names is None:
            raise UsageError(
                f"the template has {{{word}}}, but the jobs have no named fields: {text}",
                way_out="{} is the whole line, {1} its first column, {id} the job. "
                f"For a shell that is to see it write ${{{word}}} or {{ {word} }}.",
            )
        if field not in names:
            raise UsageError(
                f"the template has {{{word}}}, which names no field{nearest(field, list(names))}: {text}",
                way_out=(f"Fields are {', '.join(names)}; " if names else "There are no named fields; ")
                + "{} is the whole row, {1} its first column, {id} the job.",
            )
        return lambda values: quoting(part(values.named[field]))


def written(value: Any) -> str:
    """How a field of a row stands in a command line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, str | int | float):
        return str(value)
    import json

    return json.dumps(value, separators=(",", ":"))


def _stem(line: str) -> str:
    return os.path.splitext(line)[0]


def _folder(line: str) -> str:
    return os.path.dirname(line) or "."


_PARTS: dict[str, Callable[[str], str]] = {
    "": lambda line: line,
    ".": _stem,
    "/": os.path.basename,
    "//": _folder,
    "/.": lambda line: _stem(os.path.basename(line)),
}
