// The page opens without a network and shows what is stored; what is kept for that is the page of one build, and never any mail.

import { Front } from "../fixtures/front.js";
import { Reader } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

test.use({ contextOptions: { serviceWorkers: "allow" } });

/** Every address that any cache has, by cache. */
const cached = (page) =>
  page.evaluate(async () => {
    const found = {};
    for (const name of await caches.keys()) found[name] = (await (await caches.open(name)).keys()).map(({ url }) => url).sort();
    return found;
  });
/** The builds that are kept whole. */
const kept = (page) =>
  page.evaluate(async () => {
    const whole = [];
    for (const name of await caches.keys()) if (await caches.match(`${location.origin}/`, { cacheName: name })) whole.push(name.replace("poplar-shell/", ""));
    return whole.sort();
  });
const registrations = (page) => page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).map(({ scope }) => scope));

test("without a relay the page opens, what is stored is unlocked and read, and mail comes again with the relay", async ({ world, page, profile, reader }) => {
  const [first] = await world.deliver(3);
  await reader.signedIn({ password: world.password });
  await expect.poll(() => kept(page)).toHaveLength(1);
  await reader.read(first.subject);
  const text = await reader.part("reader-text").textContent();
  await world.killRelay();

  await page.reload();
  await expect(reader.part("error")).toHaveAttribute("data-code", "relay-unreachable");
  await expect(reader.part("error")).toContainText("opens with your password all the same");
  await expect(reader.part("user")).toHaveValue("ann");
  await reader.part("password").fill("wrong");
  await reader.part("submit-sign-in").click();
  await expect(reader.part("error")).toHaveAttribute("data-code", "wrong-secret");
  await reader.part("password").fill(world.password);
  await reader.part("submit-sign-in").click();
  await expect(reader.rows()).toHaveCount(3);
  await reader.read(first.subject);
  await expect(reader.part("reader-text")).toHaveText(text);
  // Parts that come late are there as well.
  await reader.part("settings-open").click();
  await expect(reader.part("storage")).not.toBeEmpty();
  await page.keyboard.press("Escape");
  await reader.lock();
  await reader.unlock(world.password);
  await expect(reader.rows()).toHaveCount(3);

  await world.restartRelay();
  await world.deliver(1, { from: 3 });
  await reader.checkMail();
  await expect(reader.rows()).toHaveCount(4);
  expect(profile.console.join("\n")).not.toMatch(/service.?worker/i);
});

test("in no cache is anything but the page of this build and its files", async ({ world, page, reader }) => {
  const [first] = await world.deliver(3);
  await reader.signedIn({ password: world.password });
  await expect.poll(() => kept(page)).toHaveLength(1);
  // Whatever the page asks for from now on goes past the service worker.
  await page.reload();
  await reader.signedIn({ password: world.password });
  expect(await page.evaluate(() => Boolean(navigator.serviceWorker.controller))).toBe(true);
  await reader.read(first.subject);
  await reader.part("settings-open").click();
  await expect(reader.part("storage")).not.toBeEmpty();

  const [[name, addresses], ...others] = Object.entries(await cached(page));
  expect(others).toEqual([]);
  const folder = `${world.origin}/v/${name.replace("poplar-shell/", "")}/`;
  const shell = await (await fetch(`${folder}page/shell.json`)).json();
  expect(shell).toEqual(expect.arrayContaining(["page/page.js", "lib/client_bg.wasm", "lib/element/strings/spanish.js", "lib/mail/worker.js"]));
  expect(addresses).toEqual([`${world.origin}/`, ...shell.map((file) => folder + file)].sort());
  console.log(addresses.map((address) => address.replace(world.origin, "")).join("\n"));
});

test("nothing is kept for a first visit, on a shared computer, or by the element in another page", async ({ world, page, profile, reader }) => {
  await world.deliver(1);
  await expect(reader.part("submit-sign-in")).toBeVisible();
  const idle = (page) => page.evaluate(() => new Promise((resolve) => requestIdleCallback(() => requestIdleCallback(resolve))));
  await idle(page);
  expect(await registrations(page)).toEqual([]);
  await reader.signedIn({ password: world.password, shared: true });
  await idle(page);
  expect(await registrations(page)).toEqual([]);

  const other = await profile.open("/lib/poplar-mail.js");
  await other.evaluate(async () => {
    await import("/lib/poplar-mailbox.js");
    document.body.replaceChildren(document.createElement("poplar-mailbox"));
  });
  await new Reader(other).signedIn({ password: world.password });
  await idle(other);
  expect(await registrations(other)).toEqual([]);
  expect(await cached(other)).toEqual({});
});

