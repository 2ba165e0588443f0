"""What is asked of a far host, as scripts for POSIX sh: pure functions from words to text, so that `--dry-run` shows
what will run. They answer in lines `@key value`, in the folder where the far user begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from shlex import join, quote

from shareout.fields import dataclass

TOOLS = ("sha256sum", "dd", "nohup", "mv", "wc", "df", "awk")
ABOVE = "shareout"
"""What folders are in, where nobody has named another."""
EVERY, EVERY_OF_MANY, MANY = "2s", "2.8s", 20
"""Between two words of a host. Of many hosts more seldom, yet before ssh itself would ask whether one is there."""
FULL_KB = 64
PROGRAM = "main"
"""The name of the executable there."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file that is to be there: where, below the far folder, and what it must be."""

    path: str
    source: str
    size: int
    sha256: str
    mode: int = 0o644

    @property
    def part(self) -> str:
        """Its name until it is whole. By its content, so that what is left of another one is never gone on with."""
        return str(PurePosixPath(self.path).parent / f".part-{self.sha256}")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to run there, for one machine."""

    folder: str
    machine: str
    run: str
    """Its run directory, below the folder."""
    words: tuple[str, ...]
    shared: str = ""
    """The folder of its ledger, as it is there; empty: it runs its share alone."""
    ledger: str = ""
    """The ledger's own place in that folder."""
    port: int = 0
    """Of its loopback, which leads to the server here; 0: its run joins none."""
    is_shared: bool = False
    """All machines do the work of all, by a folder or a server."""

    @property
    def token(self) -> str:
        """What its run shows to the server, for its owner alone and as long as it runs."""
        return f"launch/{self.machine}.token"


# Whether what a user leaves running ends with their last session; and if so, whether their own services do not. Only
# logind itself knows the defaults it was built with; where it cannot be asked its files are read.
_LINGER = """\
me=$(id -un)
ends=
login='org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager'
if [ -d /run/systemd/system ] && [ "$(id -u)" != 0 ]; then
  case $(busctl get-property $login KillUserProcesses 2>/dev/null) in
    *true) ends=yes ;;
    *false) ;;
    *) for file in /etc/systemd/logind.conf /etc/systemd/logind.conf.d/*.conf; do
        grep -qs '^KillUserProcesses=\\(yes\\|true\\|on\\|1\\)' "$file" && ends=yes
      done ;;
  esac
  case $(busctl get-property $login KillExcludeUsers 2>/dev/null) in *\\"$me\\"*) ends= ;; esac
  case $(busctl get-property $login KillOnlyUsers 2>/dev/null) in ''|*' 0') ;; *\\"$me\\"*) ;; *) ends= ;; esac
fi
if [ -n "$ends" ] && [ -e "/var/lib/systemd/linger/$me" ] && command -v systemd-run >/dev/null; then
  echo "@scope yes"
elif [ -n "$ends" ]; then echo "@ends yes"
fi
"""


def check(order: Order, items: Sequence[Item]) -> str:
    """What the host is, which of the files it has, and whether anything was recorded there. Changes nothing."""
    asked = [
        '[ -f {path} ] && echo "@have{n} $(sha256sum <{path} | cut -c1-64)"\n'
        "[ -f {part} ] && echo \"@part{n} $(wc -c <{part} | tr -d ' ')\"".format(
            n=number, path=quote(item.path), part=quote(item.part)
        )
        for number, item in enumerate(items)
    ]
    place = quote(order.shared)
    shared = f'[ -d {place} ] && [ -w {place} ] || echo "@unshared "{place}\n' if order.shared else ""
    return f"""\
echo "@arch $(uname -m)"
echo "@system $(uname -s)"
echo "@glibc $(getconf GNU_LIBC_VERSION 2>/dev/null | awk '{{print $2}}')"
echo "@cores $(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)"
echo "@clock $(date +%s)"
for tool in {" ".join(TOOLS)}; do command -v "$tool" >/dev/null || echo "@lacks $tool"; done
{_LINGER}{shared}folder={quote(order.folder)}
there=$folder
while [ ! -e "$there" ]; do there=$(dirname -- "$there"); done
[ -d "$there" ] && [ -w "$there" ] || echo "@closed $there"
echo "@free $(df -Pk -- "$there" 2>/dev/null | awk 'NR == 2 {{print $4}}')"
for place in "${{TMPDIR:-/tmp}}" /tmp /var/tmp "$there" "$HOME"; do
  probe=$place/.shareout-probe-$$
  (umask 077; printf '#!/bin/sh\\nexit 0\\n' >"$probe" && chmod 700 "$probe" && "$probe") 2>/dev/null
  works=$?
  rm -f -- "$probe"
  [ $works = 0 ] && {{ echo "@tmp $place"; break; }}
done
cd -- "$folder" 2>/dev/null || {{ echo "@new yes"; exit 0; }}
[ -d {quote(order.run)} ] && echo "@recorded yes"
{chr(10).join(asked)}
exit 0
"""


