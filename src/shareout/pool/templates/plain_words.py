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
_AS_THEY_ARE = frozenset(("[", "[[", "{", "}", "!"))


def plain(raw: str, placeholder: re.Pattern[str]) -> str:
    """What the word is when it is used."""
    if raw in _AS_THEY_ARE:
        return raw
    made: list[str] = []
    at, quoted = 0, False
    while at < len(raw):
        sign = raw[at]
        if sign == '"' or raw.startswith('$"', at):
            quoted = not quoted
            at += 1 if sign == '"' else 2
        elif sign == "\\":
            made.append(_escaped(raw[at + 1 : at + 2], quoted=quoted))
            at += 2
        elif not quoted and (sign == "'" or raw.startswith("$'", at)):
            begin = at + (1 if sign == "'" else 2)
            end = raw.find("'", begin) if raw.find("'", begin) >= 0 else len(raw)
            text = placeholder.sub(VALUE, raw[begin:end])
            made.append(text if sign == "'" else _ESCAPE.sub(_decoded, text))
            at = end + 1
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
