"""Bad input is refused before anything starts: where it stands, what was found, what would be right; exit 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.program import Machine

GOOD = '{"alice": [1.0, 8]}'
MACHINES = [
    ("", "machines.json:1:1: a value is missing here: found the end of the file"),
    ('{"alice": [1.0, 8]', "machines.json:1:19: a comma or } is missing here: found the end of the file"),
    ('{"alice": [1.0, 8],}', "machines.json:1:20: a key in \"double quotes\" is missing here: found '}'"),
    ('{"alice": [1, 8], "alice": [1, 8]}', 'machines.json:1:19: the machine "alice" is named twice'),
    ('{"alice": [NaN, 8]}', "machines.json:1:12: a number must be finite"),
    ('{"alice": [1e999, 8]}', "machines.json:1:12: 1e999 is too large or too small a number"),
    ('{"alice": [Infinity, 8]}', "machines.json:1:12: a number must be finite"),
    ('{"alice": [1, -8]}', 'machines.json:1:15: cores of "alice" must be 1 to 1000000, found -8'),
    ('{"alice": [1, 0]}', 'machines.json:1:15: cores of "alice" must be 1 to 1000000, found 0'),
    ('{"alice": [1, "8"]}', 'machines.json:1:15: cores of "alice" must be a whole number, found a string'),
    ('{"alice": [1, 2.5]}', 'machines.json:1:15: cores of "alice" must be a whole number, found 2.5'),
    ('{"alice": [-0.8, 8]}', 'machines.json:1:12: performance of "alice" must be positive, found -0.8'),
    ('{"alice": [0, 8]}', 'machines.json:1:12: performance of "alice" must be positive, found 0'),
    ('{"alice": [true, 8]}', 'performance of "alice" must be a number, found true or false'),
    ('{"alice": {"perf": 1, "core": 8}}', '"core" is not known for a machine (did you mean "cores"?)'),
    ('{"alice": {"perf": 1}}', 'machines.json:1:11: "alice" has no "cores"'),
    ('{"alice": {"perf": 1, "cores": 1, "cores": 2}}', '"cores" is given twice for "alice"'),
    ('{"alice": {"perf": 1, "cores": 1, "memory": "lots"}}', 'memory of "alice": "lots" is not a size'),
    ('{"alice": {"perf": 1, "cores": 1, "gpus": -1}}', 'gpus of "alice" must be 0 to 1000000, found -1'),
    ('{"alice": {"perf": 1, "cores": 1, "ssh": 3}}', 'ssh of "alice" must be a text'),
    ('{"alice": [1, 8, 3]}', '"alice" has 3 values, not performance and cores'),
    ('{"alice": 8}', 'machines.json:1:11: "alice" is a number'),
    ('{"a/b": [1, 8]}', "'a/b' cannot name a machine"),
    ('{"all": [1, 8]}', '"all" cannot name a machine'),
    ('{"": [1, 8]}', "'' cannot name a machine"),
    ("{}", "no machine is named"),
    ("[]", "machines are an object of names, found a list"),
    ("{} {}", "machines.json:1:4: unexpected text after the end of the document"),
    ('{"alice": [1, 8]\n,\n"bob": [01, 2]}', "machines.json:3:10: a comma or ] is missing here: found '1'"),
    ('{"al\nice": [1, 8]}', "machines.json:1:5: a string is broken"),
    (b'{"al\xffice": [1, 8]}', "machines.json:1:5: is not UTF-8 text: byte 0xff"),
]
CONFIGS = [
    ("[run]\nnise = 3\n", '2:1: "nise" is not a setting of [run] (did you mean "nice"?)'),
    ("[limit]\ntimeout = 3\n", '1:1: there is no section [limit] (did you mean "limits"?)'),
    ("[limits]\ntimeout = 3 parsecs\n", 'timeout: "3 parsecs" is not a duration; write 90s'),
    ("[limits]\nmemory = 64 furlongs\n", 'memory: "64 furlongs" is not a size; write 64MiB'),
    ("[limits]\nretries = -1\n", 'retries: "-1" is not a whole number'),
    ("[limits]\nhalt = later\n", 'halt: "later" is no rule for stopping; write never, now,fail=1'),
    ("[run]\nnice = 40\n", "nice: 40 is too nice; write 0 (off) to 19"),
    ("[run]\naudit = 2\n", 'audit: "2" is not a share; write 1%'),
    ("[run]\nneeds = cores, beer\n", 'needs: "beer" is not a need'),
    ("[run]\ncores_per_job = 0\n", "cores_per_job: must be more than 0"),
    ("[commands]\nbackground = maybe\n", 'background: "maybe" is not known; write kill or leave'),
    ("[commands]\nkeep_lines = (\n", "keep_lines: is not a regular expression"),
    ("[mine]\nx = ${missing:option}\n", "2:5: x: ${missing:option} names nothing that is set"),
    ("[mine]\nx = ${nothing}\n", "2:5: x: ${nothing} names nothing that is set"),
    ("[mine]\nx = 5$\n", "2:6: x: a $ is written $$"),
    ("[run]\nnice = 1\nnice = 2\n", 'runner.config:3: "nice" is set twice in [run]'),
    ("[run]\n[run]\n", "runner.config:2: [run] stands here twice"),
    ("nice = 1\n", "runner.config:1:1: a [section] must come before the first setting"),
    ("[run]\njust words\n", "runner.config:2:1: is neither `key = value` nor a [section]"),
    ("[display]\nprogress = sometimes\n", 'progress: "sometimes" is not known'),
]
POOLS = [
    ("jobs.csv", "", "is empty: its first row must name the parameters"),
    ("jobs.csv", "a,b\n1,2\n1,2,3\n", "jobs.csv:3: too many fields: found 3, the header names 2"),
    ("jobs.csv", "a,b\n1\n", "jobs.csv:2: too few fields: found 1, the header names 2"),
    ("jobs.csv", 'a,b\n"x\ny",2,3\n', "jobs.csv:2: too many fields: found 3"),
    ("jobs.csv", "a,b,a\n", 'jobs.csv:1: the column "a" is named twice'),
    ("jobs.csv", "a,,b\n", "jobs.csv:1: column 2 has no name"),
    ("jobs.jsonl", '[1]\n{"a": }\n', "jobs.jsonl:2:7: is not JSON"),
    ("jobs.jsonl", "[1]\n[NaN]\n", "jobs.jsonl:2: NaN is not JSON"),
    ("jobs.jsonl", '{"a": 1, "a": 2}\n', 'jobs.jsonl:1: the key "a" is given twice'),
    ("jobs.jsonl", '[[1]]\n{"a": {"b": 1, "b": 2}}\n', 'jobs.jsonl:2: the key "b" is given twice'),
    ("jobs.jsonl", '[{"a": 1, "a": 2}]\n', 'jobs.jsonl:1: the key "a" is given twice'),
    ("jobs.jsonl", '"a\nb"\n1,2\n', "jobs.jsonl:1:1: is not JSON"),
    ("jobs.jsonl", "[1] [2]\n", "jobs.jsonl:1:5: is not JSON"),
    ("jobs.jsonl", b'["\xff"]\n', "jobs.jsonl:1:3: is not UTF-8 text"),
    ("jobs.grid.json", '{"a": []}', 'jobs.grid.json:1:7: the axis "a" is empty'),
    ("jobs.grid.json", '{"a": {"start": 0, "stop": 5, "step": 0}}', 'the step of "a" is 0'),
    ("jobs.grid.json", '{"a": {"start": 5, "stop": 0}}', 'the axis "a" is empty: from 5 it never gets to 0'),
    ("jobs.grid.json", '{"a": {"start": 5}}', 'the axis "a" has no "stop"'),
    ("jobs.grid.json", '{"a": {"stop": "5"}}', '"stop" of "a" must be a number, found a string'),
    ("jobs.grid.json", '{"a": {"stop": 5, "steps": 1}}', '"steps" is not known in an axis (did you mean "step"?)'),
    ("jobs.grid.json", '{"a": [1], "a": [2]}', 'the axis "a" is given twice'),
    ("jobs.grid.json", '{"a": {"stop": 1e10}, "b": {"stop": 1e10}}', "the grid has more than"),
    ("jobs.grid.json", "[1, 2]", "a grid is an object of axes, found a list"),
    ("jobs.grid.json", '{"a": 5}', 'the axis "a" is a number'),
    ("jobs.grid.json", '{"a,b": [[1, 2]]}', "2 axes are linked here, so an array of 2 axes must follow"),
    ("jobs.grid.json", '{"a,b": [[1, 2], [1]]}', "must be as long: a has 2, b has 1"),
    ("jobs.grid.json", '{"a,b": [[1], [1]], "b": [2]}', 'the axis "b" is given twice'),
    ("jobs.grid.json", '{"a": {"lines": "none.txt"}}', "there is no file configs/none.txt"),
    ("jobs.grid.json", '{"a": {"lines": 5}}', '"lines" of "a" stands alone, with the name of a file'),
    ("jobs.groups.json", "[]", "an object with units and groups must stand here, found a list"),
    ("jobs.groups.json", '{"groups": {"x": "f {}"}}', 'the group "x" has no units, and there are none for all'),
    ("jobs.groups.json", '{"units": [1]}', "groups must be an object of names and templates"),
    ("jobs.groups.json", '{"units": [1], "groups": {"x": {"tmplate": "f"}}}', "is not known here"),
    ("jobs.groups.json", '{"unit": [1], "groups": {"x": "f"}}', '"unit" is not known here (did you mean "units"?)'),
    ("jobs.groups.json", '{"units": [1], "groups": {"x": "f", "x": "g"}}', 'the group "x" is given twice'),
    ("jobs.groups.json", '{"units": [], "groups": {"x": "f"}}', 'the axis "units" is empty'),
    ("jobs.groups.json", '{"units": [{"a": 1}], "groups": {"x": "f {b}"}}', "{b}, which names no field"),
    ("jobs.txt", "#SHAREOUT REPAET 5 x\n", 'jobs.txt:1:11: "REPAET" is no directive (did you mean "REPEAT"?)'),
    ("jobs.txt", "x\n#DISBATCH PERENGINE START y\n", "jobs.txt:2:11: PERENGINE must come before the first job"),
    ("jobs.txt", "#DISBATCH BARRIER\n#DISBATCH PERENGINE STOP y\n", "jobs.txt:2:11: PERENGINE must come before"),
    ("jobs.txt", "#DISBATCH REPEAT 2 step 3 start 1 x\n", "As: REPEAT 5 start 100 step 50 mycommand"),
    ("jobs.txt", "#DISBATCH REPEAT many x\n", "REPEAT takes a count"),
    ("jobs.txt", "#SHAREOUT BARRIER NOW\n", 'BARRIER takes nothing or CHECK, found "NOW"'),
    ("jobs.txt", "#SHAREOUT NEED beer=2\nx\n", '"beer=2" is no need'),
]


def refused(here: Machine, sentence: str) -> None:
    told = here.call("plan", code=2)
    assert sentence in told.err.replace(f"{here.folder}/", "")
    assert told.out == ""


@pytest.mark.parametrize(("text", "sentence"), MACHINES)
def test_bad_machines_are_refused(here: Machine, text: str | bytes, sentence: str) -> None:
    here.jobs("true").write("configs/machines.json", text)
    refused(here, sentence)


@pytest.mark.parametrize(("text", "sentence"), CONFIGS)
def test_bad_settings_are_refused(here: Machine, text: str, sentence: str) -> None:
    here.jobs("true").write("configs/runner.config", text)
    refused(here, sentence)


@pytest.mark.parametrize(("name", "text", "sentence"), POOLS)
def test_bad_pools_are_refused(here: Machine, name: str, text: str | bytes, sentence: str) -> None:
    here.write("configs/machines.json", GOOD)
    here.write(f"configs/{name}", text)
    refused(here, sentence)


def test_several_mistakes_are_told_together(here: Machine) -> None:
    here.write("configs/machines.json", '{"a": [0, 1],\n "b": [1, 0]}')
    here.write("configs/runner.config", "[run]\nnise = 1\n[limits]\ngrace = soon\n")
    here.write("configs/jobs.csv", "a\n1,2\n")
    told = here.call("plan", code=2)
    for sentence in ("machines.json:1:8", "machines.json:2:11", "nise", "grace", "jobs.csv:2"):
        assert sentence in told.err


def test_more_than_twenty_mistakes_are_counted(here: Machine) -> None:
    here.write("configs/machines.json", GOOD)
    here.write("configs/jobs.csv", "a\n" + "1,2\n" * 30)
    assert "and 10 more mistakes" in here.call("plan", code=2).err


def test_a_broken_line_700_000_is_found(here: Machine) -> None:
    here.write("configs/machines.json", GOOD)
    here.write("configs/jobs.jsonl", "[1]\n" * 699_999 + "[1\n" + "[2]\n" * 10)
    refused(here, "jobs.jsonl:700000:3: is not JSON")


def test_two_pools_at_once_are_refused_unless_one_is_named(here: Machine) -> None:
    here.jobs("true").write("configs/jobs.csv", "a\n1\n")
    refused(here, "configs has 2 pools: jobs.txt and jobs.csv")
    here.call("plan", "--pool", "configs/jobs.csv")
    here.write("configs/runner.config", "[run]\npool = jobs.txt\n")
    here.call("plan")


def test_a_folder_or_a_loop_in_place_of_a_file_is_told(here: Machine) -> None:
    here.jobs("true")
    machines = here.folder / "configs" / "machines.json"
    machines.unlink()
    machines.mkdir()
    refused(here, "machines.json: is a directory, not a file")
    machines.rmdir()
    machines.symlink_to("machines.json")
    refused(here, "there is no configs/machines.json")
    machines.unlink()
    machines.write_text(GOOD)
    (here.folder / "configs" / "jobs.txt").unlink()
    (here.folder / "configs" / "jobs.txt").mkdir()
    refused(here, "jobs.txt: is a directory, not a file")


def test_missing_inputs_are_told_with_the_way_out(here: Machine) -> None:
    told = here.call("plan", code=2)
    assert "there is no folder configs" in told.err
    assert "shareout init" in told.err
    here.write("configs/machines.json", GOOD)
    assert "has no pool" in here.call("plan", code=2).err


def test_wrong_calls_are_refused(here: Machine) -> None:
    here.jobs("true")
    assert 'no command "paln" (did you mean "plan"?)' in here.call("paln", code=2).err
    assert 'no machine is named "alcie" (did you mean "alice"?)' in here.call("plan", "--machine", "alcie", code=2).err
    assert '--timeout: "soon" is not a duration' in here.run("--timeout", "soon", code=2).err
    assert '"noon" is no time to stop at' in here.run("--until", "noon", code=2).err
    assert "--ids needs to know whose" in here.call("plan", "--ids", code=2).err
    assert "there is no flag --frobnicate" in here.call("plan", "--frobnicate", code=2).err


def test_a_wrong_flag_is_told_with_the_right_one_and_no_screen_of_usage(here: Machine) -> None:
    told = here.call("run", "--machin", "alice", code=2)
    assert told.err == (
        'shareout: there is no flag --machin (did you mean "--machine"?)\n'
        "shareout: `shareout run --help` lists the flags.\n"
    )
    assert "argument -j/--slots: expected one argument" in here.call("run", "-j", code=2).err
    assert '"two" is one word too many' in here.call("run", "one", "two", code=2).err
    assert here.call("status", "--json", "--jsn", code=2).json["error"].startswith("there is no flag --jsn")


def test_errors_are_json_when_that_was_asked_for(here: Machine) -> None:
    here.jobs("true").write("configs/machines.json", '{"a": [0, 1]}')
    facts = here.call("plan", "--json", code=2).json
    assert facts["exit"] == 2
    assert facts["where"]["line"] == 1
    assert "positive" in facts["error"]


def test_an_unreadable_file_is_told(here: Machine) -> None:
    """A file in /proc that refuses to be read, also by root."""
    here.jobs("true")
    pool = here.folder / "configs" / "jobs.txt"
    pool.unlink()
    pool.symlink_to(Path("/proc/self/mem"))
    assert "cannot be read" in here.call("plan", code=74).err


def test_a_share_of_more_jobs_than_can_be_kept_track_of_is_refused(here: Machine) -> None:
    here.write("configs/jobs.grid.json", '{"a": {"stop": 1000000000}, "b": {"stop": 1000000}}')
    here.write("configs/machines.json", GOOD)
    told = here.run("--template", "echo {a} {b}", machine="all", code=2)
    assert "this share is of 1,000,000,000,000,000 jobs; a run keeps a byte of memory for each thousand, " in told.err
    assert "give the pool in parts" in told.err
