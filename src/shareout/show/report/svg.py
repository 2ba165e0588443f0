"""A few words of SVG: elements as text, scales, and ticks that fall on round numbers. Everything is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from math import ceil, floor, log10

from shareout.fields import dataclass

# No library draws: the page opens without a network and for years, and is read on machines where nothing can be
# installed.
_STEPS_S = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600,
    7200, 10800, 21600, 43200, 86400,
)  # fmt: skip
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "m"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def clean(text: str) -> str:
    """For any place in HTML or SVG, in an attribute too; what cannot be shown becomes a sign that says so."""
    # What XML cannot hold at all, as most control characters, is no matter of escaping: one NUL in what a job printed,
    # and the page opens nowhere as XML.
    return escape("".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text))


def element(name: str, inner: str = "", **attributes: object) -> str:
    """`class_` stands for class, `stroke_width` for stroke-width. `inner` is markup already."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{clean(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{told}>{inner}</{name}>" if inner else f"<{name}{told}/>"


def label(x: float, y: float, text: str, **attributes: object) -> str:
    """Text at a point; `y` is its base line."""
    return element("text", clean(text), x=x, y=y, **attributes)


def picture(width: float, height: float, title: str, parts: Sequence[str], **attributes: object) -> str:
    """A whole drawing that grows and shrinks with its place."""
    inner = element("title", clean(title)) + "".join(parts)
    return element("svg", inner, viewBox=f"0 0 {_plain(width)} {_plain(height)}", role="img", **attributes)


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to pixels, straight or by their logarithm."""

    low: float
    high: float
    start: float
    stop: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """In pixels; beyond the ends for values beyond them."""
        low, high = (log10(self.low), log10(self.high)) if self.is_log else (self.low, self.high)
        place = log10(max(value, self.low)) if self.is_log else value
        return self.start + (place - low) / ((high - low) or 1.0) * (self.stop - self.start)


def round_ticks(high: float, most: int = 5) -> list[float]:
    """From 0 to at least `high`."""
    if high <= 0:
        return [0.0, 1.0]
    raw = high / most
    power = 10.0 ** floor(log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * (1 - 1e-9))
    return [number * step for number in range(ceil(high / step - 1e-9) + 1)]


def time_ticks(span: float, most: int = 8) -> list[float]:
    """Seconds from the beginning, on round times, within the span."""
    step = next((step for step in _STEPS_S if span / step <= most), 0.0)
    if not step:
        step = 86400.0 * ceil(span / 86400 / most)
    return [number * step for number in range(int(span / step * (1 + 1e-9)) + 1)]


def number_ticks(low: float, high: float, most: int = 5) -> list[tuple[float, str]]:
    """Round values within, each with so many digits that they differ."""
    step = round_ticks(high - low, most)[1]
    begin, end = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    values = [number * step for number in range(begin, end + 1)]
    largest = max((abs(value) for value in values), default=0.0)
    digits = max(4, floor(log10(largest / step) + 1e-9) + 2) if largest > 0 else 4
    return [(value, told_exactly(value, digits)) for value in values]


def told_exactly(value: float, digits: int = 4) -> str:
    """With so many digits, and no `e+06` where it is a number that people write out."""
    told = f"{value:.{digits}g}"
    if "e+" not in told or abs(value) >= 1e12:
        return told
    return f"{value:,.0f}" if abs(value) < 1e7 else f"{value:.0f}"


def date_ticks(low: float, high: float, most: int = 8) -> list[tuple[float, str]]:
    """Moments within, on round times, days, months or years; as texts they say so much as tells them apart."""
    step = next((step for step in _STEPS_S if step >= 1 and (high - low) / step <= most), 0.0)
    if not step:
        step = 86400.0 * next((days for days in (2, 5, 7, 14) if (high - low) / days / 86400 <= most), 0)
    if step:
        form = "%Y-%m-%d" if step >= 86400 else "%m-%d %H:%M" if step >= 60 else "%H:%M:%S"
        begin = ceil(low / step - 1e-9)
        marks = [number * step for number in range(begin, floor(high / step + 1e-9) + 1)]
        return [(mark, datetime.fromtimestamp(mark, UTC).strftime(form)) for mark in marks]
    first, last = (datetime.fromtimestamp(moment, UTC) for moment in (low, high))
    months = (last.year - first.year) * 12 + last.month - first.month
    every = next((one for one in (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200) if months / one <= most), 6000)
    found = []
    for number in range(max(12, first.year * 12 // every * every), last.year * 12 + 12, every):
        moment = datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
        if low <= moment.timestamp() <= high:
            found.append((moment.timestamp(), moment.strftime("%Y" if every >= 12 else "%Y-%m")))
    return found


def told_seconds(seconds: float) -> str:
    """`1h 30m`, `2m 5s`, `1.25s`, `40ms`: two units, or three digits."""
    if seconds <= 0:
        return "0s"
    if seconds >= 60:
        whole = round(seconds)
        parts = []
        for size, unit in _UNITS[:4]:
            count, whole = divmod(whole, int(size))
            if count:
                parts.append(f"{count}{unit}")
        return " ".join(parts[:2])
    size, unit = next(((size, unit) for size, unit in _UNITS[3:] if seconds >= size * 0.9995), _UNITS[-1])
    return f"{float(f'{seconds / size:.3g}'):g}{unit}"


def told_when(seconds: float) -> str:
    """A moment, by UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def told_number(number: float) -> str:
    """`12,345`, `1.25`, `1.2M`."""
    if abs(number) >= 1e7:
        return f"{number / 1e6:,.4g}M"
    return f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"


def _plain(value: object) -> str:
    return f"{round(value, 2):g}" if isinstance(value, float) else str(value)
