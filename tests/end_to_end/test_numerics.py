"""[run] numerics: what jobs find when they are to get the same bits on unequal CPUs, and nobody else finds it."""

from __future__ import annotations

import json
import os
import platform
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kit.journals import rewrite
from kit.program import Machine
from shareout.numerics.pins import NAMES, pins
from shareout.record.folder import RunFolder

PORTABLE = "[run]\nnumerics = portable\n"
SEEN = f"{{name: os.environ[name] for name in {NAMES!r} if name in os.environ}}"
# Stands for two CPUs: what OpenBLAS would have chosen by the CPU if nobody had said anything. Not by the call's
# environment, where it would be the user's own choice.
SUMS = (
    "import os\n"
    "os.environ.setdefault('OPENBLAS_CORETYPE', os.environ['STANDS_FOR_CPU'])\n"
    "import hashlib, numpy\nfrom shareout import run\n"
    "def job(n):\n"
    "    table = numpy.random.default_rng(n).random((200, 200))\n"
    "    return hashlib.sha256((table @ table).tobytes()).hexdigest()\n"
    "if __name__ == '__main__':\n    run(job, pool=range(8))\n"
)
CORES = ("Prescott", "Nehalem") if platform.machine() == "x86_64" else ("ARMV8", "NEOVERSEN1")
TWO = '{"alice": [1, 1], "bob": [1, 1]}'


def farm(here: Machine, config: str) -> Machine:
    here.script(SUMS, TWO)
    here.write("configs/runner.config", f"[run]\naudit = 100%\n{config}")
    for name, core in zip(("alice", "bob"), CORES, strict=True):
        here.environ = {"STANDS_FOR_CPU": core}
        here.run("--quiet", machine=name)
    return here


@pytest.mark.module_only("an executable with numpy is big: tests/freeze has one")
def test_natively_two_cpus_give_two_results_and_an_audit_tells(here: Machine) -> None:
    told = farm(here, "").call("merge-results", code=1)
    # The script set it, as far as anybody can know.
    assert "unset these variables on every machine" in told.err
    assert f"OPENBLAS_CORETYPE={CORES[0]}" in told.err
    for words, said in (({}, "alice or bob is wrong"), ({"cpu_class": "Some x86-64-v2"}, "machine of Some x86-64-v2")):
        for name in ("alice", "bob"):
            (folder,) = map(RunFolder, here.folder.glob(f"runs/*/{name}"))
            rewrite(folder, partial(_say, own="", **words if name == "alice" else {}))
            folder.tally.unlink(missing_ok=True)
        assert said in here.call("merge-results", code=1).err
    told = here.call("merge-results", code=1)
    assert "`[run] numerics = portable` makes unequal CPUs agree" in told.err
    assert "is wrong" not in told.err
    (unlike,) = here.call("merge-results", "--json", code=1).json["audit"]["unlike"]
    assert (unlike["jobs"], sorted(unlike["machines"].values())) == (8, [["alice"], ["bob"]])


def _say(lines: list[dict[str, Any]], **words: str) -> None:
    """What the session tells of its machine."""
    lines[1].update(words)


@pytest.mark.module_only("an executable with numpy is big: tests/freeze has one")
def test_portable_numerics_are_the_same_on_two_cpus(here: Machine) -> None:
    told = farm(here, "numerics = portable\n").call("merge-results")
    assert "audit: 8 jobs ran on more than one machine, to the same result" in told.out
    assert (told.err, "your own" in here.log()) == ("", False)
    job = here.records()[0]["job"]
    assert "alice recorded the same" in here.call("replay", str(job)).out


@pytest.mark.module_only("an executable with numpy is big: tests/freeze has one")
def test_a_library_that_the_script_has_loaded_keeps_to_the_cores_of_each_job(here: Machine) -> None:
    most = len(os.sched_getaffinity(0))
    script = (
        "import ctypes, re\nimport numpy\nfrom shareout import run\n"
        "with open('/proc/self/maps') as file:\n    path = re.search('/.*openblas.*', file.read())[0]\n"
        "threads = ctypes.CDLL(path).scipy_openblas_get_num_threads64_\n"
        f"assert threads() == {most}, 'as it comes it takes all cores'\n"
        "def setup(config):\n    print('in setup:', threads())\n"
        "def job(n, cores):\n    return threads()\n"
        "if __name__ == '__main__':\n    run(job, setup=setup)\n"
    )
    here.script(script, f'{{"alice": [1, {most}]}}')
    # The narrow ones between the wide ones: what was taken from a library is given back to it.
    rows = [f"{n},{most if n % 2 else 1}" for n in range(8)]
    here.write("configs/jobs.csv", "\n".join(["n,cores", *rows]) + "\n")
    here.write("configs/runner.config", "[run]\nneeds = cores\n")
    told = here.run("--quiet")
    assert f"in setup: {most}" in told.out + here.log()
    assert _by_job(here) == [1, most] * 4
    assert "recorded the same" in here.call("replay", "1").out
    here.environ = {"OMP_NUM_THREADS": "1"}
    here.script(script.replace(f"== {most}", "== 1"), f'{{"alice": [1, {most}]}}')
    here.run("--quiet", "--runs", "decided")
    (folder,) = here.folder.glob("decided/*/alice")
    assert _by_job(here, folder) == [1] * 8, "the user has decided"


