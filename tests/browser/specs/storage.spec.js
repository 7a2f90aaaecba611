// What stays on the computer, and what does not.

import { appendFile } from "node:fs/promises";

import { openMailbox, rawHashes, rows, sorted, sync } from "../fixtures/library.js";
import { Reader } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

/** What LevelDB calls the first part of a record of several. */
const FIRST_PART = 2;

test("a reload keeps everything and asks only for the password", async ({ world, profile }) => {
  const delivered = await world.deliver(6);
  let reader = new Reader(await profile.open());
  await reader.signIn({ password: world.password });
  await expect(reader.rows()).toHaveCount(6);
  await reader.idle();

  await profile.reopen();
  reader = new Reader(await profile.open());
  await expect(reader.part("user")).toHaveValue("ann");
  await expect(reader.part("upstream")).toHaveValue("mail");
  await expect(reader.part("password")).toHaveValue("");
  await expect(reader.part("sign-in")).toContainText("6 messages");
  await reader.part("password").fill(world.password);
  await reader.part("submit-sign-in").click();
  await expect(reader.rows()).toHaveCount(6);
  await reader.idle();
  expect(await world.session(2)).toMatchObject({ retr: 0, top: 0 });
  await reader.read(delivered[0].subject);
  expect(await world.endedSessions()).toBe(2);
});

test("what was read is read and what was marked is marked after a reload", async ({ world, profile }) => {
  const delivered = await world.deliver(3);
  let reader = new Reader(await profile.open());
  await reader.signIn({ password: world.password });
  await reader.idle();
  await expect(reader.rows("new")).toHaveCount(3);
  await reader.read(delivered[0].subject);
  await expect(reader.rows("stored")).toHaveCount(1);
  await reader.read(delivered[1].subject);
  await reader.part("delete").click();
  await expect(reader.rows("will-be-deleted")).toHaveCount(1);

  await profile.reopen();
  const mailbox = await openMailbox(await profile.open(), world);
  expect(await sync(mailbox)).toMatchObject({ deleted: 1 });
  expect((await rows(mailbox)).map(({ read, deletion }) => [read, deletion])).toEqual([
    [true, "none"],
    [true, "confirmed"],
    [false, "none"],
  ]);
});

test("what a crash cut off in the middle of a write takes nothing with it, then or later", async ({ world, profile }) => {
  await world.deliver(3);
  const syncs = async (count) => {
    const page = await profile.open();
    const mailbox = await openMailbox(page, world);
    expect(await rows(mailbox)).toHaveLength(count);
    await sync(mailbox);
    await profile.context.close();
  };
  await syncs(0);
  // Chromium's log ends with a record that says it has 1000 octets, and has 64.
  const [log] = [...(await profile.files()).keys()].filter((path) => /indexeddb\.leveldb.\d+\.log$/.test(path));
  await appendFile(log, Buffer.from([1, 2, 3, 4, 1000 & 255, 1000 >> 8, FIRST_PART, ...Array(64).fill(0)]));
  await profile.start();
  await world.deliver(1, { from: 3 });
  await syncs(3);
  await profile.start();
  await syncs(4);
});

test("memory mode leaves nothing behind", async ({ world, profile }) => {
  const subject = "Unlikely-words-4d11";
  await world.deliverText(`From: ann@example.org\nSubject: ${subject}\n\n${subject}\n`);
  const page = await profile.open();
  const mailbox = await openMailbox(page, world, { storage: "memory" });
  expect(await sync(mailbox)).toMatchObject({ retrieved: 1 });
  expect((await rows(mailbox))[0]).toMatchObject({ subject, stored: true });
  expect(await page.evaluate(() => dumpDatabases())).toEqual([]);
  await mailbox.evaluate((mailbox) => mailbox.close());
  await profile.context.close();
  for (const [path, bytes] of await profile.files()) expect(bytes.includes(subject), path).toBe(false);
});

test("a shared computer keeps nothing, in the page", async ({ world, profile }) => {
  const [{ subject }] = await world.deliver(2);
  let reader = new Reader(await profile.open());
  await reader.signIn({ password: world.password, shared: true });
  await expect(reader.rows()).toHaveCount(2);
  await reader.idle();
  // Headers only, to begin with; a message is retrieved when it is opened, and only that one.
  expect(await world.session(1)).toMatchObject({ retr: 0, top: 2 });
  await reader.read(subject);
  await expect(reader.part("reader-text")).toBeVisible();
  expect(await reader.page.evaluate(() => dumpDatabases())).toEqual([]);
  await reader.part("sign-out").click();
  await expect(reader.part("sign-in")).toBeVisible();
  // Whoever sits down next does not read who was here.
  await expect(reader.part("user")).toHaveValue("");

  await profile.reopen();
  reader = new Reader(await profile.open());
  await expect(reader.part("sign-in")).toBeVisible();
  await expect(reader.part("user")).toHaveValue("");
  expect(await world.stored()).toHaveLength(2);
});

