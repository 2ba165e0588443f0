"""The page while it runs: the report's words and drawings, filled in by what is told as it comes."""

from __future__ import annotations

from shareout.show.report.script import TOOLS
from shareout.show.report.style import STYLE

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>shareout</title><link rel="stylesheet" href="page.css"></head>
<body><main>
<h1 id="name">shareout</h1><p class="soft" id="where"></p>
<p class="stale" id="stale" role="alert" hidden></p>
<p class="first" id="first">Waiting for the first look …</p>
<div class="progress" id="progress" role="progressbar" aria-valuemin="0" aria-valuemax="100"></div>
<div class="tiles" id="tiles"></div>
<p class="hidden" id="polite" role="status"></p>
<section id="failures" hidden><h2>Failures</h2><p class="soft">The last ones; some may have been tried again since.</p>
<div id="failed"></div></section>
<section id="machines" hidden><h2>Machines</h2><div class="wide"><table><thead><tr><th scope="col">machine</th>
<th scope="col" class="n">done</th><th scope="col" class="n">failed</th><th scope="col" class="n">running</th>
<th scope="col" class="n">to do</th><th scope="col" class="n">of</th><th scope="col" class="n">rate</th>
<th scope="col" class="n">ends in</th><th scope="col">state</th></tr></thead><tbody></tbody></table></div></section>
<section id="throughput" hidden><h2>Throughput</h2><p class="soft">Jobs settled a second, machine upon machine.</p>
<div id="drawn"></div></section>
<section id="groups" hidden><h2>Groups</h2><div class="wide"><table><thead><tr><th scope="col">group</th>
<th scope="col" class="n">done</th><th scope="col" class="n">failed</th><th scope="col" class="n">running</th>
<th scope="col" class="n">to do</th><th scope="col" class="n">of</th></tr></thead><tbody></tbody></table></div>
</section><section id="active" hidden><h2>Running longest</h2><div class="wide"><table><thead><tr>
<th scope="col">job</th><th scope="col">what</th><th scope="col">machine</th><th scope="col" class="n">slot</th>
<th scope="col" class="n">try</th><th scope="col" class="n">since</th></tr></thead><tbody></tbody></table></div>
</section>
</main><script src="page.js"></script></body></html>
"""

LIVE_STYLE = (
    STYLE
    + """
