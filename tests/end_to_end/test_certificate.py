"""The certificate: the same for the same work and results, whoever did it and however, another for anything else."""

from __future__ import annotations

import shutil

import pytest

from kit.program import Machine

JOBS = [str(number) for number in range(12)]
SCRIPT = "from shareout import run\ndef job(n):\n    return 0\nif __name__ == '__main__':\n    run(job)\n"
THREE = '{"a": [1, 1], "b": [2.5, 1], "c": [1, 2]}'


def certificate(here: Machine, config: str = "", machines: str = '{"a": [1, 1]}') -> str:
    """Of a whole run on these machines."""
    shutil.rmtree(here.folder / "runs", ignore_errors=True)
    here.jobs(*JOBS, machines=machines)
    here.write("configs/runner.config", config)
    for name in here.call("plan", "--json").json["machines"]:
        here.run("--quiet", machine=name["name"])
    return str(here.call("merge-results", "--json").json["certificate"])


def test_who_did_the_work_and_in_what_order_does_not_matter(here: Machine) -> None:
    template = "[commands]\ntemplate = true {}\n"
    whole = certificate(here, template)
    assert certificate(here, template + "[run]\norder = given\n") == whole
    assert certificate(here, template + "[run]\naudit = 20%\n", machines=THREE) == whole


@pytest.mark.module_only("what is hashed is the same code in a frozen program")
def test_other_work_with_the_same_results_is_another_one(here: Machine) -> None:
    commands = [
        certificate(here, f"[commands]\ntemplate = {template}\n{more}")
        for template, more in (
            ("true {}", ""),
            ("echo other {}", ""),
            ("true {}", "[sim]\nscale = 1\n"),
            ("true {}", "[sim]\nscale = 2\n"),
            ("true {}", "[run]\nseed = 2\n"),
            ("true {}", "[results]\ncolumns = status\n"),
        )
    ]
    assert len({*commands, certificate(here.script(SCRIPT))}) == 7


def test_names_of_columns_come_with_the_runs(here: Machine) -> None:
    """Where the configs are not at hand, the table and the certificate are what they are where these are."""
    named = certificate(here, "[commands]\ntemplate = true {}\n[results]\ncolumns = status\n")
    shutil.rmtree(here.folder / "configs")
    told = here.call("merge-results", "--json", "-o", "all.csv").json
    assert told["certificate"] == named
