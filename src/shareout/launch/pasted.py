"""What a launch would run, as commands that work when they are pasted into a shell."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import join, quote

from shareout.launch import scripts
from shareout.launch.launcher import FAR_SHELL, Host, spoken
from shareout.launch.scripts import EVERY, Item, Order


def caller(host: Host, words: list[str], here: Path | None) -> str:
    """What reaches a host. `here`: its folder, where it is one of this host."""
    if here is not None:
        return f"(mkdir -p {quote(str(here))} && cd {quote(str(here))} && {FAR_SHELL})"
    return join([*words, "-T", "--", host.address, FAR_SHELL])


def serve(words: Sequence[str], address: str) -> Iterator[str]:
    """The server that all are to join; whatever is started beside them is noted."""
    yield "# the server of all"
    yield f"{join(words)} & beside=$!"
    yield f"until [ -s {quote(address)} ]; do sleep 0.1; done"


def way(host: Host, words: Sequence[str], there: int, here: int) -> Iterator[str]:
    """A port of that host leads to one of this."""
    yield f"# {host.machine}: a way to the server"
    ports = f"127.0.0.1:{there}:127.0.0.1:{here}"
    yield f'{join([*words, "-N", "-R", ports, "--", host.address])} & beside="$beside $!"'


def commands(to: str, order: Order, items: Sequence[Item], *, globs: Sequence[str], token: str) -> Iterator[str]:
    """Of one host, step by step, as if it had nothing yet; `to` is what reaches it, `token` the file of what its run
    shows to a server."""
    yield f"# {order.machine}: check"
    yield _piped(scripts.check(order, items), "", to)
    for item in items:
        yield f"# {order.machine}: copy {item.path!r}, unless it is there"
        yield _piped(scripts.copy(order.folder, item, 0), os.path.abspath(item.source), to)
    yield f"# {order.machine}: does the program run there?"
    yield _piped(scripts.first_words(order.folder, ""), "", to)
    yield f"# {order.machine}: start"
    yield _piped(scripts.start(order, ""), token, to)
    yield f"# {order.machine}: follow, until it is over"
    yield _piped(scripts.follow(order, "", EVERY), "", to)
    yield f"# {order.machine}: fetch, as a stream of files: their sizes, their bytes, their hashes"
    wanted = [*globs, f"launch/{order.machine}.out"]
    request = json.dumps({"do": "give", "run": order.run, "globs": wanted, "have": {}})
    # What comes is for no terminal.
    file = quote(f"{order.machine}.stream")
    yield f"{{ {_said(scripts.answer(order.folder, ''))}; printf %s {quote(request)}; }} | {to} >{file}"


def _said(script: str) -> str:
    size, _, text = spoken(script).decode("utf-8", "surrogateescape").partition("\n")
    return f"printf '%s\\n%s' {size} {quote(text)}"


def _piped(script: str, source: str, to: str) -> str:
    return f"{{ {_said(script)}; cat {quote(source)}; }} | {to}" if source else f"{_said(script)} | {to}"
