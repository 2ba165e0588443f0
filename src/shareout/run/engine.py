"""What a task file asks each machine to run before its first job and after its last: PERENGINE."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from shareout.environment import user_environment
from shareout.errors import ShareoutError
from shareout.run.describing import engine_rank
from shareout.run.making import Makings


class EngineCommandFailed(ShareoutError):
    """A START command did not succeed: the jobs may need what it was to prepare."""

    exit_code = 3


def perform(commands: Sequence[str], makings: Makings, when: str) -> None:
    """One after the other, output into the log. A failed STOP is only told there."""
    rank = str(engine_rank(makings.plan, makings.machine))
    environment = {
        **user_environment(),
        "SHAREOUT_MACHINE": makings.machine,
        "DISBATCH_ENGINE_RANK": rank,
        "DISBATCH_JOBID": makings.plan.short_hex,
        "DISBATCH_NAMETASKS": makings.plan.pool.inputs[0].path.name,
    }
    for command in commands:
        call = [makings.settings.commands.shell, "-c", command]
        done = subprocess.run(
            call,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.stdout:
            makings.log.record(done.stdout.decode("utf-8", "surrogateescape"))
        if done.returncode:
            sentence = f"PERENGINE {when} ended with status {done.returncode}: {command}"
            makings.log.record(sentence, level="ERROR")
            if when == "START":
                raise EngineCommandFailed(sentence, way_out="No job was started. Mend it and run again.")
