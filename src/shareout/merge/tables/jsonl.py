"""Rows as JSON lines: an object a row, `job` first. A dict keeps its own keys, in the order that it had them."""

from __future__ import annotations

from shareout.merge.partition import Block
from shareout.merge.sheet import Sheet
from shareout.merge.tables.rows import facts_of
from shareout.record.values import encode


class Jsonl:
    """A TextForm."""

    def head(self, sheet: Sheet) -> bytes:
        """Nothing: every row names its own columns."""
        return b""

    def piece(self, block: Block, sheet: Sheet) -> bytes:
        """Numbers of any length stand as they are; all beyond ASCII is escaped."""
        made = [encode(facts) for facts in facts_of(sheet, block)]
        return "\n".join([*made, ""]).encode("ascii")
