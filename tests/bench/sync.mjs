// The browser's part of tests/bench/sync (sync.rs, which starts this): a Chromium with a profile on disk, in which the library keeps a
// mailbox as somebody's front end would have it. One JSON request a line in, one JSON answer a line out; it ends when stdin closes.

import { createInterface } from "node:readline";

import { Chromium } from "./chromium.mjs";
import { unseal } from "./unseal.mjs";

const origin = process.argv[2];
const chromium = await Chromium.start();

/** The page in which the runs of one row take place: those that are to know the server from a run before. */
let lasting;

for await (const line of createInterface({ input: process.stdin })) {
  const { fresh, ...request } = JSON.parse(line);
  // What the relay says of its health: an empty page of its origin.
  const page = fresh ? await chromium.open(`${origin}/healthz`) : (lasting ??= await chromium.open(`${origin}/healthz`));
  const answer = await one(page, request);
  if (fresh) await chromium.close(page);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await chromium.end();

/** One sync, in a page in which nothing else happens. */
async function one(page, request) {
  if (request.drain > 0) return chromium.call(page, drain, request);
  if (request.unsealed) await chromium.call(page, unseal);
  const answer = await chromium.call(page, run, request);
  // The memory of a module never shrinks: what it is now is the most that it was.
  const worker = chromium.worker(page);
  answer.worker = worker !== undefined;
  answer.memory = await chromium.call(worker ?? page, memory);
  await chromium.call(page, end, request);
  return answer;
}

/** Runs in the page. What is timed begins with the call of sync(), and ends when its promise is settled. */
async function run({ relay, user, password, account, worker, unlocked }) {
  const { Mailbox } = await import("/lib/poplar-mail.js");
  const mailbox = await Mailbox.open({ relay, user, account, worker, credentials: { password } });
  globalThis.mailbox = mailbox;
  if (unlocked) await mailbox.unlock(password);

  // Two witnesses of what the main thread does: the browser's own, which speaks of 50 ms and more only, and a timer that is late.
  let [task, gap, last] = [0, 0, performance.now()];
  const late = () => {
    const now = performance.now();
    gap = Math.max(gap, now - last);
    last = now;
  };
  const seen = (entries) => entries.forEach(({ duration }) => (task = Math.max(task, duration)));
  const observer = new PerformanceObserver((list) => seen(list.getEntries()));
  observer.observe({ entryTypes: ["longtask"] });
  const timer = setInterval(late, 5);

  const start = performance.now();
  const { retrieved } = await mailbox.sync();
  const ms = performance.now() - start;

  late();
  clearInterval(timer);
  seen(observer.takeRecords());
  observer.disconnect();
  return { ms, retrieved, task, gap };
}

/** Runs in the page. What its WebSocket brings is dropped as it comes: less than that no page can do. */
async function drain({ relay, user, password, drain: count }) {
  const commands = [`USER ${user}`, `PASS ${password}`, [...Array(count).keys()].map((place) => `RETR ${place + 1}`).join("\r\n") + "\r\nQUIT"];
  const start = performance.now();
  const socket = new WebSocket(relay, ["poplar.pop3.v1"]);
  socket.binaryType = "arraybuffer";
  socket.onmessage = () => commands.length && socket.send(new TextEncoder().encode(`${commands.shift()}\r\n`));
  const { wasClean } = await new Promise((closed) => (socket.onclose = closed));
  return { ms: performance.now() - start, retrieved: wasClean ? count : 0, task: 0, gap: 0, memory: 0, worker: false };
}

/** Lets go of the mailbox, and of the mail unless it is to be found by the next run. */
async function end({ keep }) {
  if (!keep) await globalThis.mailbox.clear();
  await globalThis.mailbox.close();
}

/** Octets of the module's memory, in the page or in the worker that has it. */
async function memory() {
  const client = await import(new URL("/lib/client.js", location.origin).href);
  return (await client.default()).memory.buffer.byteLength;
}
