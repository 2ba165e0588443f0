"""A line that is spawned without a shell has the words that the shell would have made of it."""

from __future__ import annotations

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.run.words import words_of

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
    words = words_of(line)
    if words is None:
        return
    shell = subprocess.run(
        ["/bin/sh", "-c", 'for word in "$@"; do printf "%s\\0" "$word"; done', "sh", *words],
        capture_output=True, check=True,
    )  # fmt: skip
    direct = subprocess.run(
        ["/bin/sh", "-c", line.replace("/bin/echo", "set --", 1) + '\nfor w in "$@"; do printf "%s\\0" "$w"; done'],
        capture_output=True, check=True,
    )  # fmt: skip
    assert shell.stdout.split(b"\0")[1:] == direct.stdout.split(b"\0")


def test_what_only_a_shell_can_do_goes_to_the_shell() -> None:
    for line in ("a && b", "a | b", "a > f", "a $X", "a *", "a ?", "X=1 a", "cd /", "exit 3", "a `b`", "! a", "a # b",
                 "~/a", "a \\b", "if a; then b; fi", "", "  ", "'' a", "a {1,2}",
                 "a\x00b", "export A", ". f"):  # fmt: skip
        assert words_of(line) is None, line
    assert words_of("  /bin/echo  'a  b' \"c\" d=e  ") == ["/bin/echo", "a  b", "c", "d=e"]
