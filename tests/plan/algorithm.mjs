// docs/algorithm.md in another language, written from that page alone: from a configs folder to the ids of every share.
// Reads a JSON list of {folder, python, order?} from standard input, and writes what it finds of each. Text pools, JSON
// lines and grids of lists; rest.json. Only test_second_implementation.py uses it.

import { readFileSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// BLAKE3, as its specification has it.

const IV = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
const SCHEDULE = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
const [CHUNK_START, CHUNK_END, PARENT, ROOT, CONTEXT, MATERIAL] = [1, 2, 4, 8, 32, 64];

function compress(chain, words, counter, length, flags) {
  const v = [...chain, ...IV.slice(0, 4), counter >>> 0, Math.floor(counter / 2 ** 32), length, flags];
  const turn = (x, by) => (x >>> by) | (x << (32 - by));
  const mix = (a, b, c, d, one, other) => {
    v[a] = (v[a] + v[b] + one) | 0;
    v[d] = turn(v[d] ^ v[a], 16);
    v[c] = (v[c] + v[d]) | 0;
    v[b] = turn(v[b] ^ v[c], 12);
    v[a] = (v[a] + v[b] + other) | 0;
    v[d] = turn(v[d] ^ v[a], 8);
    v[c] = (v[c] + v[d]) | 0;
    v[b] = turn(v[b] ^ v[c], 7);
  };
  for (let round = 0, m = words; round < 7; round++, m = SCHEDULE.map((at) => m[at])) {
    for (let i = 0; i < 4; i++) mix(i, 4 + i, 8 + i, 12 + i, m[2 * i], m[2 * i + 1]);
    for (let i = 0; i < 4; i++) mix(i, 4 + ((i + 1) % 4), 8 + ((i + 2) % 4), 12 + ((i + 3) % 4), m[8 + 2 * i], m[9 + 2 * i]);
  }
  return [...v.slice(0, 8).map((one, i) => one ^ v[i + 8]), ...v.slice(8).map((one, i) => one ^ chain[i])];
}

function wordsOf(bytes) {
  const block = Buffer.alloc(64);
  Buffer.from(bytes).copy(block);
  return Array.from({ length: 16 }, (_, i) => block.readInt32LE(4 * i));
}

// What is left to compress of a node; its chaining value, or at the root as many bytes as are asked for, comes of it.
function nodeOf(bytes, key, flags, counter) {
  if (bytes.length > 1024) {
    let left = 1024;
    while (2 * left < bytes.length) left *= 2;
    const chain = (part, at) => {
      const node = nodeOf(part, key, flags, at);
      return compress(node.chain, node.words, node.counter, node.length, node.flags).slice(0, 8);
    };
    const words = [...chain(bytes.subarray(0, left), counter), ...chain(bytes.subarray(left), counter + left / 1024)];
    return { chain: key, words, counter: 0, length: 64, flags: flags | PARENT };
  }
  let chain = key;
  for (let at = 0; ; at += 64) {
    const block = bytes.subarray(at, at + 64);
    const own = flags | (at ? 0 : CHUNK_START);
    if (at + 64 >= bytes.length)
      return { chain, words: wordsOf(block), counter, length: block.length, flags: own | CHUNK_END };
    chain = compress(chain, wordsOf(block), counter, 64, own).slice(0, 8);
  }
}

function blake3(bytes, length = 32, key = IV, flags = 0) {
  const node = nodeOf(Buffer.from(bytes), key, flags, 0);
  const out = Buffer.alloc(Math.ceil(length / 64) * 64);
  for (let at = 0; at < length; at += 64)
    compress(node.chain, node.words, at / 64, node.length, node.flags | ROOT).forEach((word, i) => out.writeInt32LE(word, at + 4 * i));
  return out.subarray(0, length);
}

function derive(context, material, length = 32) {
  const key = wordsOf(blake3(Buffer.from(context), 32, IV, CONTEXT)).slice(0, 8);
  return blake3(material, length, key, MATERIAL);
}

// Bytes and numbers.

const little = (number, size) => Buffer.from(Array.from({ length: size }, (_, i) => Number((BigInt(number) >> BigInt(8 * i)) & 255n)));
const numberOf = (bytes) => bytes.reduceRight((so_far, byte) => so_far * 256n + BigInt(byte), 0n);
const frame = (word) => Buffer.concat([little(Buffer.byteLength(word), 4), Buffer.from(word)]);
const gcd = (a, b) => (b ? gcd(b, a % b) : a);
const ceilDiv = (a, b) => (a + b - 1n) / b;
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0n);

