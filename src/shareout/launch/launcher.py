"""How a host is reached: the contract that `ssh` and `here` keep, and the one form in which a shell there is spoken to.

Every word that is ours or a user's goes to the far side on standard input, as a script for POSIX sh; what the login
shell of that account gets to read is the same few words always. So a path with quotes, blanks or newlines is never
read by a shell that nobody has chosen, whichever that is.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Any, Protocol

from shareout.environment import user_environment
from shareout.fields import dataclass
from shareout.safe import safe

# Byte by byte, for a shell that reads ahead (dash does) would swallow the data that follows the script.
FAR_SHELL = 'exec sh -c \'read -r n; eval "$(dd bs=1 count="$n" 2>/dev/null)"\''
MARK = b"@shareout\n"
"""What every script says first."""
LOCAL = "localhost"
"""The address of this host: no ssh is needed for it."""
LONGEST_WHY = 2000
ANSWER_S = 600.0
"""Longer no single question takes; whoever says nothing for so long is taken for gone."""


class Unreached(Exception):
    """The host did not answer, or went away in the middle: worth another try."""


class Refusal(Exception):
    """What another try by itself would not change; the text is for a person."""


class Gone(Exception):
    """This view is being left."""


@dataclass(frozen=True, slots=True)
class Host:
    """A machine of the plan, and where it is."""

    machine: str
    address: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a script did at the far end."""

    code: int
    out: bytes
    err: str

    def told(self) -> dict[str, str]:
        """Its lines `@key value`, several of one key as lines; whatever else a login prints is passed over."""
        found: dict[str, str] = {}
        for line in self.out.decode("utf-8", "replace").split("\n"):
            if line.startswith("@"):
                key, _, value = line[1:].partition(" ")
                found[key] = f"{found[key]}\n{value}" if key in found else value
        return found


class Launcher(Protocol):
    """A way to one host."""

    def open(self) -> None:
        """Raises Unreached or Refusal, with the words of what was used. Open already: nothing happens."""

    def words(self) -> list[str]:
        """A call that is FAR_SHELL at the far end, in the folder where its user begins."""

    def folder(self) -> Path | None:
        """Where that call is to be made; None: anywhere."""

    def lead(self, there: int, here: int) -> str:
        """A port of that host's loopback leads to one of this host's, as long as it is open; or why it does not."""

    def close(self) -> None:
        """Leaves nothing behind here."""


class Here:
    """No network: a machine is a folder of this host, and what runs in it. For tests, for a look at what would happen,
    and for the one host of a list that this terminal is on."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def open(self) -> None:
        """Makes the folder."""
        self._place.mkdir(parents=True, exist_ok=True)

    def words(self) -> list[str]:
        """The shell itself."""
        return ["sh", "-c", FAR_SHELL]

    def folder(self) -> Path | None:
        """The machine's own."""
        return self._place

    def lead(self, there: int, here: int) -> str:
        """It is one host."""
        return "" if there == here else f"port {there} is not {here}"

    def close(self) -> None:
        """There is nothing to leave."""


class Talk:
    """A script that runs at the far end, while it is spoken with; a context manager, after which it is over."""

    def __init__(self, launcher: Launcher, script: str) -> None:
        # What it complains of goes to a file: nobody reads two pipes at once here.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        # In a session of its own: Ctrl-C ends the view, and leaves it to us what else.
        self.process = subprocess.Popen(
            launcher.words(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said,
            cwd=launcher.folder(), env=user_environment(), start_new_session=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.out = self.process.stdout
        self.send(spoken(script))

    def __enter__(self) -> Talk:
        # What a login prints by itself may end without a line's end, and comes before ours.
        with killed_after(ANSWER_S, self.process):
            for line in iter(self.out.readline, b""):
                if line == MARK:
                    break
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.process.kill()
        leave(self.process)
        self._said.close()

    def send(self, data: bytes) -> bool:
        """False when it has gone: its answer tells why."""
        return send(self.process, data)

    def end(self) -> None:
        """Nothing more is sent."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()

    def hear(self) -> Answer:
        """Nothing more is sent; all that it has not said yet. Raises Unreached where it was not heard to its end."""
        self.end()
        with killed_after(ANSWER_S, self.process):
            out, code = self.out.read(), self.process.wait()
        # 255 is ssh's own: the far side never says it.
        if code == 255 or code < 0:
            raise Unreached(self.complaint() or "the connection was cut")
        return Answer(code, out, self.complaint())

    def complaint(self) -> str:
        """What came on standard error."""
        self._said.seek(0)
        return self._said.read().decode("utf-8", "replace").strip()


@contextmanager
def killed_after(seconds: float, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Who waits for its words is not kept waiting for ever."""
    late = Timer(seconds, process.kill)
    late.daemon = True
    late.start()
    try:
        yield
    finally:
        late.cancel()


def ask(launcher: Launcher, script: str, data: bytes = b"") -> Answer:
    """What a script answers when it has read the data."""
    with Talk(launcher, script) as talk:
        talk.send(data)
        return talk.hear()


def spoken(script: str) -> bytes:
    """A script as FAR_SHELL reads it; what it is to read itself follows."""
    text = f"echo\necho {MARK.decode().strip()}\n{script}".encode("utf-8", "surrogateescape")
    return b"%d\n%b" % (len(text), text)


def send(process: subprocess.Popen[bytes], data: bytes) -> bool:
    """False when it has gone."""
    assert process.stdin is not None
    try:
        process.stdin.write(data)
        process.stdin.flush()
    except OSError:
        return False
    return True


def leave(process: subprocess.Popen[bytes]) -> None:
    """Closes its streams, and waits for its end."""
    for stream in (process.stdin, process.stdout):
        # What it did not take stays unsaid.
        with suppress(OSError):
            if stream is not None:
                stream.close()
    process.wait()


def facts_of(out: bytes) -> dict[str, Any]:
    """The last JSON document of what was printed; empty where there is none."""
    for line in reversed(out.splitlines()):
        try:
            facts = json.loads(line)
        except ValueError:
            continue
        if isinstance(facts, dict):
            return facts
    return {}


def readable(text: str) -> str:
    """A far side's words: no control characters of theirs reach a terminal."""
    lines = [line.strip() for line in safe(text.replace("\r", "")).splitlines() if line.strip()]
    return "\n".join(lines)[:LONGEST_WHY]
