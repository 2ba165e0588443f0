"""`report --plot`: a result over an input, with numbers that can be checked by hand."""

from __future__ import annotations

import json
import random
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from statistics import median

import pytest

from kit.program import Machine
from shareout.errors import UsageError
from shareout.report.plots import NOTHING, OTHERS, Kind, Lookup, binned, formula_of, points_of
from shareout.show.report.plotted import alone
from shareout.show.report.svg import date_ticks, number_ticks

SCRIPT = """
from shareout import run
def job(lattice, n): return {"energy": n * n + (100 if lattice == "fcc" else 0), "name": lattice}
if __name__ == "__main__": run(job)
"""
GRID = {"lattice": ["fcc", "bcc"], "n": {"start": 1, "stop": 21}}


def jobs(rows: list[dict[str, object]]) -> Iterator[tuple[int, Lookup]]:
    yield from ((number, row.get) for number, row in enumerate(rows))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("y~x", ("y", "x", None)),
        ("  a b  ~  c d by e f ", ("a b", "c d", "e f")),
        ("y ~ by by by", ("y", "by", "by")),
        ("y ~ xby z", ("y", "xby z", None)),
    ],
)
def test_a_formula_is_read(text: str, parts: tuple[str, str, str | None]) -> None:
    formula = formula_of(text)
    assert (formula.y, formula.x, formula.by) == parts


@pytest.mark.parametrize("text", ["", "y", "~", "y ~", "~ x", "  "])
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no plot"):
        formula_of(text)


def test_few_values_of_x_have_a_stretch_each_and_medians_and_quartiles_are_theirs() -> None:
    rows: list[dict[str, object]] = [{"x": x, "y": 10 * x + y} for x in (1, 2, 3) for y in (0, 1, 2, 3, 100)]
    made = binned(points_of(formula_of("y ~ x"), jobs(rows), 15, 15), formula_of("y ~ x"))
    assert made.edges == [0.5, 1.5, 2.5, 3.5]
    bins = [one for one in made.groups[""] if one]
    assert [(one.low, one.median, one.high, one.count) for one in bins] == [
        (10 * x + 1, 10 * x + 2, 10 * x + 3, 5) for x in (1, 2, 3)
    ]
    assert all(one.sure is None for one in bins), "all jobs are here: nothing is left to chance"


def test_what_is_no_number_is_left_out_and_counted() -> None:
    rows: list[dict[str, object]] = [
        {"x": 1, "y": y} for y in (1, "2", True, None, "word", float("nan"), [1], 10**400, 1e308)
    ]
    points = points_of(formula_of("y ~ x"), jobs(rows), 9, 9)
    assert list(points.y) == [1, 2, 1]
    assert points.left_out == 6
    assert points_of(formula_of("y ~ x", "y"), jobs([{"x": 1, "y": 0}]), 1, 1).left_out == 1


def test_words_stand_beside_each_other_and_the_smallest_groups_together() -> None:
    rows: list[dict[str, object]] = [
        {"x": "ab"[number % 2], "y": number, "g": f"g{group}"} for group in range(12) for number in range(20 - group)
    ]
    formula = formula_of("y ~ x by g")
    points = points_of(formula, jobs(rows), len(rows), len(rows))
    made = binned(points, formula)
    assert points.words == ["a", "b"]
    assert made.is_apart
    assert [*made.groups] == [*(f"g{number}" for number in range(7)), OTHERS]
    assert sum(one.count for bins in made.groups.values() for one in bins if one) == len(rows)


