"""A line that is one program has the same outcome with and without a shell: what it prints and where, how it ends, what
is in its folder then."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.run.command import spawn
from shareout.run.command.shell import Shells
from shareout.run.command.spawn import CannotSpawn, Launch
from shareout.run.command.words import simple_of
from shareout.world import world

Spawn = Callable[[str, Mapping[bytes, bytes]], int]

WITHOUT = """
/bin/echo a
/bin/echo a > out
/bin/echo a >out
/bin/echo a >> old
/bin/echo a 1> out 2> err
/bin/echo a 1>>old 2>>old
/bin/echo > out a
> out /bin/echo a b
2> err ls nosuch
ls nosuch old > out 2>&1
ls nosuch old 2>&1 > out
ls nosuch old > out 2> out
ls nosuch old >> out 2>> out
ls nosuch >&2 2> err
ls nosuch 2>&1 1>&2
ls nosuch 2>&1 1>&2 2> err
ls nosuch > /dev/null 2>&1
ls nosuch old 2> /dev/null
cat < old
cat <old >out
cat < old > old
cat < /dev/null
cat 0< old
cat old > out > out2
cat old > sub/out
cat old > 'a b'
cat old > "a b" 2>'c d'
cat old > link
cat < link
cat > link < sub/in
wc -c <old
sort -r < old > old2
A=1 env
A=1 B='two words' env > out
A= env
A=1 A=2 env
A=x=y env
A=a,b:c/d env
LC_ALL=C sort old
LC_ALL=POSIX LANG=C ls nosuch
KNOWN=other env
> out A=1 env 2> err B=2
A=1 env B=2 C
cd sub && ls
cd sub && cat in > out
cd sub; cat in > ../out
cd sub && env
cd sub/deep && env
cd sub/deep/ && ls -la nosuch
cd link-to-sub && env
cd link-to-sub && cat in >> out
cd /usr && env
cd 'sub' && A=1 env > out
cd sub && ./tool a b
cd sub;./tool
cd sub && tool
cd sub && cat < in 2>&1
sub/tool
./sub/tool > out
/bin/echo 'a b' > out
sh -c 'echo $PWD; echo $0 $#; exit 3' > out
sh -c 'ls -l /proc/self/fd | wc -l' > out
sh -c 'umask' > out
sh -c 'ulimit -n' > out
nosuch > out
nosuch 2> err
nosuch < nosuch
./nosuch > out 2>&1
./data > out
./data >> old 2> err
sub > out
cat < nosuch
cat < nosuch > out
cat > out < nosuch
cat old > nosuch/out
cat old > sub
cat old > sub/
cat old < sub
cat old > old/out
A=1 cat > nosuch/out
cd nosuch && ls
cd nosuch; ls
cd nosuch; env
cd nosuch; A=1 env > out
cd old && ls
cd old; ls > out
cd sub && ls > nosuch/out
cd sub && nosuch > out
cd sub && cat old
cd sub && cat < old
./script > out
A=1 ./script > out 2>&1
cd sub && ../script > out
./bad-interpreter > out
""".strip().split("\n")

WITH = """
/bin/echo a>out
/bin/echo a 2>&1>out
/bin/echo a x2>out
/bin/echo a '2'>out
/bin/echo a 3> out
/bin/echo a >| out
/bin/echo a >& out
/bin/echo a &> out
/bin/echo a >&-
/bin/echo a 1>&1
/bin/echo a <> out
cat << end
cat <&0
/bin/echo a > $A
/bin/echo a > *
/bin/echo a > ~
/bin/echo a > a\\ b
/bin/echo a > 'x
/bin/echo a >
> out
A=1
A=1 > out
A=1 exit 3
A+=1 env
1A=1 env
'A'=1 env
A'x'=1 env
PATH=sub tool
IFS=x env
OPTIND=x env
UID=3 env
BASH_ENV=x env
LC_ALL=nosuch env
PWD=/ env
PPID=1 env
echo a > out
true > out
exec env
cd sub
cd && ls
cd - && ls
cd -P sub && ls
cd .. && ls
cd sub/.. && ls
cd ./sub && ls
cd sub//deep && ls
cd / && ls
cd // && ls
cd ~ && ls
cd sub & ls
cd sub || ls
cd sub && cd deep && ls
cd sub > out && ls
cd sub && echo a
cd sub && ls | cat
cd sub && ls; ls
cd sub && > out
cat old > /dev/stdout
cat old > /dev/fd/1
cat < /proc/self/comm
/bin/echo a; /bin/echo b
/bin/echo a | cat
/bin/echo a & wait
/bin/echo a # b
! /bin/echo a
{ /bin/echo a; }
(/bin/echo a)
if true; then ls; fi
""".strip().split("\n")


def furnish(here: Path) -> None:
    (here / "sub" / "deep").mkdir(parents=True)
    (here / "old").write_text("b\na\n")
    (here / "sub" / "in").write_text("in\n")
    (here / "data").write_text("no program\n")
    for name, text in {
        "sub/tool": '#!/bin/sh\necho tool "$@"; pwd\n',
        "script": 'echo "script $A"; echo oh >&2; exit 7\n',
        "bad-interpreter": "#!/nosuch/interpreter\n",
    }.items():
        (here / name).write_text(text)
        (here / name).chmod(0o755)
    (here / "link").symlink_to("old")
    (here / "link-to-sub").symlink_to("sub")


def outcome(begin: Spawn, line: str) -> tuple[object, ...]:
    """Of a line in a furnished folder: how it ended, what it printed, and all files there."""
    with TemporaryDirectory() as name, TemporaryFile() as out, TemporaryFile() as err:
        # Always under the same name, which is in messages and variables.
        here = Path(name) / "here"
        here.mkdir()
        furnish(here)
        pid = os.fork()
        if pid == 0:
            _be_slot(here, out.fileno(), err.fileno(), begin, line)
        _, status = os.waitpid(pid, 0)
        printed = []
        for file in (out, err):
            file.seek(0)
            # The order of variables is nobody's.
            text = file.read().replace(os.fsencode(name), b"")
            printed.append(sorted(text.split(b"\n")) if b"KNOWN=" in text else text)
        return os.waitstatus_to_exitcode(status), *printed, dict(_found(here, name))


def _found(here: Path, name: str) -> Iterator[tuple[str, object]]:
    for path in sorted(here.rglob("*")):
        if path.is_file():
            text = path.read_bytes().replace(os.fsencode(name), b"")
            seen = sorted(text.split(b"\n")) if b"KNOWN=" in text else text
            yield str(path.relative_to(here)), (seen, path.stat().st_mode)


def _be_slot(here: Path, out: int, err: int, begin: Spawn, line: str) -> None:
    code = 99
    try:
        os.chdir(here)
        os.umask(0o027)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        variables = {"PATH": f"{os.environ['PATH']}:./sub", "PWD": str(here), "KNOWN": "1", "OLDPWD": "/"}
        pid = begin(line, {name.encode(): value.encode() for name, value in variables.items()})
        _, status = os.waitpid(pid, 0)
        ended = os.waitstatus_to_exitcode(status)
        code = 128 - ended if ended < 0 else ended
        # What follows is to find everything where it was.
        assert os.getcwd() == str(here)
    finally:
        os._exit(code)


def launch(setting: str = "") -> Launch:
    return Launch(Shells(setting, os.environ, for_bash=False), f"{os.environ['PATH']}:./sub")


def by_us(line: str, environment: Mapping[bytes, bytes]) -> int:
    one = launch()
    return one.start(one.call(line, environment))


def by_shell(line: str, environment: Mapping[bytes, bytes], shell: str = "/bin/sh") -> int:
    return os.posix_spawn(shell, [shell, "-c", line], environment, setsid=True)


def by_bash(line: str, environment: Mapping[bytes, bytes]) -> int:
    return by_shell(line, environment, "/bin/bash")


@pytest.mark.parametrize("line", WITHOUT)
def test_a_simple_line_is_the_same_as_by_sh(line: str) -> None:
    assert outcome(by_us, line) == outcome(by_shell, line)


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="there is no bash")
@pytest.mark.parametrize("line", [line for line in WITHOUT if "env" not in line])
def test_a_simple_line_that_succeeds_is_the_same_as_by_bash(line: str) -> None:
    """One that cannot be begun goes to sh, whose messages are others; and bash tells programs more variables."""
    theirs = outcome(by_bash, line)
    if theirs[0] == 0 and theirs[2] == b"":
        assert outcome(by_us, line) == theirs


@pytest.mark.parametrize("line", WITH)
def test_what_is_not_known_is_read_by_a_shell(line: str) -> None:
    assert simple_of(line) is None
    call = launch().call(line, {})
    assert call.by_shell
    assert outcome(by_us, line) == outcome(by_bash if call.program.endswith(b"bash") else by_shell, line)


def test_a_simple_line_needs_no_shell() -> None:
    assert [line for line in WITHOUT if simple_of(line) is None] == []


@pytest.mark.parametrize("line", ["sh -c 'kill -9 $$'", "sh -c 'kill -9 $$' > out", "cd sub && sh -c 'kill -TERM $$'"])
def test_only_the_word_with_which_a_shell_tells_of_a_signal_is_not_printed(line: str) -> None:
    """dash prints `Killed`, bash `line 1: 4711 Killed …`, or nothing; the record has it anyway."""
    ours, theirs = outcome(by_us, line), outcome(by_shell, line)
    assert ours[0] == theirs[0]
    assert ours[2] == b""


PARTS = st.lists(
    st.sampled_from(
        ["> out", ">>old", "2> err", "2>&1", ">&2", "< old", "<nosuch", "> sub", "2>>out", "a", "1", "'b c'", '"d"',
         "A=1", "KNOWN='x y'", "> nosuch/x", "0<old", "1>out", "2", "> 'o p'", "  ", "\t"]
    ),
    max_size=5,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["", "cd sub && ", "cd sub;", "cd nosuch && ", "cd link-to-sub ;", "cd old&& "]),
    PARTS,
    st.sampled_from(["cat", "ls", "env", "nosuch", "./script", "./data", "sub/tool", "sh -c 'echo e >&2; exit 5'"]),
    PARTS,
)
def test_any_simple_line_is_the_same(folder: str, before: list[str], program: str, after: list[str]) -> None:
    line = folder + " ".join([*before, program, *after])
    assert outcome(by_us, line) == outcome(by_shell, line)


def test_what_might_block_or_be_a_terminal_is_opened_by_a_shell(tmp_path: Path) -> None:
    """Its leader is known by then, and can be ended."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    one = launch()
    for target in (str(fifo), "/dev/tty", "/dev/zero", str(tmp_path)):
        for operator in "<", ">":
            line = f"cat {operator} {target}"
            call = one.call(line, {})
            assert call.by_shell == target.startswith("/dev/")
            if not call.by_shell:
                with pytest.raises(CannotSpawn):
                    one._spawn_from(call)


