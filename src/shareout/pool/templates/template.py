"""{} {1} {name} {id} → a command line. Values are quoted for the place where they stand; the rest stays as it is.

`{}` the whole line (of a row of values, each as a word of its own), `{1}` `{2}` its columns, `{name}` a named field; of
each `{.}` without its suffix, `{/}` the file name, `{//}` the folder, `{/.}` the name without suffix, as `{1/.}`.
`{id}` the job, `{#}` its number from 1, `{%}` the slot from 1, which is known when the job runs: `command` keeps it.
Other braces and `${name}`, as in shell code, are kept. Where a shell would read a value as code, it is refused.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Sequence
from typing import Any

from shareout.errors import Place, UsageError, nearest
from shareout.pool import Literal, Values
from shareout.pool.templates import SLOT
from shareout.pool.templates.shell_places import NUMBERS, PLACEHOLDER, Placeholder, Standing, Unclosed, placeholders_of
from shareout.units import counted

_WORD = re.compile(r"(\w*)(.*)")
_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+").fullmatch
Quoting = Callable[[str], str]


def quote(value: str) -> str:
    """As `shlex.quote`, which takes a byte that is not UTF-8 as well. In a value no SLOT is left standing."""
    return value if _SAFE(value) else quote_always(value)


def quote_always(value: str) -> str:
    """Also what a shell would take for a name, a number of a descriptor or a word of its own."""
    return f"'{_within_single(value)}'"


def as_it_is(value: str) -> str:
    """For what no shell reads."""
    return value


def _within_single(value: str) -> str:
    return _no_slot(value.replace("'", "'\"'\"'"), "''")


def _within_double(value: str) -> str:
    return _no_slot(re.sub(r'([\\$`"])', r"\\\1", value), '""')


def _within_ansi(value: str) -> str:
    return f"'{quote_always(value)}$'" if value else ""


def _no_slot(value: str, pause: str) -> str:
    """With two quotes in whatever would look like a SLOT, also together with its neighbours: that changes nothing."""
    lead = pause if value.startswith(("%", "}")) else ""
    trail = pause if value.endswith(("{", "%")) else ""
    return lead + value.replace(SLOT, f"{{%{pause}}}") + trail


_QUOTINGS: dict[Standing, Quoting] = {
    Standing.BARE: quote,
    Standing.OPEN: quote_always,
    Standing.SINGLE: _within_single,
    Standing.DOUBLE: _within_double,
    Standing.ANSI: _within_ansi,
}


class Template:
    """A parsed template; without any placeholder, the line is put after it."""

    def __init__(
        self,
        text: str,
        names: Sequence[str] | None,
        columns: int | None = None,
        *,
        for_shell: bool = True,
        title: str = "the template",
    ) -> None:
        """`names` are the fields that the pool has (None: it has no named ones); `columns` how many, when known.
        `title`: what a mistake in it is told of."""
        self._title = title
        self.is_literal = isinstance(text, Literal)
        """Whether braces that name nothing stand for themselves."""
        self._way_out = "--literal leaves it as it is." if for_shell else ""
        known = _known(names, columns) if self.is_literal else None
        places = self._places(text, known, for_shell=for_shell)
        if not places:
            text = text.rstrip() + " {}"
            places = self._places(text, known, for_shell=for_shell)
        ends = [0, *(one.stop for one in places)]
        self._texts = [text[start : one.start] for start, one in zip(ends, places, strict=False)]
        self._texts.append(text[ends[-1] :])
        self.columns = max((int(found[0]) for one in places if (found := re.match(r"[0-9]+", one.word))), default=0)
        """How many columns it asks of a row."""
        self._fills = [self._fill(one, text, names, columns) for one in places]

    def fill(self, values: Values) -> str:
        """The command line; `{%}` is left standing for whoever knows the slot."""
        made = [self._texts[0]]
        for fill, text in zip(self._fills, self._texts[1:], strict=True):
            made.append(fill(values))
            made.append(text)
        return "".join(made)

    def _places(self, text: str, known: Callable[[str], bool] | None, *, for_shell: bool) -> list[Placeholder]:
        if not for_shell:
            found = [Placeholder(one[1], *one.span(), Standing.NONE) for one in PLACEHOLDER.finditer(text)]
            return [one for one in found if known is None or known(one.word)]
        try:
            places = [one for one in placeholders_of(text) if known is None or known(one.word)]
        except Unclosed as error:
            way_out = "Close it; a single ' that is meant as it stands is \\'."
            raise UsageError(error.what, where=self._where(text, error.at), way_out=way_out) from None
        for one in places:
            if one.refusal is not None:
                shown = text[one.start : one.stop]
                what, way_out = one.refusal
                what = f"{shown} {what}: no quoting is certain to hand a value through"
                raise UsageError(what, where=self._where(text, one.start), way_out=way_out.replace("{}", shown))
        return places

    def _where(self, text: str, at: int) -> Place:
        start = text.rfind("\n", 0, at) + 1
        line = text.count("\n", 0, at) + 1 if "\n" in text else 0
        return Place(self._title, line, at - start + 1, text[start:].partition("\n")[0])

    def _fill(
        self, place: Placeholder, text: str, names: Sequence[str] | None, columns: int | None
    ) -> Callable[[Values], str]:
        word = place.word
        quoting = _QUOTINGS.get(place.standing, as_it_is)
        if place.joins and place.standing is Standing.DOUBLE:
            quoting = _apart
        if word in NUMBERS:
            # A number needs no more than a shell's quotes around it, where that would take it for something else.
            before, after = quoting("#").split("#") if place.standing is not Standing.BARE else ("", "")
            return _numbers(word, before, after)
        match = _WORD.fullmatch(word)
        assert match is not None
        field, part = match[1], _PARTS[match[2]]
        if not field:
            return _whole_row(quoting, part, each=place.standing in (Standing.BARE, Standing.OPEN, Standing.NONE))
        if field.isdigit():
            at = int(field) - 1
            if columns is not None and at >= columns:
                raise UsageError(
                    f"the template has {{{word}}}, but a row has {counted(columns, 'column')}: {text}",
                    way_out=self._way_out,
                )
            if self.is_literal:
                itself = text[place.start : place.stop]
                return lambda values: quoting(part(values.columns[at])) if at < len(values.columns) else itself
            return lambda values: quoting(part(values.columns[at] if at < len(values.columns) else ""))
        self._refuse_unknown(word, field, text, names)
        return lambda values: quoting(part(values.named[field]))

    def _refuse_unknown(self, word: str, field: str, text: str, names: Sequence[str] | None) -> None:
        if names is None:
            raise UsageError(
                f"the template has {{{word}}}, but the jobs have no named fields: {text}",
                way_out="{} is the whole line, {1} its first column, {id} the job. "
                f"For a shell that is to see it write ${{{word}}} or {{ {word} }}. {self._way_out}",
            )
        if field not in names:
            raise UsageError(
                f"the template has {{{word}}}, which names no field{nearest(field, list(names))}: {text}",
                way_out=(f"Fields are {', '.join(names)}; " if names else "There are no named fields; ")
                + "{} is the whole row, {1} its first column, {id} the job. "
                + self._way_out,
            )


def _known(names: Sequence[str] | None, columns: int | None) -> Callable[[str], bool]:
    """Whether a placeholder names something of a row."""

    def known(word: str) -> bool:
        match = _WORD.fullmatch(word)
        field = match[1] if match else ""
        if field.isdigit():
            return columns is None or int(field) <= columns
        return not field or word in NUMBERS or field in (names or ())

    return known


def _whole_row(quoting: Quoting, part: Callable[[str], str], *, each: bool) -> Callable[[Values], str]:
    """`each`: every word of the row is a word of the command; inside the user's own quotes they are one."""
    if each:
        return lambda values: " ".join([quoting(part(one)) for one in values.words])
    return lambda values: quoting(" ".join([part(one) for one in values.words]))


def _apart(value: str) -> str:
    return '""' + _within_double(value)


def _numbers(word: str, before: str, after: str) -> Callable[[Values], str]:
    if word == "%":
        return lambda values: before + SLOT + after
    more = 1 if word == "#" else 0
    return lambda values: f"{before}{values.id + more}{after}"


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
