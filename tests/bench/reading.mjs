// The browser's part of tests/bench/reading (reading.rs, which starts this): a Chromium with a profile on disk, in which messages are
// taken apart beside postal-mime, and the relay's page is used as a person uses it. One JSON request a line in, one JSON answer a line
// out; it ends when stdin closes.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

import { Chromium } from "./chromium.mjs";

const origin = process.argv[2];
const packages = new URL("../browser/node_modules/", import.meta.url);

/** What a page of the peers' origin may ask for. */
const PLACES = [
  [/^\/postal-mime\/([\w-]+\.js)$/, (name) => new URL(`postal-mime/dist/esm/${name}`, packages), "text/javascript"],
  [/^\/(minisearch)\.js$/, () => new URL("minisearch/dist/es/index.js", packages), "text/javascript"],
  [/^\/(bench)\.wasm$/, () => process.env.POPLAR_BENCH_WASM, "application/wasm"],
  [/^\/(message)$/, () => message, "message/rfc822"],
  [/^\/()$/, () => undefined, "text/html"],
];
/** The file that is served as the message. */
let message;
const server = createServer(serve).listen(0, "127.0.0.1");
await once(server, "listening");
const peers = `http://127.0.0.1:${server.address().port}/`;

const chromium = await Chromium.start();
const WORK = {
  parse: async ({ file }) => {
    message = file;
    return inPage(peers, parse);
  },
  search: (request) => inPage(peers, search, request),
  fill: (request) => inPage(`${origin}/healthz`, fill, request),
  open: (request) => inPage(`${origin}/`, open, request),
  list: (request) => inPage(`${origin}/`, list, request),
};
for await (const line of createInterface({ input: process.stdin })) {
  const { what, ...request } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await WORK[what](request))}\n`);
}
await chromium.end();
server.close();

/** Runs work in a page of its own; what it may call of this file goes with it. */
async function inPage(url, work, request) {
  const page = await chromium.open(url);
  await chromium.call(page, `() => { ${[part, until, painted, signIn, fillIn, stretch, ourWasm].map((helper) => `globalThis.${helper.name} = ${helper};`).join("")} }`);
  const value = await chromium.call(page, work, request);
  await chromium.close(page);
  return value;
}

async function serve({ url }, response) {
  for (const [pattern, place, type] of PLACES) {
    const [, name] = pattern.exec(url) ?? [];
    if (name === undefined) continue;
    const file = place(name);
    response.writeHead(200, { "content-type": type });
    return void response.end(file && (await readFile(file)));
  }
  response.writeHead(404).end();
}

// What follows runs in the page.

/** One message: taken apart by us, with and without decoding what is attached, and by postal-mime, which always decodes. */
async function parse() {
  const raw = new Uint8Array(await (await fetch("/message")).arrayBuffer());
  const { default: PostalMime } = await import("/postal-mime/postal-mime.js");
  const exports = await ourWasm();
  const ours = (decoded) => {
    const at = exports.bench_message(raw.length);
    new Uint8Array(exports.memory.buffer, at, raw.length).set(raw);
    return exports.bench_parse(decoded);
  };
  const theirs = async () => {
    const { text = "", attachments } = await PostalMime.parse(raw.slice());
    return text.length + attachments.reduce((sum, { content }) => sum + content.byteLength, 0);
  };
  // The first of each is the compiler's.
  const took = async (work) => {
    await work();
    const start = performance.now();
    const value = await work();
    return { ms: performance.now() - start, value };
  };
  const [parsed, decoded, peer] = [await took(() => ours(false)), await took(() => ours(true)), await took(theirs)];
  const off = Math.abs(decoded.value - peer.value) / peer.value;
  if (off > 0.001) throw new Error(`ours makes ${decoded.value} octets of it, postal-mime ${peer.value}`);
  return { octets: raw.length, parse: parsed.ms, decode: decoded.ms, peer: peer.ms };
}

/** Messages of some hundred words taken in, and found as one types; beside MiniSearch. */
async function search({ messages }) {
  const { default: MiniSearch } = await import("/minisearch.js");
  const exports = await ourWasm();
  let random = 1;
  const next = (bound) => ((random = (random * 48_271) % 2_147_483_647) % bound);
  const letters = "etaoinshrdlucmfwypvbgkjqxz";
  // Half of what is written are a few words; the rest are many.
  const vocabulary = Array.from({ length: 30_000 }, () => Array.from({ length: 2 + next(9) }, () => letters[Math.min(next(26), next(26))]).join(""));
  const word = () => vocabulary[next(2) ? next(200) : next(vocabulary.length)];
  const words = (count) => Array.from({ length: count }, word).join(" ");
  const all = Array.from({ length: messages }, (_, id) => ({ id, from: `${words(2)} ${word()}@${word()}.example`, subject: words(6), text: words(60 + next(180)) }));
  const give = (text) => {
    const octets = new TextEncoder().encode(text);
    const at = exports.bench_message(octets.length);
    new Uint8Array(exports.memory.buffer, at, octets.length).set(octets);
  };
  const timed = (work) => {
    const start = performance.now();
    const value = work();
    return { ms: performance.now() - start, value };
  };
  const ours = timed(() => {
    give(all.map(({ from, subject, text }) => `${from}\0${subject}\0${text}\x01`).join(""));
    return exports.bench_index();
  });
  const mini = new MiniSearch({ fields: ["from", "subject", "text"] });
  const theirs = timed(() => mini.addAll(all));
  if (ours.value !== messages) throw new Error(`${ours.value} messages were taken in`);
  const found = { ours: [], theirs: [] };
  for (let place = 0; place < 40; place += 1) {
    const whole = place % 2 ? `${word()} ${word()}` : word();
    for (let length = 1; length <= whole.length; length += 1) {
      const typed = whole.slice(0, length);
      const mine = timed(() => (give(typed), exports.bench_find()));
      const other = timed(() => mini.search(typed, { prefix: true, combineWith: "AND" }).length);
      if (typed.trim() === typed && mine.value !== other.value) throw new Error(`${typed}: ${mine.value} found, and ${other.value}`);
      found.ours.push(mine.ms);
      found.theirs.push(other.ms);
    }
  }
  const usual = (all) => all.toSorted((a, b) => a - b)[all.length >> 1];
  return {
    index: ours.ms, theirs: theirs.ms,
    find: usual(found.ours), most: Math.max(...found.ours), theirFind: usual(found.theirs), theirMost: Math.max(...found.theirs),
  };
}

/** Retrieves everything, under the name that the page will look for. */
async function fill({ relay, user, password }) {
  const { Mailbox } = await import("/lib/poplar-mail.js");
  const mailbox = await Mailbox.open({ relay, user, worker: true, credentials: { password } });
  const { retrieved } = await mailbox.sync();
  await mailbox.close();
  return { retrieved };
}

/** From the click on the row until its text is painted. */
async function open(request) {
  await signIn(request);
  await until(() => part("row")?.querySelector(".row-subject").textContent && part("cancel-sync")?.checkVisibility() !== true);
  const start = performance.now();
  part("row").click();
  await until(() => part("reader-text")?.textContent);
  return { ms: (await painted()) - start };
}

/** The list from a warm start, by signing in and by unlocking; and scrolled. */
async function list({ rows, frames, ...request }) {
  const shown = async () => {
    await until(() => part("row")?.querySelector(".row-subject").textContent);
    return painted();
  };
  let clicked = await signIn(request);
  const signedIn = (await shown()) - clicked;
  await until(() => part("cancel-sync")?.checkVisibility() !== true && part("check-mail")?.disabled === false);
  await until(() => Number(part("row").getAttribute("aria-setsize")) === rows);

  const tasks = [];
  new PerformanceObserver((seen) => tasks.push(...seen.getEntries().map(({ duration }) => duration))).observe({ entryTypes: ["longtask"] });
  const scroller = part("list");
  const start = await new Promise(requestAnimationFrame);
  let end = start;
  for (let frame = 0; frame < frames; frame += 1) {
    // Ten rows a frame: as one who looks for something, faster than anybody reads.
    scroller.scrollTop += 640;
    end = await new Promise(requestAnimationFrame);
  }
  const fps = (1000 * frames) / (end - start);
  const task = Math.max(0, ...tasks);

  part("lock-now").click();
  await until(() => part("unlock"));
  await new Promise((idle) => setTimeout(idle, 2000));
  fillIn({ secret: request.password });
  clicked = performance.now();
  part("unlock").click();
  const unlocked = (await shown()) - clicked;
  const stretching = await stretch(request.password);
  return { signedIn, unlocked, stretching, fps, task };
}

/** What WebCrypto takes for the key alone, as `web/lib/mail/seal.js` has it made. */
async function stretch(password) {
  const start = performance.now();
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(password), "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt: crypto.getRandomValues(new Uint8Array(16)), iterations: 600_000 };
  await crypto.subtle.deriveBits(how, key, 256);
  return performance.now() - start;
}

/** The client's core as it is shipped, with every import stubbed: what is measured calls none of them. */
async function ourWasm() {
  const module = await WebAssembly.compileStreaming(fetch("/bench.wasm"));
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => {};
  return (await WebAssembly.instantiate(module, imports)).exports;
}

/** A part of the page, by the name that it promises. */
function part(name) {
  return document.querySelector("poplar-mailbox")?.shadowRoot?.querySelector(`[data-testid="${name}"]`);
}

/** Looks at each frame. */
async function until(holds) {
  while (!holds()) await new Promise(requestAnimationFrame);
}

/** When what is there now has been painted: the next task after the next frame. */
async function painted() {
  await new Promise(requestAnimationFrame);
  await new Promise((next) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = next;
    port2.postMessage(null);
  });
  return performance.now();
}

/** Once everything that the page fetches ahead is there; when it clicked. */
async function signIn({ user, password }) {
  await until(() => part("submit-sign-in")?.disabled === false);
  await new Promise((idle) => setTimeout(idle, 2000));
  fillIn({ user, password });
  const now = performance.now();
  part("submit-sign-in").click();
  return now;
}

function fillIn(fields) {
  for (const [name, value] of Object.entries(fields)) {
    part(name).value = value;
    part(name).dispatchEvent(new Event("input", { bubbles: true }));
  }
}
