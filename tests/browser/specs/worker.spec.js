// The client in a worker: the same as in the page, and the page is free meanwhile.

import { openMailbox, rawHashes, rows, sorted, sync } from "../fixtures/library.js";
import { Reader } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

const OCTETS = 400_000;

/** Counts what wasm the page itself is given; workers run no such script. */
async function countWasm(profile) {
  await profile.context.addInitScript(() => {
    globalThis.modules = 0;
    for (const name of ["instantiate", "instantiateStreaming"]) {
      const original = WebAssembly[name];
      WebAssembly[name] = (...given) => {
        modules += 1;
        return original(...given);
      };
    }
  });
}

test("the page runs the client in a worker, and no wasm of its own", async ({ world, profile }) => {
  await countWasm(profile);
  const delivered = await world.deliver(3);
  const page = await profile.open();
  const reader = new Reader(page);
  await reader.signIn({ password: world.password });
  await reader.idle();
  await reader.read(delivered[0].subject);
  await expect(reader.part("reader-text")).toBeVisible();
  expect(await page.evaluate(() => modules)).toBe(0);
  // A second one waits for a lock, which ends the first.
  const path = expect.stringMatching(/^\/v\/[0-9a-f]{16}\/lib\/mail\/worker\.js$/);
  await expect.poll(() => page.workers().map((worker) => new URL(worker.url()).pathname)).toEqual([path, path]);
});

test("each mailbox has a worker of its own; events, rows and bytes are those of the page", async ({ world, page }) => {
  await world.deliver(20);
  await world.deliver(3, { user: "bob", seed: 2 });
  await world.deliverLarge(OCTETS);
  const [ann, bob] = await Promise.all(["ann", "bob"].map((user) => openMailbox(page, world, { user, worker: true })));
  await ann.evaluate((mailbox) => {
    globalThis.heard = [];
    for (const name of ["session", "progress", "change"]) mailbox.addEventListener(name, ({ detail }) => heard.push([name, detail]));
  });
  expect(await sync(ann)).toMatchObject({ retrieved: 21, remaining: 0, skipped: [] });
  expect(await sync(bob)).toMatchObject({ retrieved: 3 });
  await expect.poll(() => page.workers().length).toBe(3);
  expect(await rawHashes(ann)).toEqual(sorted(await world.stored()));
  expect(await rawHashes(bob)).toEqual(sorted(await world.stored("bob")));

  const heard = await page.evaluate(() => heard);
  expect(heard.filter(([name]) => name === "session").map(([, { state }]) => state)).toEqual(["connecting", "open", "closed"]);
  expect(heard.some(([name, { phase, done }]) => name === "progress" && phase === "retrieve" && done === 21)).toBe(true);
  expect(heard.some(([name, { ids }]) => name === "change" && ids.length > 0)).toBe(true);

  // A mailbox in the page is the same mailbox.
  const here = await openMailbox(page, world);
  expect(await rows(ann)).toEqual(await rows(here));
  expect((await rows(ann)).every(({ date }) => date instanceof Date)).toBe(true);
  const read = (mailbox) => mailbox.evaluate(async (mailbox) => mailbox.message((await mailbox.messages({ limit: 1 }))[0].id));
  expect(await read(ann)).toEqual(await read(here));
});

test("errors cross with all that is in them, and a closed mailbox is closed", async ({ world, page }) => {
  const mailbox = await openMailbox(page, world, { worker: true, credentials: { password: "wrong" } });
  const { error } = await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync()));
  expect(error).toMatchObject({ name: "MailError", code: "auth-failed", phase: "auth", retryable: false, retryAfterMs: null });
  expect(error.serverText).not.toBe("");
  await mailbox.evaluate((mailbox) => mailbox.close());
  expect((await mailbox.evaluate((mailbox) => attempt(() => mailbox.count()))).error).toMatchObject({ name: "MailError", code: "closed" });
});

test("cancelling ends the session with an AbortError, also before it begins", async ({ world, page }) => {
  await world.deliverLarge(OCTETS);
  await world.fault({ after: OCTETS / 2, then: "stall" });
  const mailbox = await openMailbox(page, world, { worker: true });
  const outcome = mailbox.evaluate((mailbox) => {
    globalThis.abort = new AbortController();
    return attempt(() => mailbox.sync({ signal: abort.signal }));
  });
  await world.faults(1);
  await page.evaluate(() => abort.abort());
  expect((await outcome).error.name).toBe("AbortError");
  expect(await world.session(1)).toMatchObject({ quit: false });
  const again = await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync({ signal: AbortSignal.abort("a reason") })));
  expect(again.error.name).toBe("AbortError");
  expect(await world.endedSessions()).toBe(1);
});