def copy(folder: str, item: Item, offset: int) -> str:
    """Appends what follows on standard input to the part that has `offset` bytes; whole and right, it takes its place
    by a rename: what runs from the old file goes on with it."""
    parent = str(PurePosixPath(item.path).parent)
    return f"""\
mkdir -p -- {quote(folder)} && cd -- {quote(folder)} && mkdir -p -- {quote(parent)} || exit 1
part={quote(item.part)}
[ {offset} -gt 0 ] || rm -f -- "$part"
has() {{ if [ -f "$part" ]; then wc -c <"$part" | tr -d ' '; else echo 0; fi; }}
[ "$(has)" = {offset} ] || {{ echo "@has $(has)"; exit 0; }}
cat >>"$part" || exit 1
[ "$(has)" = {item.size} ] || {{ echo "@has $(has)"; exit 0; }}
if [ "$(sha256sum <"$part" | cut -c1-64)" = {item.sha256} ]; then
  chmod {item.mode:o} -- "$part" && mv -f -- "$part" {quote(item.path)} && echo "@whole yes"
else
  rm -f -- "$part"
  echo "@has 0"
fi
"""


def first_words(folder: str, tmp: str) -> str:
    """Whether the program runs there at all, in its own words or those of the system."""
    return f"{_within(folder, tmp)}exec ./{PROGRAM} --version </dev/null\n"


def start(order: Order, tmp: str, *, as_service: bool = False) -> str:
    """Starts the run so that it outlives this connection, and waits until it holds its lock or has ended. Where one
    runs there already it goes on, and is told by `@busy`. `as_service`: what only survives as one of the user's own.
    What its run shows to a server follows on standard input."""
    name, owner = quote(f"launch/{order.machine}"), quote(f"{order.run}/owner.json")
    # How it ended is told by a name that a file gets: on a disk that is full by then nothing can be written.
    watched = 'going=$0.going-$$; : >"$going"; "$@"; code=$?; [ $code = 4 ] && end=busy || end=exit-$code'
    # Who finds one at work leaves it what it may still read.
    watched += '; [ $code = 4 ] || rm -f -- "$0.token"; mv -f -- "$going" "$0.$end"'
    scope = "systemd-run --user --scope --quiet --collect " if as_service else ""
    found = 'export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"\n' if as_service else ""
    token = f"rm -f -- {quote(order.token)}\n(umask 077; cat >{quote(order.token)}) || exit 1\n" if order.port else ""
    # All three streams are led elsewhere, or ssh would wait for the run.
    return f"""\
{_within(order.folder, tmp)}mkdir -p launch || exit 1
name={name}
owner={owner}
rm -f -- "$name".exit-* "$name.busy"
for one in "$name".going-*; do kill -0 "${{one##*-}}" 2>/dev/null || rm -f -- "$one"; done
over() {{ for one in "$name".exit-* "$name.busy"; do [ -e "$one" ] && return 0; done; return 1; }}
before=$(cat "$owner" 2>/dev/null)
setsid=$(command -v setsid)
{token}{found}$setsid nohup {scope}sh -c '{watched}' "$name" {join(order.words)} </dev/null >>"$name.out" 2>&1 &
pid=$!
while ! over && [ "$(cat "$owner" 2>/dev/null)" = "$before" ]; do
  kill -0 $pid 2>/dev/null || break
  sleep 0.1 2>/dev/null || sleep 1
done
[ -e "$name.busy" ] && echo "@busy yes"
echo "@began yes"
"""


def held(order: Order) -> str:
    """Notes which process there holds the port that leads here: that of this connection."""
    note = quote(f"launch/{order.machine}.way")
    return f"""\
cd -- {quote(order.folder)} && mkdir -p launch || exit 1
echo "$PPID $(awk '{{print $22}}' /proc/$PPID/stat)" >{note}
"""


