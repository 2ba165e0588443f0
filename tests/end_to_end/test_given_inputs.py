"""A run that is told what to do on its command line, as xargs and GNU parallel are: sources, order, output."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kit.program import Machine
from kit.wait import wait_until


@pytest.mark.module_only("what was typed is read by the same code")
def test_sources_are_crossed_with_the_first_slowest(here: Machine) -> None:
    told = here.call("run", "--template", "f {1} {2}", "--arg", "a b", "c", "--arg", "1", "2", "--dry-run")
    assert told.out.splitlines() == ["f 'a b' 1", "f 'a b' 2", "f c 1", "f c 2"]


def test_linked_sources_go_along_and_files_are_sources(here: Machine) -> None:
    here.write("names", "x\n\ny z\n")
    told = here.call(
        "run", "--template", "f {}", "--arg-file", "names", "--arg+", "1", "2", "--arg", "p", "q", "--dry-run"
    )
    assert told.out.splitlines() == ["f x 1 p", "f x 1 q", "f 'y z' 2 p", "f 'y z' 2 q"]
    told = here.call("run", "--template", "f {2}{1}", "--arg", "a", "--arg-file", "-", "--dry-run", stdin=b"1\n2\n")
    assert told.out.splitlines() == ["f 1a", "f 2a"]


@pytest.mark.module_only("what was typed is read by the same code")
def test_a_product_of_sources_is_not_written_out(here: Machine) -> None:
    here.write("many", "".join(f"{number}\n" for number in range(1000)))
    files = [word for _ in range(5) for word in ("--arg-file", "many")]
    told = here.call("run", "--template", "f {}", *files, "-n", "2", "--dry-run")
    assert told.out.splitlines() == ["f 0 0 0 0 0", "f 0 0 0 0 1"]
    here.call("run", "--template", "true {}", *files[:4], "-n", "2", "--quiet")
    assert here.call("status", "--json").json["jobs"] == 1_000_000


def test_what_nul_separates_may_hold_anything(here: Machine) -> None:
    (here.folder / "odd").mkdir()
    names = [b"a b", b"#c", b"new\nline", b"\xff", b"it's"]
    for name in names:
        (here.folder / "odd" / os.fsdecode(name)).write_bytes(name)
    listed = subprocess.run(["find", "odd", "-type", "f", "-print0"], cwd=here.folder, capture_output=True, check=True)
    told = here.call("run", "-0", "--template", "mv {} {}.done", "--quiet", "-", stdin=listed.stdout)
    assert told.out == ""
    assert {os.fsencode(path.name) for path in (here.folder / "odd").iterdir()} == {name + b".done" for name in names}


SPELT = ("show {}", "show '{}'", 'show "{}"')


def with_show(here: Machine) -> list[str]:
    """A program that prints its words, each in brackets; and values that would do harm if a shell read them."""
    here.write("show", "#!/bin/sh\nprintf '[%s]' \"$@\"; echo\n").chmod(0o755)
    here.environ = {**here.environ, "PATH": f"{here.folder}:{os.environ['PATH']}"}
    return [
        "$(touch pwned)",
        "`touch pwned`",
        "a'; touch pwned; '",
        'b"; touch pwned; "',
        "it's  two",
        "\\",
        "-n",
        "#x",
    ]


def test_values_are_those_that_xargs_hands_on_however_they_are_quoted(here: Machine) -> None:
    """What users of `xargs -I {}` type with quotes, as their shell takes them away."""
    lines = [value for value in with_show(here) if not value.startswith("#")]
    listed = "".join(f"{line}\n" for line in lines).encode()
    theirs = subprocess.run(
        ["xargs", "-d", "\n", "-I{}", "./show", "{}"], cwd=here.folder, input=listed, capture_output=True, check=True
    )
    for template in SPELT:
        told = here.call("run", "--template", template, "-k", "--tagstring", "", "-q", "-", stdin=listed)
        assert told.out == theirs.stdout.decode()
    assert not (here.folder / "pwned").exists()


@pytest.mark.module_only("what fills a template is the same in an executable")
def test_no_way_in_lets_data_be_shell_code(here: Machine) -> None:
    """A task file, a table, words, a list with NUL, groups, the config file."""
    values = with_show(here)
    here.write("t.csv", "x\n" + "".join('"' + value.replace('"', '""') + '"\n' for value in values))
    here.write("t.jsonl", "".join(json.dumps({"x": value}) + "\n" for value in values))
    here.write("g.groups.json", json.dumps({"units": values, "groups": {"g": "show '{}'; show \"x{}\" {}"}}))
    calls: list[tuple[list[str], bytes]] = [
        (["t.csv", "--template", "show '{x}'; show \"x{1}\" {}"], b""),
        (["t.jsonl", "--template", "show '{}'; show \"x{x}\" {x}"], b""),
        (["-0", "--template", "show '{}'; show \"x{}\" {}", "-"], "\0".join(values).encode()),
        (["g.groups.json"], b""),
    ]
    for words, stdin in calls:
        told = here.call("run", *words, "--order", "given", "-k", "--tagstring", "", "-q", stdin=stdin)
        assert told.out == "".join(f"[{value}]\n[x{value}][{value}]\n" for value in values), words
    words = ["--template", "show '{1}{2}'", "-k", "--tagstring", "", "-q", "--arg", "'", "--arg", *values[:6]]
    assert here.call("run", *words).out == "".join(f"['{value}]\n" for value in values[:6])
    assert not (here.folder / "pwned").exists()


@pytest.mark.module_only("what refuses a template is the same in an executable")
def test_a_template_that_would_run_data_is_refused_with_the_place(here: Machine) -> None:
    here.write("t.txt", "a\n")
    told = here.call("run", "t.txt", "--template", "echo `cat {}`", code=2)
    assert told.err == (
        "shareout: the template:11: {} stands in backticks: no quoting is certain to hand a value through\n"
        "    echo `cat {}`\n"
        "              ^\n"
        "shareout: Write $(…) for the backticks.\n"
    )
    here.write("g.groups.json", '{"units": [1], "groups": {"g": "sh -c \'echo {/}\'"}}')
    told = here.call("run", "g.groups.json", code=2)
    assert 'the template of "g":13: {/} is a part of code for sh -c' in told.err
    assert """Give it as an argument, as: sh -c 'echo "$1"' sh {/}""" in told.err


def test_standard_input_may_be_a_table(here: Machine) -> None:
    told = here.call(
        "run", "--as", "csv", "--template", "f {size} {name}", "--dry-run", "-", stdin=b"name,size\na b,3\n"
    )
    assert told.out == "f 3 'a b'\n"


def test_jobs_start_in_the_order_of_the_input_and_resume_there(here: Machine) -> None:
    lines = b"".join(b"%d\n" % number for number in range(100))
    words = ("run", "--template", "echo {} >> ran", "-j", "1", "--quiet", "-")
    here.call(*words, "-n", "3", stdin=lines)
    assert (here.folder / "ran").read_text().split() == ["0", "1", "2"]
    here.call(*words, stdin=lines)
    assert (here.folder / "ran").read_text().split() == [str(number) for number in range(100)]


@pytest.mark.module_only("what was typed is read by the same code")
def test_the_commands_know_the_jobs_of_a_run_without_configs(here: Machine) -> None:
    here.call("run", "--template", "test {} != 2", "-j", "50%", "--quiet", "-", stdin=b"1\n2\n3\n", code=1)
    assert here.call("list", "--state", "d", "--format", "line").out == "1\n3\n"
    assert here.call("list", "--state", "!", "--format", "command").out == "test 2 != 2\n"
    told = here.call("status")
    assert "random sample" not in told.out
    assert told.out.startswith("100.0%  2 done  1 failed")


def test_output_in_the_order_of_the_input_waits_for_those_before(here: Machine) -> None:
    # The first job ends when the last has: everything must wait for it, and none be lost.
    told = here.call(
        "run", "--template", "echo {} begins; test {} = 0 && while [ ! -e last ]; do sleep 0.01; done;"
        " test {} = 299 && touch last; echo {} ends", "-j", "2", "-k", "--tagstring", "", "--quiet", "-",
        stdin=b"".join(b"%d\n" % number for number in range(300)),
    )  # fmt: skip
    assert told.out.splitlines() == [f"{number} {what}" for number in range(300) for what in ("begins", "ends")]


def test_great_outputs_stay_in_order_too(here: Machine) -> None:
    told = here.call(
        "run", "--template", "yes {} | head -n {}", "-j", "2", "-k", "--tagstring", "", "--quiet",
        "--arg", "900000", "3", "700001", "2",
    )  # fmt: skip
    counts = [900000, 3, 700001, 2]
    assert told.out == "".join(f"{count}\n" * count for count in counts)


def test_a_run_that_stops_prints_what_waited(here: Machine) -> None:
    # What the first has printed is there before the second fails.
    told = here.call(
        "run", "--template", "echo {}; test {} = 0 && touch said && exec sleep 60;"
        " while [ ! -e said ]; do sleep 0.01; done; exit 1", "-j", "2", "-k",
        "--tagstring", "", "--fail-fast", "--grace", "300ms", "--quiet", "--arg", "0", "1", "2", code=None,
    )  # fmt: skip
    assert told.out.splitlines() == ["0", "1"]


@pytest.mark.module_only("what was typed is read by the same code")
def test_each_line_is_told_by_its_job_or_its_arguments(here: Machine) -> None:
    words = ("run", "--template", "printf '%s\\n' {1} {2}", "--quiet", "-k", "--arg", "a b", "--arg", "1")
    assert here.call(*words, "--tee").out == "0: a b\n0: 1\n"
    (here.folder / "runs").rename(here.folder / "old")
    assert here.call(*words, "--tag").out == "a b 1\ta b\na b 1\t1\n"
    (here.folder / "runs").rename(here.folder / "older")
    assert here.call(*words, "--tagstring", "{#}/{2}").out == "1/1\ta b\n1/1\t1\n"


@pytest.mark.module_only("what was typed is read by the same code")
def test_only_lines_that_match_are_shown_and_logged(here: Machine) -> None:
    told = here.call(
        "run", "--template", "echo keep {}; echo drop {}", "--arg", "1", "2", "--keep-lines", "^keep", "-k", "--quiet"
    )
    assert told.out == "0: keep 1\n1: keep 2\n"
    assert "keep 2" in here.log()
    assert "drop" not in here.log()


def test_a_reader_that_leaves_ends_the_printing_and_not_the_run(here: Machine) -> None:
    words = " ".join([*here.program, "run", "--tee", "--quiet", "-"])
    done = subprocess.run(
        ["bash", "-c", f"seq -f 'echo %g' 500 | {words} | head -n 1; exit ${{PIPESTATUS[1]}}"], cwd=here.folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 74
    assert "standard output is gone" in done.stderr
    assert re.fullmatch(r"\d+: \d+\n", done.stdout)
    assert here.call("status", "--json").json["done"] == 500


def test_a_slot_has_a_number_of_its_own(here: Machine) -> None:
    told = here.call(
        "run", "--template", "touch {%}.{}; while [ ! -e 1.a ] && [ ! -e 1.b ] || [ ! -e 2.a ] && [ ! -e 2.b ];"
        " do sleep 0.01; done; echo {%}", "-j", "2", "--tagstring", "", "--quiet", "--arg", "a", "b",
    )  # fmt: skip
    assert sorted(told.out.split()) == ["1", "2"]


def test_results_are_kept_in_a_file_of_each_job(here: Machine) -> None:
    words = ("run", "--template", "printf '\\377{}'; test $SHAREOUT_ATTEMPT -gt 1", "--retries", "1", "--quiet")
    here.call(*words, "--results", "out", "--arg", "a", "b")
    found = {path.relative_to(here.folder / "out"): path.read_bytes() for path in (here.folder / "out").rglob("*.out")}
    assert found == {Path("0/0.out"): b"\xffa", Path("0/1.out"): b"\xffb"}


REFUSED = [
    (["-", "--arg", "1"], "a pool is named, -, and values are given as well"),
    (["--arg+", "1"], "--arg+ goes along with the source before it, and there is none"),
    (["--arg", "1", "--arg+", "1", "2", "--template", "f {}"], "--arg+ has 2 values, and the source before it 1"),
    (["--arg", "1", "--arg", "2"], "several sources of values need a command"),
    (["-0"], "-0 reads a list that is separated by NUL"),
    (["--as", "csv"], "--as says what the named pool is"),
    (["--arg-file", "none", "--template", "f {}"], "none: cannot be read: No such file"),
    (["--arg", "1", "-j", "0"], "--slots: must be 1 to 100000, found 0"),
    (["--arg", "1", "-j", "5x"], "write 8, or 50%, +2, -1 of the cores"),
    (["--arg", "1", "--group", "x"], 'no group is named "x"'),
    (["--arg", "1", "-k", "--order", "shuffled"], "--keep-order needs jobs that run in the order of the pool"),
    (["--arg", "1", "--tag", "--tagstring", "x"], "--tag is a --tagstring of '{}'"),
    (["--arg", "1", "--results", "there"], "there is there already and is no folder"),
    (["--arg", "1", "--template", "{2}"], "{2}, but a row has 1 column:"),
    (["--arg", "1", "--tagstring", "{x}"], "{x}, which names no field"),
]


@pytest.mark.module_only("what was typed is read by the same code")
@pytest.mark.parametrize(("words", "said"), REFUSED, ids=lambda part: part[:40] if isinstance(part, str) else "")
def test_what_cannot_be_meant_is_refused_with_a_way_out(here: Machine, words: list[str], said: str) -> None:
    here.write("there", "")
    told = here.call("run", *words, code=2, stdin=b"x\n")
    assert said in told.err
    assert not list(here.folder.glob("runs/*/*/journal.*.jsonl"))


@pytest.mark.module_only("what was typed is read by the same code")
def test_a_pool_from_the_command_line_is_shared_out_where_there_are_machines(here: Machine) -> None:
    here.write("configs/machines.json", '{"alice": [1, 1], "bob": [1, 1]}')
    words = ("--template", "echo {}", "--arg", *map(str, range(10)))
    for name in ("alice", "bob"):
        here.run(*words, "--quiet", machine=name)
    assert "complete: 10 of 10" in here.call("merge-results").out
    told = here.run(*words, "-k", machine="alice", code=2)
    assert "Add --order given" in told.err


def test_a_live_run_tells_groups_with_who_works_on_them(here: Machine) -> None:
    here.write("units", "a\nb\nc\nd\n")
    here.write(
        "jobs.groups.json",
        '{"units": {"lines": "units"}, "groups": {"quick": "true {}",'
        ' "slow": "touch begun; while [ ! -e go ]; do sleep 0.01; done; echo {}"}}',
    )
    process = subprocess.Popen([*here.program, "run", "jobs.groups.json", "-j", "1", "--quiet"], cwd=here.folder)
    wait_until((here.folder / "begun").exists)
    facts = wait_until(
        lambda: (groups := here.call("status", "--by", "group", "--json").json["groups"])["slow"]["workers"] and groups
    )
    active = here.call("status", "--active").out
    table = here.call("status", "--by", "group").out
    (here.folder / "go").touch()
    assert process.wait() == 0
    name = os.uname().nodename.partition(".")[0]
    assert facts["quick"] == {
        "jobs": 4, "done": 4, "failed": 0, "skipped": 0, "running": 0, "todo": 0, "eta": 0.0, "workers": {},
    }  # fmt: skip
    assert facts["slow"]["workers"] == {name: 1}
    assert "last output" in active
    assert " slow  " in active
    assert "████████████████████   100.0%" in table
    assert f"{name} x1" in table


@pytest.mark.module_only("what was typed is read by the same code")
def test_groups_run_one_by_one_without_another_plan(here: Machine) -> None:
    here.jobs(
        "#SHAREOUT GROUP red", *[f"echo red{number} >> ran" for number in range(30)],
        "#SHAREOUT GROUP blue", *[f"echo blue{number} >> ran; exit 1" for number in range(30)],
        "#SHAREOUT GROUP green", *[f"echo green{number} >> ran" for number in range(3)],
    )  # fmt: skip
    told = here.run("--group", "red", "green")
    assert "red, green: all have run; without --group, the others do" in told.err
    ran = (here.folder / "ran").read_text().split()
    assert sorted(ran) == sorted(
        [*(f"red{number}" for number in range(30)), *(f"green{number}" for number in range(3))]
    )
    assert "only of red, green" in here.log()
    here.run("--quiet", code=1)
    assert len((here.folder / "ran").read_text().split()) == 63
    here.run("--group", "red", "--retry-failed", code=1)
    assert len((here.folder / "ran").read_text().split()) == 63
    assert len(list(here.folder.glob("runs/*/*"))) == 1


@pytest.mark.module_only("what was typed is read by the same code")
def test_a_small_group_is_found_in_a_great_pool(here: Machine) -> None:
    facts = {"units": {"stop": 300000}, "groups": {"most": "false {}", "few": {"template": "true {}", "units": [1, 2]}}}
    here.write("jobs.groups.json", json.dumps(facts))
    here.call("run", "jobs.groups.json", "--group", "few", "--order", "shuffled", "--quiet")
    assert here.call("status", "--json").json["done"] == 2


PROGRAM = """
from shareout import Group, run_commands

