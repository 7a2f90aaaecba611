// Times the client's core in wasm, and prints it beside what criterion found natively.
//
//   node engine.mjs MODULE CRITERION    a module of tests/bench/wasm, and criterion's folder of the group "engine"

import { readFile } from "node:fs/promises";
import { join } from "node:path";

const [modulePath, criterion] = process.argv.slice(2);

/** In the order of `Kind::ALL`: its name, what it is, and its target: octets a second, or milliseconds. */
const KINDS = [
  { name: "mail", what: "RETR, 76-column lines, some dots", target: { octets: 1e9 } },
  { name: "empty", what: "RETR, empty lines" },
  { name: "dots", what: "RETR, a lone dot on every line" },
  { name: "uidl", what: "UIDL, 100,000 lines", target: { ms: 50 } },
  { name: "list", what: "LIST, 100,000 lines", target: { ms: 50 } },
];

/** Each kind runs for this long, and at least so often; the first runs are the compiler's. */
const MEASURE_MS = 3000;
const RUNS = 15;
const WARM_UP = 5;

const { bench_prepare, bench_run } = await load(modulePath);
const rows = [];
for (const [kind, { name, what, target }] of KINDS.entries()) {
  const octets = bench_prepare(kind);
  rows.push({ what, target, octets, native: await native(name), wasm: time(bench_run) });
}
print(rows);

/** The module with every import stubbed: what is measured calls none of them. */
async function load(path) {
  const module = await WebAssembly.compile(await readFile(path));
  const imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind !== "function") throw new Error(`the module imports the ${kind} ${from}.${name}`);
    imports[from] ??= {};
    imports[from][name] = () => {
      throw new Error(`${from}.${name} was called`);
    };
  }
  const instance = await WebAssembly.instantiate(module, imports);
  return instance.exports;
}

/** Criterion's median in milliseconds. */
async function native(name) {
  const estimates = await readFile(join(criterion, name, "new", "estimates.json"), "utf8");
  return JSON.parse(estimates).median.point_estimate / 1e6;
}

/** The median run in milliseconds. */
function time(run) {
  for (let n = 0; n < WARM_UP; n += 1) run();
  const runs = [];
  const end = performance.now() + MEASURE_MS;
  while (runs.length < RUNS || performance.now() < end) {
    const start = performance.now();
    run();
    runs.push(performance.now() - start);
  }
  runs.sort((a, b) => a - b);
  return runs[runs.length >> 1];
}

function print(all) {
  console.log("| | MB | native | wasm | wasm / native | target, native | target, wasm |");
  console.log("|---|--:|--:|--:|--:|--:|--:|");
  for (const { what, target, octets, native, wasm } of all) {
    const speed = (ms) => `${ms.toFixed(2)} ms, ${(octets / ms / 1e6).toFixed(2)} GB/s`;
    const met = (ms) => (target.ms ? ms < target.ms : octets / ms / 1e-3 >= target.octets);
    const verdict = (ms) => (target ? (met(ms) ? "met" : "MISSED") : "");
    const cells = [what, (octets / 1e6).toFixed(1), speed(native), speed(wasm), (wasm / native).toFixed(1)];
    console.log(`| ${[...cells, verdict(native), verdict(wasm)].join(" | ")} |`);
  }
  console.log("\ntargets: 1 GB/s for mail, less than 50 ms for a listing");
}
