"""Status files that hosts of a ledger find there: what somebody else has put is no path and no file of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from shareout.errors import UsageError
from shareout.joining.inputs.status_files import found
from shareout.joining.messages import Answer


def shelf(facts: Any, data: bytes = b"") -> Any:
    """A store with one key, and one file under any name."""

    def asked(call: str, *words: Any, body: bytes = b"") -> Answer:
        bodies = {"get": json.dumps(facts).encode() if words == ("status/1",) else None, "fetch": data}
        return Answer(1, 0.0, None, bodies[call])

    return asked


@pytest.mark.parametrize(
    "facts",
    [[], {}, {"file": "x", "name": "st"}, {"file": "../" * 9 + "0" * 64, "name": "s", "failed": True, "by_number": 0}],
)
def test_what_is_no_name_of_a_file_is_refused(tmp_path: Path, facts: Any) -> None:
    with pytest.raises(UsageError, match="a status file that was put there cannot be used"):
        found(shelf(facts), tmp_path / "earlier")
    assert not list(tmp_path.iterdir())


def test_bytes_that_are_not_those_that_were_put_are_refused(tmp_path: Path) -> None:
    facts = {"file": blake3(b"given").hexdigest(), "name": "st", "failed": True, "by_number": False}
    with pytest.raises(UsageError, match="cannot be used"):
        found(shelf(facts, b"other"), tmp_path / "earlier")
    assert not list(tmp_path.iterdir())
    (one,) = found(shelf(facts, b"given"), tmp_path / "earlier")
    assert one.path.read_bytes() == b"given"