def test_an_axis_is_of_what_most_jobs_have_and_the_rest_is_counted() -> None:
    rows: list[dict[str, object]] = [{"x": x, "y": 1} for x in (1, 2, 3, "4", "NA", "", "nan", float("inf"), None)]
    points = points_of(formula_of("y ~ x"), jobs(rows), 9, 9)
    assert (points.kind, list(points.x), points.words, points.left_out) == (Kind.NUMBER, [1, 2, 3, 4], [], 5)
    rows = [{"x": x, "y": 1} for x in ("a", 7, "b", "a")]
    points = points_of(formula_of("y ~ x"), jobs(rows), 4, 4)
    assert (points.kind, list(points.x), points.words, points.left_out) == (Kind.TEXT, [0, 1, 0], ["a", "b"], 1)
    days = ("1970-01-02", "1970-01-02T01:00", "1970-01-02 02:00:00+01:00", "1970-13-01")
    points = points_of(formula_of("y ~ x"), jobs([{"x": day, "y": 1} for day in days]), 4, 4)
    assert (points.kind, list(points.x), points.left_out) == (Kind.DATE, [86400, 90000, 90000], 1)
    for formula in (formula_of("y ~ x", "x"), formula_of("y ~ x", "xy")):
        with pytest.raises(UsageError, match="dates, which have no logarithm"):
            points_of(formula, jobs([{"x": day, "y": 1} for day in days]), 4, 4)


def test_ticks_differ_from_each_other_and_say_what_they_are() -> None:
    assert [text for _, text in number_ticks(20_261_001, 20_261_009)] == [
        "20261002",
        "20261004",
        "20261006",
        "20261008",
    ]
    assert [text for _, text in number_ticks(0, 2e6)] == ["0", "500,000", "1,000,000", "1,500,000", "2,000,000"]
    assert [text for _, text in number_ticks(-1e-7, 1e-7)] == ["-1e-07", "-5e-08", "0", "5e-08", "1e-07"]
    assert [text for _, text in date_ticks(0, 40 * 31_557_600)] == [f"{year}" for year in range(1970, 2011, 5)]
    assert [text for _, text in date_ticks(0, 70 * 86400, 3)] == ["1970-01", "1970-02", "1970-03"]
    assert [text for _, text in date_ticks(0, 5 * 86400, 5)] == [f"1970-01-0{day}" for day in range(1, 7)]
    assert [text for _, text in date_ticks(0, 7200, 2)] == ["01-01 00:00", "01-01 01:00", "01-01 02:00"]
    for span in (1.0, 1e3, 1e5, 1e7, 1e9, 1e11):
        assert 2 <= len(date_ticks(1.7e9, 1.7e9 + span)) <= 9, span


