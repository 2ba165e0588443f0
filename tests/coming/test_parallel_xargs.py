"""Who comes from GNU parallel or xargs: the same calls, as those themselves answered them.

`transcripts/parallel-xargs.toml` has both calls and what theirs printed. What is known to differ must go on differing,
for docs/coming-from.md says so.
"""

from __future__ import annotations

import csv
import json
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from kit.program import Machine

THEIRS = tomllib.loads((Path(__file__).parent / "transcripts" / "parallel-xargs.toml").read_text())


@pytest.mark.parametrize("call", THEIRS["calls"], ids=lambda call: call["row"])
def test_what_is_printed_is_what_theirs_printed(here: Machine, call: dict[str, Any]) -> None:
    for name, text in THEIRS["files"].items():
        here.write(name, text).chmod(0o755)
    program = shlex.join(here.program)
    script = f'run() {{ {program} run "$@"; }}; export() {{ {program} export "$@"; }}\n{call["ours"]}'
    done = subprocess.run(["bash", "-c", script], cwd=here.folder, capture_output=True, text=True, check=False)
    assert (done.stdout == call["said"]) is call.get("same", True), done.stderr


@pytest.mark.module_only("what theirs print")
@pytest.mark.skipif(not shutil.which("parallel"), reason="`make mounts` installs GNU parallel, as root")
@pytest.mark.parametrize("call", [one for one in THEIRS["calls"] if "theirs" in one], ids=lambda call: call["row"])
def test_theirs_print_what_is_kept_of_them(tmp_path: Path, call: dict[str, Any]) -> None:
    """What ours is compared with is no memory of theirs."""
    for name, text in THEIRS["files"].items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    script = f'parallel() {{ command parallel --will-cite "$@"; }}\n{call["theirs"]}'
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == call["said"], done.stderr


SAYS = "echo got {1} {2}; seq {2} >&2; test {1} != c"
VALUES = "::: a 'b \"x\", y' c ::: 2 1"
DIFFER = ("Host", "Starttime", "JobRuntime", "Command")
"""What is another one on each host, and how a value is quoted."""


def results(here: Machine, name: str) -> tuple[Path, Path]:
    """Theirs, and ours, of the same jobs."""
    said = f"parallel --will-cite -j1 --results theirs{name} {shlex.quote(SAYS)} {VALUES} >printed 2>&1"
    subprocess.run(["bash", "-c", said], cwd=here.folder, check=False)
    said = f"{shlex.join(here.program)} run -q -j1 --results ours{name} --template {shlex.quote(SAYS)} {VALUES}"
    done = subprocess.run(["bash", "-c", said], cwd=here.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    return here.folder / f"theirs{name}", here.folder / f"ours{name}"


@pytest.mark.module_only("what is written is the same")
@pytest.mark.skipif(not shutil.which("parallel"), reason="`make mounts` installs GNU parallel, as root")
@pytest.mark.parametrize("name", [".csv", ".tsv", ".json"])
def test_a_table_of_results_is_read_as_theirs(here: Machine, name: str) -> None:
    def rows(path: Path) -> list[dict[str, Any]]:
        with path.open(newline="") as file:
            if name == ".json":
                found = [json.loads(line) for line in file]
            else:
                found = list(csv.DictReader(file, delimiter="\t" if name == ".tsv" else ","))
        assert all(type(row["Starttime"]) is (float if name == ".json" else str) for row in found)
        return [{key: value if key not in DIFFER else "" for key, value in row.items()} for row in found]

    theirs, ours = results(here, name)
    assert len(rows(theirs)) == 6
    assert list(map(list, map(dict.items, rows(ours)))) == list(map(list, map(dict.items, rows(theirs))))


@pytest.mark.module_only("what is written is the same")
@pytest.mark.skipif(not shutil.which("parallel"), reason="`make mounts` installs GNU parallel, as root")
def test_a_folder_of_results_has_what_theirs_has(here: Machine) -> None:
    """By other names: theirs has a folder an argument, ours one for each thousand jobs."""
    theirs, ours = results(here, "")
    for seq in theirs.glob("1/*/2/*/seq"):
        job = int(seq.read_text()) - 1
        assert (ours / f"0/{job}.out").read_bytes() == (seq.parent / "stdout").read_bytes()
        assert (ours / f"0/{job}.err").read_bytes() == (seq.parent / "stderr").read_bytes()
    assert len(list(ours.glob("0/*.out"))) == 6
