"""The page in a real browser: wide and narrow, by mouse and by keyboard, light and dark, on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.browser import Browser, browser
from kit.program import Machine

WIDTHS = (320, 400, 760, 761, 1280, 3840)
CUT = """
(() => {
  const found = [];
  for (const svg of document.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect();
    if (frame.width === 0) continue;
    for (const text of svg.querySelectorAll("text")) {
      const box = text.getBoundingClientRect();
      if (box.left + 1 < frame.left || box.right > frame.right + 1) found.push("cut: " + text.textContent);
      if (box.height < 8) found.push(`small, ${box.height}: ${text.textContent}`);
    }
  }
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) found.push(`${page.scrollWidth} wide`);
  return found;
})()
"""
OVERLAPS = """
(() => {
  const found = [];
  for (const svg of document.querySelectorAll("svg")) {
    const boxes = [...svg.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
    boxes.forEach(([one, a], at) => {
      if (a.width === 0) return;
      for (const [other, b] of boxes.slice(at + 1))
        if (a.left < b.right - 1 && b.left < a.right - 1
          && a.top < b.bottom - b.height / 6 && b.top < a.bottom - a.height / 6)
          found.push(one + " | " + other);
    });
  }
  return found;
})()
"""
MIDDLE = """
(() => {
  const svg = document.querySelectorAll("figure")[1].querySelector("svg");
  svg.scrollIntoView({block: "center"});
  const box = svg.getBoundingClientRect();
  return [box.left + box.width / 2, box.top + box.height / 2];
})()
"""
SHOWN = "[...document.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().width > 0).length"
ROWS = (
    "[...document.querySelectorAll('section')[1].querySelectorAll('tbody')[1].rows].map(row => row.cells[{}].innerText)"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Of two machines, one of which is much slower than its weight says; two jobs fail."""
    here = Machine(tmp_path_factory.mktemp("run"))
    text = '{"a machine with a long name": [1, 2], "bob": [1, 2]}'
    lines = [
        f"test {number} != 7 -a {number} != 11 || {{ echo '<b>no</b>'; exit 3; }}; sleep 0.0{5 + number % 2}"
        for number in range(60)
    ]
    here.jobs(*lines, machines=text)
    here.run(machine="bob", code=None)
    here.environ = {"SLOW": "1"}
    here.run("-j", "1", machine="a machine with a long name", code=None)
    here.call("report")
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        opened.open((here.folder / "report.html").as_uri())
        yield opened


def test_nothing_is_cut_or_runs_into_another_at_any_width(page: Browser) -> None:
    for width in WIDTHS:
        page.size(width)
        assert page.ask(SHOWN) == 4
        assert page.ask(CUT) == [], width
        assert page.ask(OVERLAPS) == [], width


def test_axes_are_told_and_the_time_that_was_to_be_expected_is_drawn(page: Browser) -> None:
    page.size(1280)
    labels = "[...document.querySelectorAll('section')[4].querySelectorAll('.broad text.middle')]"
    told = [one for one in page.ask(f"{labels}.map(one => one.textContent)") if "%" not in one]
    assert len(told) >= 2, told
    assert page.ask("document.querySelectorAll('section')[1].querySelectorAll('.broad .mark').length") == 1


def test_a_table_is_sorted_by_keyboard(page: Browser) -> None:
    page.size(1280)
    page.ask("document.querySelectorAll('section')[1].querySelectorAll('th button')[6].focus()")
    heads = "document.activeElement.parentElement.getAttribute('aria-sort')"
    assert page.ask("document.activeElement.innerText") == "done"
    page.press("Enter")
    assert page.ask(heads) == "ascending"
    up = page.ask(ROWS.format(3))
    assert sorted(up, key=int) == up
    page.press("Enter")
    assert page.ask(heads) == "descending"
    assert page.ask(ROWS.format(3)) == up[::-1]
    assert len(set(up)) == 2


def test_a_drawing_is_read_out_by_keyboard_and_by_mouse(page: Browser) -> None:
    page.size(1280)
    told = "document.activeElement.querySelector('.at').innerText.trim()"
    page.ask("document.querySelectorAll('figure')[1].focus()")
    assert page.ask(told) == ""
    page.press("Home")
    first = page.ask(told)
    assert first.startswith("from 0s")
    page.press("ArrowRight")
    assert page.ask(told) != first
    page.press("ArrowLeft")
    assert page.ask(told) == first
    where = page.ask(MIDDLE)
    page.point(*where)
    assert page.ask(told) != first


def test_what_a_job_printed_is_text_and_the_page_complains_of_nothing(page: Browser) -> None:
    assert "<b>no</b>" in page.ask("document.body.innerText")
    assert page.ask("document.querySelectorAll('pre b').length") == 0
    assert page.complaints == []


def test_it_is_light_dark_and_printed(page: Browser, tmp_path: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    page.prefer("light")
    light = page.ask(ground)
    page.prefer("dark")
    assert page.ask(ground) != light
    told = page.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)
    assert len(told["data"]) > 10_000
    page.prefer("light")