def _by_job(here: Machine, folder: Path | None = None) -> list[Any]:
    return [record["result"] for record in sorted(here.records(folder), key=lambda record: int(record["job"]))]


def test_python_jobs_are_pinned_before_the_script_is_loaded(here: Machine) -> None:
    here.script(
        "import os\nfrom shareout import run\n"
        f"early = {SEEN}\n"
        # What the kernel keeps of the start: libm's variables are read before Python begins.
        "with open('/proc/self/environ') as file:\n    start = file.read().split(chr(0))\n"
        "def setup(config):\n    print('setup', sorted(os.environ.items() & early.items()) == sorted(early.items()))\n"
        f"def job(n):\n    late = {SEEN}\n"
        "    return late, early, all(f'{a}={b}' in start for a, b in early.items()), 'SHAREOUT_PINNED' in os.environ\n"
        "if __name__ == '__main__':\n    run(job, pool=[1], setup=setup)\n"
    )
    here.write("configs/runner.config", f"{PORTABLE}[hooks]\non_finish = env > hooked\n")
    told = here.run("--quiet")
    (record,) = here.records()
    assert record["result"] == [pins({}), pins({}), True, False]
    assert "setup True" in told.out + here.log()
    assert "numerics: portable; " in here.log()
    hooked = (here.folder / "hooked").read_text()
    assert "SHAREOUT_MACHINE=alice" in hooked
    assert not [name for name in (*NAMES, "SHAREOUT_PINNED") if f"{name}=" in hooked], "hooks are no jobs"


def test_commands_are_pinned_and_nothing_else_is(here: Machine) -> None:
    here.jobs("env").write("configs/runner.config", f"{PORTABLE}[hooks]\non_finish = env > hooked\n")
    here.run("--quiet")
    shown = here.call("show", "0", "--json").json[0]["outputs"][0]["text"]
    found = dict(line.split("=", 1) for line in shown.splitlines())
    assert {name: found[name] for name in NAMES if name in found} == pins({})
    assert not [name for name in NAMES if f"{name}=" in (here.folder / "hooked").read_text()]


def test_without_it_nothing_is_set(here: Machine) -> None:
    here.script(f"import os\nfrom shareout import run\ndef job(n):\n    return {SEEN}\nrun(job, pool=[1])\n")
    here.run("--quiet")
    assert here.records()[0]["result"] == {}
    assert "numerics: native; " in here.log()


def test_what_the_user_has_set_stands_and_is_told(here: Machine) -> None:
    here.script(f"import os\nfrom shareout import run\ndef job(n):\n    return {SEEN}\nrun(job, pool=[1])\n")
    here.write("configs/runner.config", PORTABLE)
    here.environ = {"OPENBLAS_CORETYPE": "Haswell"}
    told = here.run("--quiet")
    assert "numerics = portable, but your own stands: OPENBLAS_CORETYPE=Haswell" in told.err
    assert here.records()[0]["result"] == {**pins({}), "OPENBLAS_CORETYPE": "Haswell"}
    assert "your own: OPENBLAS_CORETYPE=Haswell" in here.log()


def test_a_script_that_sets_one_itself_has_it_and_is_started_again_once(here: Machine) -> None:
    here.script(
        "import os\nfrom shareout import run\n"
        "os.environ['OPENBLAS_CORETYPE'] = 'Haswell'\n"
        "with open('starts', 'a') as file:\n    print(os.getpid(), file=file)\n"
        f"def job(n):\n    return {SEEN}\n"
        "run(job, pool=[1])\n"
    )
    here.write("configs/runner.config", PORTABLE)
    told = here.run("--quiet")
    assert "your own stands: OPENBLAS_CORETYPE=Haswell" in told.err
    assert here.records()[0]["result"]["OPENBLAS_CORETYPE"] == "Haswell"
    first, second = (here.folder / "starts").read_text().split()
    assert first == second, "the same process: who started it can signal it"


def test_the_words_and_standard_input_are_those_of_the_first_start(here: Machine) -> None:
    here.script("from shareout import run\ndef job(a, b):\n    return a + b\nrun(job)\n")
    here.write("configs/runner.config", PORTABLE)
    told = here.call("run", "--machine", "all", "--yes", "--json", "--as", "csv", "-", stdin=b"a,b\n1 x, 2\n' \",y\n")
    assert json.loads(told.out.splitlines()[-1])["done"] == 2
    assert [record["result"] for record in sorted(here.records(), key=lambda one: one["job"])] == ["1 x 2", "' \"y"]


@pytest.mark.module_only("a script that is read from standard input is Python's")
def test_a_script_that_cannot_be_started_again_is_refused(here: Machine) -> None:
    here.script("", '{"all": [1, 1]}').write("configs/runner.config", PORTABLE)
    here.program = here.program[:1]
    told = here.call(
        "-", "run", "--machine", "all", "--yes", stdin=b"from shareout import run\nrun(abs, pool=[1])\n", code=2
    )
    assert "was read from standard input" in told.err
    assert "Put it into a file." in told.err
