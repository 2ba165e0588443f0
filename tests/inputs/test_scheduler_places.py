"""`--machine auto`: which machine this is, by what schedulers say; and what is refused, with what was seen."""

from __future__ import annotations

import shutil

import pytest

from kit.program import Machine

THREE = '{"a": [1, 1], "b": [1, 1], "c": [1, 1]}'
STEP = {"SLURM_STEP_ID": "0", "SLURM_PROCID": "2", "SLURM_STEP_NUM_TASKS": "3"}
ARRAY = {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "3"}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever scheduler runs the tests."""
    for name in (*STEP, *ARRAY, "PBS_ARRAY_INDEX", "SGE_TASK_ID", "LSB_JOBINDEX", "JOB_COMPLETION_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


def place(here: Machine, environ: dict[str, str]) -> str:
    here.environ = environ
    (machine,) = here.call("plan", "--machine", "auto", "--json").json["machines"]
    return str(machine["name"])


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        (STEP, "c"),
        (ARRAY, "b"),
        ({**ARRAY, "SLURM_PROCID": "0"}, "b"),
        # Within an element of an array: several tasks of srun are several places, and one task is the element's.
        ({**STEP, **ARRAY}, "c"),
        ({**ARRAY, "SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1"}, "b"),
        # The step of the batch script itself, and a word in a number's place.
        ({**ARRAY, "SLURM_STEP_ID": "4294967291", "SLURM_PROCID": "0"}, "b"),
        ({**ARRAY, "SLURM_STEP_ID": "batch", "SLURM_PROCID": "0"}, "b"),
        ({"PBS_ARRAY_INDEX": "0"}, "a"),
        ({"PBS_ARRAY_INDEX": "2"}, "c"),
        ({"SGE_TASK_ID": "1"}, "a"),
        ({"LSB_JOBINDEX": "3"}, "c"),
        ({"JOB_COMPLETION_INDEX": "1"}, "b"),
        # What other schedulers set to say that this is no array.
        ({"SGE_TASK_ID": "undefined", "LSB_JOBINDEX": "0", "JOB_COMPLETION_INDEX": "1"}, "b"),
        ({"PBS_ARRAY_INDEX": "", "SGE_TASK_ID": "2"}, "b"),
    ],
)
def test_the_place_names_the_machine(here: Machine, environ: dict[str, str], name: str) -> None:
    here.jobs(*["true"] * 9, machines=THREE)
    assert place(here, environ) == name


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, "no scheduler tells a place here"),
        ({"SLURM_JOB_ID": "77"}, "job 77 of Slurm is no array, and this is no step of it"),
        ({"SLURM_JOB_ID": "77", "SLURM_STEP_ID": "batch", "SLURM_PROCID": "0"}, "job 77 of Slurm is no array"),
        ({**ARRAY, "JOB_COMPLETION_INDEX": "1"}, "SLURM_ARRAY_TASK_ID=1 and JOB_COMPLETION_INDEX=1 each tell a place"),
        ({"SGE_TASK_ID": "1", "LSB_JOBINDEX": "1"}, "SGE_TASK_ID=1 and LSB_JOBINDEX=1 each tell"),
        ({"PBS_ARRAY_INDEX": "3"}, "PBS_ARRAY_INDEX=3 is place 3 counted from 0, and the plan has 3 machines"),
        ({"PBS_ARRAY_INDEX": "3"}, "PBS_ARRAY_INDEX from 0 to 2"),
        ({"SGE_TASK_ID": "0"}, "SGE_TASK_ID=0 is place -1"),
        ({"SGE_TASK_ID": "4"}, "SGE_TASK_ID from 1 to 3"),
        ({"SLURM_ARRAY_TASK_ID": "x1"}, "SLURM_ARRAY_TASK_ID='x1' is no place in an array"),
        ({"PBS_ARRAY_INDEX": "-1"}, "PBS_ARRAY_INDEX='-1' is no place"),
        ({"PBS_ARRAY_INDEX": "9" * 5000}, "is no place in an array"),
    ],
)
def test_what_is_not_clear_is_refused_with_what_was_seen(here: Machine, environ: dict[str, str], told: str) -> None:
    here.jobs(*["true"] * 9, machines=THREE)
    here.environ = environ
    assert told in here.call("plan", "--machine", "auto", code=2).err
    assert told in here.run(machine="auto", code=2).err
    assert not (here.folder / "runs").exists()


def test_nothing_is_asked_of_a_scheduler(here: Machine) -> None:
    here.jobs(*["true"] * 9, machines=THREE)
    here.environ = ARRAY
    assert here.call("run", "--machine", "auto", "--json", "--quiet").json["machine"] == "b"


def test_no_machine_is_called_auto(here: Machine) -> None:
    here.jobs("true", machines='{"auto": [1, 1]}')
    assert '"auto" cannot name a machine' in here.call("plan", code=2).err


@pytest.mark.skipif(not shutil.which("scontrol"), reason="`make test` installs Slurm, as root")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--results", "x.csv"], "x.csv would be written by each node at once"),
        (["--json"], "--json tells of one run, and this is one on each node"),
    ],
)
def test_what_each_node_would_write_into_one_file_is_refused(here: Machine, words: list[str], said: str) -> None:
    conf = here.write("slurm.conf", "ClusterName=x\nSlurmctldHost=localhost\nNodeName=n[1-2]\nAuthType=auth/none\n")
    nodes = {"SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_CPUS_PER_NODE": "2(x2)", "SLURM_TASKS_PER_NODE": "2(x2)"}
    here.environ = {"SLURM_CONF": str(conf), "SLURM_JOB_ID": "1", "SLURM_JOB_NUM_NODES": "2", **nodes}
    here.write("list.txt", "true\n")
    assert said in here.call("run", *words, "list.txt", code=2).err
    assert not (here.folder / "runs").exists()
