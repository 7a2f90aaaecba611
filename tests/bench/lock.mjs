// The browser's part of tests/bench/lock (lock.rs, which starts this): a Chromium with a profile on disk, in which the library fills a
// mailbox, unlocks it, lists it, locks it in two tabs and erases it. One JSON request a line in, one JSON answer a line out; it ends when
// stdin closes.

import { createInterface } from "node:readline";

import { Chromium } from "./chromium.mjs";
import { unseal } from "./unseal.mjs";

const origin = process.argv[2];
const chromium = await Chromium.start();

/** Names of databases that are no account's: what is put back after each erasing, and what is deleted without the library. */
const [FILLED, TWIN] = ["bench/filled", "bench/twin"];

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await (request.fill ? fill(request) : measure(request)))}\n`);
}
await chromium.end();

/** What the relay says of its health: an empty page of its origin. @template T @param {(page: any) => Promise<T>} work */
async function inPage(work) {
  const page = await chromium.open(`${origin}/healthz`);
  const value = await work(page);
  await chromium.close(page);
  return value;
}

/** Retrieves everything that is on the server. */
async function fill(request) {
  const answer = await inPage(async (page) => {
    if (request.unsealed) await chromium.call(page, unseal);
    await chromium.call(page, open, request);
    return chromium.call(page, sync);
  });
  if (request.erase) await inPage((page) => chromium.call(page, copy, { account: request.account, to: FILLED }));
  return answer;
}

/** One run. Two tabs have the mailbox; another one has its unsealed twin, and is closed before anything is locked. */
async function measure(request) {
  const { worker, account, password, erase, twinFirst } = request;
  const seen = await inPage(async (page) => {
    await opened(page, request);
    const unlocked = await chromium.call(page, unlock, password);
    const { bare, ...unsealed } = await inPage(async (twin) => {
      await opened(twin, { ...request, account: request.plain });
      // Here is the key alone, where the other one unlocks: what the browser does beside it after a start has as long to end.
      const bare = await chromium.call(twin, derive, password);
      await chromium.call((worker && chromium.worker(twin)) || twin, unseal);
      return { bare, ...(await chromium.call(twin, unlock, password)) };
    });
    if (unlocked.rows !== unsealed.rows) throw new Error(`${unlocked.rows} rows, and ${unsealed.rows} unsealed`);
    const lock = await inPage(async (other) => {
      await opened(other, request);
      await chromium.call(other, unlock, password);
      return locked(page, other, worker);
    });
    return { unlock: unlocked.unlock, bare, page: unlocked.page, unsealed: unsealed.page, lock };
  });
  if (!erase) return seen;
  await inPage((page) => chromium.call(page, copy, { from: FILLED, to: TWIN }));
  await inPage(async (page) => {
    await opened(page, request);
    await chromium.call(page, unlock, password);
    const twin = async () => (seen.twin = await chromium.call(page, drop, TWIN));
    // Who comes first finds the browser's tables in another state.
    if (twinFirst) await twin();
    seen.erase = await chromium.call(page, clear, account);
    if (!twinFirst) await twin();
  });
  await inPage((page) => chromium.call(page, copy, { from: FILLED, account }));
  return seen;
}

/** Opens a mailbox that is kept here. */
async function opened(page, request) {
  await chromium.call(page, open, request);
  if (request.worker && !chromium.worker(page)) throw new Error("there is no worker");
}

/** From the call in one tab until it is over in both and nothing that had the key runs, as this process hears of it. */
async function locked(page, other, worker) {
  const over = (worker ? [page, other] : []).map((tab) => chromium.ended(chromium.worker(tab)));
  await chromium.call(other, () => {
    // Once it is locked already, this waits for what that ends.
    globalThis.over = new Promise((over) => mailbox.addEventListener("lock", () => over(mailbox.lock())));
  });
  const start = performance.now();
  await Promise.all([chromium.call(page, () => mailbox.lock()), chromium.call(other, () => globalThis.over), ...over]);
  const ms = performance.now() - start;
  for (const tab of [page, other]) {
    const code = await chromium.call(tab, () => mailbox.messages().catch(({ code }) => code));
    if (code !== "locked") throw new Error("it is not locked");
  }
  return ms;
}

// What follows runs in the page.

async function open({ relay, user, account, worker, password }) {
  const { Mailbox } = await import("/lib/poplar-mail.js");
  globalThis.mailbox = await Mailbox.open({ relay, user, account, worker, credentials: { password } });
}

async function sync() {
  const { retrieved } = await mailbox.sync();
  const { usage } = await mailbox.storage();
  await mailbox.close();
  return { retrieved, usage };
}

/** Unlocks, asks for what the list of our page shows first, and has a message open from then on. */
async function unlock(password) {
  const start = performance.now();
  await mailbox.unlock(password);
  const open = performance.now();
  const rows = await mailbox.messages({ limit: 100 });
  const shown = performance.now();
  if (rows.some(({ damaged, subject }) => damaged || subject === "")) throw new Error("a row has no subject");
  globalThis.message = await mailbox.message(rows[0].id);
  return { unlock: open - start, page: shown - open, rows: rows.length };
}

/** What WebCrypto takes for the key alone. */
async function derive(password) {
  const start = performance.now();
  const octets = new TextEncoder().encode(password);
  const key = await crypto.subtle.importKey("raw", octets, "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt: crypto.getRandomValues(new Uint8Array(16)), iterations: 600_000 };
  await crypto.subtle.deriveBits(how, key, 256);
  return performance.now() - start;
}

/** Forgets everything that is kept here. */
async function clear(account) {
  const { databaseName } = await import("/lib/mail/host.js");
  const name = await databaseName(account);
  const start = performance.now();
  await mailbox.clear();
  const ms = performance.now() - start;
  if ((await indexedDB.databases()).some((database) => database.name === name)) throw new Error("it is still there");
  return ms;
}

/** Deletes a database without the library. */
async function drop(name) {
  const start = performance.now();
  await new Promise((done, failed) => Object.assign(indexedDB.deleteDatabase(name), { onsuccess: done, onerror: failed }));
  return performance.now() - start;
}

/** Copies a database, value by value; one of the two may be an account's. */
async function copy({ account, from, to }) {
  const { databaseName } = await import("/lib/mail/host.js");
  const done = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: () => reject(request.error) }));
  const name = account && (await databaseName(account));
  const source = await done(indexedDB.open(from ?? name));
  const making = indexedDB.open(to ?? name, source.version);
  making.onupgradeneeded = () => [...source.objectStoreNames].forEach((store) => making.result.createObjectStore(store));
  const target = await done(making);
  for (const store of source.objectStoreNames) {
    // So many at once that their bodies, a mebibyte each at most, have room in memory.
    for (let range, keys; keys?.length !== 0; ) {
      const values = source.transaction(store).objectStore(store);
      let all;
      [keys, all] = await Promise.all([done(values.getAllKeys(range, 50)), done(values.getAll(range, 50))]);
      if (keys.length === 0) break;
      range = IDBKeyRange.lowerBound(keys.at(-1), true);
      const writing = target.transaction(store, "readwrite", { durability: "strict" });
      keys.forEach((key, at) => writing.objectStore(store).put(all[at], key));
      await new Promise((complete, failed) => Object.assign(writing, { oncomplete: complete, onabort: failed }));
    }
  }
  source.close();
  target.close();
}
