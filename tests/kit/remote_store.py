"""A store in a process of its own, which is driven by lines, so that it can be stopped and killed at any moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ORIGIN, PLAN = "ab" * 32, "cd" * 32


def charter(**other: Any) -> Any:
    """Of a ledger that tests share."""
    from shareout.stores.charter import Charter

    facts = {"origin": ORIGIN, "plan": PLAN, "group": "", "machines": ("alice", "bob"), "dead_s": 5.0, "slack_s": 0.0}
    return Charter(**{**facts, **other})


def opened(words: Sequence[str]) -> Any:
    """The store that these words tell: a folder, and how keys are put there; or `nats`, a server's folder, its
    port, and the ledger's name there."""
    if words[0] == "nats":
        from kit.nats import opened_there

        return opened_there(Path(words[1]), int(words[2]), words[3])
    from shareout.stores.folder.opening import open_folder
    from shareout.stores.folder.ways import WAYS

    folder, way = words
    return open_folder(Path(folder), charter(), [one for one in WAYS if one.name == way])


def refused(folder: Path, **other: Any) -> str:
    """Why a folder is, at the start of a run."""
    import pytest

    from shareout.errors import UsageError
    from shareout.stores.folder.opening import open_folder

    with pytest.raises(UsageError) as caught:
        open_folder(folder, charter(**other))
    assert caught.value.exit_code == 2
    assert caught.value.way_out
    return caught.value.what


class Remote:
    """The other end. Bytes travel as Latin-1."""

    def __init__(self, words: Sequence[str]) -> None:
        tests = str(Path(__file__).parents[1])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kit.remote_store", *words], cwd=tests,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip

    def ask(self, call: str, *values: Any) -> None:
        """Begins a call; `answer` waits for it."""
        assert self.process.stdin is not None
        plain = [value.decode("latin-1") if isinstance(value, bytes) else value for value in values]
        self.process.stdin.write(json.dumps([call, *plain]) + "\n")

    def answer(self) -> Any:
        """None when the process has died before it."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line.endswith("\n") else None

    def kill(self) -> list[Any]:
        """kill -9; what it had answered by then."""
        self.process.kill()
        assert self.process.stdout is not None
        left = [json.loads(line) for line in self.process.stdout if line.endswith("\n")]
        self.close()
        return left

    def send(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def close(self) -> None:
        with self.process:
            self.process.kill()


def _serve(words: Sequence[str]) -> None:
    from shareout.ledger.store import Away

    store = opened(words)
    print('"ready"', flush=True)
    for line in sys.stdin:
        call, *values = json.loads(line)
        try:
            if call == "put_many":
                # Without being asked for each: killed anywhere within.
                for number in range(*values):
                    print(json.dumps([number, store.put(f"lanes/0.0/{number}", b"entry %d" % number).decode()]))
                    sys.stdout.flush()
                continue
            if call in ("put", "beat", "ship"):
                values[-1] = values[-1].encode("latin-1")
            told = getattr(store, call)(*values)
            print(json.dumps(told.decode("latin-1") if isinstance(told, bytes) else told), flush=True)
        except Away as error:
            print(json.dumps({"away": str(error)}), flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1:])
