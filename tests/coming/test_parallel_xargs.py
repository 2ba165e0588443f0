"""Who comes from GNU parallel or xargs: the same calls, as those themselves answered them.

`transcripts/parallel-xargs.toml` has both calls and what theirs printed. What is known to differ must go on differing,
for docs/coming-from.md says so.
"""

from __future__ import annotations

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
