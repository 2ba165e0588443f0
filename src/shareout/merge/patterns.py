"""The expressions by which a merge reads the common line of a journal in bulk."""

from __future__ import annotations

import re

from shareout.record.lines.common_line import BEFORE_RESULT, BEHIND_EXIT, head

# Of seventeen characters, as times are until the year 2286, and as the spool has them.
_TIME = r"[1-9][0-9]{9}\.[0-9]{6}"


# By patterns and not by a parser of JSON: that makes a dict of each line, of which two values are used.
def pattern(kind: str, *, lean: bool) -> re.Pattern[bytes]:
    """The plain line, judged. Groups: all of it, job, position, (start, end, slot, result, what stands beside that,)
    checksum; of a Python job what stands beside its result comes first. `lean`: job, position and result alone."""
    told = {"job", "pos", *(() if lean else ("start", "end", "slot"))}
    opened = "(?:" if lean else "("
    of_python = rf'{opened}{BEFORE_RESULT})"result":([^\n]*)'
    result = f'"exit":(0){opened}{BEHIND_EXIT})' if kind == "command" else of_python
    return re.compile(rf'({head(told, _TIME)}{result}),"crc":"(.{{8}})"\}}\n'.encode("ascii"))


def proven_pattern(kind: str, *, lean: bool, leading: bytes = b"", has_text: bool = True) -> re.Pattern[bytes]:
    """The same where lines are known to be what was written. Groups: job, (position,) (start, end, slot,) result, and
    what stands beside it.

    What is known to be there is stepped over by its width (times are seventeen characters until the year 2286),
    which costs a third of comparing it. With the leading digits of a position given, all but its last five, the
    line must have them, and the position is no group. `has_text` is for results with quotes in them.
    """
    position = leading + rb".{5}" if leading else rb"(\d+)"
    start = rb".{34}" if lean else rb".{10}(.{17}).{7}"
    slot = rb"[^,]+" if lean else rb"(\d+)"
    opened = rb"(?:" if lean else rb"("
    result = (
        opened + rb'(?:"...":[^]]*\],)*)(?:"from":"[^"]*",)?"result":' + (rb"([^\n]*)" if has_text else rb'([^"]*)')
    )
    if kind == "command":
        result = rb'"exit":(\d+)' + opened + rb"[^\n]*)"
    body = rb'\{"job":([^,]+),"pos":' + position + rb',"try":1,.{9}done' + start
    body += (rb".{17}" if lean else rb"(.{17})") + rb",.{7}" + slot + b"," + result
    return re.compile(b"(?s)" + body + rb',"crc":".{8}"\}\n')
