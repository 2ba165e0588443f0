"""What a task file asks each machine to run before its first job and after its last: PERENGINE."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from shareout.environment import as_in_its_file, encoded, user_environment
from shareout.pool import EngineCommand
from shareout.record.outcome import Stream
from shareout.run.command.shell import Shells
from shareout.run.command.variables import variables_of_all
from shareout.run.make import Makings
from shareout.run.processes.children import MARK
from shareout.run.python.hooks import HookFailed
from shareout.world import world


def perform(commands: Sequence[EngineCommand], makings: Makings, when: str) -> tuple[list[str], bool]:
    """One after the other, output into the log. A failed START ends the run, unless it is disBatch's, which goes on;
    of all other failures the sentences, and whether any was not disBatch's. What a START leaves running lives until all
    STOPs have run."""
    failures: list[str] = []
    counts = False
    if not commands:
        return failures, counts
    makings.children.spared = f"{makings.mark.text}:engine:"
    users = user_environment()
    shells = Shells(makings.settings.commands.shell, users, for_bash=makings.plan.pool.for_bash)
    of_all = variables_of_all(makings.plan, makings.settings, makings.machine, -1)
    shared = {**encoded(users), **of_all, MARK.encode(): makings.children.spared.encode()}
    for number, command in enumerate(commands):
        own = {b"DISBATCH_TASKID": number, b"DISBATCH_STREAM_INDEX": command.line, b"DISBATCH_REPEAT_INDEX": -1}
        padded = {name + b"_ZP": b"%06d" % value for name, value in own.items()}
        code, printed = _ended(
            shells,
            command.text,
            makings.folder.slots,
            {**shared, **{name: b"%d" % own[name] for name in own}, **padded},
        )
        for stream, data in printed.items():
            makings.log.output(data, None, 0, word=stream, when=world.time())
        if code:
            sentence = f"PERENGINE {when} ended with status {code}: {command.text}"
            makings.log.record(sentence, level="ERROR")
            if when == "START" and not command.theirs:
                raise HookFailed(sentence, way_out="No job was started. Mend it and run again.")
            failures.append(sentence)
            counts |= not command.theirs
    return failures, counts


def _ended(
    shells: Shells, text: str, folder: Path, environment: Mapping[bytes, bytes]
) -> tuple[int, dict[Stream, bytes]]:
    """Exit status, and what was printed; not by a pipe, which what it leaves running may hold open."""
    try:
        # In the run's own folder, where there is room for what is printed; /tmp may be memory.
        with TemporaryFile(dir=folder) as out, TemporaryFile(dir=folder) as err:
            done = subprocess.run(
                [shells.of(text), "-c", as_in_its_file(text)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                check=False,
            )
            files = {Stream.OUT: out, Stream.ERR: err}
            for file in files.values():
                file.seek(0)
            return done.returncode, {stream: data for stream, file in files.items() if (data := file.read())}
    except OSError as error:
        return 126, {Stream.ERR: str(error.strerror).encode()}
