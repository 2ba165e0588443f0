"""Rows as JSON lines: an object a row, `job` first. A dict keeps its own keys, in the order that it had them."""

from __future__ import annotations

from typing import Any

from shareout.merge.partition import Block
from shareout.merge.sheet import Sheet
from shareout.merge.tables.csv import values_of
from shareout.record.values import encode


class Jsonl:
    """A TextForm."""

    def head(self, sheet: Sheet) -> bytes:
        """Nothing: every row names its own columns."""
        return b""

    def piece(self, block: Block, sheet: Sheet) -> bytes:
        """Numbers of any length stand as they are; all beyond ASCII is escaped."""
        places = sheet.titles[1 : 1 + len(sheet.places)]
        title_of = dict(zip(sheet.keys, sheet.titles[1 + len(places) :], strict=False))
        made = []
        for at, (job, value) in enumerate(values_of(block)):
            facts: dict[str, Any] = {"job": int(job)}
            cells = sheet.cells(value)
            if isinstance(value, dict):
                facts.update({title_of.get(name, str(name)): one for name, one in value.items()})
            else:
                facts.update(zip(places, cells, strict=False))
            if sheet.meta:
                facts.update(zip(sheet.meta, sheet.meta_cells(block.metas[at]), strict=True))
            made.append(encode(facts))
        return "\n".join([*made, ""]).encode("ascii")
