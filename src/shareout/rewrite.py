"""Input files that a person wrote, with one thing in them changed and all else as it was: comments, order, blanks."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence

from shareout.json_places import Node, PlacedJson

PERF = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""A number as machines.json may have it."""


# Line by line: what configparser has read it would write without comments, in an order of its own.
def with_setting(text: str, section: str, key: str, value: str) -> str:
    """A runner.config that sets this: where it was set, below its section's name, or at the end."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines()
    current, below = "", None
    for number, line in enumerate(lines):
        if header := re.match(r"\ufeff?\[(.+)\]", line):
            current = header[1]
            below = number if current == section else below
        elif current == section and re.match(rf"{key}\s*[=:]", line, re.IGNORECASE):
            end = number + 1
            # What is set over several lines goes on where a line begins with a blank.
            while end < len(lines) and lines[end][:1].isspace() and lines[end].strip():
                end += 1
            lines[number:end] = [f"{key} = {value}"]
            return newline.join(lines) + newline
    if below is None:
        lines += ([""] if lines else []) + [f"[{section}]"]
        below = len(lines) - 1
    lines.insert(below + 1, f"{key} = {value}")
    return newline.join(lines) + newline


def without_setting(text: str, section: str, key: str) -> str:
    """A runner.config that does not set this."""
    fresh = with_setting(text, section, key, "")
    newline = "\r\n" if "\r\n" in text else "\n"
    return fresh.replace(f"{key} = {newline}", "", 1)


# By places in the text: to write the document anew would give up how a person has laid it out.
def with_machines(
    document: PlacedJson, perfs: Mapping[str, str], removed: Collection[str], added: Sequence[tuple[str, str]]
) -> str:
    """A machines.json in which some have another performance, some are gone, and some (with their JSON text) are new.
    The document is one that `load_machines` takes."""
    text = document.text
    pairs = list(document.root.pairs())
    first, last = pairs[0][0].at, document.end(pairs[-1][1])
    between, made = "", ""
    end = first
    for key, value in pairs:
        before, start, end = text[end : key.at], key.at, document.end(value)
        between = before or between
        name = str(key.value)
        if name in removed:
            continue
        piece = text[start:end]
        if name in perfs:
            perf = _perf(value)
            at = perf.at - start
            piece = piece[:at] + perfs[name] + piece[at + len(document.written(perf)) :]
        made += (before or between if made else "") + piece
    for name, value_text in added:
        made += (between or ", ") * bool(made) + f"{json.dumps(name, ensure_ascii=False)}: {value_text}"
    return text[:first] + made + text[last:]


def _perf(machine: Node) -> Node:
    if machine.is_array:
        return machine.items()[0]
    return next(value for key, value in machine.pairs() if key.value == "perf")
