"""The command line: parse, dispatch by literal imports, and the one place where an error becomes text and an
exit code. `--version` is answered before anything else is loaded.
"""

from __future__ import annotations

import gc
import os
import sys

from shareout.edges import code_after, edges

# Not typing's own: that module, and `re` with it, would be a third of the start-up of `--version`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Protocol

    from shareout.entry import Entry

    class Command(Protocol):
        """A module of this room, loaded only when its command is typed: a run does not wait for what merges."""

        def configure(self, parser: argparse.ArgumentParser) -> None:
            """Adds its flags, and examples to the help. Reads nothing: help is given where no inputs are."""

        def execute(self, arguments: argparse.Namespace, entry: Entry | None) -> int:
            """Does it; the exit code. What a person can mend is raised as a ShareoutError and told by `main`. `entry`
            is what a script gave to `run`; None in the command runner, whose jobs are command lines."""


COMMANDS = {
    "init": "write a commented starting set of inputs; overwrite nothing",
    "plan": "show who runs what, and the digest that all machines must share",
    "run": "run this machine's share (the default)",
    "pilot": "run a few jobs, and tell what all of them would take",
    "join": "help those who share a folder; or try whether hosts can",
    "serve": "one address by which hosts share the work that have no common folder",
    "launch": "from one terminal: start it on all machines, follow, bring home, merge",
    "status": "how far it is, how fast it goes, when it will be over",
    "wait": "come back when the runs are over",
    "list": "a line a job: its state, machine, exit, seconds, text",
    "show": "what became of a job, and what it printed",
    "replay": "run one job again, here, and tell whether the recorded result comes out",
    "explain": "whose a job is, and why it is not running",
    "requeue": "run again what has ended: some jobs, all that failed, or everything",
    "skip": "never run some jobs",
    "plans": "the plans that ran here, a line each; remove some",
    "release": "say that a host is dead, so that its runs go on elsewhere",
    "drain": "let one host of a shared run finish what runs, and go",
    "halt": "stop all hosts of a shared run",
    "resume": "let a shared run go on that was halted",
    "merge-results": "one table in pool order, and the proof that it is complete",
    "merge-logs": "one log ordered by time",
    "export": "the file that another tool would have left: a status file, runs.txt",
    "rebalance": "new inputs for what is not done, for other machines",
    "costs": "how long each job takes, from what was run: for plans that go by it",
    "reweigh": "other weights or machines for the same jobs; what is done stays done",
    "report": "one page to look at: throughput, slots, failures, and better weights",
    "freeze": "make one executable file of an entry script",
    "completion": "what a shell completes when Tab is pressed: bash, zsh, fish",
}
RUNNING = ("run", "pilot", "launch", "join", "replay")
BUG = 70
INT = 2


def main(argv: Sequence[str] | None = None, *, entry: Entry | None = None) -> int:
    """Everything that a user can type. Returns the exit code; only a broken standard output is told nowhere."""
    try:
        code = _obey([*(sys.argv[1:] if argv is None else argv)], entry)
        # From here on a signal changes neither the code nor what was said: who waits for the program is not to read 143
        # of a run that is complete.
        edges.over(code)
    except KeyboardInterrupt as stop:
        code = code_after(getattr(stop, "number", INT))
        edges.over(code)
        from shareout.show.beside import say

        say("\nshareout: interrupted")
    return code


def _obey(words: list[str], entry: Entry | None) -> int:
    from shareout.cli.streams import mend

    # Before anything else is opened: a descriptor that the caller had closed would become one of our files.
    mend()
    if getattr(sys, "frozen", False) and entry is not None:
        # A job may start processes of its own by multiprocessing; in a frozen program they come through here.
        from shareout.freeze.children import serve

        serve(words)
    try:
        # Before argparse is loaded, which takes longer than the answer.
        if words[:1] in (["--version"], ["-V"]):
            return _version(words[1:])
        return _dispatch(words, entry)
    # All that no class of errors.py knows is a bug of ours. It is caught here and nowhere else: a handler nearer to
    # the fault would have to go on with a state that nobody knows.
    except Exception as error:  # noqa: BLE001
        from shareout.errors import ShareoutError, of_system

        known = of_system(error) if isinstance(error, OSError) else error
        if isinstance(known, ShareoutError):
            return _tell(known, as_json="--json" in words)
        return _own_bug(error)


