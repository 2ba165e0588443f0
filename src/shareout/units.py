"""64MiB, 1h30m, 1%: read and written in one place, both ways, so that what is written reads as the same number.

Every reader takes the text of a setting or a flag and raises ValueError with a sentence that says what would
be right.
"""

from __future__ import annotations

import re
from fractions import Fraction

_LETTERS = "KMGTPE"
# As GNU's tools read them: K is 1024 and KB is 1000. One meaning for both would be a tenth wrong at a terabyte.
_SIZES: dict[str, int] = {
    "": 1,
    "B": 1,
    **{letter: 2 ** (10 * power) for power, letter in enumerate(_LETTERS, 1)},
    **{f"{letter}IB": 2 ** (10 * power) for power, letter in enumerate(_LETTERS, 1)},
    **{f"{letter}B": 10 ** (3 * power) for power, letter in enumerate(_LETTERS, 1)},
}
_SECONDS: dict[str, Fraction | int] = {"ms": Fraction(1, 1000), "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
# Python refuses to read thousands of digits; nothing that is counted here needs more than these.
_NUMBER = r"[0-9]{1,30}(?:\.[0-9]{1,30})?"
LONGEST_S = 100 * 365 * 86400
_SIZE = re.compile(rf"({_NUMBER})\s*([A-Za-z]*)")
_PART = re.compile(rf"({_NUMBER})\s*(ms|[smhdw])")


def parse_filesize(text: str) -> int:
    """`64M` and `64MiB` are 64·2^20 bytes, `64MB` is 64·10^6; a plain number is bytes."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or match[2].upper() not in _SIZES:
        raise ValueError(f'"{text}" is not a size; write 64MiB (2^20), 64MB (10^6), 1.5G or a number of bytes')
    # Exact: as floats 0.1 and its like are other numbers than what is written.
    return int(Fraction(match[1]) * _SIZES[match[2].upper()])


def format_filesize(size: int) -> str:
    """The shortest exact text: `64MiB`, `1500000`."""
    for power in range(len(_LETTERS), 0, -1):
        unit = 2 ** (10 * power)
        if size and size % unit == 0:
            return f"{size // unit}{_LETTERS[power - 1]}iB"
    return str(size)


def told_filesize(size: int) -> str:
    """For a person's eyes: exact where that is short, else to a tenth: `97.7TiB`."""
    exact = format_filesize(size)
    if len(exact) <= 6:
        return exact
    power = max(power for power in range(len(_LETTERS) + 1) if size >> (10 * power) or not power)
    return f"{size / 2 ** (10 * power):.1f}{_LETTERS[power - 1]}iB" if power else exact


def parse_duration(text: str) -> float:
    """`90s`, `1h30m`, `2d`, `500ms`, or a plain number of seconds."""
    stripped = text.strip().lower()
    if re.fullmatch(_NUMBER, stripped):
        stripped += "s"
    parts = _PART.findall(stripped)
    if not parts or _PART.sub("", stripped).strip():
        raise ValueError(f'"{text}" is not a duration; write 90s, 1h30m, 2d, 500ms or a number of seconds')
    seconds = sum(Fraction(number) * _SECONDS[unit] for number, unit in parts)
    if seconds > LONGEST_S:
        raise ValueError(f'"{text}" is longer than 100 years')
    return float(seconds)


def format_duration(seconds: float) -> str:
    """`1h30m`, `2.5s`, `250ms`: exact to the millisecond."""
    left = round(seconds * 1000)
    said = ""
    for unit in ("d", "h", "m"):
        size = int(_SECONDS[unit]) * 1000
        count, left = divmod(left, size)
        said += f"{count}{unit}" if count else ""
    if left % 1000 and left < 1000 and not said:
        return f"{left}ms"
    rest = f"{left / 1000:.3f}".rstrip("0").rstrip(".")
    return said + (f"{rest}s" if left or not said else "")


def parse_percent(text: str) -> Fraction:
    """`1%` is 1/100; 0% to 100%."""
    match = re.fullmatch(rf"({_NUMBER})\s*%", text.strip())
    share = Fraction(match[1]) / 100 if match else Fraction(0) if text.strip() == "0" else None
    if share is None or share > 1:
        raise ValueError(f'"{text}" is not a share; write 1% (0% to 100%)')
    return share


def parse_amount(text: str) -> Fraction:
    """A count that may be a fraction: `2`, `0.5`, `1/4`."""
    stripped = text.strip()
    if not re.fullmatch(rf"{_NUMBER}|[0-9]{{1,30}}/[1-9][0-9]{{0,29}}", stripped):
        raise ValueError(f'"{text}" is not a number; write 2, 0.5 or 1/4')
    return Fraction(stripped)


def counted(number: int, thing: str) -> str:
    """`1 job`, `1,000 jobs`."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def parse_count(text: str) -> int:
    """A whole number, 0 or more."""
    if not re.fullmatch(r"[0-9]{1,30}", text.strip()):
        raise ValueError(f'"{text}" is not a whole number; write 0, 1, 2 …')
    return int(text)


def parse_switch(text: str) -> bool:
    """yes/no in the words that configparser takes."""
    words = {
        "yes": True,
        "true": True,
        "on": True,
        "1": True,
        "no": False,
        "false": False,
        "off": False,
        "0": False,
    }
    if text.strip().lower() not in words:
        raise ValueError(f'"{text}" is not yes or no')
    return words[text.strip().lower()]
