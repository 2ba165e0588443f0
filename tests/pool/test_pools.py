"""One suite over all kinds of pool: the same promises, whatever the file is."""

from __future__ import annotations

import gzip
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given as given_rows
from hypothesis import strategies as st

from shareout.config import apply, load_settings
from shareout.pool import Pool, open_pool
from shareout.pool.given import open_given
from shareout.pool.rows import RowPool
from shareout.pool.text import TextPool

Maker = Callable[[Path, int], Pool]


def opened(folder: Path, name: str, content: str | bytes, template: str = "") -> Pool:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    settings = load_settings(folder)
    return open_pool(folder, apply(settings, {"commands.template": template}) if template else settings)


def text(folder: Path, count: int) -> Pool:
    return opened(folder, "jobs.txt", "# begin\n\n" + "".join(f"echo {number}\n" for number in range(count)))


def csv(folder: Path, count: int) -> Pool:
    return opened(folder, "jobs.csv", "a,b\n" + "".join(f"{number},x\n" for number in range(count)))


def quoted(folder: Path, count: int) -> Pool:
    return opened(folder, "jobs.csv", "a,b\n" + "".join(f'{number},"x\n""y"""\n' for number in range(count)))


def compressed(folder: Path, count: int) -> Pool:
    return opened(folder, "jobs.csv.gz", gzip.compress(b"a\n" + b"".join(b"%d\n" % number for number in range(count))))


def jsonl(folder: Path, count: int) -> Pool:
    return opened(folder, "jobs.jsonl", "".join(f'{{"a": {number}, "b": [1, 2]}}\n' for number in range(count)))


def grid(folder: Path, count: int) -> Pool:
    return opened(folder, "jobs.grid.json", json.dumps({"a": {"stop": count}, "b": ["x"]}))


def linked(folder: Path, count: int) -> Pool:
    axes = {"a,b": [{"stop": count}, {"lines": "names.txt"}], "c": [1]}
    folder.mkdir()
    (folder / "names.txt").write_text("".join(f"name {number}\n" for number in range(count)))
    return opened(folder, "jobs.grid.json", json.dumps(axes))


