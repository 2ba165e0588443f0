"""What the machine itself takes: below these nobody is who starts a command, or keeps a record."""

from __future__ import annotations

from collections.abc import Iterator

from measure import Aspect, Call, Row
from place import PYTHON, Place

SPAWN = """
import os, sys
count = int(sys.argv[1]) // 2
def half():
    for _ in range(count):
        os.waitpid(os.posix_spawn("/bin/true", ["/bin/true", "1"], os.environ), 0)
child = os.fork()
half()
if child: os.waitpid(child, 0)
"""
FORK = """
import os, sys
for _ in range(int(sys.argv[1])):
    child = os.fork()
    if not child: os._exit(0)
    os.waitpid(child, 0)
"""
WRITE = """
import os, sys
reader, writer = os.pipe()
for _ in range(int(sys.argv[1])):
    os.write(writer, b"x" * 140)
    os.read(reader, 140)
"""
SYNC = """
import os, sys
file = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for _ in range(int(sys.argv[1])):
    os.write(file, b"x" * 140)
    os.fdatasync(file)
"""


def of_commands(place: Place) -> Iterator[Row]:
    """Each with how long one takes."""
    sizes = place.sizes
    for what, text, count, more in (
        ("floor: spawn /bin/true and wait, on two cores", SPAWN, sizes.some_commands, []),
        ("floor: fork a small Python and wait", FORK, sizes.some_commands, []),
        ("floor: 140 bytes through a pipe", WRITE, sizes.calls // 2, []),
        ("floor: 140 bytes to the disk, synced", SYNC, 500, [place.folder / "synced"]),
    ):
        name = f"{text.split()[-1]}".strip("()") + f"-{count}.py"
        call = Call([PYTHON, place.script(f"floor-{len(text)}-{name}", text), str(count), *more])
        one = Aspect(what, "µs", lambda run, count=count: run.wall_s / count * 1e6, None)  # type: ignore[misc]
        yield Row(what, "", call, None, aspects=[one], rounds=sizes.rounds)
