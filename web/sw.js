/**
 * Keeps the shell of the page, so that it opens without a network: the page itself and the files of its build. Nothing else is ever kept
 * or answered here: no mail, no tunnel, nothing that the relay says of itself. What is kept is the same for everybody.
 *
 * Each build has a cache of its own, which is whole or not there. A page of that build asks for it, once mail is kept on this computer; it
 * holds a lock of the same name for as long as it is open, and nothing is taken from under it. This file is the same in most builds, so
 * that two builds behind a balancer do not replace each other's.
 *
 * Where a relay answers 404 or 410 for this file, all of it is taken back: a relay started with `--offline-page=false`, or one from before.
 */

/** What a build's cache, and the lock of its pages, is called; the build follows. As in `page/page.js`. */
const PREFIX = "poplar-shell/";
/** A relay that takes longer is not waited for where the page is kept: people take a page for stuck by then (Nielsen puts it at some seconds). */
const PATIENCE_MS = 3_000;
/** Types by ending. What comes as another is not the file but somebody's page about it, as a network has that wants a sign-in first. */
const TYPES = /** @type {Record<string, RegExp>} */ ({
  css: /^text\/css\b/,
  js: /^text\/javascript\b/,
  json: /^application\/json\b/,
  svg: /^image\/svg\+xml\b/,
  wasm: /^application\/wasm\b/,
});
const BUILD = /^[0-9a-f]{16}$/;
const LASTING = /^v\/([0-9a-f]{16})\/[^?]+$/;

const worker = /** @type {any} */ (globalThis);
/** Where the page lies, which is not the top of the host where the relay is mounted below a path. @type {string} */
const scope = worker.registration.scope;

worker.addEventListener("install", () => worker.skipWaiting());

// The page that is open has its later parts from here as well, also when the relay has another build by then. And from the next visit on,
// the relay is asked for the page while this worker is still starting.
worker.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(Promise.all([worker.clients.claim(), worker.registration.navigationPreload?.enable()]));
});

worker.addEventListener("message", (/** @type {any} */ event) => {
  const build = event.data?.keep;
  if (typeof build === "string" && BUILD.test(build)) event.waitUntil(keep(build));
});

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(scope)) return;
  const path = request.url.slice(scope.length);
  const build = LASTING.exec(path)?.[1];
  if (build) event.respondWith(file(request, build));
  else if (request.mode === "navigate" && /^(\?|$)/.test(path)) event.respondWith(page(event));
});

/** The relay's page where it comes in time, and what is kept where it does not. @param {any} event @returns {Promise<Response>} */
async function page(event) {
  /** @type {Promise<Response>} */
  const asked = Promise.resolve(event.preloadResponse).then((early) => early ?? fetch(event.request));
  event.waitUntil(asked.then(leaveWhereUnwanted, () => {}));
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  const reply = await Promise.race([asked.catch(() => undefined), patience]);
  // A balancer without a relay behind it answers too.
  if (reply && reply.status < 500) return reply;
  return (await keptPage()) ?? asked;
}

/** @param {Request} request @param {string} build @returns {Promise<Response>} */
async function file(request, build) {
  return (await caches.match(request.url, { cacheName: PREFIX + build, ignoreVary: true })) ?? fetch(request);
}

/** That of the build that was kept last. */
async function keptPage() {
  for (const name of (await kept()).reverse()) {
    const page = await caches.match(scope, { cacheName: name, ignoreVary: true });
    if (page) return page;
  }
  return undefined;
}

/** Keeps a build whole, and lets go of those that no page is open of. @param {string} build */
async function keep(build) {
  const name = PREFIX + build;
  if (!(await caches.match(scope, { cacheName: name, ignoreVary: true }))) {
    try {
      await fill(await caches.open(name), build);
    } catch {
      // It did not come, or there is no room for it: the next page of this build asks again.
      await caches.delete(name);
      return;
    }
  }
  const { held = [] } = await navigator.locks.query();
  const inUse = new Set(held.map((lock) => lock.name));
  for (const other of await kept()) {
    if (other !== name && !inUse.has(other)) await caches.delete(other);
  }
}

/** The page comes last: a build that has its page is whole. @param {Cache} cache @param {string} build */
async function fill(cache, build) {
  const folder = new URL(`v/${build}/`, scope);
  const page = await fetch(scope, { cache: "no-store" });
  // Another relay behind the balancer has another build.
  if (!page.ok || page.redirected || !(await page.clone().text()).includes(`"./v/${build}/`)) throw new Error("not the page of this build");
  /** @type {string[]} */
  const files = await (await fetch(new URL("page/shell.json", folder))).json();
  await Promise.all(files.map((file) => keepFile(cache, new URL(file, folder))));
  await cache.put(scope, page);
}

/** @param {Cache} cache @param {URL} url */
async function keepFile(cache, url) {
  const reply = await fetch(url, { redirect: "error" });
  const type = TYPES[url.pathname.split(".").pop() ?? ""];
  if (!reply.ok || !type?.test(reply.headers.get("content-type") ?? "")) throw new Error("not a file of this build");
  await cache.put(url, reply);
}

async function kept() {
  return (await caches.keys()).filter((name) => name.startsWith(PREFIX));
}

/** @param {Response} reply what the relay answered for the page */
async function leaveWhereUnwanted(reply) {
  if (!reply.ok) return;
  const { status } = await fetch(worker.location.href, { method: "HEAD", cache: "no-store" });
  if (status !== 404 && status !== 410) return;
  for (const name of await kept()) await caches.delete(name);
  await worker.registration.unregister();
}
