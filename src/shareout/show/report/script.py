"""What pages do when they are used: sort and filter tables, read out drawings, copy a block."""

from __future__ import annotations

# All of it is a help only: without scripts the page says the same. No `<` and no `&`: see style.py.
TOOLS = r"""
"use strict";
const LEAST_TO_FILTER = 12;
const STEPS = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10};
function valueOf(cell) {
  return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
}
function order(one, other) {
  if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
  return typeof one === "number" ? one - other : one.localeCompare(other, undefined, {numeric: true});
}
function arrange(place, nodes) {
  // Where nothing moves nothing is touched: what somebody has selected stays so.
  const old = place.children;
  if (old.length !== nodes.length || nodes.some((node, at) => node !== old[at])) place.replaceChildren(...nodes);
}
function sorted(table, rows) {
  const head = table.querySelector('th[aria-sort$="scending"]'), body = table.tBodies[0];
  if (head === null) return arrange(body, rows);
  const sign = head.getAttribute("aria-sort") === "ascending" ? 1 : -1;
  const ranked = rows.map((row) => [valueOf(row.cells[head.cellIndex]), row]);
  ranked.sort((one, other) => sign * order(one[0], other[0]));
  arrange(body, ranked.map((row) => row[1]));
}
function sortable(table, isLive) {
  const heads = [...table.querySelectorAll("thead th")], body = table.tBodies[0];
  for (const head of heads) {
    if (head.textContent === "") continue;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
    button.onclick = () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      sorted(table, [...body.rows]);
    };
  }
  if (heads.length) for (const row of body.rows) row.dataset.at = row.rowIndex - 1;
  if (heads.length === 0 || table.closest("figure")) return;
  if (isLive !== true) if (LEAST_TO_FILTER > body.rows.length) return;
  const input = document.createElement("input");
  input.type = "search";
  input.placeholder = "filter";
  input.setAttribute("aria-label", "only rows with this text");
  input.oninput = () => {
    const wanted = input.value.toLowerCase();
    for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  };
  table.parentElement.before(input);
}
function legible(figure) {
  const isDown = figure.dataset.along === "y", told = figure.querySelector(".at");
  const names = [...figure.querySelectorAll("thead th")].map((head) => head.textContent);
  const rows = [...figure.querySelectorAll("tbody tr")];
  let here = -1;
  const show = (number) => {
    here = Math.max(0, Math.min(rows.length - 1, number));
    const row = rows.find((one) => Number(one.dataset.at) === here);
    told.textContent = [...row.cells].map((cell, at) => names[at] + " " + cell.textContent).join(" · ");
    for (const paper of figure.querySelectorAll("[data-low]")) {
      const svg = paper.querySelector("svg"), box = svg.viewBox.baseVal;
      const low = Number(paper.dataset.low), step = (Number(paper.dataset.high) - low) / rows.length;
      let mark = svg.querySelector(".here");
      if (mark === null) {
        mark = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        mark.setAttribute("class", "here");
        svg.append(mark);
      }
      const place = isDown
        ? {x: 0, y: low + here * step, width: box.width, height: step}
        : {x: low + here * step, y: 8, width: Math.max(1, step), height: box.height - 30};
      for (const [name, value] of Object.entries(place)) mark.setAttribute(name, value);
    }
  };
  figure.onpointermove = (event) => {
    const paper = event.target.closest("[data-low]");
    if (paper === null || rows.length === 0) return;
    const svg = paper.querySelector("svg"), seen = svg.getBoundingClientRect(), box = svg.viewBox.baseVal;
    const at = isDown ? (event.clientY - seen.top) / seen.height * box.height
      : (event.clientX - seen.left) / seen.width * box.width;
    const low = Number(paper.dataset.low), part = (at - low) / (Number(paper.dataset.high) - low);
    if (part >= 1) return;
    if (part >= 0) show(Math.floor(part * rows.length));
  };
  figure.onkeydown = (event) => {
    if (event.target !== figure || rows.length === 0) return;
    let to;
    if (event.key === "Home") to = 0;
    else if (event.key === "End") to = rows.length - 1;
    else if (event.key in STEPS) to = here + STEPS[event.key];
    else return;
    event.preventDefault();
    show(to);
  };
}
"""

SCRIPT = (
    TOOLS
    + r"""
for (const button of document.querySelectorAll("button[data-copy]")) button.onclick = () => {
  const range = document.createRange();
  range.selectNodeContents(document.getElementById(button.dataset.copy));
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  button.textContent = document.execCommand("copy") ? "copied" : "selected";
};
for (const table of document.querySelectorAll("table")) sortable(table, false);
document.querySelectorAll("figure").forEach(legible);
"""
)
