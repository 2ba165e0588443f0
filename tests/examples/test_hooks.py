"""The hooks in examples/hooks tell what they say they tell, to a server that is really asked."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from kit.program import Machine

HOOKS = Path(__file__).parents[2] / "examples" / "hooks"


class Heard(BaseHTTPRequestHandler):
    """Keeps what is posted."""

    bodies: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.bodies.append((self.headers["Content-Type"], data))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def url() -> Iterator[str]:
    Heard.bodies.clear()
    with HTTPServer(("127.0.0.1", 0), Heard) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def hooked(here: Machine, *settings: str) -> Machine:
    here.jobs("true", "true", "exit 3")
    here.write("configs/runner.config", "[hooks]\n" + "".join(f"{line}\n" for line in settings))
    here.run("--quiet", code=1)
    return here


@pytest.mark.parametrize("name", [one.name for one in sorted(HOOKS.iterdir())])
def test_each_says_how_it_is_set(name: str) -> None:
    text = (HOOKS / name).read_text()
    assert text.startswith("#!/bin/sh\n# [hooks]\n# on_finish = ")
    assert (HOOKS / name).stat().st_mode & 0o111


def test_by_post(here: Machine, url: str) -> None:
    hooked(
        here, f"on_finish = URL=; for one in ntfy slack webhook; do NTFY_URL={url} SLACK_URL={url} WEBHOOK_URL={url} "
        f"{HOOKS}/$${{one}}.sh; done", f"on_failure = NTFY_URL={url} {HOOKS}/ntfy.sh",
    )  # fmt: skip
    texts = [data for kind, data in Heard.bodies if "json" not in kind]
    assert sorted(texts) == [b"alice: finished, 2 of 3 done, 1 failed", b"job 2 failed on alice: exit status 3"]
    message, summary = (json.loads(data) for kind, data in Heard.bodies if "json" in kind)
    assert message == {"text": "shareout on alice: finished, 2 of 3 done, 1 failed"}
    assert (summary["machine"], summary["reason"], summary["path"]) == ("alice", "finished", str(here.run_folder))
    assert [summary[key] for key in ("jobs", "done", "failed", "skipped", "todo")] == [3, 2, 1, 0, 0]
    assert json.loads((here.run_folder / "ended.json").read_text()) == summary


def test_by_mail(here: Machine) -> None:
    """No host of tests has a mail server: what `mail` is called with, and reads, is looked at."""
    here.write("bin/mail", '#!/bin/sh\nprintf "%s\\n" "$@" > sent\ncat >> sent\n').chmod(0o755)
    here.environ = {"PATH": f"{here.folder}/bin:{os.environ['PATH']}"}
    hooked(here, f"on_finish = MAIL_TO=me@example.org {HOOKS}/mail.sh")
    flag, subject, to, text = (here.folder / "sent").read_text().splitlines()
    assert (flag, to) == ("-s", "me@example.org")
    assert subject == "shareout on alice: finished, 2 of 3 done, 1 failed"
    assert json.loads(text)["done"] == 2