def groups(folder: Path, count: int) -> Pool:
    units = [f"unit {number}" for number in range(count // 2)]
    return opened(folder, "jobs.groups.json", json.dumps({"units": units, "groups": {"x": "f {}", "y": "g {}"}}))


def runmaker(folder: Path, count: int) -> Pool:
    return opened(folder, "runs.txt", "".join(f"{'.rd!e'[number % 5]} echo {number}\n" for number in range(count)))


def repeat(folder: Path, count: int) -> Pool:
    return opened(folder, "jobs.txt", f"#DISBATCH REPEAT {count} start 5 echo\n")


def given(folder: Path, count: int) -> Pool:
    return open_given(((number, "x") for number in range(count)), folder, load_settings(folder))


KINDS: list[Maker] = [text, csv, quoted, compressed, jsonl, grid, linked, groups, runmaker, repeat, given]


@pytest.mark.parametrize("make", KINDS)
def test_all_in_turn_are_what_each_is_by_its_number(make: Maker, tmp_path: Path) -> None:
    pool = make(tmp_path / "configs", 700)
    if isinstance(pool, TextPool):
        assert list(pool.commands()) == [pool.command(job) for job in range(700)]
        assert [(text,) for text in pool.texts()] == [pool.arguments(job) for job in range(700)]
    if isinstance(pool, RowPool):
        assert list(pool.rows()) == [pool.arguments(job) for job in range(700)]


def test_commands_in_turn_pass_over_what_is_no_job_and_obey_directives(tmp_path: Path) -> None:
    lines = [b"\xef\xbb\xbf#SHAREOUT PREFIX cd x;", b" a", b"", b"  # no job", b"b \xff\r", b"#SHAREOUT REPEAT 3 c"]
    lines += [b"#SHAREOUT SUFFIX  > d", b"e", b"#SHAREOUT BARRIER", b"#SHAREOUT GROUP g", b"f"]
    for template in ("", "run {} {id}"):
        pool = opened(tmp_path / "configs", "jobs.txt", b"\n".join(lines), template)
        assert isinstance(pool, TextPool)
        assert list(pool.commands()) == [pool.command(job) for job in range(len(pool))]
        assert [(text,) for text in pool.texts()] == [pool.arguments(job) for job in range(len(pool))]
        assert len(pool) == 7


@pytest.mark.parametrize("make", KINDS)
def test_length_phases_and_rows(make: Maker, tmp_path: Path) -> None:
    pool = make(tmp_path / "configs", 700)
    assert len(pool) == 700
    assert [(phase.start, phase.stop) for phase in pool.phases] == [(0, 700)]
    for job in (699, 0, 350, 256, 255):
        row = pool.row(job)
        assert row.id == job
        assert pool.command(job) == pool.command(job)
        arguments = pool.arguments(job)
        assert (dict(row.named) if isinstance(arguments, dict) else row.args) == arguments
    assert len({str(pool.arguments(job)) for job in range(700)}) in (700, 1)
    for wrong in (700, -1):
        with pytest.raises(IndexError):
            pool.arguments(wrong)


@pytest.mark.parametrize("make", KINDS)
def test_a_forked_child_reads_the_same_and_moves_nothing(make: Maker, tmp_path: Path) -> None:
    pool = make(tmp_path / "configs", 50)
    before = pool.command(49)
    child = os.fork()
    if child == 0:
        os._exit(0 if [pool.command(job) for job in range(50)] and pool.command(49) == before else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert pool.command(49) == before


@pytest.mark.parametrize("make", [text, csv, jsonl, runmaker, given])
def test_an_empty_pool_and_a_pool_of_one(make: Maker, tmp_path: Path) -> None:
    assert len(make(tmp_path / "none", 0)) == 0
    assert len(make(tmp_path / "one", 1)) == 1


def test_a_grid_is_a_product_with_the_first_axis_slowest(tmp_path: Path) -> None:
    pool = opened(tmp_path, "jobs.grid.json", '{"a": [1, 2], "b": {"start": 0, "stop": 0.3, "step": 0.1}, "c": ["x"]}')
    rows = [tuple(dict(pool.row(job).named).values()) for job in range(len(pool))]
    assert rows == list(itertools.product([1, 2], [0, 0.1, 0.2], ["x"]))


def test_a_huge_grid_and_a_huge_repeat_open_at_once(tmp_path: Path) -> None:
    pool = opened(tmp_path / "grid", "jobs.grid.json", '{"a": {"stop": 1000000}, "b": {"stop": 1000000}}')
    assert len(pool) == 10**12
    assert pool.arguments(10**12 - 1) == {"a": 999999, "b": 999999}
    pool = opened(tmp_path / "repeat", "jobs.txt", "echo first\n#DISBATCH REPEAT 1000000000 start 100 step 50 f\n")
    assert len(pool) == 10**9 + 1
    assert pool.row(10**9).repeat == 100 + 50 * (10**9 - 1)


def test_groups_run_each_template_over_its_units(tmp_path: Path) -> None:
    (tmp_path / "videos.txt").write_text("a b.mp4\n\n#c.mp4\n")
    (tmp_path / "more.jsonl").write_text('["x", 1]\n["y", 2]\n')
    facts = {
        "units": {"lines": "videos.txt"},
        "groups": {
            "avi": "to_avi {} {/.}.avi",
            "cut": {"template": "cut {1} {2}", "units": {"lines": "more.jsonl"}},
            "sizes": {"template": "size {w}x{h}", "units": [{"w": 1, "h": 2}]},
        },
    }
    pool = opened(tmp_path, "jobs.groups.json", json.dumps(facts))
    assert [pool.command(job) for job in range(len(pool))] == [
        "to_avi 'a b.mp4' 'a b'.avi", "to_avi '#c.mp4' '#c'.avi", "cut x 1", "cut y 2", "size 1x2",
    ]  # fmt: skip
    assert [pool.group(job) for job in range(5)] == ["avi", "avi", "cut", "cut", "sizes"]
    assert pool.groups == ("avi", "cut", "sizes")
    assert [(one.role, one.path.name) for one in pool.inputs] == [
        ("pool", "jobs.groups.json"), ("pool:1", "videos.txt"), ("pool:2", "more.jsonl"),
    ]  # fmt: skip


def test_units_times_groups_are_never_written_out(tmp_path: Path) -> None:
    facts = {"units": {"stop": 10**12}, "groups": {f"g{number}": f"f{number} {{}}" for number in range(1000)}}
    pool = opened(tmp_path, "jobs.groups.json", json.dumps(facts))
    assert len(pool) == 10**15
    assert pool.command(10**15 - 1) == "f999 999999999999"


@given_rows(st.lists(st.sampled_from("ab"), min_size=1, max_size=4), st.integers(1, 5), st.integers(1, 3))
def test_a_grids_group_is_found_without_its_row(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], before: int, after: int
) -> None:
    axes = {"i": {"stop": before}, "n,group": [{"stop": len(names)}, names], "j": {"stop": after}}
    pool = opened(tmp_path_factory.mktemp("grid"), "jobs.grid.json", json.dumps(axes))
    assert [pool.group(job) for job in range(len(pool))] == [pool.row(job).group for job in range(len(pool))]
    assert set(pool.groups) == set(names)


def test_odd_bytes_and_line_ends(tmp_path: Path) -> None:
    pool = opened(tmp_path, "jobs.txt", b"\xef\xbb\xbfecho a\r\n\r\n  # no job\r\necho \xff\r\n" + b"x" * 1_000_000)
    assert [pool.command(job) for job in range(2)] == ["echo a", "echo \udcff"]
    assert len(pool.command(2)) == 1_000_000


@pytest.mark.parametrize(
    ("template", "line", "command"),
    [
        ("f", "a b", "f 'a b'"),
        ("f {} {id}", "it's", "f 'it'\"'\"'s' 0"),
        ("f {2}-{1} ${HOME} {other stuff}", "x y", "f y-x ${HOME} {other stuff}"),
        ("f {.} {/} {//} {/.}", "d/e/f.tar.gz", "f d/e/f.tar f.tar.gz d/e f.tar"),
        ("f {1/.} {2//} {1.}", "d/e.x g/h", "f e g d/e"),
        ("f {#} {%} {id}", "a", "f 1 {%} 0"),
        ("f {}", "a{%}b", "f 'a{%''}b'"),
        ("f {1.5} {=x=} {1-2}", "a", "f {1.5} {=x=} {1-2} a"),
    ],
)
def test_templates_quote_what_they_fill_in(tmp_path: Path, template: str, line: str, command: str) -> None:
    assert opened(tmp_path, "jobs.txt", line + "\n", template).command(0) == command


def test_a_row_of_several_values_is_as_many_words(tmp_path: Path) -> None:
    pool = opened(tmp_path, "jobs.grid.json", '{"a": ["x y", "d/z.c"], "b": [1]}', "f {} {/.}")
    assert [pool.command(job) for job in range(2)] == ["f 'x y' 1 'x y' 1", "f d/z.c 1 z 1"]


def test_columns_are_parted_as_one_likes(tmp_path: Path) -> None:
    (tmp_path / "runner.config").write_text("[commands]\ncolsep = ,\\s*\n")
    pool = opened(tmp_path, "jobs.txt", "a b, c\n", "f {2} {1}")
    assert pool.command(0) == "f c 'a b'"


def test_templates_take_named_fields(tmp_path: Path) -> None:
    pool = opened(tmp_path / "parts", "jobs.csv", "file\nd/e.txt\n", "f {file/.} {file//}")
    assert pool.command(0) == "f e d"
    pool = opened(tmp_path, "jobs.csv", 'file,n\n"a b.txt",3\n', "f -n {n} {file} {1}")
    assert pool.command(0) == "f -n 3 'a b.txt' 'a b.txt'"


def test_directives_make_stretches(tmp_path: Path) -> None:
    pool = opened(
        tmp_path,
        "jobs.txt",
        "#DISBATCH PERENGINE START prepare it\n#DISBATCH PREFIX ( cd x ; \n#DISBATCH SUFFIX  ) &> log\n"
        "a\n# note\nb\n#DISBATCH BARRIER CHECK\n#SHAREOUT GROUP late\n#SHAREOUT NEED memory=1GiB\n"
        "#DISBATCH REPEAT 2 start 10 step -5\nc\n#DISBATCH PERENGINE-ish is a comment\n".replace(
            "#DISBATCH PERENGINE-ish is a comment\n", ""
        ),
    )
    assert [pool.command(job) for job in (0, 1, 4)] == [
        "( cd x ; a ) &> log",
        "( cd x ; b ) &> log",
        "( cd x ; c ) &> log",
    ]
    assert [pool.row(job).repeat for job in (1, 2, 3, 4)] == [None, 10, 5, None]
    assert [pool.row(job).line for job in (0, 1, 4)] == [4, 6, 11]
    assert [(phase.start, phase.stop, phase.check) for phase in pool.phases] == [(0, 2, False), (2, 5, True)]
    assert pool.groups == ("late",)
    assert pool.row(0).group is None
    need = pool.need(4)
    assert need is not None
    assert need.memory == 1 << 30
    assert [command.text for command in pool.start_commands] == ["prepare it"]


def test_what_is_odd_in_disbatch_holds_for_its_own_word_alone(tmp_path: Path) -> None:
    text = (
        "  #DISBATCH PREFIX indented, so a comment\n#{0} PREFIX ( \n#{0} SUFFIX  )\n#{0} PERENGINE START  go \n"
        "a \n#{0} BARRIER\n#{0} BARRIER CHECK\n#{0} REPEAT 1 b  \n"
    )
    theirs = opened(tmp_path / "theirs", "jobs.txt", text.format("DISBATCH").replace("SUFFIX", "suffix"))
    ours = opened(tmp_path / "ours", "jobs.txt", text.format("SHAREOUT"))
    assert [theirs.command(job) for job in (0, 1)] == [ours.command(job) for job in (0, 1)] == ["( a  )", "( b   )"]
    assert [one.text for one in theirs.start_commands] == ["(  go  )"]
    assert [one.text for one in ours.start_commands] == ["go"]
    assert [(one.task, one.line, one.check) for one in theirs.barriers] == [(1, 6, False), (2, 7, True)]
    assert [theirs.row(job).task for job in (0, 1)] == [0, 3]
    assert [ours.row(job).task for job in (0, 1)] == [0, 1]
    assert (ours.barriers, ours.for_bash, theirs.for_bash) == ((), False, True)


@pytest.mark.parametrize("key", ['"group"', '"group" ', '"gro\\u0075p"'])
def test_a_group_is_one_however_its_key_is_written(key: str, tmp_path: Path) -> None:
    pool = opened(tmp_path, "jobs.jsonl", f'[{{{key}: "no"}}]\n{{{key}: "a"}}\n')
    assert pool.groups == ("a",)
    assert [pool.group(job) for job in range(2)] == [None, "a"]


def test_rows_from_code_are_the_same_bytes_on_every_machine(tmp_path: Path) -> None:
    rows = [(1, 2.5, "é"), {"a": None, "b": [1, (2, 3)]}, "x", 7]
    paths = []
    for name in ("one", "two"):
        pool = open_given(iter(rows), tmp_path / name, load_settings(tmp_path))
        paths.append(pool.inputs[0].path)
        assert [pool.arguments(job) for job in range(4)] == [(1, 2.5, "é"), {"a": None, "b": [1, [2, 3]]}, ("x",), (7,)]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].name == paths[1].name