// A decimal number as it is written → numerator and denominator.
function exact(text) {
  const [, digits, fraction = "", exponent = "0"] = /^(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text);
  const power = Number(exponent) - fraction.length;
  const value = BigInt(digits + fraction);
  const [top, bottom] = power < 0 ? [value, 10n ** BigInt(-power)] : [value * 10n ** BigInt(power), 1n];
  const common = gcd(top, bottom) || 1n;
  return [top / common, bottom / common];
}

// 1. The settings.

const OURS = ["commands", "display", "hooks", "limits", "logging", "results", "run"];
const DEFAULTS = new Map(
  [...readFileSync(join(dirname(fileURLToPath(import.meta.url)), "../../docs/settings.md"), "utf8").matchAll(/^\| `\[(\w+)\] (\w+)` \| (?:`(.*?)`|–) \|/gm)].map(
    ([, section, key, value]) => [`${section}.${key}`, value ?? ""]));

function sectionsOf(text) {
  const sections = new Map([["DEFAULT", new Map()]]);
  let keys = null, values = null, depth = 0;
  for (const line of text.replace(/^\ufeff/, "").split("\n")) {
    const said = line.trim();
    if (/^[#;]/.test(said)) continue;
    if (!said) {
      if (values) values.push("");
      continue;
    }
    const indent = line.length - line.trimStart().length;
    if (values && indent > depth) {
      values.push(said);
      continue;
    }
    depth = indent;
    const head = /^\[(.+)\]/.exec(said);
    if (head) {
      if (!sections.has(head[1])) sections.set(head[1], new Map());
      [keys, values] = [sections.get(head[1]), null];
      continue;
    }
    const at = said.search(/[=:]/);
    values = [said.slice(at + 1).trim()];
    keys.set(said.slice(0, at).trim(), values);
  }
  for (const one of sections.values()) for (const [key, lines] of one) one.set(key, lines.join("\n").trimEnd());
  return sections;
}

function resolved(sections, section, key) {
  const text = sections.get(section)?.get(key) ?? sections.get("DEFAULT").get(key);
  return text.replace(/\$\$|\$\{([^}]*)\}/g, (all, name) => {
    if (all === "$$") return "$";
    const [one, other] = name.split(":");
    return other === undefined ? resolved(sections, section, one) : resolved(sections, one, other);
  });
}

function settingsOf(sections) {
  const said = {}, user = {}, defaults = sections.get("DEFAULT");
  for (const section of sections.keys()) {
    if (section === "DEFAULT") continue;
    const keys = new Set([...defaults.keys(), ...sections.get(section).keys()]);
    if (!OURS.includes(section)) user[section] = Object.fromEntries([...keys].map((key) => [key, resolved(sections, section, key)]));
    else
      for (const key of keys) {
        const name = `${section}.${key.toLowerCase()}`;
        if (DEFAULTS.has(name) && resolved(sections, section, key)) said[name] = resolved(sections, section, key);
      }
  }
  const settings = Object.fromEntries(Object.entries(said).filter(([name, text]) => name.startsWith("commands.") && text !== DEFAULTS.get(name)));
  const empty = !Object.keys(settings).length && !Object.keys(user).length;
  return { said, canonical: empty ? "" : canonical({ settings, user }) };
}

function canonical(value) {
  if (typeof value === "string") return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (one) => "\\u" + one.charCodeAt(0).toString(16).padStart(4, "0"));
  const byPoint = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  return `{${Object.keys(value).sort(byPoint).map((key) => `${canonical(key)}:${canonical(value[key])}`).join(",")}}`;
}