test("a closed tab ends the worker and its session, and deletes nothing", async ({ world, profile }) => {
  await world.deliverLarge(OCTETS);
  await world.fault({ after: OCTETS / 2, then: "stall" });
  const page = await profile.open();
  const mailbox = await openMailbox(page, world, { worker: true });
  const outcome = mailbox.evaluate((mailbox) => mailbox.sync()).catch((error) => error);
  await world.faults(1);
  await page.close();
  await outcome;
  expect(await world.session(1)).toMatchObject({ quit: false, del: 0 });
});

test("a worker that ends alone rejects what is under way; what comes after has another, and is locked", async ({ world, page }) => {
  await world.deliverLarge(OCTETS);
  await world.fault({ after: OCTETS / 2, then: "stall" });
  const mailbox = await openMailbox(page, world, { worker: true });
  const outcome = mailbox.evaluate((mailbox) => attempt(() => mailbox.sync()));
  await world.faults(1);
  await page.workers()[0].evaluate(() => close());
  expect((await outcome).error).toMatchObject({ name: "MailError", code: "internal" });
  // The key was in it.
  expect(await mailbox.evaluate((mailbox) => mailbox.count())).toBe(1);
  await expect.poll(() => mailbox.evaluate((mailbox) => mailbox.locked)).toBe(true);
  await world.fault({});
  expect(await sync(await openMailbox(page, world, { worker: true }))).toMatchObject({ retrieved: 1 });
  expect(await world.session(1)).toMatchObject({ quit: false, del: 0 });
});

test("a fault of the wasm rejects what is under way and what comes after", async ({ world, profile, page }) => {
  // What the wasm would call when it breaks, within reach.
  const source = await (await fetch(`${world.origin}/lib/client.js`)).text();
  const body = source.replace(/function onPanic\((\w+)\) \{/, "$& globalThis.breakDown = $1;");
  expect(body).not.toBe(source);
  await profile.context.route("**/lib/client.js", (route) => route.fulfill({ contentType: "text/javascript", body }));
  await world.deliverLarge(OCTETS);
  await world.fault({ after: OCTETS / 2, then: "stall" });
  const mailbox = await openMailbox(page, world, { worker: true });
  const outcome = mailbox.evaluate((mailbox) => attempt(() => mailbox.sync()));
  await world.faults(1);
  // A spare one among them.
  await Promise.all(page.workers().map((worker) => worker.evaluate(() => breakDown("some.rs", 1))));
  for (const { error } of [await outcome, await mailbox.evaluate((mailbox) => attempt(() => mailbox.count()))]) {
    expect(error).toMatchObject({ name: "MailError", code: "internal" });
  }
});

for (const [why, prevent] of [
  ["the browser refuses to make one", (profile) => profile.context.addInitScript(() => (globalThis.Worker = class { constructor() { throw new DOMException("no", "SecurityError"); } }))],
  ["its script cannot be had", (profile) => profile.context.route("**/lib/mail/worker.js", (route) => route.fulfill({ status: 404 }))],
  ["its own policy lets no wasm run", forbidWasm],
  ["the page's policy is against it", (profile) => profile.context.addInitScript(forbidWorkers)],
]) {
  test.describe(`where ${why}`, () => {
    test.use({ mayBlock: true });

    test("the client runs in the page", async ({ world, profile }) => {
      await countWasm(profile);
      await prevent(profile);
      await world.deliver(2);
      const page = await profile.open();
      const mailbox = await openMailbox(page, world, { worker: true });
      expect(await sync(mailbox)).toMatchObject({ retrieved: 2 });
      expect(await page.evaluate(() => modules)).toBe(1);
      expect(page.workers()).toEqual([]);
    });
  });
}

function forbidWasm(profile) {
  return profile.context.route("**/lib/mail/worker.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), "content-security-policy": "default-src 'self'" } });
  });
}

/** Runs in every page. */
function forbidWorkers() {
  document.addEventListener("readystatechange", () => {
    const policy = Object.assign(document.createElement("meta"), { httpEquiv: "Content-Security-Policy", content: "worker-src 'none'" });
    document.head.append(policy);
  }, { once: true });
}