.stale{background:var(--bad);color:#fff;border-radius:8px;padding:8px 12px;margin:10px 0}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
"""
)

LIVE_SCRIPT = (
    TOOLS
    + r"""
const POLITE_S = 60, DRAW_S = 5, STALE_S = 12, MOST_WAIT_S = 10;
const at = (id) => document.getElementById(id);
const state = {};
let token = location.hash.slice(1), heard = 0, drawn = -1, drawnAt = 0, politeAt = 0;
if (token) {
  sessionStorage.setItem("token", token);
  history.replaceState(null, "", location.pathname);
} else token = sessionStorage.getItem("token");

function make(kind, text, name) {
  const made = document.createElement(kind);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  return made;
}
function number(value) { return Number(value).toLocaleString("en"); }
function time(seconds) {
  if (seconds === undefined || seconds === null) return "?";
  const whole = Math.round(seconds), units = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];
  const first = units.findIndex(([size]) => whole >= size);
  if (first === -1) return "0s";
  const [size, unit] = units[first], count = Math.floor(whole / size);
  if (first === 3) return count + unit;
  const [next, other] = units[first + 1], rest = Math.floor(whole % size / next);
  return count + unit + (rest ? " " + rest + other : "");
}
function clock(seconds) { return new Date(seconds * 1000).toLocaleString(); }
function merge(old, change) {
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete old[key];
    else if (typeof value === "object" && !Array.isArray(value)) {
      if (typeof old[key] !== "object" || Array.isArray(old[key])) old[key] = {};
      merge(old[key], value);
    } else old[key] = value;
  }
}
function percent() {
  const settled = state.done + state.failed + state.skipped;
  if (!state.jobs || settled === state.jobs) return 100;
  return settled ? Math.min(99.9, Math.max(0.1, 100 * settled / state.jobs)) : 0;
}
function told(share) { return share === 100 || share === 0 ? share + "%" : share.toFixed(1) + "%"; }
function sentence() {
  let said = number(state.done) + " of " + number(state.jobs) + " jobs are done";
  if (state.failed) said += ", " + number(state.failed) + " failed";
  if (state.skipped) said += ", " + number(state.skipped) + " are skipped";
  if (!state.todo) return said + ". It is over.";
  if (!state.live) return said + ". Nobody works on the rest.";
  if (state.eta === undefined) return said + ". When it ends nobody knows yet.";
  const range = time(state.eta_low) === time(state.eta_high) ? ""
    : " (" + time(state.eta_low) + " to " + time(state.eta_high) + ")";
  return said + ". It ends in about " + time(state.eta) + range + ", at " + clock(state.now + state.eta) + ".";
}
function tiles() {
  const machines = Object.values(state.machines || {}), live = machines.filter((one) => one[7] === "running").length;
  const shown = [["done", number(state.done), ""], ["failed", number(state.failed), state.failed ? "bad" : ""],
    ["running", number(state.running), ""], ["to do", number(state.todo), ""],
    ["a second", state.live ? String(state.rate) : "0", ""], ["machines at work", live + " of " + machines.length, ""]];
  at("tiles").replaceChildren(...shown.map(([name, value, kind]) => {
    const tile = make("div", undefined, "tile " + kind);
    tile.append(make("b", value), name);
    return tile;
  }));
}
function fill(section, rows) {
  const table = section.querySelector("table"), body = table.tBodies[0];
  const old = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const kept = rows.map(([key, cells]) => {
    const row = old.get(key) || make("tr");
    row.dataset.key = key;
    cells.forEach(([text, value, kind], column) => {
      const cell = row.cells[column] || row.insertCell();
      if (cell.textContent !== text) cell.textContent = text;
      if (value !== undefined) cell.dataset.v = value;
      cell.className = kind === undefined ? "" : kind;
    });
    return row;
  });
  body.replaceChildren(...kept);
  section.hidden = rows.length === 0;
  sorted(table);
  const input = section.querySelector("input");
  if (input) input.dispatchEvent(new Event("input"));
}
const count = (value, kind) => [number(value), value, "n" + (kind ? " " + kind : "")];
function machineRows() {
  const here = Object.entries(state.machines || {});
  const ago = (one) => one[8] ? ", last heard " + time(state.now - one[8]) + " ago" : "";
  const rank = ([, one]) => one[7] === "silent" ? 0 : one[7] === "running" ? 1 : 2;
  // Who is silent, or will be last, comes first.
  here.sort((a, b) => rank(a) - rank(b) || (b[1][6] || 0) - (a[1][6] || 0));
  const rows = here.map(([name, one]) => [name, [[name], count(one[0]), count(one[1], one[1] ? "badtext" : ""),
    count(one[2]), count(one[3]), count(one[4]), [one[7] === "running" ? one[5] + "/s" : "", one[5], "n"],
    [one[7] === "running" ? time(one[6]) : "", one[6] === null ? 1e12 : one[6], "n"],
    [one[7] === "silent" ? "not running" + ago(one) : one[7]]]]);
  for (const [name, jobs] of Object.entries(state.absent || {}))
    rows.push([name, [[name], count(0), count(0), count(0), count(jobs), count(jobs), ["", 0, "n"], ["", 1e12, "n"],
      ["nothing of it here"]]]);
  return rows;
}
function failures() {
  const found = state.failures || [];
  at("failures").hidden = found.length === 0;
  const open = new Set([...at("failed").querySelectorAll("details[open]")].map((one) => one.dataset.key));
  const before = new Set([...at("failed").querySelectorAll("details")].map((one) => one.dataset.key));
  at("failed").replaceChildren(...found.map((one, place) => {
    const shown = make("details"), head = make("summary");
    shown.dataset.key = one.job + "/" + one.attempt;
    shown.open = before.has(shown.dataset.key) ? open.has(shown.dataset.key) : 3 > place;
    head.append(make("b", "job " + one.job), " on " + one.machine + ": ", make("span", one.error, "badtext"));
    shown.append(head, make("pre", one.lines.join("\n")));
    return shown;
  }));
}
function active() {
  return (state.active || []).map((one) => [one[0] + "/" + one[3], [["" + one[0], one[0]], [one[5]], [one[1]],
    ["" + one[2], one[2], "n"], ["" + one[3], one[3], "n"], [time(state.now - one[4]), state.now - one[4], "n"]]]);
}
function groups() {
  return Object.entries(state.groups || {}).map(([name, one]) => [name, [[name], ...one.map((value) => count(value))]]);
}
async function draw() {
  if (state.history === drawn || DRAW_S * 1000 > Date.now() - drawnAt) return;
  drawnAt = Date.now();
  const answer = await fetch("throughput", {headers: {Authorization: "Bearer " + token}, cache: "no-store"});
  if (!answer.ok) return;
  drawn = state.history;
  // Drawn by the same hands as the report; scripts in it would not run, and there are none.
  const found = new DOMParser().parseFromString((await answer.json()).drawn, "text/html").body;
  const figure = found.querySelector("figure"), hasFocus = at("drawn").contains(document.activeElement);
  at("throughput").hidden = figure === null;
  if (figure === null || hasFocus) return;
  at("drawn").replaceChildren(...found.childNodes);
  for (const table of at("drawn").querySelectorAll("table")) sortable(table, true);
  legible(at("drawn").querySelector("figure"));
}
function show() {
  const share = percent(), words = sentence();
  document.title = told(share) + " " + (state.fingerprint || "shareout");
  at("name").textContent = state.fingerprint;
  at("where").textContent = state.digest.slice(0, 16) + " · looked at " + clock(state.now);
  at("first").textContent = words + (state.certificate ? " Certificate " + state.certificate + "." : "");
  const bar = at("progress"), parts = [[state.done, ""], [state.failed, "bad"], [state.skipped, "cx"]];
  bar.replaceChildren(...parts.filter(([many]) => many).map(([many, kind]) => {
    const part = make("span", undefined, kind);
    part.style.width = 100 * many / state.jobs + "%";
    return part;
  }));
  bar.setAttribute("aria-valuenow", share.toFixed(1));
  if (Date.now() - politeAt > POLITE_S * 1000) {
    politeAt = Date.now();
    at("polite").textContent = told(share) + ". " + words;
  }
  tiles();
  failures();
  fill(at("machines"), machineRows());
  fill(at("groups"), groups());
  fill(at("active"), active());
  draw().catch(() => undefined);
}
function trouble() {
  const age = Math.round((Date.now() - heard) / 1000), box = at("stale");
  if (state.over) return box.hidden = true;
  const isStale = heard ? age > STALE_S || !connected : !connected;
  const text = state.trouble || (isStale ? "Not connected; what you see is " + age + " s old." : "");
  box.hidden = !text;
  if (text && box.textContent !== text) box.textContent = heard || state.trouble ? text : "Not connected.";
}
let connected = true;
async function follow() {
  const answer = await fetch("feed", {headers: {Authorization: "Bearer " + token}, cache: "no-store"});
  if (answer.status === 401) throw new Error("token");
  if (!answer.ok) throw new Error(answer.statusText);
  connected = true;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const news = JSON.parse(line);
      heard = Date.now();
      if (news.whole) for (const key of Object.keys(state)) delete state[key];
      merge(state, news.whole || news.patch || {});
    }
    if (lines.length) if (state.digest) show();
  }
}
async function keep() {
  for (let wait = 1; ; wait = Math.min(MOST_WAIT_S, 2 * wait)) {
    try {
      await follow();
      wait = 1;
    } catch (error) {
      if (error.message === "token") {
        at("first").textContent = "The token is missing or wrong: open the address that was printed.";
        return;
      }
    }
    connected = false;
    trouble();
    if (state.over) return;
    await new Promise((done) => setTimeout(done, 1000 * wait));
  }
}
for (const id of ["machines", "groups", "active"]) sortable(at(id).querySelector("table"), true);
setInterval(trouble, 1000);
keep();
"""
)