function partOf(text) {
  const [top, bottom] = text.endsWith("%") ? exact(text.slice(0, -1).trim()) : exact(text);
  const down = text.endsWith("%") ? 100n * bottom : bottom;
  return [top / gcd(top, down), down / gcd(top, down)];
}

// 1. The jobs and phases.

const BLANK = /^[ \t\r\v\f]*$/;

function poolOf(folder) {
  for (const [kind, name] of [["text", "jobs.txt"], ["jsonl", "jobs.jsonl"], ["grid", "jobs.grid.json"]]) {
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    const bytes = readFileSync(path);
    const text = bytes.toString("latin1").replace(/^\xef\xbb\xbf/, "");
    if (kind === "grid") {
      const grid = JSON.parse(bytes.toString().replace(/^\ufeff/, "")), axes = Object.values(grid);
      const field = (name) => {
        if (!(name in grid)) return null;
        const jobs = axes.reduce((n, axis) => n * (axis.length ?? axis.stop), 1), at = Object.keys(grid).indexOf(name);
        const stride = axes.slice(at + 1).reduce((n, axis) => n * (axis.length ?? axis.stop), 1);
        return Array.from({ length: jobs }, (_, job) => String(axes[at][Math.floor(job / stride) % axes[at].length]));
      };
      return { kind, bytes, field, phases: [[0n, axes.reduce((n, axis) => n * BigInt(axis.length ?? axis.stop), 1n)]] };
    }
    let jobs = 0n;
    const cuts = [], rows = [];
    for (const line of text.split("\n")) {
      if (BLANK.test(line)) continue;
      if (kind === "text" && line.trim().startsWith("#")) {
        if (/^#(SHAREOUT|DISBATCH) BARRIER/.test(line)) cuts.push(jobs);
        const repeat = /^#(?:SHAREOUT|DISBATCH) REPEAT (\d+)/.exec(line);
        jobs += repeat ? BigInt(repeat[1]) : 0n;
        continue;
      }
      jobs++;
      rows.push(line);
    }
    // Numbers as they are written: made texts before JSON is read.
    const read = (line) => JSON.parse(line.replace(/([[:,]\s*)(\d[\d.eE+-]*)/g, '$1"$2"'));
    const field = (name) => {
      const objects = kind === "jsonl" ? rows.map(read) : [];
      return objects.some((row) => !Array.isArray(row) && name in row) ? objects.map((row) => row[name] ?? "") : null;
    };
    const starts = [0n, ...new Set(cuts.filter((at) => at > 0n && at < jobs))];
    return { kind, bytes, field, phases: starts.map((start, i) => [start, starts[i + 1] ?? jobs]) };
  }
}

// 2. The shuffle: the place at every position of a phase.

function shuffleOf(digest, phase, size, order) {
  if (order === "given") return (position) => position;
  const stream = (length) => derive("shareout 2 permutation", Buffer.concat([digest, little(phase, 4)]), length);
  if (size <= 4096n) {
    const n = Number(size), place = Array.from({ length: n }, (_, p) => p);
    for (let i = n, at = 0, bytes = stream(4 * n + 1000); i >= 2; ) {
      const v = bytes.readUInt16LE(at);
      at += 2;
      if (v >= Math.floor(65536 / i) * i) continue;
      i--;
      const other = v % (i + 1);
      [place[i], place[other]] = [place[other], place[i]];
    }
    return (position) => BigInt(place[Number(position)]);
  }
  let a = BigInt(Math.ceil(Math.sqrt(Number(size))));
  while (a * a < size) a++;
  while ((a - 1n) * (a - 1n) >= size) a--;
  const b = ceilDiv(size, a), bytes = stream(96), mask = 2n ** 64n - 1n;
  const numbers = Array.from({ length: 12 }, (_, i) => numberOf(bytes.subarray(8 * i, 8 * i + 8)));
  const F = (i, v) => {
    let t = ((v + numbers[2 * i]) * (numbers[2 * i + 1] | 1n)) & mask;
    t = ((t ^ (t >> 32n)) * 0xbf58476d1ce4e5b9n) & mask;
    return t >> 16n;
  };
  return (position) => {
    let x = position;
    do {
      let left = x / b, right = x % b;
      for (let i = 0; i < 6; i += 2) {
        left = (left + F(i, right)) % a;
        right = (right + F(i + 1, left)) % b;
      }
      x = left * b + right;
    } while (x >= size);
    return x;
  };
}

// 3. The split: how many jobs of each phase every machine gets.

function splitOf(sizes, weights) {
  const scale = weights.reduce((so_far, [, bottom]) => (so_far * bottom) / gcd(so_far, bottom), 1n);
  const w = weights.map(([top, bottom]) => (top * scale) / bottom), W = sum(w);
  const k = w.map((_, number) => number);
  const phases = sizes.filter((size) => size > 0n);
  const N = phases.reduce((so_far, size) => [...so_far, so_far.at(-1) + size], [0n]);
  const r = N.map((jobs) => w.map((one) => (jobs * one) % W));
  const all = N.at(-1), upTo = w.map((_, i) => sum(w.slice(0, i + 1)));
  const plain = k.map((i) => (all * upTo[i]) / W - (all * (i ? upTo[i - 1] : 0n)) / W);
  const isMore = (i) => plain[i] > (all * w[i]) / W;
  const falls = (p, i) => 0n < r[p][i] && r[p][i] <= r[p - 1][i];
  const grows = (p, i) => r[p][i] > r[p - 1][i];
  const O = [];
  O[phases.length] = [...k.filter(isMore), ...k.filter((i) => !isMore(i))];
  for (let p = phases.length; p > 1; p--)
    O[p - 1] = [...O[p].filter((i) => falls(p, i)), ...O[p].filter((i) => r[p][i] === 0n), ...O[p].filter((i) => grows(p, i))];
  let ahead = new Set(), had = w.map(() => 0n), p = 0;
  return sizes.map((size) => {
    if (size === 0n) return w.map(() => 0n);
    p++;
    const left = Number(sum(r[p]) / W);
    const stay = k.filter((i) => grows(p, i) && ahead.has(i));
    const free = O[p].filter((i) => (falls(p, i) && ahead.has(i)) || (grows(p, i) && !ahead.has(i)));
    ahead = new Set([...stay, ...free.slice(0, left - stay.length)]);
    const has = k.map((i) => (N[p] * w[i]) / W + (ahead.has(i) ? 1n : 0n));
    const gets = k.map((i) => has[i] - had[i]);
    had = has;
    return gets;
  });
}

// 3. The costs of all jobs, in billionths: of costs.csv, else of a field of the rows; null where none is given.

function billionths(text) {
  const [top, bottom] = exact(text);
  return [(top * 10n ** 9n) / bottom, 1n].reduce((a, b) => (a > b ? a : b));
}

function costsOf(folder, whole, name) {
  const path = join(folder, "costs.csv"), jobs = Number(whole.phases.at(-1)[1]);
  const file = existsSync(path) ? readFileSync(path) : null;
  if (name === "none") return { role: file || whole.field("cost") ? "cost" : null };
  let said;
  if (file) {
    const [head, ...rows] = file.toString().replace(/^\ufeff/, "").split(/\r?\n/).filter((line) => line.trim()).map((line) => line.split(","));
    said = new Array(jobs).fill("");
    for (const row of rows) said[Number(row[head.indexOf("job")])] = row[head.indexOf("cost")];
  } else said = whole.field(name);
  const found = said && said.map((text) => (text ? billionths(text) : null));
  const known = (found ?? []).filter((cost) => cost !== null).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const median = known[Math.floor((known.length - 1) / 2)];
  return { role: !file && name !== "cost" ? "cost" : null, file, costs: known.length ? found.map((cost) => cost ?? median) : null };
}

function splitByCost(phases, weights, costAt) {
  const scale = weights.reduce((so_far, [, bottom]) => (so_far * bottom) / gcd(so_far, bottom), 1n);
  const w = weights.map(([top, bottom]) => (top * scale) / bottom), W = sum(w), T = w.map(() => 0n);
  let C = 0n;
  return phases.map(([start, stop]) => {
    const costs = Array.from({ length: Number(stop - start) }, (_, i) => costAt(start + BigInt(i)));
    const c = sum(costs);
    C += c;
    const v = w.map((one, k) => C * one - T[k] * W).map((one) => (one > 0n ? one : 0n)), V = sum(v);
    let had = 0n, at = 0;
    return w.map((_, k) => {
      const end = V ? (2n * c * sum(v.slice(0, k + 1))) / V : 0n, first = at;
      while (at < costs.length && 2n * had + costs[at] <= end) {
        had += costs[at];
        T[k] += costs[at++];
      }
      return BigInt(at - first);
    });
  });
}

// 4. The audit: ranges of positions of a share.

function auditOf(digest, machine, ranges, [top, bottom]) {
  const L = sum(ranges.map(([start, stop]) => stop - start));
  const least = L < 2n ? L : 2n, asked = ceilDiv(top * L, bottom);
  const c = asked > least ? asked : least, m = c < 16n ? c : 16n;
  const u = derive("shareout 2 audit", Buffer.concat([digest, little(machine, 4)]), 256);
  const found = [];
  for (let i = 0n; i < m; i++) {
    const free = ((L - c) * (i + 1n)) / m - ((L - c) * i) / m;
    const first = (c * i) / m + ((L - c) * i) / m + (numberOf(u.subarray(Number(16n * i), Number(16n * i) + 16)) % (free + 1n));
    const last = first + (c * (i + 1n)) / m - (c * i) / m;
    let before = 0n;
    for (const [start, stop] of ranges) {
      const low = first > before ? first : before, end = before + stop - start, high = last < end ? last : end;
      if (low < high) found.push([start + low - before, start + high - before]);
      before = end;
    }
  }
  return found;
}

// All of it.

function placesOf(digest, phases, order) {
  const shuffles = phases.map(([start, stop], number) => shuffleOf(digest, number, stop - start, order));
  return (position) => {
    const phase = phases.findLastIndex(([start]) => start <= position);
    return phases[phase][0] + shuffles[phase](position - phases[phase][0]);
  };
}

function rested(rest, whole) {
  let phases = whole.phases, idOf = (place) => place;
  for (const plan of rest.plans) {
    const here = plan.phases.map(([start, stop]) => [BigInt(start), BigInt(stop)]);
    const left = plan.left.map(([start, stop]) => [BigInt(start), BigInt(stop)]);
    const placeAt = placesOf(Buffer.from(plan.digest, "hex"), here, plan.order), before = idOf;
    idOf = (place) => {
      for (const [start, stop] of left) {
        if (place < stop - start) return before(placeAt(start + place));
        place -= stop - start;
      }
    };
    let begin = 0n;
    phases = [];
    for (const [start, stop] of here) {
      const count = sum(left.map(([low, high]) => (high < stop ? high : stop) - (low > start ? low : start)).filter((one) => one > 0n));
      if (count) phases.push([begin, begin + count]);
      begin += count;
    }
  }
  return { phases, idOf };
}

function proquint(bytes) {
  const quint = (v) => "bdfghjklmnprstvz"[v >> 12] + "aiou"[(v >> 10) & 3] + "bdfghjklmnprstvz"[(v >> 6) & 15] + "aiou"[(v >> 4) & 3] + "bdfghjklmnprstvz"[v & 15];
  return [0, 2, 4, 6].map((at) => quint(bytes.readUInt16BE(at))).join("-");
}

function planOf({ folder, python }) {
  const whole = poolOf(folder), machines = readFileSync(join(folder, "machines.json"));
  const config = join(folder, "runner.config"), rest = join(folder, "rest.json");
  const { said, canonical } = settingsOf(sectionsOf(existsSync(config) ? readFileSync(config, "utf8") : ""));
  const part = partOf(said["run.audit"] ?? "0"), order = said["run.order"] ?? "shuffled";
  const inputs = [["pool", whole.bytes]];
  if (existsSync(rest)) inputs.push(["rest", readFileSync(rest)]);
  inputs.push(["machines", machines]);
  const { role, file, costs } = costsOf(folder, whole, said["run.cost"] ?? "cost");
  if (file) inputs.push(["costs", file]);
  if (canonical) inputs.push(["settings", Buffer.from(canonical)]);
  if (part[0]) inputs.push(["audit", Buffer.from(part.join("/"))]);
  if (said["run.seed"]) inputs.push(["seed", Buffer.from(said["run.seed"])]);
  if (python) inputs.push(["kind", Buffer.from("python")]);
  if (order === "given") inputs.push(["order", Buffer.from("given")]);
  if (said["run.numerics"] === "portable") inputs.push(["numerics", Buffer.from("portable")]);
  if (role) inputs.push([role, Buffer.from(said["run.cost"])]);
  const since = said["run.since"];
  if (since) inputs.push(["since", Buffer.from(since)]);
  const hashed = (context, roles) =>
    derive(context, Buffer.concat([frame(whole.kind), ...inputs.filter(([role]) => roles(role)).map(([role, bytes]) => Buffer.concat([frame(role), little(bytes.length, 8), blake3(bytes)]))]));
  const digest = hashed("shareout 2 plan digest", () => true);
  const origin = since ? Buffer.from(since.split(":")[0], "hex") : digest;
  const isPool = (role) => role.startsWith("pool");
  const pool = hashed("shareout 2 pool digest", (role) => isPool(role) || role === "seed");
  const work = hashed("shareout 2 work hash", (role) => isPool(role) || ["settings", "seed", "kind", "numerics"].includes(role));

  const { phases, idOf } = existsSync(rest) ? rested(JSON.parse(readFileSync(rest, "utf8")), whole) : { phases: whole.phases, idOf: (place) => place };
  // The numbers of machines.json as they are written: made texts before JSON is read.
  const named = Object.entries(JSON.parse(machines.toString().replace(/([[:,]\s*)(\d[\d.eE+-]*)/g, '$1"$2"')));
  const weights = named.map(([, one]) => {
    const [perf, cores] = [exact(one[0] ?? one.perf), exact(one[1] ?? one.cores)];
    return [perf[0] * cores[0], perf[1] * cores[1]];
  });
  const placeAt = placesOf(origin, phases, order), even = !costs || costs.every((cost) => cost === costs[0]);
  const gets = even
    ? splitOf(phases.map(([start, stop]) => stop - start), weights)
    : splitByCost(phases, weights, (position) => costs[Number(idOf(placeAt(position)))]);
  const shares = named.map((_, k) => phases.map(([start], p) => {
    const first = start + sum(gets[p].slice(0, k));
    return [first, first + gets[p][k]];
  }));
  const ids = (ranges) => {
    const found = [];
    for (const [start, stop] of ranges)
      for (let at = start; at < stop && found.length < 60; at++) found.push(Number(idOf(placeAt(at))));
    return found;
  };
  if (since && since !== `${origin.toString("hex")}:${work.toString("hex")}${order === "given" ? ":given" : ""}`) throw Error("of other work");
  const seed = (job) => numberOf(derive("shareout 2 job seed", Buffer.concat([pool, little(job, 8)]), 16)).toString();
  return {
    digest: digest.toString("hex"), origin: origin.toString("hex"), fingerprint: proquint(digest), pool: pool.toString("hex"), work: work.toString("hex"),
    seeds: [0, 1, 12345678901].map(seed),
    machines: named.map(([name], k) => {
      const other = (k + named.length - 1) % named.length;
      const audit = part[0] && named.length > 1 ? auditOf(origin, other, shares[other], part) : [];
      return { name, ranges: shares[k].map((one) => one.map(Number)), ids: ids(shares[k]), audit: audit.map((one) => one.map(Number)) };
    }),
  };
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(planOf)));
