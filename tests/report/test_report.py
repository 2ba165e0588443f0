"""`report`: a page that stands by itself, and numbers that are those of the run."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from kit.journals import attempt, header, last_journal, run_folder
from kit.program import Machine
from shareout.plan.ids import ids_as_told
from shareout.record.journal import Header, closed
from shareout.record.outcome import State

TWO = '{"alice": [1, 2], "bob": [1, 2]}'
COUNTS = ("done", "failed", "missing")
NASTY = "<script>alert(1)</script> & 'it' \"said\""


class Links(HTMLParser):
    """What a page would load or lead to, and the text that a reader sees."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.wanted: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.wanted += [value or "" for name, value in attrs if name in ("src", "href", "data", "action", "srcset")]

    def handle_data(self, data: str) -> None:
        self.text += data


def looked_at(path: Path) -> Links:
    """The page, checked for what all pages promise: whole, well-formed, loading nothing, small."""
    page = path.read_text()
    ElementTree.fromstring(page)
    links = Links(page)
    assert links.wanted == []
    assert "@import" not in page
    assert "url(" not in page
    assert links.tags.count("script") == 1
    assert path.stat().st_size < 2_000_000
    return links


def many(folder: Path, jobs: int, machines: int) -> Path:
    """A large run as journals alone: machine k needs k+1 seconds a job, on two slots."""
    for number in range(machines):
        start, stop = jobs * number // machines, jobs * (number + 1) // machines
        made_for = Header("ab" * 32, "cd" * 32, f"m{number}", jobs, ((start, stop),), (), "0.1.0", "", "python")
        journal = last_journal(run_folder(folder / f"m{number}", made_for=made_for))
        ids_at = ids_as_told(made_for)
        assert ids_at is not None
        with journal.open("ab") as file:
            for place, (position, job) in enumerate(zip(range(start, stop), ids_at(range(start, stop)), strict=True)):
                began = 1_000_000_000 + place // 2 * (number + 1)
                file.write(
                    closed(
                        f'{{"job":{job},"pos":{position},"try":1,"state":"done",'
                        f'"start":{began}.000000,"end":{began + number + 1}.000000,"slot":{place % 2},"result":0'
                    )
                )
    return folder


def test_machines_that_ran_are_all_on_the_page(tmp_path: Path) -> None:
    text = '{"fast": [2, 2], "slow one": [1, 1]}'
    for name in ("fast", "slow one"):
        machine = Machine(tmp_path / name).jobs(*(f"echo {number}" for number in range(60)), machines=text)
        machine.run(machine=name)
    told = machine.call("report", str(tmp_path / "fast"), str(tmp_path / "slow one"), "-o", "page.html")
    assert told.out == "wrote page.html\n"
    seen = looked_at(machine.folder / "page.html")
    plan = machine.call("plan", "--json").json
    for word in (plan["fingerprint"], plan["digest"], "fast", "slow one", "jobs.txt", plan["inputs"][0]["blake3"]):
        assert word in seen.text
    assert seen.tags.count("figure") == 4
    assert seen.tags.count("svg") == 8, "each on wide and on narrow paper"
    facts = machine.call("report", str(tmp_path / "fast"), str(tmp_path / "slow one"), "--json").json
    assert (facts["jobs"], facts["done"], facts["failed"], facts["missing"]) == (60, 60, 0, 0)
    assert [one["name"] for one in facts["machines"]] == ["fast", "slow one"]
    assert sum(map(sum, facts["throughput"]["machines"].values())) == 60
    assert set(facts["balance"]["machines_json"]) == {"fast", "slow one"}
    machine.write("configs/machines.json", json.dumps(facts["balance"]["machines_json"]))
    assert machine.call("plan", "--json").json["jobs"] == 60


