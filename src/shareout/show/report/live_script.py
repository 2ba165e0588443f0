"""What the page does while it runs: it is told what is new, and shows it. What comes from jobs is never markup."""

from __future__ import annotations

from shareout.show.report.script import TOOLS

LIVE_SCRIPT = (
    TOOLS
    + r"""
const POLITE_S = 60, DRAW_S = 5, STALE_S = 12, MOST_WAIT_S = 10, LEAST_AGE_S = 5;
const at = (id) => document.getElementById(id);
const state = {};
const SILENT = 0, RUNNING = 1, HOW = ["not running", "running", "finished"];
let shade = {};
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
  if (seconds > 0) if (1 > seconds) return Math.max(1, Math.round(1000 * seconds)) + "ms";
  if (10 > seconds) return Number(seconds.toFixed(1)) + "s";
  const whole = Math.round(seconds), units = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];
  const first = units.findIndex(([size]) => whole >= size);
  if (first === -1) return "0s";
  const [size, unit] = units[first], count = Math.floor(whole / size);
  if (first === 3) return count + unit;
  const [next, other] = units[first + 1], rest = Math.floor(whole % size / next);
  return count + unit + (rest ? " " + rest + other : "");
}
function clock(seconds) {
  const then = new Date(seconds * 1000), isToday = then.toDateString() === new Date().toDateString();
  return isToday ? then.toLocaleTimeString() : then.toLocaleString();
}
function merge(old, change) {
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete old[key];
    else if (typeof value === "object" && !Array.isArray(value)) {
      if (typeof old[key] !== "object" || Array.isArray(old[key])) old[key] = Object.create(null);
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
function names(found) {
  return found.slice(0, 4).join(", ") + (found.length > 4 ? " and " + (found.length - 4) + " more" : "");
}
function ends() {
  const absent = Object.keys(state.absent || {}), machines = Object.entries(state.machines || {});
  const silent = machines.filter(([, one]) => one[7] === SILENT).map(([name]) => name);
  if (!state.todo) return "It is over.";
  if (!state.live) return "Nobody works on the rest.";
  if (state.eta !== undefined) {
    const range = time(state.eta_low) === time(state.eta_high) ? ""
      : " (" + time(state.eta_low) + " to " + time(state.eta_high) + ")";
    return "It ends in about " + time(state.eta) + range + ", at " + clock(state.now + state.eta) + ".";
  }
  const last = Math.max(...machines.map(([, one]) => one[7] === RUNNING ? one[6] || 0 : 0));
  const rest = last ? "what runs ends in about " + time(last) : "when it ends nobody knows yet";
  if (absent.length) return "Of " + names(absent) + " nothing is here; " + rest + ".";
  if (silent.length) return names(silent) + (silent.length > 1 ? " do" : " does") + " not run; " + rest + ".";
  return rest[0].toUpperCase() + rest.slice(1) + ".";
}
function sentence() {
  let said = number(state.done) + " of " + number(state.jobs) + " jobs are done";
  if (state.failed) said += ", " + number(state.failed) + " failed";
  if (state.skipped) said += ", " + number(state.skipped) + " are skipped";
  return said + ". " + ends();
}
function dot(kind) { return make("span", undefined, "dot " + kind); }
function tiles() {
  const machines = Object.values(state.machines || {}), live = machines.filter((one) => one[7] === RUNNING).length;
  const idle = Math.max(0, state.todo - state.running);
  const shown = [["good", "done", number(state.done), ""],
    ["bad", "failed", number(state.failed), state.failed ? "bad" : ""],
    ["busy", "running", number(state.running), ""], ["left", "to begin", number(idle), ""],
    ["", "a second", state.live ? String(state.rate) : "0", ""],
    ["", "machines", live + " of " + (machines.length + Object.keys(state.absent || {}).length), ""]];
  if (state.skipped) shown.splice(2, 0, ["cx", "skipped", number(state.skipped), ""]);
  at("tiles").replaceChildren(...shown.map(([kind, name, value, how]) => {
    const tile = make("div", undefined, "tile " + how);
    tile.append(make("b", value), ...(kind ? [dot(kind)] : []), name);
    return tile;
  }));
}
function fill(section, rows) {
  const table = section.querySelector("table"), body = table.tBodies[0];
  const old = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const kept = rows.map(([key, cells]) => {
    const row = old.get(key) || make("tr");
    row.dataset.key = key;
    cells.forEach(([text, value, kind, mark], column) => {
      const cell = row.cells[column] || row.insertCell();
      const stays = mark ? cell.firstElementChild?.isEqualNode(mark) : true;
      if (cell.textContent !== text || !stays) {
        cell.textContent = text;
        if (mark) cell.prepend(mark);
      }
      if (value !== undefined) cell.dataset.v = value;
      if (cell.className !== (kind || "")) cell.className = kind || "";
    });
    return row;
  });
  section.hidden = rows.length === 0;
  sorted(table, kept);
  const input = section.querySelector("input");
  if (!input) return;
  input.hidden = LEAST_TO_FILTER > rows.length;
  if (input.value) input.dispatchEvent(new Event("input"));
}
const count = (value, kind) => [number(value), value, "n" + (kind ? " " + kind : "")];
function far(done, failed, jobs) {
  const bar = make("span", undefined, "bar"), share = jobs ? (done + failed) / jobs : 1;
  for (const [many, kind] of [[done, ""], [failed, "bad"]]) if (many) {
    const part = make("i", undefined, kind);
    part.style.width = 100 * many / jobs + "%";
    bar.append(part);
  }
  bar.title = number(done + failed) + " of " + number(jobs);
  bar.setAttribute("role", "img");
  bar.setAttribute("aria-label", bar.title);
  return ["", share, "", bar];
}
function machineRows() {
  const here = Object.entries(state.machines || {});
  const ago = (one) => one[8] ? ", last heard " + time(state.now - one[8]) + " ago" : "";
  const rank = ([, one]) => one[7] === SILENT ? 0 : one[7] === RUNNING ? 1 : 2;
  // Who is silent, or will be last, comes first.
  here.sort((a, b) => rank(a) - rank(b) || (b[1][6] || 0) - (a[1][6] || 0));
  const rows = here.map(([name, one]) => [name, [[name, undefined, "", dot(shade[name] || "left")],
    far(one[0], one[1], one[4]), count(one[0]), count(one[1], one[1] ? "badtext" : ""), count(one[2]), count(one[3]),
    [one[7] === RUNNING ? one[5] + "/s" : "", one[5], "n"],
    [one[7] === RUNNING ? time(one[6]) : "", one[6] === null ? 1e12 : one[6], "n"],
    [one[9] || (one[7] === SILENT ? "not running" + ago(one) : HOW[one[7]]), undefined,
      "words"]]]);
  for (const [name, jobs] of Object.entries(state.absent || {}))
    rows.push([name, [[name, undefined, "", dot("left")], far(0, 0, jobs), count(0), count(0), count(0), count(jobs),
      ["", 0, "n"], ["", 1e12, "n"], ["nothing of it here", undefined, "words"]]]);
  return rows;
}
const touched = new Map();
function failures() {
  const found = state.failures || [];
  at("failures").hidden = found.length === 0;
  const old = new Map([...at("failed").children].map((one) => [one.dataset.key, one]));
  arrange(at("failed"), found.map((one, place) => {
    const key = one.machine + "/" + one.job + "/" + one.attempt, text = one.lines.join("\n");
    const shown = old.get(key) || make("details"), head = make("summary");
    shown.dataset.key = key;
    head.append(make("b", "job " + one.job), " on " + one.machine + ": ", make("span", one.error, "badtext"));
    // Kept where it is the same, so that it keeps the focus.
    if (!old.has(key) || (shown.querySelector("pre") || {textContent: ""}).textContent !== text)
      shown.replaceChildren(head, ...(text ? [make("pre", text)] : []));
    // The newest are open, unless somebody has said otherwise.
    shown.open = touched.has(key) ? touched.get(key) : 2 > place;
    shown.querySelector("summary").onclick = () => touched.set(key, !shown.open);
    return shown;
  }));
}
function active() {
  return (state.active || []).map((one) => [one[1] + "/" + one[0] + "/" + one[3], [["" + one[0], one[0]],
    [one[5], undefined, "words"], [one[1]],
    ["" + one[2], one[2], "n"], ["" + one[3], one[3], "n"], [time(state.now - one[4]), state.now - one[4], "n"]]]);
}
function groups() {
  const took = (value) => [value === undefined ? "" : time(value), value === undefined ? -1 : value, "n"];
  return Object.entries(state.groups || {}).map(([name, one]) => [name, [[name], far(one[0], one[1], one[4]),
    count(one[0]), count(one[1], one[1] ? "badtext" : ""), count(one[2]), count(one[3]), took(one[5]), took(one[6])]]);
}
async function draw() {
  if (state.history === drawn || DRAW_S * 1000 > Date.now() - drawnAt) return;
  drawnAt = Date.now();
  const answer = await fetch("throughput", {headers: {Authorization: "Bearer " + token}, cache: "no-store"});
  if (!answer.ok) return;
  drawn = state.history;
  // Drawn by the same hands as the report; scripts in it would not run, and there are none.
  const told = await answer.json(), found = new DOMParser().parseFromString(told.drawn, "text/html").body;
  const figure = found.querySelector("figure"), hasFocus = at("drawn").contains(document.activeElement);
  at("throughput").hidden = figure === null;
  shade = told.shade;
  at("legend").replaceChildren(...Object.entries(shade).filter(([, kind]) => kind !== "cx").map(([name, kind]) => {
    const shown = make("span");
    shown.append(dot(kind), name);
    return shown;
  }));
  if (figure === null || hasFocus) return;
  at("drawn").replaceChildren(...found.childNodes);
  for (const table of at("drawn").querySelectorAll("table")) sortable(table, true);
  legible(at("drawn").querySelector("figure"));
}
function show() {
  const share = percent(), words = sentence();
  document.title = told(share) + " " + (state.fingerprint || "shareout");
  at("name").textContent = state.fingerprint;
  at("where").textContent = state.digest.slice(0, 16) + " · " + (state.over ? "the end of it, " : "looked at ")
    + clock(state.now);
  at("share").textContent = told(share);
  at("first").textContent = words;
  at("note").hidden = !state.certificate;
  if (state.certificate) at("note").replaceChildren("Complete; certificate ", make("code", state.certificate));
  const bar = at("progress");
  const parts = [[state.done, ""], [state.failed, "bad"], [state.skipped, "cx"], [state.running, "busy"]];
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
  const age = state.now - state.groups_at;
  at("counted").hidden = LEAST_AGE_S > age;
  at("counted").textContent = "Counted " + time(age) + " ago: that goes through all jobs, and is done seldom.";
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
        // Of another start of it: this page is told no more.
        state.trouble = "The token is missing or wrong: open the address that was printed last.";
        trouble();
        if (!heard) at("first").textContent = "";
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
