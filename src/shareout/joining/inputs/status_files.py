"""disBatch's status files whose tasks all hosts of a ledger take over: whoever was given them puts them there, and each
host finds them when it begins.

A file lies there under the hash of its bytes; the keys `status/1`, `status/2`, … say which files there are, and what
of them counts. The same file twice stands there once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from blake3 import blake3

from shareout.errors import UsageError, cannot_record
from shareout.files import replace_file
from shareout.joining.messages import Answer
from shareout.ledger.store import COMMON, LONGEST_TEXT, Store, ship_whole
from shareout.record.foreign.status_file import StatusFile

_HASH = re.compile("[0-9a-f]{64}")
Asks = Callable[..., Answer]
"""A call of a run's to its store, answered before it goes on."""


def put(store: Store, files: Sequence[StatusFile]) -> None:
    """By who has the store itself."""
    for one in files:
        data, hashed = _read(one)
        ship_whole(store, COMMON, hashed, data)
        _stand(store.put, _key_text(one, hashed))


def put_by(asked: Asks, files: Sequence[StatusFile]) -> None:
    """By a run, before its first job."""
    for one in files:
        data, hashed = _read(one)
        arrived = -1
        while arrived < len(data):
            arrived = int(asked("ship", COMMON, hashed, str(one.path), len(data)).told)
        _stand(lambda key, text: asked("put", key, body=text).body or b"", _key_text(one, hashed))


def _read(one: StatusFile) -> tuple[bytes, str]:
    data = one.path.read_bytes()
    text = _key_text(one, hashed := blake3(data).hexdigest())
    if len(text) > LONGEST_TEXT:
        raise UsageError(f"{one.name} is too long a name", way_out="Give the file a shorter one.")
    return data, hashed


def _key_text(one: StatusFile, hashed: str) -> bytes:
    facts = {"file": hashed, "name": one.name, "failed": one.failed_too, "by_number": one.by_number}
    return json.dumps(facts, separators=(",", ":")).encode("ascii")


def _stand(put_text: Callable[[str, bytes], bytes], text: bytes) -> None:
    number = 1
    while put_text(f"status/{number}", text) != text:
        number += 1


def found(asked: Asks, into: Path) -> list[StatusFile]:
    """All that stand there, as files in this folder."""
    files: list[StatusFile] = []
    while (text := asked("get", f"status/{len(files) + 1}").body) is not None:
        try:
            facts = json.loads(text)
            hashed, name = str(facts["file"]), str(facts["name"])
            if not _HASH.fullmatch(hashed):
                raise ValueError(hashed)
            one = StatusFile(into / hashed, name, facts["failed"] is True, by_number=facts["by_number"] is True)
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(text) from error
        if not one.path.is_file():
            _fetch(asked, one.path)
        files.append(one)
    return files


def _fetch(asked: Asks, path: Path) -> None:
    data = asked("fetch", COMMON, path.name).body or b""
    if blake3(data).hexdigest() != path.name:
        raise _damaged(path.name.encode())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, [data])
    except OSError as error:
        raise cannot_record(path, error, way_out="Name another place with --runs DIR.") from error


def _damaged(what: bytes) -> UsageError:
    return UsageError(
        f"a status file that was put there cannot be used: {what[:80]!r}",
        way_out="Run without it elsewhere, or begin anew in another folder.",
    )