def let_go(order: Order) -> str:
    """Ends an earlier connection that holds the port still: `@ended`. Whether anybody listens there: `@held`."""
    note = quote(f"launch/{order.machine}.way")
    return f"""\
listens() {{
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" && $2 ~ /:{order.port:04X}$/ {{n++}} END {{exit !n}}'
}}
listens && echo "@held yes"
cd -- {quote(order.folder)} 2>/dev/null && [ -f {note} ] && read -r pid began <{note} || exit 0
[ "$(awk '{{print $22}}' "/proc/$pid/stat" 2>/dev/null)" = "$began" ] && [ "$pid" != $PPID ] && kill -9 "$pid" || exit 0
tries=0
while listens && [ $tries -lt 50 ]; do tries=$((tries + 1)); sleep 0.1 2>/dev/null || sleep 1; done
echo "@ended yes"
"""


def ledger(order: Order) -> str:
    """Which ledger this host's run is part of: what was drawn by chance when it was made."""
    return f'echo "@ledger $(cat {quote(f"{order.shared}/{order.ledger}/ledger.json")})"\n'


def follow(order: Order, tmp: str, every: str) -> str:
    """How the run stands, a JSON line every so often, until it is over."""
    return f"{_within(order.folder, tmp)}exec ./{PROGRAM} status {quote(order.run)} --json --watch {every} </dev/null\n"


def look(order: Order, tmp: str) -> str:
    """The same once."""
    return f"{_within(order.folder, tmp)}exec ./{PROGRAM} status {quote(order.run)} --json </dev/null\n"


def ended(order: Order) -> str:
    """How the last run that was started from here ended, and what it said last. Where its disk is full, that is told
    for it: its own words would lie there."""
    name = quote(f"launch/{order.machine}")
    return f"""\
cd -- {quote(order.folder)} || exit 1
name={name}
over() {{ for one in "$name".exit-*; do [ -e "$one" ] && return 0; done; return 1; }}
tries=0
while ! over && [ $tries -lt 10 ]; do tries=$((tries + 1)); sleep 0.1 2>/dev/null || sleep 1; done
over && echo "@exit ${{one##*-}}"
[ -e "$name.out" ] && tail -n 5 "$name.out" | cut -c1-400 | sed 's/^/@said /'
free=$(df -Pk . 2>/dev/null | awk 'NR == 2 {{print $4}}')
[ -e "$name.exit-3" ] && [ "${{free:-{FULL_KB}}}" -lt {FULL_KB} ] &&
  echo "@said No space left on device: $free KiB are free there"
exit 0
"""


def answer(folder: str, tmp: str) -> str:
    """Our own program there, which answers what stands on standard input."""
    return f"{_within(folder, tmp)}exec ./{PROGRAM} launch --far\n"


def card(order: Order, tmp: str, words: Sequence[str]) -> str:
    """What tells the plan there from the one here."""
    return f"{_within(order.folder, tmp)}exec ./{PROGRAM} {join(words)} </dev/null\n"


def clean(order: Order, items: Sequence[Item]) -> str:
    """Takes away what was brought and recorded. What jobs wrote elsewhere in the folder stays, and is counted."""
    files = "\n".join(f"rm -f -- {quote(one.path)} {quote(one.part)}" for one in items)
    folders = sorted({str(parent) for one in items for parent in PurePosixPath(one.path).parents} - {"."}, reverse=True)
    emptied = "\n".join(f"rmdir -- {quote(one)} 2>/dev/null" for one in folders)
    name = quote(f"launch/{order.machine}")
    above = str(PurePosixPath(order.folder).parent)
    ours = f"rmdir -- {quote(above)} 2>/dev/null\n" if above == ABOVE else ""
    return f"""\
begin=$PWD
cd -- {quote(order.folder)} 2>/dev/null || {{ echo "@left 0"; exit 0; }}
rm -rf -- {quote(order.run)} {name}.out {name}.exit-* {name}.going-* {name}.busy {name}.token {name}.way
rmdir -- {quote(str(PurePosixPath(order.run).parent))} runs launch 2>/dev/null
{files}
{emptied}
echo "@left $(find . -type f | wc -l | tr -d ' ')"
cd -- "$begin" && rmdir -- {quote(order.folder)} 2>/dev/null
{ours}exit 0
"""


def _within(folder: str, tmp: str) -> str:
    where = f"TMPDIR={quote(tmp)}\nexport TMPDIR\n" if tmp else ""
    return f"cd -- {quote(folder)} || exit 1\n{where}"
