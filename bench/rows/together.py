"""Machines that share a folder: four with two slots each against one with eight, which is as well as they can do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from measure import Aspect, Call, Row
from place import SHAREOUT, Place, told_count

HOSTS = ("ann", "bea", "cleo", "dan")
SECONDS, SLOTS = 0.5, 2
SHARE = "cd {host} && exec {program} run --machine {host} --yes --quiet --dead 30s --join ../shared"


def of_a_folder(place: Place) -> Iterator[Row]:
    """The last one is said to be five times as fast as it is: alone it would take two and a half times as long."""
    count = place.sizes.long_commands
    machines = {host: [5 if host == HOSTS[-1] else 1, SLOTS] for host in HOSTS}
    lines = "".join(f"sleep {SECONDS}; : {number}\n" for number in range(count))
    here = place.inputs("together", {"jobs.txt": lines}, machines)
    for host in HOSTS:
        (here / host).mkdir()
        (here / host / "configs").symlink_to(here / "configs")
    (here / "alone").write_text(f"{SECONDS}\n" * count)
    calls = " & ".join(f"({SHARE.format(host=host, program=SHAREOUT)})" for host in HOSTS)
    ours = Call(["sh", "-c", f"{calls} & wait"], lambda: _begin_anew(here), here)
    theirs = Call(["xargs", f"-P{SLOTS * len(HOSTS)}", "-n1", "-a", here / "alone", "sleep"])
    aspects = [Aspect("all processes, of one core", "%", lambda run: 100 * run.cpu_s / run.wall_s, None)]
    what = f"{told_count(count)} commands of {SECONDS} s on four machines, weights wrong"
    yield Row(what, "the ideal: one machine with all slots, xargs", ours, theirs, 0.9, aspects=aspects)


def _begin_anew(here: Path) -> None:
    for folder in (here / "shared", *(here / host / "runs" for host in HOSTS)):
        shutil.rmtree(folder, ignore_errors=True)
    (here / "shared").mkdir()
