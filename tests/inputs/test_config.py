"""runner.config is read as it is meant, or refused with the place; an odd file is never taken for a missing one."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from pathlib import Path

import pytest

from shareout.config import Settings, apply, load_settings
from shareout.errors import CannotRead, InputError, InputErrors, UsageError
from shareout.settings_table import BY_NAME
from shareout.settings_values import Halt, SlotCount, Timeout


def read(folder: Path, text: str | bytes) -> Settings:
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "runner.config").write_bytes(content)
    return load_settings(folder)


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises((InputError, InputErrors)) as told:
        read(folder, text)
    found = told.value.mistakes if isinstance(told.value, InputErrors) else [told.value]
    return [str(one.where).partition("runner.config")[2].lstrip(":") + f" {one.what}" for one in found]


def test_every_kind_of_setting_is_typed(tmp_path: Path) -> None:
    got = read(
        tmp_path,
        "[run]\ncores_per_job = 1/4\nneeds = cores memory\nnice = off\naudit = 0.5%\nmemory_per_job = 1.5G\nslots = 3\n"
        "[limits]\ntimeout = 200%\nhalt = soon,fail=10%\nuntil = 8h\nretry_memory_factor = 1.5\n"
        "[results]\ncolumns = a b, c\n[logging]\nper_job = Yes\nlevel = debug\n",
    )
    assert (got.run.cores_per_job, got.run.needs, got.run.nice) == (Fraction(1, 4), ("cores", "memory"), 0)
    assert (got.run.audit, got.run.memory_per_job, got.run.slots) == (Fraction(1, 200), 3 << 29, SlotCount(3))
    assert got.limits.timeout == Timeout(percent=200)
    assert got.limits.halt == Halt("soon", "fail", percent=Fraction(1, 10))
    assert (got.limits.until, got.limits.retry_memory_factor) == ("8h", Fraction(3, 2))
    assert got.results.columns == ("a b", "c")
    assert (got.logging.per_job, got.logging.level) == (True, "DEBUG")


def test_a_missing_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "nowhere").limits == load_settings(tmp_path).limits
    assert load_settings(tmp_path).path is None
    assert load_settings(tmp_path).limits.timeout is None


def test_bom_crlf_and_the_case_of_our_keys_do_not_matter(tmp_path: Path) -> None:
    got = read(tmp_path, b"\xef\xbb\xbf[run]\r\nNice = 3\r\n[mine]\r\nKeyCase = x\r\n")
    assert got.run.nice == 3
    assert got.user == {"mine": {"KeyCase": "x"}}


def test_all_mistakes_are_told_with_their_places(tmp_path: Path) -> None:
    assert mistakes(
        tmp_path,
        "[run]\nNice = 1\nnice = 2\n[ limits ]\n[limits]\n timeout = 0\nmemory=0\nuntil = noon\nhalt = now,fail=101%\n"
        "[display]\ninterval = 0s\n[results]\ncolumns = a, b, a\n[DEFAULT]\nx = ${nope}\n[mine]\n",
    ) == [
        '3:1 "nice" is set twice in [run]',
        '4:1 there is no section [ limits ] (did you mean "limits"?)',
        '6:2 timeout: "0" is nothing; it must be more than 0',
        '7:1 memory: "0" is nothing; it must be more than 0',
        '8:1 until: "noon" is no time to stop at; write 07:00, 8h, or 2026-12-01T07:00',
        '9:1 halt: "now,fail=101%" is no rule for stopping; write never, now,fail=1 or soon,fail=10%',
        '11:1 interval: "0s" is nothing; it must be more than 0',
        '13:1 columns: the column "a" is named twice',
        "15:5 x: ${nope} names nothing that is set",
    ]


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("text", ["9" * 5000, "9" * 400 + "s", "\u0664", "\x00", "%", "${", "-", "1e999", "nan"])
def test_no_text_of_a_flag_is_anything_but_read_or_refused(name: str, text: str, tmp_path: Path) -> None:
    with contextlib.suppress(UsageError):
        apply(load_settings(tmp_path), {name: text})


@pytest.mark.parametrize("name", BY_NAME)
def test_an_empty_flag_means_the_default(name: str, tmp_path: Path) -> None:
    before = read(tmp_path, "[limits]\nretries = 3\ntimeout = 4\n[run]\nnice = 3\n")
    section, key = name.split(".")
    default = load_settings(tmp_path / "nowhere")
    assert getattr(getattr(apply(before, {name: ""}), section), key) == getattr(getattr(default, section), key)


def test_odd_line_ends_do_not_move_the_places(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "# a\x0cb\u2028c\n[run]\nnice = x\n")[0].startswith("3:1 nice")


def test_a_folder_that_may_not_be_searched_is_told(tmp_path: Path) -> None:
    """As somebody else when this is root, whom no folder refuses."""
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "runner.config").write_text("[run]\nnice = 3\n")
    folder.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(CannotRead, match="cannot be read: Permission denied"):
            load_settings(folder)
    finally:
        if user == 0:
            os.seteuid(0)
        folder.chmod(0o700)