test.describe("behind something that changes", () => {
  /** @type {Front} */
  let front;
  const OTHER = "0123456789abcdef";

  test.beforeEach(async ({ world }) => {
    front = await Front.before(world.origin);
  });
  test.afterEach(() => front.end());

  const signedIn = async (world, profile) => {
    const page = await profile.context.newPage();
    await page.goto(front.origin);
    const reader = new Reader(page);
    await reader.signedIn({ password: world.password });
    return { page, reader };
  };
  const buildOf = (page) => page.evaluate(() => /\/v\/([0-9a-f]{16})\//.exec(document.querySelector("script").src)[1]);

  test("an update is kept beside what a page that is open is of, and in its place once that is closed", async ({ world, profile }) => {
    await world.deliver(2);
    const old = await signedIn(world, profile);
    await expect.poll(() => kept(old.page)).toEqual([front.own]);

    front.build = OTHER;
    const fresh = await signedIn(world, profile);
    expect(await buildOf(fresh.page)).toBe(OTHER);
    await expect.poll(() => kept(fresh.page)).toEqual([OTHER, front.own].sort());
    // The relay has nothing of the old build any more; its page goes on all the same.
    await old.reader.part("settings-open").click();
    await expect(old.reader.part("storage")).not.toBeEmpty();

    await old.page.close();
    await fresh.page.reload();
    await fresh.reader.signedIn({ password: world.password });
    await expect.poll(() => kept(fresh.page)).toEqual([OTHER]);

    front.replies.set("/", 502);
    front.replies.set("/relay.json", 502);
    await fresh.page.reload();
    expect(await buildOf(fresh.page)).toBe(OTHER);
  });

  test("two builds behind a balancer are each kept whole or not at all", async ({ world, profile }) => {
    await world.deliver(1);
    const { page, reader } = await signedIn(world, profile);
    await expect.poll(() => kept(page)).toHaveLength(1);
    for (const build of [OTHER, undefined, OTHER]) {
      front.build = build;
      await page.reload();
      await reader.signedIn({ password: world.password });
      expect(await buildOf(page)).toBe(build ?? front.own);
      await expect.poll(() => kept(page)).toContain(build ?? front.own);
    }
    // A page that another build answers for is not kept under this one's name.
    front.build = "fedcba9876543210";
    await page.evaluate(async (build) => (await navigator.serviceWorker.ready).active.postMessage({ keep: build }), OTHER.replace("0", "1"));
    await page.evaluate(async () => (await navigator.serviceWorker.ready).active.postMessage({ keep: "../../pop3/mail" }));
    expect(Object.values(await cached(page)).flat().filter((url) => !/\/$|\/v\/[0-9a-f]{16}\/(page|lib)\//.test(url))).toEqual([]);
  });

  test("a build of which one file comes as something else is not kept", async ({ world, profile }) => {
    await world.deliver(1);
    // As a network answers that wants a sign-in first: with a page of its own, and 200.
    front.build = OTHER;
    front.replies.set(`/v/${OTHER}/lib/element/keys-help.js`, 200);
    const { page } = await signedIn(world, profile);
    await expect.poll(() => registrations(page)).toHaveLength(1);
    await page.evaluate(async (build) => (await navigator.serviceWorker.ready).active.postMessage({ keep: build }), OTHER);
    await expect.poll(() => cached(page)).toEqual({});
    front.replies.clear();
    await page.evaluate(async (build) => (await navigator.serviceWorker.ready).active.postMessage({ keep: build }), OTHER);
    await expect.poll(() => kept(page)).toEqual([OTHER]);
  });

  test("a relay that wants none of it any more has it taken back", async ({ world, profile }) => {
    await world.deliver(1);
    const { page } = await signedIn(world, profile);
    await expect.poll(() => kept(page)).toHaveLength(1);
    front.replies.set("/sw.js", 404);
    await page.reload();
    await expect.poll(() => cached(page)).toEqual({});
    await expect.poll(() => registrations(page)).toEqual([]);
    const databases = await page.evaluate(() => indexedDB.databases());
    expect(databases.length, "the mail stays").toBeGreaterThan(0);
  });
});

test.describe("a relay that wants none of it", () => {
  test.use({ worldOptions: { relay: ["--offline-page=false"] } });

  test("offers no service worker, and the page works as ever", async ({ world, page, profile, reader }) => {
    await world.deliver(1);
    expect((await fetch(`${world.origin}/sw.js`)).status).toBe(404);
    const asked = profile.context.waitForEvent("response", (response) => response.url().endsWith("/sw.js"));
    await reader.signedIn({ password: world.password });
    expect((await asked).status()).toBe(404);
    expect(await registrations(page)).toEqual([]);
  });
});
