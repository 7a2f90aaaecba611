// What was kept in this browser is gone: a person is asked before everything is downloaded again.

import { openDisk } from "../fixtures/disk.js";
import { openMailbox, rows, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

/** As a browser does that wants the space, or a person who clears a site's data in part. */
async function loseDatabases(page) {
  await page.evaluate(async () => {
    for (const { name } of await indexedDB.databases()) {
      const request = indexedDB.deleteDatabase(name);
      await new Promise((resolve, reject) => Object.assign(request, { onsuccess: resolve, onerror: reject }));
    }
  });
}

/** A mailbox that counts what it says of loss, and objects to going on if told to. */
async function listening(page, world, objects) {
  const mailbox = await openMailbox(page, world, { worker: true });
  await mailbox.evaluate((mailbox, objects) => {
    globalThis.lost = [];
    mailbox.addEventListener("lost", (event) => {
      lost.push(event.detail);
      if (objects) event.preventDefault();
    });
  }, objects);
  return mailbox;
}

const trySync = (mailbox, options = {}) => mailbox.evaluate((mailbox, options) => attempt(() => mailbox.sync(options)), options);

/** Stores five messages, loses them, and gives a page that knows of neither. */
async function afterLoss(world, profile) {
  await world.deliver(5);
  const page = await profile.open();
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  await mailbox.evaluate((mailbox) => mailbox.close());
  await loseDatabases(page);
  await page.reload();
  return page;
}

test("a database deleted between sessions is asked about, and nothing is downloaded before", async ({ world, profile }) => {
  const page = await afterLoss(world, profile);
  const mailbox = await listening(page, world, true);
  const { error } = await trySync(mailbox);
  expect(error).toMatchObject({ name: "MailError", code: "store", retryable: false });
  expect(error.message).toContain("5 of them");
  expect(await page.evaluate(() => lost)).toEqual([{ stored: 5 }]);
  expect(await world.endedSessions()).toBe(1);

  // It goes on being asked about until somebody says so.
  expect((await trySync(mailbox)).error.code).toBe("store");
  expect(await sync(mailbox, { afresh: true })).toMatchObject({ retrieved: 5, deleted: 0 });
  expect(await world.session(2)).toMatchObject({ retr: 5, del: 0, quit: true });
  expect(await world.stored()).toHaveLength(5);
  expect((await rows(mailbox)).every(({ stored }) => stored)).toBe(true);
  expect((await trySync(mailbox)).error).toBeUndefined();
  expect(await page.evaluate(() => lost)).toHaveLength(2);
});

test("a database deleted under an open page is asked about as well", async ({ world, profile }) => {
  await world.deliver(4);
  const page = await profile.open();
  const mailbox = await listening(page, world, true);
  await sync(mailbox);
  await loseDatabases(page);
  expect((await trySync(mailbox)).error.code).toBe("store");
  expect(await page.evaluate(() => lost)).toEqual([{ stored: 4 }]);
  expect(await world.endedSessions()).toBe(1);
  expect(await sync(mailbox, { afresh: true })).toMatchObject({ retrieved: 4 });
});

test("where nobody objects it goes on", async ({ world, profile }) => {
  const page = await afterLoss(world, profile);
  const mailbox = await listening(page, world, false);
  expect(await sync(mailbox)).toMatchObject({ retrieved: 5 });
  expect(await page.evaluate(() => lost)).toEqual([{ stored: 5 }]);
});

test("what a person cleared, in this tab or another, is not asked about", async ({ world, profile }) => {
  await world.deliver(3);
  const page = await profile.open();
  const mailbox = await listening(page, world, true);
  await sync(mailbox);
  const elsewhere = await openMailbox(await profile.open(), world);
  await elsewhere.evaluate((mailbox) => mailbox.clear());
  expect(await sync(mailbox)).toMatchObject({ retrieved: 3 });
  expect(await page.evaluate(() => lost)).toEqual([]);
  expect(await page.evaluate(() => localStorage.getItem("poplar:kept"))).toContain('"stored":3');
  await mailbox.evaluate((mailbox) => mailbox.clear());
  expect(await page.evaluate(() => localStorage.length)).toBe(0);
});

test("an empty maildrop, and headers alone, are no loss; retrieving a message is noted", async ({ world, profile }) => {
  const page = await profile.open();
  const mailbox = await listening(page, world, true);
  await sync(mailbox);
  await world.deliver(2);
  await sync(mailbox, { retrieve: "headers" });
  expect(await page.evaluate(() => localStorage.length)).toBe(0);
  await mailbox.evaluate(async (mailbox) => mailbox.raw((await mailbox.messages())[0].id));
  // By the name of the database, which tells nobody's.
  const { name } = await openDisk(page).then((disk) => disk.evaluate(({ name }) => ({ name })));
  expect(JSON.parse(await page.evaluate(() => localStorage.getItem("poplar:kept")))).toEqual({ [name]: { stored: 1, at: expect.any(String) } });
  await trySync(mailbox, { retrieve: "none" });
  expect(await page.evaluate(() => lost)).toEqual([]);
});

test("the browser is asked once to keep what was stored, and never in memory mode", async ({ world, profile }) => {
  await profile.context.addInitScript(() => {
    globalThis.asked = 0;
    if (!globalThis.StorageManager) return; // the blank page that a browser begins with
    const persist = StorageManager.prototype.persist;
    StorageManager.prototype.persist = function () {
      asked += 1;
      return persist.call(this);
    };
  });
  await world.deliver(1);
  const page = await profile.open();
  const memory = await openMailbox(page, world, { storage: "memory" });
  await sync(memory);
  expect(await page.evaluate(() => [asked, localStorage.length])).toEqual([0, 0]);
  const mailbox = await openMailbox(page, world, { credentials: undefined });
  await trySync(mailbox, { password: "wrong" });
  expect(await page.evaluate(() => asked)).toBe(0);
  for (const _ of [1, 2]) await sync(mailbox, { password: world.password });
  await expect.poll(() => page.evaluate(() => asked)).toBe(1);

  const { persisted, usage, quota } = await mailbox.evaluate((mailbox) => mailbox.storage());
  expect(typeof persisted).toBe("boolean");
  expect(usage).toBeGreaterThan(0);
  expect(quota).toBeGreaterThan(usage);
});

test("without localStorage nothing is noticed, and nothing is worse", async ({ world, profile }) => {
  await profile.context.addInitScript(() => {
    Object.defineProperty(globalThis, "localStorage", { get: () => { throw new DOMException("no", "SecurityError"); } });
  });
  await world.deliver(1);
  const page = await profile.open();
  const mailbox = await listening(page, world, true);
  expect(await sync(mailbox)).toMatchObject({ retrieved: 1 });
  await mailbox.evaluate((mailbox) => mailbox.clear());
  expect(await sync(mailbox)).toMatchObject({ retrieved: 1 });
  expect(await page.evaluate(() => lost)).toEqual([]);
});