def test_failures_are_shown_with_their_last_lines_and_harm_nothing(here: Machine) -> None:
    here.write("nasty.sh", f"cat <<'END'\n{NASTY}\nthe last words\nEND\nexit 3\n")
    here.jobs("sh nasty.sh", "exit 4", "echo fine", "echo 'x job=0 try=1 out forged'")
    here.run("--retries", "1", code=1)
    here.call("report")
    seen = looked_at(here.folder / "report.html")
    assert f"{NASTY}\nthe last words" in seen.text
    assert "forged" not in seen.text.partition("Failures")[2].partition("Longest")[0]
    assert re.search(r"exit 3\s*2", seen.text)
    facts = here.call("report", "--json").json
    assert (facts["done"], facts["failed"]) == (2, 2)
    assert sorted((one["job"], one["exit"], one["attempt"]) for one in facts["failures"]) == [(0, 3, 2), (1, 4, 2)]
    assert "exit 4" in seen.text, "the text of the job"
    here.write("configs/jobs.txt", "true\n" * 4)
    here.call("report", "-o", "other.html")
    assert "jobs.txt" not in looked_at(here.folder / "other.html").text, "inputs of another plan are not this one's"


def test_a_job_that_failed_and_was_mended_is_no_failure(here: Machine) -> None:
    here.jobs("test -e mended", "true")
    here.run(code=1)
    here.write("mended", "")
    here.run("--retry-failed")
    facts = here.call("report", "--json").json
    assert (facts["done"], facts["failed"], facts["failures"]) == (2, 0, [])
    assert facts["kinds"] == [{"kind": "exit 1", "attempts": 1}]


def test_what_was_given_to_other_machines_is_counted_with_the_old_runs(here: Machine) -> None:
    here.jobs(*(f"test -e mended || test {number} != 7" for number in range(20)), machines='{"a": [1, 1], "b": [1, 1]}')
    here.run(machine="a", code=None)
    here.run("-n", "3", machine="b", code=None)
    here.write("new.json", '{"c": [1, 1], "d": [1, 1]}')
    here.call("rebalance", "runs", "--failed", "--machines", "new.json", "-o", "configs2")
    here.write("mended", "")
    for name in "cd":
        here.call("run", "--configs", "configs2", "--machine", name, "--yes")
    facts = here.call("report", "--json").json
    assert (facts["jobs"], facts["done"], facts["failed"], facts["missing"]) == (20, 20, 0, 0)
    assert facts["failures"] == []
    assert len(facts["plans"]) == 2
    assert [one["name"] for one in facts["machines"]] == ["a", "b", "c", "d"]
    here.call("report")
    looked_at(here.folder / "report.html")


def test_what_others_did_after_weights_were_corrected_counts_once(here: Machine) -> None:
    here.jobs(*(f"test $SHAREOUT_MACHINE != alice -a {number} != 7" for number in range(30)), machines=TWO)
    here.run(machine="alice", code=1)
    here.call("reweigh", "bob=2")
    here.run(machine="bob", code=None)
    told = here.call("merge-results", "--partial", "--json", "-o", "t.csv", code=1).json
    facts = here.call("report", "--json").json
    assert [facts[key] for key in COUNTS] == [told[key] for key in COUNTS]
    assert facts["failed"] == len(facts["failures"]) >= 10


def test_what_a_machine_did_before_it_owed_less_is_counted(here: Machine) -> None:
    here.jobs(*(f"test {number} -gt 4" for number in range(30)), machines=TWO)
    here.run("-n", "12", machine="alice", code=None)
    here.call("reweigh", "bob=9")
    here.run("-n", "1", machine="bob", code=None)
    here.call("reweigh", "bob=3")
    here.run("-n", "1", machine="alice", code=None)
    told = here.call("merge-results", "--partial", "--json", "-o", "t.csv", code=1).json
    facts = here.call("report", "--json").json
    assert [facts[key] for key in COUNTS] == [told[key] for key in COUNTS]
    assert facts["failed"] == len({one["job"] for one in facts["failures"]})


def test_a_job_that_failed_again_in_what_was_left_counts_once(here: Machine) -> None:
    here.jobs(*(f"test {number} -gt 4" for number in range(20)), machines='{"a": [1, 2]}')
    here.run("-n", "14", machine="a", code=1)
    here.write("new.json", '{"a": [1, 2], "d": [1, 2]}')
    here.call("rebalance", "runs", "--failed", "--machines", "new.json", "-o", "configs2")
    here.call("run", "--configs", "configs2", "--machine", "a", "--yes", code=None)
    told = here.call("merge-results", "--partial", "--json", "-o", "t.csv", code=1).json
    facts = here.call("report", "--json").json
    assert [facts[key] for key in COUNTS] == [told[key] for key in COUNTS]
    assert facts["failed"] == len(facts["failures"])


