"""Names of machines, lanes and files as names that any file system takes, and back."""

from __future__ import annotations

import re

from shareout.errors import UsageError

LONGEST = 200
"""Bytes of a name once spelled: below the 255 of most file systems, with room for what is put before a draft."""
_PLAIN = re.compile(rb"[A-Za-z0-9_.-]")


def spelled(name: str) -> bytes:
    """Letters, digits, `_`, `-` and inner dots stay; every other byte of it in UTF-8 is `%` and two hex digits. So no
    name leads out of its folder, is hidden, or is two names on servers that know no blanks or other alphabets."""
    said = name.encode("utf-8", "surrogateescape")
    last = len(said) - 1
    signs = [said[at : at + 1] for at in range(len(said))]
    text = b"".join(
        sign if _PLAIN.match(sign) and (sign != b"." or 0 < at < last) else b"%%%02X" % sign[0]
        for at, sign in enumerate(signs)
    )
    if not text:
        raise ValueError("a name is empty")
    if len(text) > LONGEST:
        raise UsageError(
            f'"{name}" is too long for a name in a shared folder: {len(text)} bytes once spelled, of {LONGEST}',
            way_out="Give it a shorter name.",
        )
    return text


def meant(text: bytes) -> str | None:
    """The name that is spelled so; None where it is none of ours."""
    try:
        name = re.sub(rb"%([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), text)
        told = name.decode("utf-8", "surrogateescape")
        return told if spelled(told) == text else None
    except (ValueError, UsageError):
        return None


def parts_of(key: str) -> tuple[bytes, ...]:
    """Of a key, each spelled."""
    return tuple(map(spelled, key.split("/")))
