"""What the system refuses becomes a sentence with the exit code that the docs promise."""

from __future__ import annotations

import errno
import os

import pytest

from shareout.errors import (
    CannotRead,
    CannotRecord,
    CannotWrite,
    ShareoutError,
    UsageError,
    cannot_record,
    cannot_write,
    of_system,
)  # fmt: skip

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REFUSED = (
    *NO_ROOM,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.EINTR,
    errno.ENOMEM,
)


def refusal(number: int, path: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), path)


def test_the_exit_code_tells_who_is_to_mend_it() -> None:
    codes = {kind.__name__: kind.exit_code for kind in ShareoutError.__subclasses__()}
    assert codes.items() >= {"UsageError": 2, "CannotRecord": 3, "CannotWrite": 74, "CannotRead": 74}.items()


@pytest.mark.parametrize("number", REFUSED)
@pytest.mark.parametrize("path", ["table.csv", None])
def test_the_world_ends_a_command_with_74_and_a_way_out_whether_it_names_a_path_or_not(number: int, path: str) -> None:
    told = of_system(refusal(number, path))
    assert isinstance(told, CannotRead | CannotWrite)
    assert os.strerror(number).lower() in told.what
    assert told.way_out


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP])
def test_a_path_that_is_wrong_is_the_calls_mistake(number: int) -> None:
    assert isinstance(of_system(refusal(number, "there/x")), UsageError)
    assert isinstance(cannot_write("there/x", refusal(number), way_out="Elsewhere."), UsageError)


@pytest.mark.parametrize("number", [errno.EBADF, errno.EFAULT, errno.ECHILD])
def test_what_only_we_can_have_done_stays_a_bug(number: int) -> None:
    assert of_system(refusal(number)) is None


@pytest.mark.parametrize("number", REFUSED)
def test_a_record_that_cannot_be_written_is_3_and_any_other_output_74(number: int) -> None:
    assert isinstance(cannot_record("runs/x", refusal(number), way_out=""), CannotRecord)
    assert isinstance(cannot_write("table.csv", refusal(number), way_out=""), CannotWrite)
