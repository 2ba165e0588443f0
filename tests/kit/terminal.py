"""A program on a pseudo-terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping

from kit.program import Machine


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, here: Machine, *words: str, columns: int = 80, kind: str = "xterm") -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environ = {**os.environ, **here.environ, "TERM": kind}
        self.process = subprocess.Popen(
            [*here.program, *words], cwd=here.folder, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), env=environ,
        )  # fmt: skip
        os.close(slave)
        self.seen = ""

    def wait_for(self, text: str, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, f"{text!r} never came; seen:\n{self.seen}"
            if select.select([self._master], [], [], 0.05)[0]:
                self._read()

    def wait_to_see(self, text: str, seconds: float = 20) -> None:
        """The same of what a person sees, whichever codes stand between its letters."""
        end = time.monotonic() + seconds
        while text not in re.sub(r"\x1b\[[?\d;]*[A-Za-z]|\x1b[=>]|.\x08", "", self.seen):
            assert time.monotonic() < end, f"{text!r} never came; seen:\n{self.seen!r}"
            if select.select([self._master], [], [], 0.05)[0]:
                self._read()

    @property
    def lines(self) -> list[str]:
        """What was seen, without what moves the cursor."""
        return re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", self.seen).replace("\r\n", "\n").split("\n")

    def answer(self, answers: Mapping[str, str]) -> None:
        """Give each answer when its question comes; until it is the last one's turn, or the program ends."""
        for question, keys in answers.items():
            while question not in self.seen:
                if self.process.poll() is not None:
                    return
                if select.select([self._master], [], [], 0.05)[0]:
                    self._read()
            self.send(keys)
        self.end()

    def send(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def echoes(self) -> bool:
        """As a shell expects it: what is typed is shown."""
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    def hang_up(self) -> None:
        """The terminal is gone, as when a connection breaks."""
        os.close(self._master)

    def end(self) -> int:
        while self.process.poll() is None:
            if select.select([self._master], [], [], 0.05)[0]:
                self._read()
        while select.select([self._master], [], [], 0.05)[0] and self._read():
            pass
        return self.process.returncode

    def _read(self) -> bool:
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        # A prompt asks where the cursor is; a terminal answers.
        if b"\x1b[6n" in data:
            os.write(self._master, b"\x1b[1;1R")
        self.seen += data.decode("utf-8", "replace")
        return bool(data)
