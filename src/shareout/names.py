"""What may name a machine or a group: a word that a person can read, type, and tell from the others."""

from __future__ import annotations

from collections.abc import Iterable

ALL = "all"
"""The name of the only machine, where one host has every position."""
AUTO = "auto"
"""What `--machine` says where a scheduler's variables tell which machine it is."""

ANYBODY = "anybody"
"""The name of the only machine of a plan that hosts share where no machines.json names any: all come as guests."""

SCHEME = "nats://"
"""What the address of a network ledger begins with."""


def why_no_name(name: str) -> str:
    """Why it cannot be one; empty when it can."""
    if not name:
        return "is empty"
    if name != name.strip():
        return "has a blank at its start or end"
    if name.startswith("-"):
        return "looks like an option"
    if name.isascii() and name.isprintable():
        return ""
    from unicodedata import category

    # Also what turns the writing round or joins letters (Cf): a name must not look like another one.
    for sign in name:
        if category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            return f"has a sign that cannot be seen, U+{ord(sign):04X}"
    return ""


def alike(name: str) -> str:
    """The same for names that differ by nothing but case, or by how a letter with an accent is written."""
    if name.isascii():
        return name.lower()
    from unicodedata import normalize

    # Twice: folding case may take a letter and its accent apart again.
    return normalize("NFC", normalize("NFC", name).casefold())


def mistakes_of(groups: Iterable[str]) -> list[str]:
    """What is wrong with the names of groups that stand in the fields of rows, where an empty one is none."""
    names = [name for name in groups if name]
    found = [f"{name!r} cannot name a group: it {why}" for name in names if (why := why_no_name(name))]
    if pair := twins(names):
        found.append(f'the groups "{pair[0]}" and "{pair[1]}" differ by case only')
    return found


def twins(names: Iterable[str]) -> tuple[str, str] | None:
    """The first two different names that are alike."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(alike(name), name)
        if other != name:
            return other, name
    return None
