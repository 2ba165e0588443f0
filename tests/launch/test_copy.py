"""A file goes to a host by a script that a shell there runs: it resumes, and takes its place by its name alone."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from shareout.fields import replace
from shareout.launch.launcher import Here
from shareout.launch.parcel import sent
from shareout.launch.scripts import PROGRAM, Item


def item_of(source: Path) -> Item:
    data = source.read_bytes()
    return Item(PROGRAM, str(source), len(data), hashlib.sha256(data).hexdigest(), 0o755)


def test_a_program_is_not_written_over_while_it_runs(tmp_path: Path) -> None:
    here = Here(tmp_path / "host")
    here.open()
    program = tmp_path / "program"
    shutil.copy(shutil.which("cat") or "", program)
    first = item_of(program)
    assert "whole" in sent(here, "there", first, 0).told()
    place = tmp_path / "host" / "there" / PROGRAM
    with subprocess.Popen([place], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as runs:
        program.write_bytes(program.read_bytes() + b"other")
        assert "whole" in sent(here, "there", item_of(program), 0).told()
        assert place.read_bytes().endswith(b"other")
        assert runs.communicate(b"goes on")[0] == b"goes on"
        assert runs.returncode == 0


def test_a_folder_whose_name_begins_with_a_dash_is_one(tmp_path: Path) -> None:
    here = Here(tmp_path / "host")
    here.open()
    source = tmp_path / "source"
    source.write_bytes(b"x")
    item = replace(item_of(source), path="-f/a b")
    assert "whole" in sent(here, "there", item, 0).told()


def test_a_copy_goes_on_where_it_was_cut_and_what_is_wrong_is_not_kept(tmp_path: Path) -> None:
    here = Here(tmp_path / "host")
    here.open()
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 40)
    item = item_of(source)
    folder = tmp_path / "host" / "it's there"
    folder.mkdir()
    for cut in (0, 1, item.size - 1, item.size):
        (folder / item.part).write_bytes(source.read_bytes()[:cut])
        assert "whole" in sent(here, folder.name, item, cut).told()
        assert (folder / PROGRAM).read_bytes() == source.read_bytes()
    # What another program has left there, or a disk has spoiled.
    (folder / PROGRAM).unlink()
    (folder / item.part).write_bytes(b"x" * 100)
    assert sent(here, folder.name, item, 50).told() == {"has": "100"}, "it says where to go on"
    assert sent(here, folder.name, item, 100).told() == {"has": "0"}
    assert not list(folder.iterdir())
