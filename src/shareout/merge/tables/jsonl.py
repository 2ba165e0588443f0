"""Rows as JSON lines: an object a row, `job` first. A dict keeps its own keys, in the order that it had them."""

from __future__ import annotations

import json
from typing import Any

from shareout.merge.partition import Block
from shareout.merge.sheet import Sheet
from shareout.merge.tables.csv import values_of


class Jsonl:
    """A TextForm."""

    def head(self, sheet: Sheet) -> bytes:
        return b""

    def piece(self, block: Block, sheet: Sheet) -> bytes:
        titles = sheet.titles[1 : 1 + sheet.width]
        made = []
        for at, (job, value) in enumerate(values_of(block)):
            facts: dict[str, Any] = {"job": int(job)}
            if sheet.by_name and isinstance(value, dict):
                sheet.cells(value)
                taken = {"job", *sheet.meta}
                facts.update({f"result_{name}" if name in taken else name: one for name, one in value.items()})
            else:
                facts.update(zip(titles, sheet.cells(value), strict=False))
            if sheet.meta:
                facts.update(zip(sheet.meta, sheet.meta_cells(block.metas[at]), strict=True))
            made.append(json.dumps(facts, separators=(",", ":")))
        return "\n".join([*made, ""]).encode("ascii")
