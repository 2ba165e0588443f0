"""A line that is spawned without a shell has the words that the shell would have made of it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.run.command.shell import Shells
from shareout.run.command.spawn import Launch
from shareout.run.command.words import simple_of

PIECES = st.sampled_from(
    [
        "a",
        "b=c",
        "-x",
        " ",
        "  ",
        "\t",
        "'q r'",
        '"s t"',
        "'$H'",
        "%",
        "@",
        ":",
        "~",
        "$H",
        "*",
        "|",
        ";",
        "#",
        "\\",
        "{}",
        "é",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=8))
def test_words_are_those_of_the_shell(pieces: list[str]) -> None:
    line = "/bin/echo " + "".join(pieces)
    simple = simple_of(line)
    if simple is None or not simple.is_bare:
        return
    words = simple.words
    shell = subprocess.run(
        ["/bin/sh", "-c", 'for word in "$@"; do printf "%s\\0" "$word"; done', "sh", *words],
        capture_output=True, check=True,
    )  # fmt: skip
    direct = subprocess.run(
        ["/bin/sh", "-c", line.replace("/bin/echo", "set --", 1) + '\nfor w in "$@"; do printf "%s\\0" "$w"; done'],
        capture_output=True, check=True,
    )  # fmt: skip
    assert shell.stdout.split(b"\0")[1:] == direct.stdout.split(b"\0")


PROGRAMS = st.sampled_from(["/bin/echo ", "printf %s,", "sh -c ", "cat ", "nosuch ", "/tmp ", "expr 1 + "])
PLAIN = st.sampled_from(["a", "1", "-x", " ", "\t", "'q r'", '"s t"', "'$H'", "%", "@", ":", "=", "'echo é; exit 3'"])


@settings(max_examples=80, deadline=None)
@given(PROGRAMS, st.lists(PLAIN, min_size=1, max_size=6).map("".join))
def test_a_line_is_indistinguishable_with_and_without_a_shell(program: str, rest: str) -> None:
    """Output, errors and exit status."""
    line = program + rest
    if simple_of(line) is None:
        return
    users = dict(os.environ)
    launch = Launch(Shells("/bin/sh", users, for_bash=False), users["PATH"])
    assert ended(lambda text, given: launch.start(launch.call(text, given)), line) == ended(by_shell, line)


def ended(spawn: Callable[[str, Mapping[bytes, bytes]], int], line: str) -> tuple[int, bytes]:
    """How a line ended that was spawned in a process whose descriptors 0, 1 and 2 are a command's."""
    with tempfile.TemporaryFile() as output:
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            _, status = os.waitpid(spawn(line, os.environb), 0)
            os._exit(os.waitstatus_to_exitcode(status) & 255)
        _, status = os.waitpid(pid, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read()


def by_shell(line: str, environment: Mapping[bytes, bytes]) -> int:
    return os.posix_spawn("/bin/sh", ["/bin/sh", "-c", line], environment)


def test_what_only_a_shell_can_do_goes_to_the_shell() -> None:
    for line in ("a && b", "a | b", "a $X", "a *", "a ?", "cd /", "exit 3", "a `b`", "! a", "a # b",
                 "~/a", "a \\b", "if a; then b; fi", "", "  ", "'' a", "a {1,2}",
                 "a\x00b", "export A", ". f"):  # fmt: skip
        assert simple_of(line) is None, line
    simple = simple_of("  /bin/echo  'a  b' \"c\" d=e  ")
    assert simple
    assert simple.is_bare
    assert simple.words == ["/bin/echo", "a  b", "c", "d=e"]
