"""Why lines for a shell get a fresh one each: what a shell that stays would save, and which lines could tell.

bench/resident_shell.py

A shell of POSIX's can only stay if each line runs in a child that it forks, `(eval "$line")`. Prints how long a line
takes in either, and which of the odd lines below come out otherwise.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time

SHELL = "/bin/sh"
STATUS = 9
LOOP = f"""while IFS= read -r line; do (eval "$line") </dev/null; printf '%s\\n' "$?" >&{STATUS}; done"""
LINES = 2_000
ROUNDS = 5
ODD = r"""
exit 3
cd /; pwd
exec true
exec sh -c 'exit 4'
set -e; false; echo on
trap 'echo bye' EXIT; exit 5
trap 'echo term' TERM; kill -TERM $$; echo on
trap; echo none
ulimit -n 20; ulimit -n
umask 077; umask
f() { echo f; }; f; unset -f f; f
alias a='echo alias'; a
exec >&2; echo moved
exec 2>&1; nosuch-program
exec <&-; read x; echo $?
exec 9>&-; echo closed
unset PATH; ls
PATH=; ls
IFS=x; v=axb; echo $v
set -- 1 2 3; echo $# $*
echo $# "$0"
getopts a o -a; echo $o $OPTIND
readonly R=1; R=2; echo on
export E=1; env | grep ^E=
hash; echo hashed
sleep 0.01 & wait; echo waited
jobs; wait; echo $?
times >/dev/null; echo $?
echo $((1/0)); echo on
echo ${nosuch?is not set}; echo on
if; then
echo 'unended
)
done
nosuch-program
./nosuch
/; echo $?
echo $LINENO
false || exit
return 3; echo on
break; echo on
eval 'exit 6'
. /nosuch; echo on
kill -9 $$
kill -TERM $$; echo on
kill -9 0
kill -INT $$
sh -c 'kill -9 $PPID'; echo on
test $$ = $(sh -c 'echo $PPID') && echo same
test $$ = $(ps -o pid= -p $$) && echo mine; [ $(ps -o sid= -p $$) = $$ ] && echo leads
cut -d' ' -f6 /proc/self/stat | grep -qx $$ && echo leads
echo /tmp/x.$$ | grep -c "$(cut -d' ' -f4 /proc/self/stat)"
tr '\0' ' ' < /proc/$$/cmdline
command -v f; echo $?
set -u; echo $nosuch; echo on
set -x; true
set -o | grep -c on
echo "$-"
echo a | read v; echo "[$v]"
cat <<end
true; true
""".strip().split("\n")


class Resident:
    """One shell for all lines, and another when that has died."""

    def __init__(self, out: int, err: int) -> None:
        self._out, self._err = out, err
        self.deaths = 0
        self._start()

    def _start(self) -> None:
        reader, writer = os.pipe()
        os.dup2(writer, STATUS)
        os.close(writer)
        self._shell = subprocess.Popen(
            [SHELL, "-c", LOOP], stdin=subprocess.PIPE, stdout=self._out, stderr=self._err, pass_fds=[STATUS],
            start_new_session=True,
        )  # fmt: skip
        os.close(STATUS)
        self._ended = os.fdopen(reader)

    def run(self, line: str) -> int:
        assert self._shell.stdin
        self._shell.stdin.write(line.encode() + b"\n")
        self._shell.stdin.flush()
        told = self._ended.readline()
        if told:
            return int(told)
        self.deaths += 1
        code = self._shell.wait()
        self._start()
        return 128 - code if code < 0 else code

    def close(self) -> None:
        assert self._shell.stdin
        self._shell.stdin.close()
        self._shell.wait()


def fresh(line: str, out: int, err: int) -> int:
    pid = os.posix_spawn(
        SHELL, [SHELL, "-c", line], os.environ, setsid=True,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, err, 2),
        ],
    )  # fmt: skip
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return 128 - code if code < 0 else code


def main() -> None:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        resident = Resident(out.fileno(), err.fileno())

        def outcome(line: str, *, stays: bool) -> tuple[object, ...]:
            for file in (out, err):
                file.truncate(0)
                file.seek(0)
            code = resident.run(line) if stays else fresh(line, out.fileno(), err.fileno())
            return code, *(os.pread(file.fileno(), 1 << 16, 0) for file in (out, err))

        differing = []
        for line in ODD:
            theirs, ours = (outcome(line, stays=stays) for stays in (False, True))
            if theirs != ours:
                differing.append(line)
                print(f"{line}\n    fresh    {theirs}\n    resident {ours}")
        print(f"{len(differing)} of {len(ODD)} odd lines come out otherwise; {resident.deaths} ended the shell")
        times: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(ROUNDS):
            for stays, taken in times.items():
                began = time.perf_counter()
                for _ in range(LINES):
                    outcome("true; true", stays=stays)
                taken.append((time.perf_counter() - began) / LINES * 1e6)
        for stays, taken in times.items():
            print(f"{'resident' if stays else 'fresh':<9} {min(taken):.0f} µs a line, the least of {ROUNDS}")
        resident.close()


if __name__ == "__main__":
    main()