def load(command: str) -> Command:
    """The module of a command, imported by its literal name so that a frozen program holds it."""
    # A table of names and importlib would be ten lines, and an executable without commands: PyInstaller follows only
    # imports that it can read.
    match command:
        case "init":
            from shareout.cli import init

            return init
        case "plan":
            from shareout.cli import plan

            return plan
        case "run":
            from shareout.cli import run

            return run
        case "pilot":
            from shareout.cli import pilot

            return pilot
        case "join":
            from shareout.cli import join

            return join
        case "serve":
            from shareout.cli import serve

            return serve
        case "freeze":
            from shareout.cli import freeze

            return freeze
        case "launch":
            from shareout.cli import launch

            return launch
    return _load_after(command)


def _load_after(command: str) -> Command:
    """The same for what looks at runs, or brings them home."""
    match command:
        case "merge-results":
            from shareout.cli import merge_results

            return merge_results
        case "merge-logs":
            from shareout.cli import merge_logs

            return merge_logs
        case "export":
            from shareout.cli import export

            return export
        case "status":
            from shareout.cli import status

            return status
        case "wait":
            from shareout.cli import wait

            return wait
        case "list":
            from shareout.cli import list as listing

            return listing
        case "show":
            from shareout.cli import show

            return show
        case "report":
            from shareout.cli import report

            return report
    return _load_rarer(command)


def _load_rarer(command: str) -> Command:
    """The same for what changes runs or plans, and for a job by itself."""
    match command:
        case "requeue":
            from shareout.cli import requeue

            return requeue
        case "skip":
            from shareout.cli import skip

            return skip
        case "rebalance":
            from shareout.cli import rebalance

            return rebalance
        case "costs":
            from shareout.cli import costs

            return costs
        case "reweigh":
            from shareout.cli import reweigh

            return reweigh
        case "replay":
            from shareout.cli import replay

            return replay
        case "explain":
            from shareout.cli import explain

            return explain
        case "plans":
            from shareout.cli import plans

            return plans
        case "completion":
            from shareout.cli import completion

            return completion
    return _load_for_shared(command)


def _load_for_shared(command: str) -> Command:
    """The same for what is said to hosts that share a run."""
    match command:
        case "release":
            from shareout.cli import release

            return release
        case "drain":
            from shareout.cli import drain

            return drain
        case "halt":
            from shareout.cli import halt

            return halt
        case "resume":
            from shareout.cli import resume

            return resume
    raise KeyError(command)


def make_parser(command: str) -> argparse.ArgumentParser:
    """The parser of one command; the others are not even loaded."""
    from shareout.cli.options import Help, Parser, program_name

    module = load(command)
    name = program_name()
    parser = Parser(
        prog=name if name == command else f"{name} {command}",
        description=COMMANDS[command][0].upper() + COMMANDS[command][1:] + ".",
        formatter_class=Help,
        # An abbreviation that is clear today is another flag's tomorrow, in a script that nobody looks at.
        allow_abbrev=False,
    )
    module.configure(parser)
    return parser


def _dispatch(words: list[str], entry: Entry | None) -> int:
    if words[:1] == ["version"]:
        return _version(words[1:])
    if words[:1] == ["help"] and len(words) > 1:
        return _help(words[1])
    if words[:1] in (["--help"], ["-h"], ["help"]):
        from shareout.cli.overview import overview

        print(overview())
        sys.stdout.flush()
        return 0
    # A flag without a command is for `run`, as in job-splitter's programs. A word is not taken for a pool file in its
    # place: a mistyped command would start a run.
    named = bool(words) and words[0] in COMMANDS
    if words and not named and not words[0].startswith("-"):
        from shareout.cli.overview import unknown

        raise unknown(words[0])
    command, rest = (words[0], words[1:]) if named else ("run", words)
    _refuse_elsewhere(command)
    # What is loaded stays: to search it for garbage on the way takes a twentieth of a start.
    collects = gc.isenabled()
    gc.disable()
    arguments = _parsed(command, rest)
    if arguments is None:
        return 0
    module = load(command)
    if entry is None:
        # Nor later, nor is it copied for that in workers. The objects of a script are its own business.
        gc.freeze()
    if collects:
        gc.enable()
    if entry is not None:
        _pin(arguments, entry)
    # Only from here on there may be something to tidy up; until now a signal ends the program at once.
    edges.at_work()
    code = module.execute(arguments, entry)
    sys.stdout.flush()
    return code


