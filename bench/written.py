"""Puts what was measured into a document, between two marks, so that no number there is typed by hand."""

from __future__ import annotations

import re
from pathlib import Path


def put_between(document: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- end of name -->`."""
    old = document.read_text()
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    if not marks.search(old):
        raise SystemExit(f"{document} has no place for {name}")
    document.write_text(marks.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", old))