if __name__ == "__main__":
    units = ["a b.mp4", "c.mp4"]
    run_commands(groups=[Group("avi", "echo avi {/.}", units), Group("ogg", "echo ogg {} {#}", iter(["x"]))])
"""


def test_a_script_of_groups_is_the_command_line(here: Machine) -> None:
    here.script(PROGRAM)
    (here.folder / "configs" / "machines.json").unlink()
    told = here.call("run", "-k", "--tagstring", "", "--quiet")
    assert told.out.splitlines() == ["avi a b", "avi c", "ogg x 3"]
    assert here.call("list", "--format", "command").out.splitlines() == ["echo avi 'a b'", "echo avi c", "echo ogg x 3"]
    shutil.rmtree(here.folder / "runs")
    here.write("configs/machines.json", '{"alice": [1, 1], "bob": [1, 1]}')
    for name in ("alice", "bob"):
        here.run("--quiet", machine=name)
    assert "complete: 3 of 3" in here.call("merge-results", "runs").out


def test_a_script_of_command_lines_is_one_too(here: Machine) -> None:
    here.script("from shareout import run_commands\nrun_commands(f'echo {n}; exit {n % 2}' for n in range(4))\n")
    here.run("--quiet", code=1)
    assert here.call("list", "--state", "!", "--format", "command").out.splitlines() == [
        "echo 1; exit 1",
        "echo 3; exit 1",
    ]


def test_commands_find_what_setup_has_put_into_the_environment(here: Machine) -> None:
    here.script(
        "import os\nfrom shareout import run_commands\n"
        "def setup(config):\n    os.environ['TOKEN'] = 'from setup'\n"
        "run_commands(['echo $TOKEN'], setup=setup)\n"
    )
    here.run("--quiet")
    assert "from setup" in here.log()


@pytest.mark.module_only("what spawns a command is the same in an executable")
def test_a_nul_in_a_value_fails_its_job_and_says_so(here: Machine) -> None:
    here.write("t.jsonl", '{"x": "a\\u0000b"}\n{"x": "c"}\n')
    here.call("run", "t.jsonl", "--template", "echo {x}", "-q", code=1)
    told = here.call("show", "0").out
    assert "a value of it has a NUL byte, which no command line can hold" in told