test("memory mode never deletes by itself, and a person's own delete works", async ({ world, page }) => {
  await world.deliver(3);
  const mailbox = await openMailbox(page, world, { storage: "memory" });
  await sync(mailbox);
  const [first] = await rows(mailbox);
  await mailbox.evaluate((mailbox, id) => mailbox.delete(id), first.id);
  expect(await sync(mailbox)).toMatchObject({ deleted: 1 });
  await mailbox.evaluate((mailbox) => mailbox.signOut());
  expect(await world.stored()).toHaveLength(2);
});

test("clear() forgets everything here and touches nothing there", async ({ world, profile }) => {
  const subject = "Unlikely-words-77aa";
  await world.deliverText(`From: ann@example.org\nSubject: ${subject}\n\n${subject}\n`);
  const page = await profile.open();
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  expect((await page.evaluate(() => dumpDatabases())).join("\n")).toContain("ann");
  await mailbox.evaluate((mailbox) => mailbox.clear());
  // Looking afterwards, as a list does that hears of the change, brings nothing back.
  expect(await rows(mailbox)).toEqual([]);
  expect((await page.evaluate(() => dumpDatabases())).join("\n")).not.toContain("ann");
  expect(await world.stored()).toHaveLength(1);

  const again = await openMailbox(page, world);
  expect(await rows(again)).toEqual([]);
  // Losing the table can only cause a second download.
  expect(await sync(again)).toMatchObject({ retrieved: 1, deleted: 0 });
  expect(await rawHashes(again)).toEqual(sorted(await world.stored()));
});

test("removing what is kept, in the page, is asked about first", async ({ world, page, reader }) => {
  await world.deliver(2);
  await reader.signIn({ password: world.password });
  await reader.idle();
  await reader.part("clear").click();
  await expect(reader.part("dialog")).toContainText("server");
  await reader.part("confirm").click();
  await expect(reader.part("sign-in")).toBeVisible();
  await expect(reader.part("notice")).toContainText(/removed/i);
  expect((await page.evaluate(() => dumpDatabases())).join("\n")).not.toContain("ann");
  expect(await world.stored()).toHaveLength(2);
});

test("what is written is written durably", async ({ world, profile }) => {
  await profile.context.addInitScript(() => {
    globalThis.durabilities = [];
    const transaction = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (stores, mode, options) {
      const started = transaction.call(this, stores, mode, options);
      if (started.mode === "readwrite") durabilities.push(started.durability);
      return started;
    };
  });
  await world.deliver(5);
  await world.deliverLarge(2_500_000);
  const page = await profile.open();
  const mailbox = await openMailbox(page, world);
  await mailbox.evaluate((mailbox) => mailbox.setPolicy({ leave: "nothing" }));
  expect(await sync(mailbox)).toMatchObject({ retrieved: 6, deleted: 6 });
  await mailbox.evaluate(async (mailbox) => mailbox.markRead((await mailbox.messages({ limit: 1 }))[0].id));
  const used = await page.evaluate(() => durabilities);
  // New rows, a large message in more than one, the small ones, DELE sent, DELE confirmed, a mark.
  expect(used.length).toBeGreaterThanOrEqual(6);
  expect(used.filter((durability) => durability !== "strict")).toEqual([]);
});

test.describe("what was learnt of a server", () => {
  test.use({ worldOptions: { dovecot: { rawlog: true } } });

  test("lasts over a reload", async ({ world, profile }) => {
    await world.deliver(3);
    const noops = async () => (await world.harness.call("rawlogs")).map((said) => said.split("NOOP").length - 1);
    for (const [place, expected] of [[2], [2, 0]].entries()) {
      const page = await profile.open();
      const mailbox = await openMailbox(page, world);
      await sync(mailbox, { retrieve: "all" });
      await world.session(place + 1);
      // Two NOOPs try whether queued commands are answered; that is known from then on.
      expect(await noops()).toEqual(expected);
      await page.close();
    }
  });
});

test("what is written is itself and nothing of the memory around it", async ({ world, page }) => {
  await world.deliver(4);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox, { retrieve: "headers" });
  await mailbox.evaluate(async (mailbox) => mailbox.raw((await mailbox.messages({ limit: 1 }))[0].id));
  const views = await page.evaluate(async () => {
    const done = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: reject }));
    const found = [];
    const look = (value) => {
      if (ArrayBuffer.isView(value)) found.push([value.byteLength, value.buffer.byteLength]);
      else if (value && typeof value === "object") Object.values(value).forEach(look);
    };
    for (const { name } of await indexedDB.databases()) {
      const database = await done(indexedDB.open(name));
      for (const store of database.objectStoreNames) (await done(database.transaction(store).objectStore(store).getAll())).forEach(look);
      database.close();
    }
    return found;
  });
  // The table, what is known of the server, four envelopes, one body.
  expect(views.length).toBeGreaterThanOrEqual(7);
  // A database writes all that a view lies on: passwords too, where that is the memory of the module.
  for (const [own, all] of views) expect(all).toBe(own);
});
