"""A table: cells that people read, and by what they are sorted where that is something else."""

from __future__ import annotations

from collections.abc import Sequence

from shareout.fields import dataclass
from shareout.show.report.svg import clean, told_number, told_seconds


@dataclass(frozen=True, slots=True)
class Ranked:
    """Markup, and the number that it stands for."""

    shown: str
    value: float


Cell = str | Ranked
"""What is only a text is markup already, and sorted as a text."""


def count(number: float) -> Ranked:
    """`12,345`."""
    return Ranked(told_number(number), number)


def seconds(number: float) -> Ranked:
    """`1m 30s`."""
    return Ranked(told_seconds(number), number)


def part(share: float) -> Ranked:
    """`12.5%`."""
    return Ranked(f"{share:.1%}", share)


def table(head: Sequence[str], rows: Sequence[Sequence[Cell]], left: int = 1) -> str:
    """All but the first `left` columns are numbers. The page's script lets a reader sort it by any of them."""
    kinds = ["" if number < left else ' class="n"' for number in range(len(head))]
    top = "".join(f'<th scope="col"{kind}>{clean(cell)}</th>' for cell, kind in zip(head, kinds, strict=True))
    body = "".join(
        "<tr>" + "".join(_cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(cell: Cell, kind: str) -> str:
    if isinstance(cell, str):
        return f"<td{kind}>{cell}</td>"
    return f'<td{kind} data-v="{cell.value:.9g}">{cell.shown}</td>'
