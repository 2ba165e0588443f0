"""Names of machines, lanes and files as parts of a subject, and back."""

from __future__ import annotations

import re

from shareout.errors import UsageError

LONGEST = 400
"""Bytes of a name once spelled: a line, of which servers read up to 4,096 bytes, has three of them and more."""
_PLAIN = re.compile(rb"[A-Za-z0-9_-]")


def spelled(name: str) -> str:
    """Letters, digits, `_` and `-` stay; every other byte of it in UTF-8 is `=` and two hex digits. So it is one part,
    never a wildcard, and the same to every server."""
    said = name.encode("utf-8", "surrogateescape")
    text = b"".join(sign if _PLAIN.match(sign) else b"=%02X" % sign[0] for sign in (bytes([one]) for one in said))
    if not text:
        raise ValueError("a name is empty")
    if len(text) > LONGEST:
        raise UsageError(
            f'"{name}" is too long for a name in a network: {len(text)} bytes once spelled, of {LONGEST}',
            way_out="Give it a shorter name.",
        )
    return text.decode()


def meant(text: str) -> str | None:
    """The name that is spelled so; None where it is none of ours."""
    try:
        said = re.sub(rb"=([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), text.encode())
        name = said.decode("utf-8", "surrogateescape")
        return name if spelled(name) == text else None
    except (ValueError, UsageError):
        return None


def subject_of(key: str) -> str:
    """Of a key, each part spelled."""
    return ".".join(map(spelled, key.split("/")))
