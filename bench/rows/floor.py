"""What the machine itself takes: below these nobody is who starts a command, or keeps a record."""

from __future__ import annotations

from collections.abc import Iterator

from measure import Call, Row, each
from place import PYTHON, Place

SPAWN = """
import os, sys
count, words = int(sys.argv[1]) // 2, sys.argv[2:]
def half():
    for _ in range(count):
        os.waitpid(os.posix_spawn(words[0], words, os.environ), 0)
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
    some, many = place.sizes.some_commands, place.sizes.calls // 2
    shell = ["/bin/sh", "-c", "true; true 1"]
    for what, text, count, more in (
        ("spawn /bin/true and wait, on two cores", SPAWN, some, ["/bin/true", "1"]),
        ("spawn a shell for `true; true` and wait, on two cores", SPAWN, some, shell),
        ("fork a small Python and wait", FORK, some, []),
        ("140 bytes through a pipe", WRITE, many, []),
        ("140 bytes to the disk, synced", SYNC, 500, [str(place.folder / "synced")]),
    ):
        script = place.script(f"floor-{len(text)}.py", text)
        yield Row("", "", Call([PYTHON, script, str(count), *more]), None, aspects=[each(f"floor: {what}", count)])
