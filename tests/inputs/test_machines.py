"""machines.json: both forms, exact numbers, the file's order, all mistakes at once."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shareout.errors import InputErrors
from shareout.json_places import PlacedJson
from shareout.machines import _Reader, load_machines


def test_both_forms_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "machines.json"
    path.write_bytes(
        '\ufeff{"zoé": [0.1, 8],\r\n "bob": {"cores": 4, "perf": 3, "ssh": "me@bob", "gpus": 0, "memory": "64GiB"},\r\n'
        ' "al ice": {"perf": 1e-6, "cores": 1, "memory": 1000}}'.encode()
    )
    zoe, bob, alice = load_machines(path)
    assert (zoe.name, zoe.perf, zoe.cores, zoe.weight) == ("zoé", Fraction(1, 10), 8, Fraction(4, 5))
    assert (bob.name, bob.perf, bob.cores, bob.ssh, bob.gpus, bob.memory) == ("bob", 3, 4, "me@bob", 0, 64 << 30)
    assert (alice.name, alice.perf, alice.ssh, alice.gpus, alice.memory) == (
        "al ice", Fraction(1, 10**6), None, None, 1000,
    )  # fmt: skip


def test_all_mistakes_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "machines.json"
    path.write_text('{"a": [0, 1],\n "b": {"cors": 1},\n "b": [1, 1],\n "c": [1, 1.0]}')
    with pytest.raises(InputErrors) as told:
        load_machines(path)
    assert [(one.where.line, one.where.column, one.what) for one in told.value.mistakes if one.where] == [
        (1, 8, 'performance of "a" must be positive, found 0'),
        (2, 8, '"cors" is not known for a machine (did you mean "cores"?)'),
        (2, 7, '"b" has no "perf"'),
        (2, 7, '"b" has no "cores"'),
        (3, 2, 'the machine "b" is named twice'),
        (4, 11, 'cores of "c" must be a whole number, found 1.0'),
    ]


@pytest.mark.parametrize("sign", [0, 31, ord("/"), 0x7F, 0x9F, 0xD800, 0xDFFF])
def test_a_name_that_cannot_be_a_folders_is_refused(sign: int) -> None:
    reader = _Reader(PlacedJson(Path("machines.json"), f'{{"x\\u{sign:04x}": [1, 1]}}'))
    reader.machines()
    assert "cannot name a machine" in reader.mistakes[0].what


@settings(max_examples=100, deadline=None)
@given(st.decimals(min_value="0.000001", max_value=10**6, allow_nan=False), st.integers(1, 10**6))
def test_a_weight_is_exactly_what_is_written(perf: object, cores: int) -> None:
    reader = _Reader(PlacedJson(Path("machines.json"), f'{{"a": [{perf:f}, {cores}]}}'))
    (machine,) = reader.machines()
    assert not reader.mistakes
    assert machine.weight == Fraction(str(perf)) * cores