def test_other_shells_may_read_more_than_words_otherwise() -> None:
    for shell, same in (("/bin/sh", True), ("/usr/bin/bash", True), ("/usr/bin/zsh", False), ("/bin/csh", False)):
        calls = [launch(shell).call(line, {b"PWD": b"/"}) for line in ("ls a", "ls > a", "A=1 ls", "cd usr && ls")]
        assert [call.by_shell for call in calls] == [False, not same, not same, not same]


def test_options_from_outside_are_heeded_by_a_shell() -> None:
    one = Launch(Shells("", {**os.environ, "SHELLOPTS": "noclobber"}, for_bash=False), os.environ["PATH"])
    assert one.call("ls > a", {}).by_shell
    assert not one.call("ls a", {}).by_shell


class NoWayBack:
    """Linux, but that one cannot come back to where one was: after the first time, which is to see whether one can."""

    def __init__(self) -> None:
        self.returns = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(world, name)

    def enter(self, folder: bytes | int) -> None:
        self.returns += isinstance(folder, int)
        if self.returns > 1:
            raise PermissionError
        world.enter(folder)

    def exit(self, code: int) -> None:
        raise SystemExit(code)


def test_who_cannot_come_back_from_a_folder_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker takes over, and what was started is ended as what a lost worker leaves."""
    monkeypatch.setattr(spawn, "world", NoWayBack())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    one = launch()
    with pytest.raises(SystemExit):
        one.start(one.call("cd sub && sleep 0", {b"PWD": os.fsencode(tmp_path)}))
    os.waitpid(-1, 0)


def test_where_a_shell_looks_for_folders_elsewhere_it_is_asked() -> None:
    line = "cd sub && ls"
    assert not launch().call(line, {b"PWD": b"/"}).by_shell
    for variables in ({}, {b"PWD": b"here"}, {b"PWD": b"/", b"CDPATH": b"/usr"}):
        assert launch().call(line, variables).by_shell


def test_a_program_is_told_where_it_is_as_by_a_shell(tmp_path: Path) -> None:
    from shareout.environment import told_folder

    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for told in (str(tmp_path / "link"), str(tmp_path / "real"), "/nosuch", str(tmp_path), "real", "", "."):
        found = subprocess.run(
            ["/bin/sh", "-c", "env"], env={"PWD": told, "PATH": os.environ["PATH"]}, cwd=tmp_path / "real",
            capture_output=True, check=True, text=True,
        ).stdout  # fmt: skip
        before = os.getcwd()
        os.chdir(tmp_path / "real")
        try:
            assert f"PWD={told_folder({'PWD': told})}" in found.split("\n")
        finally:
            os.chdir(before)
