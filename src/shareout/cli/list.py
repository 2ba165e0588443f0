"""`list [DIR…]`: a line a job, for grep, pandas and Miller."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice

from shareout.cli.inputs.run_folders import add_sources, folders_of, of_one_plan, plan_at_hand, tell
from shareout.cli.options import Common, add_common
from shareout.entry import Entry
from shareout.errors import UsageError, nearest
from shareout.plan.plan import Plan
from shareout.record.folder import RunFolder
from shareout.record.journal import Header
from shareout.safe import one_line
from shareout.show.fold import columns_of
from shareout.show.tables import clip
from shareout.status.beat import told_by_beat
from shareout.status.jobs import LETTERS, JobState, JobStates
from shareout.status.machine import Follower

# dkvp is Miller's own form, by which spit's users read their logs.
FORMATS = ("table", "tsv", "dkvp", "line", "command", "json")
WORDS = {"new": ".", "running": "r", "done": "d", "failed": "!", "error": "e", "skipped": "s"}
COLUMNS = ("state", "job", "machine", "attempt", "exit", "seconds", "text")
# Lines a write: one by one they would be slow, and all at once more than memory holds.
LOT = 5000
NARROW = 60

Text = Callable[[int], str]
Form = Callable[[JobState, str], str]


def configure(parser: argparse.ArgumentParser) -> None:
    """Which jobs to list, of which runs, and in which form."""
    parser.epilog = (
        "states: . new  r running  d done  ! failed  s skipped\n"
        "        e error (could not start, or its worker was lost)\n\n"
        "examples:\n  list --state '!e'\n  list --format dkvp | mlr --oxtab stats1 -a p10,p50,p90 -f seconds"
    )
    add_sources(parser)
    parser.add_argument("--state", metavar="STATES", default="", help="only jobs in one of these: letters or words")
    parser.add_argument("--failed", action="store_true", help="short for --state '!e'")
    parser.add_argument("--machine", metavar="NAME", help="only jobs that this machine ran")
    parser.add_argument("--job", metavar="ID", action="append", default=[], help="only this job, or 0-99; repeatable")
    parser.add_argument(
        "--format", choices=FORMATS, default="table", metavar="FORM", help="table tsv dkvp json; line or command alone"
    )
    add_common(parser)


def execute(arguments: argparse.Namespace, entry: Entry | None) -> int:
    """Always 0, also when no job is listed. Names and ids that nothing here knows are refused."""
    common = Common.of(arguments)
    wanted_states = states_of(arguments.state) | (set("!e") if arguments.failed else set())
    with folders_of(arguments.sources, common) as found:
        plan = plan_at_hand(common, entry, found)
        folders = of_one_plan(found, plan)
        states = JobStates(folders)
        for sentence in states.damage:
            tell(sentence)
        _add_running(states, folders)
        form = "json" if common.json else arguments.format
        text = texts_of(plan, states.headers, as_given=form == "line")
        if arguments.machine is not None:
            check_machine(arguments.machine, states.headers, plan)
        jobs = _chosen(states, job_ids(arguments.job, states.total))
        wanted = (
            one
            for one in jobs
            if (not wanted_states or one.state in wanted_states)
            and (arguments.machine is None or one.machine == arguments.machine)
        )
        _print(wanted, form, text)
    return 0


def _print(jobs: Iterator[JobState], form: str, text: Text) -> None:
    """Streaming: a list of ten million begins at once."""
    out = sys.stdout
    if form == "json":
        _print_json(jobs, text)
        return
    if form == "tsv":
        out.write("\t".join(COLUMNS) + "\n")
    columns = columns_of(out)
    line: Form = {
        "table": _row if columns is None else _row_in(columns),
        "tsv": _tsv,
        "dkvp": _dkvp,
        "line": _text,
        "command": _text,
    }[form]
    while lot := [line(one, text(one.job)) for one in islice(jobs, LOT)]:
        out.write("\n".join(lot) + "\n")
    out.flush()


def _print_json(jobs: Iterator[JobState], text: Text) -> None:
    between = "["
    for one in jobs:
        seconds = None if one.seconds is None else round(one.seconds, 6)
        # Two keys, where people see one column: a script is not to guess whether 9 is a status or a signal.
        is_status = one.exit.isdigit()
        facts = {
            "state": one.state, "job": one.job, "machine": one.machine, "attempt": one.attempt,
            "exit": int(one.exit) if is_status else None, "signal": None if is_status else one.exit or None,
            "seconds": seconds, "text": text(one.job),
        }  # fmt: skip
        # One document, written as it comes: a list of all would be gigabytes for ten million jobs.
        sys.stdout.write(between + json.dumps(facts))
        between = ",\n"
    sys.stdout.write("[]\n" if between == "[" else "]\n")
    sys.stdout.flush()


def _text(one: JobState, text: str) -> str:
    return one_line(text)


def _row(one: JobState, text: str) -> str:
    seconds = "-" if one.seconds is None else f"{one.seconds:.3f}"
    machine, code = one.machine or "-", one.exit or "-"
    return f"{one.state} {one.job:>7} {machine:<12} {one.attempt} {code:>3} {seconds:>9} {one_line(text)}".rstrip()


def _row_in(columns: int) -> Form:
    """Cut to the terminal; on a narrow one closer together."""

    def narrow(one: JobState, text: str) -> str:
        seconds = "-" if one.seconds is None else f"{one.seconds:.1f}"
        return (
            f"{one.state} {one.job:>4} {one.machine or '-':<6} {one.attempt} {one.exit or '-':>3} {seconds:>5} "
            f"{one_line(text)}"
        )

    row = _row if columns >= NARROW else narrow
    return lambda one, text: clip(row(one, text), columns)


def _tsv(one: JobState, text: str) -> str:
    seconds = "" if one.seconds is None else f"{one.seconds:.6f}"
    # Escaped so that it can be undone: a tab in a command is one again for who reads the escape.
    clean = one_line(text.replace("\\", "\\\\").replace("\t", "\\t"))
    return f"{one.state}\t{one.job}\t{one.machine}\t{one.attempt}\t{one.exit}\t{seconds}\t{clean}"


def _dkvp(one: JobState, text: str) -> str:
    seconds = "" if one.seconds is None else f"{one.seconds:.6f}"
    # A comma would begin the next field.
    clean = one_line(text.replace(",", ";"))
    return (
        f"state={one.state},job={one.job},machine={one.machine},attempt={one.attempt},exit={one.exit},"
        f"seconds={seconds},text={clean}"
    )


def _chosen(states: JobStates, ids: Sequence[int]) -> Iterator[JobState]:
    return map(states.state, ids) if ids else states.all()


def states_of(text: str) -> set[str]:
    """`!e`, `failed,error`, or both mixed."""
    found: set[str] = set()
    for word in text.replace(",", " ").split():
        if word in WORDS:
            found.add(WORDS[word])
        elif set(word) <= set(LETTERS):
            found.update(word)
        else:
            told = ", ".join(f"{letter} {name}" for name, letter in WORDS.items())
            raise UsageError(f'"{word}" is no state{nearest(word, WORDS)}', way_out=f"States are: {told}.")
    return found


def check_machine(name: str, headers: Sequence[Header], plan: Plan | None) -> None:
    """A name that nothing here knows is a slip: it would select nothing, without a word."""
    known = dict.fromkeys([*(one.machine for one in headers), *(one.name for one in (plan.machines if plan else ()))])
    if name not in known:
        raise UsageError(
            f'no machine here is named "{name}"{nearest(name, known)}',
            way_out=f"There are {', '.join(list(known)[:12])}.",
        )


def job_id(word: str, total: int) -> int:
    """The id that a person typed. Refused with the ids that there are."""
    if not _is_number(word) or int(word) >= total:
        ids = {0: "There are no jobs: the pool is empty.", 1: "There is one job, 0."}
        if "/" in word:
            raise UsageError(f'"{word}" is no job', way_out="Run directories are named with --in DIR here.")
        raise UsageError(f'there is no job "{word}"', way_out=ids.get(total, f"Ids are 0 to {total - 1}."))
    return int(word)


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()


def job_ids(words: Sequence[str], total: int) -> Sequence[int]:
    """Of ids and of ranges as `merge-results` tells them, `0-2, 7`: each once, in the order in which they were said."""
    found = job_ranges(words, total)
    # A range may be the whole of a large pool, and is not written out; nor need it be, where nothing else is said.
    if len(found) == 1:
        return found[0]
    # A dict, for a set would lose the order in which they were said.
    return list(dict.fromkeys(chain.from_iterable(found)))


def job_ranges(words: Sequence[str], total: int) -> list[range]:
    """The same, as they were said."""
    found: list[range] = []
    for word in " ".join(words).replace(",", " ").split():
        first, dash, last = word.partition("-")
        if dash and not (_is_number(first) and _is_number(last)):
            raise UsageError(f'"{word}" is no range', way_out="Write its first and its last id, as 0-2.")
        start = job_id(first, total)
        stop = job_id(last, total) if dash else start
        if stop < start:
            raise UsageError(f'"{word}" is no range', way_out="Write the smaller id first, as 0-2.")
        found.append(range(start, stop + 1))
    return found


def texts_of(plan: Plan | None, headers: Sequence[Header], *, as_given: bool = False) -> Text:
    """The text of a job, when the inputs are at hand: its command, or as it stands in the pool."""
    if plan is None or not {plan.origin_hex} & {origin for one in headers for origin in (one.origin, *one.ancestors)}:
        return lambda job: ""
    pool = plan.pool
    is_command = any(header.kind == "command" for header in headers)

    def made(job: int) -> str:
        return pool.command(job) if is_command else pool.row(job).text

    def text(job: int) -> str:
        try:
            # An id may be beyond what this plan knows, of directories that came from elsewhere; a name may be no
            # UTF-8. Neither may end a list of ten million.
            said = " ".join(pool.values(job).words) if as_given else made(job)
        except IndexError:
            return ""
        return said if said.isascii() else said.encode("utf-8", "backslashreplace").decode()

    return text


def _add_running(states: JobStates, folders: Sequence[RunFolder]) -> None:
    for folder in folders:
        if folder.live.exists() or told_by_beat(folder):
            for one in Follower(folder).look().active:
                states.runs(one.job, one.machine, one.attempt)
