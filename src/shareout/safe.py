"""Text that was others' (a job's command, what it printed, an error) as a terminal may show it: what would move the
cursor, clear the screen or turn the writing round is shown escaped. What goes to a pipe or a file stays as it is."""

from __future__ import annotations

# Shown and not dropped: what a job printed there may be what somebody looks for.
_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_KEPT = (0x09, 0x0A)
_SHOWN = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in _KEPT},
    **{code: f"\\u{code:04x}" for code in _BIDI},
}


def safe(text: str) -> str:
    """Lines stay lines, tabs stay tabs."""
    return text.translate(_SHOWN)


def one_line(text: str) -> str:
    """Where a line is a job: the ends of lines that its own text has are shown as they are typed."""
    return text.replace("\n", "\\n").replace("\r", "\\r")


def safe_bytes(data: bytes) -> bytes:
    """The same for what jobs print; what is no UTF-8 is shown as bytes."""
    return safe(data.decode("utf-8", "backslashreplace")).encode("utf-8")
