"""What a task file asks each machine to run before its first job and after its last: PERENGINE."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from shareout.environment import encoded, user_environment
from shareout.errors import ShareoutError
from shareout.pool import EngineCommand
from shareout.run.describing import variables_of_all
from shareout.run.making import Makings
from shareout.run.shells import Shells


class EngineCommandFailed(ShareoutError):
    """A START command did not succeed: the jobs may need what it was to prepare."""

    exit_code = 3


def perform(commands: Sequence[EngineCommand], makings: Makings, when: str) -> None:
    """One after the other, output into the log. A failed START ends the run, unless it is disBatch's, which goes on; a
    failed STOP is only told in the log."""
    users = user_environment()
    shells = Shells(makings.settings.commands.shell, users, is_disbatch=makings.plan.pool.is_disbatch)
    of_all = variables_of_all(makings.plan, makings.settings, makings.machine, -1)
    shared = {**encoded(users), **of_all}
    for number, command in enumerate(commands):
        own = {b"DISBATCH_TASKID": number, b"DISBATCH_STREAM_INDEX": command.line, b"DISBATCH_REPEAT_INDEX": -1}
        padded = {name + b"_ZP": b"%06d" % value for name, value in own.items()}
        code, output = _ended(shells, command.text, {**shared, **{name: b"%d" % own[name] for name in own}, **padded})
        if output:
            makings.log.record(output.decode("utf-8", "surrogateescape"))
        if code:
            sentence = f"PERENGINE {when} ended with status {code}: {command.text}"
            makings.log.record(sentence, level="ERROR")
            if when == "START" and not command.theirs:
                raise EngineCommandFailed(sentence, way_out="No job was started. Mend it and run again.")


def _ended(shells: Shells, text: str, environment: Mapping[bytes, bytes]) -> tuple[int, bytes]:
    """Exit status and output."""
    try:
        done = subprocess.run(
            [shells.of(text), "-c", os.fsencode(text)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        return 126, str(error.strerror).encode()
    return done.returncode, done.stdout