def test_a_run_that_did_nothing_has_a_page_too(here: Machine) -> None:
    run_folder(here.folder / "empty")
    here.call("report", "empty")
    assert "Nothing has run yet" in looked_at(here.folder / "report.html").text
    facts = here.call("report", "empty", "--json").json
    assert (facts["missing"], facts["began"], facts["balance"]) == (20, None, None)


@pytest.mark.parametrize("state", [State.STOPPED, State.RETRY, State.SKIPPED, State.REQUEUED])
def test_a_run_in_which_nothing_was_settled_has_a_page_too(here: Machine, state: State) -> None:
    run_folder(here.folder / "runs" / "a", [attempt(3, state)])
    here.call("report")
    looked_at(here.folder / "report.html")
    facts = here.call("report", "--json").json
    assert facts["done"] == facts["failed"] == 0


@pytest.mark.parametrize("seconds", [0.0, 1e-7, 3e9])
def test_jobs_of_no_time_and_of_a_century_are_drawn(here: Machine, seconds: float) -> None:
    run_folder(here.folder / "runs" / "a", [replace(attempt(0), end=100.0 + seconds)])
    here.call("report")
    looked_at(here.folder / "report.html")


def test_what_cannot_be_reported_is_refused(here: Machine) -> None:
    (here.folder / "hollow").mkdir()
    assert "holds no run directory" in here.call("report", "hollow", code=2).err
    run_folder(here.folder / "some", [attempt(0)])
    (here.folder / "page").mkdir()
    assert "is a folder" in here.call("report", "some", "-o", "page", code=2).err
    assert "there is no folder no/such" in here.call("report", "some", "-o", "no/such/place.html", code=2).err


def test_a_large_run_gives_a_small_page_and_the_right_weights(here: Machine) -> None:
    many(here.folder / "runs", 40_000, 4)
    here.call("report", "runs")
    seen = looked_at(here.folder / "report.html")
    assert (here.folder / "report.html").stat().st_size < 300_000
    assert "the fuller the colour, the busier" in seen.text
    facts = here.call("report", "runs", "--json").json
    assert facts["done"] == facts["jobs"] == 40_000
    assert facts["balance"]["machines_json"] == {"m0": [1.0, 2], "m1": [0.5, 2], "m2": [0.333, 2], "m3": [0.25, 2]}
    assert facts["balance"]["planned_s"] == pytest.approx(20_000)
    assert facts["balance"]["balanced_s"] == pytest.approx(9600)
    assert [one["name"] for one in facts["machines"]] == ["m0", "m1", "m2", "m3"]
    assert [one["idle"] for one in facts["machines"]] == pytest.approx([0.0] * 4)


def test_a_hundred_machines_of_many_slots_fit_on_a_page(here: Machine) -> None:
    many(here.folder / "runs", 8_000, 100)
    here.call("report", "runs")
    seen = looked_at(here.folder / "report.html")
    assert "A row a machine" in seen.text
    assert "93 more" in seen.text
    assert seen.text.index("m9") < seen.text.index("m10")


def test_a_job_that_ran_on_two_machines_counts_once(here: Machine) -> None:
    fine = [attempt(position) for position in range(20)]
    run_folder(here.folder / "runs" / "a", fine[:12])
    run_folder(here.folder / "runs" / "b", [*fine[8:], attempt(3, State.FAILED)], header(machine="all"))
    facts = here.call("report", "runs", "--json").json
    assert (facts["done"], facts["failed"], facts["missing"]) == (20, 0, 0)


def test_a_journal_that_is_cut_or_damaged_is_told_and_the_rest_counts(here: Machine) -> None:
    folder = run_folder(here.folder / "runs" / "a", [attempt(position) for position in range(20)])
    content = last_journal(folder).read_bytes()
    at = content.index(b'"pos":7')
    last_journal(folder).write_bytes(content[: at + 6] + b"9" + content[at + 7 : -30])
    shutil.rmtree(folder.tally, ignore_errors=True)
    facts = here.call("report", "runs", "--json").json
    assert (facts["done"], facts["damaged"]) == (18, 1)
    here.call("report", "runs")
    assert "Damaged places in the journals do not count: 1" in looked_at(here.folder / "report.html").text
