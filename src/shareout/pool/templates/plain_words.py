"""A word of a template, as a shell makes it of its signs: without its quotes, however they are written.

What a shell puts in by itself (variables, substitutions, file names, brace expansion) is not known before the job runs:
each stands as UNKNOWN in the text, and each placeholder as VALUE.
"""

from __future__ import annotations

import re

UNKNOWN = "\0"
VALUE = "\1"

_EXPANSION = re.compile(r"\$\{[^}]*\}?|\$\(.*|\$[\w@*#?$!-]|`.*", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|(.))", re.DOTALL)
_DOUBLE = re.compile(r'\$?"')
# One that is never closed goes on to the end.
_SINGLE = re.compile(r"(?P<ansi>\$?)'(?P<text>[^']*)'?")
_AS_THEY_ARE = frozenset(("[", "[[", "{", "}", "!"))


def plain(raw: str, placeholder: re.Pattern[str]) -> str:
    """What the word is when it is used."""
    if raw in _AS_THEY_ARE:
        return raw
    made: list[str] = []
    at, quoted = 0, False
    while at < len(raw):
        sign = raw[at]
        if match := _DOUBLE.match(raw, at):
            quoted = not quoted
            at = match.end()
        elif sign == "\\":
            made.append(_escaped(raw[at + 1 : at + 2], quoted=quoted))
            at += 2
        elif not quoted and (match := _SINGLE.match(raw, at)):
            text = placeholder.sub(VALUE, match["text"])
            made.append(_ESCAPE.sub(_decoded, text) if match["ansi"] else text)
            at = match.end()
        elif match := placeholder.match(raw, at):
            made.append(VALUE)
            at = match.end()
        elif match := _EXPANSION.match(raw, at):
            made.append(UNKNOWN)
            at = match.end()
        else:
            made.append(UNKNOWN if not quoted and sign in "*?[{" else sign)
            at += 1
    return "".join(made)


def is_known(text: str) -> bool:
    """Whether the word is the same whatever the values and the shell put in."""
    return UNKNOWN not in text and VALUE not in text


def _escaped(sign: str, *, quoted: bool) -> str:
    if sign == "\n":
        return ""
    return f"\\{sign}" if quoted and sign not in '$`"\\' else sign


def _decoded(match: re.Match[str]) -> str:
    number = next((one for one in match.groups()[:3] if one), "")
    if number or match[4]:
        return chr(min(int(number, 16) if number else int(match[4], 8), 0x10FFFF))
    return match[5] if match[5] in "\\'\"?" else " "