def test_a_picture_of_its_own_needs_no_style_sheet_and_groups_differ_by_shape() -> None:
    rows: list[dict[str, object]] = [
        {"x": x, "y": x * group, "g": f"g{group}" if group else None} for x in range(20) for group in range(9)
    ]
    formula = formula_of("y ~ x by g")
    drawn = alone(points_of(formula, jobs(rows), len(rows), len(rows)), formula)
    for word in ("var(", "class=", "<style", "inf", "nan"):
        assert word not in drawn
    root = ElementTree.fromstring(drawn)
    texts = {one.text for one in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {NOTHING, OTHERS, "g1"} <= texts
    entries = [one.get("d") for one in root[1] if one.get("transform") and one.get("d")]
    assert len(entries) == len(set(entries)) == 8
    for other in ([{"x": 1, "y": 1}], [{"x": 1e17, "y": 1e17}], [{"x": 1e299, "y": -1e299}, {"x": -1e299, "y": 1e299}]):
        for log in ("", "x"):
            formula = formula_of("y ~ x", log)
            points = points_of(formula, jobs([dict(one) for one in other]), len(other), len(other))
            ElementTree.fromstring(told := alone(points, formula))
            assert "nan" not in told, (other, log)


def test_the_median_of_all_lies_where_a_part_of_them_says_nineteen_times_of_twenty() -> None:
    seed = 20261127
    dice, hits, times = random.Random(seed), 0, 400
    formula = formula_of("y ~ x")
    for _ in range(times):
        everything = [dice.expovariate(1) for _ in range(400)]
        part = dice.sample(everything, 100)
        made = binned(points_of(formula, jobs([{"x": 1, "y": y} for y in part]), 100, 400), formula)
        (one,) = made.groups[""]
        assert one is not None
        assert one.sure is not None
        hits += one.sure[0] <= median(everything) <= one.sure[1]
    assert 0.93 <= hits / times <= 0.995, f"{hits} of {times}, seed {seed}"


def test_of_very_many_jobs_a_part_is_drawn_that_favours_no_column_of_a_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shareout.report.plots.MOST_POINTS", 1000)
    count = 16_000
    rows = ((number, {"x": number % 16, "y": number}.__getitem__) for number in range(count))
    points = points_of(formula_of("y ~ x"), rows, count, count)
    assert points.is_part
    assert 700 <= len(points.y) <= 1300
    by_x = [list(points.x).count(x) for x in range(16)]
    assert min(by_x) >= 0.5 * max(by_x), by_x


def test_plots_are_on_the_page_and_one_is_a_picture_of_its_own(here: Machine) -> None:
    here.script(SCRIPT).write("configs/jobs.grid.json", json.dumps(GRID))
    here.run()
    here.call("report", "--plot", "energy ~ n by lattice", "--plot", "seconds ~ job", "--plot", "energy ~ lattice")
    page = (here.folder / "report.html").read_text()
    ElementTree.fromstring(page)
    assert page.index("energy ~ n by lattice") < page.index("Failures")
    assert '<td class="n" data-v="500">500 (of 1)</td>' in page, "20 x 20 + 100"
    here.call("report", "--plot", "energy ~ n by lattice", "--log", "xy", "-o", "energy.svg")
    root = ElementTree.fromstring((here.folder / "energy.svg").read_text())
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"energy", "n", "fcc", "bcc"} <= set(texts)


def test_what_cannot_be_drawn_is_told_with_what_there_is(here: Machine) -> None:
    here.script(SCRIPT).write("configs/jobs.grid.json", json.dumps(GRID))
    here.run("-n", "4", code=None)
    told = here.call("report", "--plot", "enrgy ~ n", code=2).err
    assert "nothing is called enrgy" in told
    assert "Results have energy, name" in told
    assert "inputs have" in told
    assert "lattice" in told
    assert not (here.folder / "report.html").exists()
    assert "2 plots are asked for" in here.call("report", "--plot", "a~b", "--plot", "a~c", "-o", "x.svg", code=2).err
    assert "nothing is called lettice" in here.call("report", "--plot", "energy ~ n by lettice", code=2).err
    assert "nothing is called group" in here.call("report", "--plot", "energy ~ group", code=2).err
    told = here.call("report", "--plot", "name ~ n", code=2).err
    assert "of 4 jobs none has a number as name" in told
    assert "no plots are asked for" in here.call("report", "-o", "x.svg", code=2).err
    assert "no plots are asked for" in here.call("report", "-o", "X.SVG", code=2).err
    assert "there is none" in here.call("report", "--log", "x", code=2).err


def test_commands_have_how_long_they_took(here: Machine) -> None:
    here.jobs(*(f"true {number}" for number in range(8)))
    here.run()
    here.call("report", "--plot", "seconds ~ job", "-o", "took.svg")
    assert "seconds ~ job" in (here.folder / "took.svg").read_text()


def test_a_result_of_a_list_is_named_by_its_place_from_one(here: Machine) -> None:
    here.script("from shareout import run\ndef job(n): return [n, n + 5]\nrun(job)\n")
    here.write("configs/jobs.grid.json", '{"n": [1, 2, 3]}')
    here.run()
    here.call("report", "--plot", "result_2 ~ n", "-o", "x.svg")
    for name in ("result_0", "result_02", "result_" + "9" * 5000):
        assert f"nothing is called {name}" in here.call("report", "--plot", f"{name} ~ n", "-o", "x.svg", code=2).err