def _refuse_elsewhere(command: str) -> None:
    """Before it is loaded: it asks for what only Linux has."""
    if command in RUNNING and not hasattr(os, "fork"):
        from shareout.errors import UsageError

        raise UsageError(
            f"jobs run on Linux, and `{command}` runs some",
            way_out="Here plan, status, list, show, merge-results and merge-logs do all that they do there.",
        )


def _help(word: str) -> int:
    if word in COMMANDS:
        _parsed(word, ["--help"])
        return 0
    from shareout.cli.manual import about

    print(about(word))
    sys.stdout.flush()
    return 0


def _pin(arguments: argparse.Namespace, entry: Entry) -> None:
    from shareout.cli.inputs.pinned_start import start_again_if_portable

    start_again_if_portable(arguments, entry)


_ALONE = {"--web": "0", "--watch": "2s"}
"""What flags stand for whose value may be left out."""


def _parsed(command: str, words: list[str]) -> argparse.Namespace | None:
    """None when help was asked for, and given."""
    try:
        parser = make_parser(command)
        prepared = getattr(load(command), "prepared", None)
        return parser.parse_args(_values_apart(prepared(words) if prepared else words))
    except SystemExit:
        sys.stdout.flush()
        return None


def _values_apart(words: list[str]) -> list[str]:
    """What follows `--web` or `--watch` and is no number is none of theirs: `--web runs/x`, `--watch runs/x`."""
    end = words.index("--") if "--" in words else len(words)
    apart = [
        f"{word}={_ALONE[word]}" if word in _ALONE and not after[:1].isdecimal() else word
        for word, after in zip(words[:end], [*words[1:end], ""], strict=False)
    ]
    return apart + words[end:]


def _version(more: list[str]) -> int:
    from shareout._version import VERSION

    sys.stdout.write(f"shareout {VERSION}{_build_line()}\n")
    if more == ["--licences"]:
        from shareout.licences import licences

        sys.stdout.writelines(f"{line}\n" for line in licences())
    sys.stdout.flush()
    return 0


def _build_line() -> str:
    """A frozen program also tells the code it was made of."""
    if not getattr(sys, "frozen", False):
        return ""
    from shareout.code_hash import code_hash

    return f" (code {code_hash()[:16]})"


def _tell(error: Exception, *, as_json: bool) -> int:
    from shareout.cli.streams import silence
    from shareout.errors import OutputLost, ShareoutError
    from shareout.show.beside import say

    assert isinstance(error, ShareoutError)
    try:
        if as_json and not isinstance(error, OutputLost):
            import json

            # Where a script reads the document that it asked for. The sentences go to people all the same.
            print(json.dumps(error.facts()))
        sys.stdout.flush()
    except OutputLost:
        # It could be told nothing any more; what went wrong first counts.
        silence()
    for line in error.lines():
        say(f"shareout: {line}")
    return error.exit_code


def _own_bug(error: Exception) -> int:
    import tempfile
    import traceback

    from shareout.show.beside import say

    try:
        # To a file and not to the terminal: who runs jobs can do nothing with a traceback, but can send a file.
        with tempfile.NamedTemporaryFile("w", prefix="shareout-bug-", suffix=".txt", delete=False) as file:
            file.write("".join(traceback.format_exception(error)))
        where = f"the details are in {file.name}; please send them with what you did"
    except OSError:
        where = "and its details could not be written anywhere"
    say(f"shareout: a bug of ours: {type(error).__name__}; {where}")
    return BUG
