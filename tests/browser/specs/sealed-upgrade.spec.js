// What the version before has kept, unsealed: sealed with the first sign-in, not retrieved again, and gone from the disk.

import { openDisk } from "../fixtures/disk.js";
import { openLocked, openMailbox, rawHashes, rows, sorted, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

/** The name of that version's database. */
const OLD = "poplar:mail/ann";
const SUBJECT = "Subject-of-the-version-before-5521";
const TEXT = "Text-of-the-version-before-7713";

const databases = (page) => page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));

/**
 * Leaves the browser as the version before has: what this one has retrieved is written as that one wrote it, wasm/src/store/page.rs,
 * with the newest message's headers only.
 */
async function asBefore(page, world) {
  await world.deliver(40);
  await world.deliverLarge(2.5 * 2 ** 20);
  await world.deliverText(`From: Eve <eve@example.org>\nSubject: ${SUBJECT}\nDate: Tue, 1 Apr 2025 10:00:00 +0000\n\n${TEXT}\n`);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  await world.deliver(1, { seed: 2 });
  await sync(mailbox, { retrieve: "headers" });
  const [read] = await rows(mailbox);
  await mailbox.evaluate((mailbox, id) => mailbox.markRead(id), read.id);
  const before = await rows(mailbox);
  const old = await mailbox.evaluateHandle(async (mailbox, OLD) => {
    const { encodePage } = await import("/lib/mail/backup/pages.js");
    const [envelopes, chunks, table] = [[], [], []];
    for (const row of await mailbox.messages({ limit: 1000, order: "oldest" })) {
      const id = Number(row.id);
      const { subject, from, preview, stored, hasAttachments: attachments } = row;
      const pieces = [];
      if (stored) {
        const whole = new Uint8Array(await (await mailbox.raw(row.id)).arrayBuffer());
        for (let at = 0; at < whole.length; at += 1 << 20) pieces.push(whole.slice(at, at + (1 << 20)));
      }
      const head = stored ? undefined : new TextEncoder().encode(`Subject: ${subject}\r\n\r\n`);
      envelopes.push([id, { subject, from, preview, date: row.date?.getTime(), attachments, head }]);
      pieces.forEach((piece, place) => chunks.push([[id, place], piece]));
      const octets = pieces.reduce((sum, { length }) => sum + length, 0);
      const retrieved = stored ? 1_740_000_000_000 : 0;
      table.push({ ...row, id, ordinal: 0, firstSeen: 1_740_000_000_000, retrieved, octets, chunks: pieces.length });
    }
    const pages = Object.entries(Object.groupBy(table, ({ id }) => Math.floor(id / 128))).map(([n, rows]) => [Number(n), asListed(rows)]);
    return { account: { account: "mail/ann", user: "ann", relay: "" }, pages, envelopes, chunks };

    /** `encodePage` is for backups, which know neither of headers nor of the server: a row's last octet is its flags. */
    function asListed(rows) {
      const pages = rows.map((row) => {
        const page = encodePage([row]);
        page[page.length - 1] |= 4 | 8;
        return page.subarray(1);
      });
      return new Uint8Array([1, ...pages.flatMap((page) => [...page])]);
    }
  }, OLD);
  await mailbox.evaluate((mailbox) => mailbox.clear());
  await mailbox.evaluate((mailbox) => mailbox.close());
  await old.evaluate(async ({ account, pages, envelopes, chunks }, OLD) => {
    const request = indexedDB.open(OLD, 1);
    request.onupgradeneeded = () => ["meta", "table", "envelopes", "chunks"].forEach((name) => request.result.createObjectStore(name));
    const database = await new Promise((open) => (request.onsuccess = () => open(request.result)));
    const transaction = database.transaction(["meta", "table", "envelopes", "chunks"], "readwrite");
    transaction.objectStore("meta").put(account, "account");
    for (const [name, all] of Object.entries({ table: pages, envelopes, chunks })) {
      for (const [key, value] of all) transaction.objectStore(name).put(value, key);
    }
    await new Promise((complete, failed) => Object.assign(transaction, { oncomplete: complete, onabort: failed }));
    database.close();
  }, OLD);
  return before;
}

/** That everything is here, sealed, read back as it was, and that nothing was retrieved again. */
async function expectTakenOver(page, world, before, mailbox) {
  expect(await rows(mailbox)).toEqual(before);
  const stored = await world.stored();
  expect(await rawHashes(mailbox)).toEqual(sorted(stored.slice(0, -1)));
  expect(await databases(page)).not.toContain(OLD);
  const records = (await page.evaluate(() => dumpDatabases())).join("\n");
  for (const text of [SUBJECT, TEXT]) expect(records.includes(text), text).toBe(false);
  const disk = await openDisk(page);
  const kinds = await disk.evaluate(async (disk) => {
    const all = await Promise.all((await disk.keys("envelopes")).map((key) => disk.get("envelopes", key)));
    return [...new Set(all.map((value) => value.constructor.name))];
  });
  expect(kinds).toEqual(["Uint8Array"]);
  const sessions = await world.harness.call("sessions", { user: "ann", count: await world.endedSessions() });
  expect(sessions.slice(2).map(({ retr, top }) => [retr, top])).toEqual(sessions.slice(2).map(() => [0, 0]));
}

test("what was kept unsealed is locked until somebody signs in, and sealed then", async ({ world, profile }) => {
  const page = await profile.open();
  const before = await asBefore(page, world);
  expect((await page.evaluate(() => dumpDatabases())).join("\n")).toContain(SUBJECT);

  const mailbox = await openLocked(page, world, { credentials: undefined });
  expect(await mailbox.evaluate((mailbox) => mailbox.locked)).toBe(true);
  expect((await mailbox.evaluate((mailbox) => attempt(() => mailbox.messages()))).error).toMatchObject({ code: "locked" });
  expect((await mailbox.evaluate((mailbox) => attempt(() => mailbox.unlock("anything")))).error).toMatchObject({ code: "locked" });
  expect((await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync({ password: "wrong" })))).error).toMatchObject({ code: "auth-failed" });
  expect(await databases(page)).toEqual([OLD]);
  expect((await mailbox.evaluate((mailbox) => attempt(() => mailbox.messages()))).error).toMatchObject({ code: "locked" });

  expect(await sync(mailbox, { password: world.password, retrieve: "none" })).toMatchObject({ retrieved: 0 });
  await expectTakenOver(page, world, before, mailbox);
  await profile.context.close();
  const files = await profile.files();
  for (const [path, bytes] of files) {
    for (const text of [SUBJECT, TEXT]) {
      for (const shape of [text, utf16(text)]) expect(bytes.includes(shape), `${path} has ${text}`).toBe(false);
    }
  }
  expect(files.size).toBeGreaterThan(10);
});

for (const how of ["the page is closed", "the browser is killed"]) {
  test(`where it was cut in the middle it goes on: ${how}`, async ({ world, profile }) => {
    let page = await profile.open();
    const before = await asBefore(page, world);
    const cut = new Promise((cut) => page.exposeFunction("cut", cut));
    const mailbox = await openLocked(page, world);
    // What holds more than one message is begun, and is the last that this page does.
    await page.evaluate(() => {
      const begin = IDBDatabase.prototype.transaction;
      let batches = 0;
      IDBDatabase.prototype.transaction = function (stores, mode, ...rest) {
        if (mode === "readwrite" && [stores].flat().includes("chunks") && ++batches > 2) {
          globalThis.cut();
          throw new DOMException("The page ends here.", "AbortError");
        }
        return begin.call(this, stores, mode, ...rest);
      };
    });
    const over = mailbox.evaluate((mailbox) => attempt(() => mailbox.sync())).catch(() => {});
    await cut;
    if (how === "the page is closed") await page.close();
    else await profile.kill();
    await over;
    if (how !== "the page is closed") await profile.start();

    page = await profile.open();
    expect(await databases(page)).toContain(OLD);
    const disk = await openDisk(page);
    const here = await disk.evaluate(async (disk) => (await disk.keys("envelopes")).length);
    expect(here).toBeGreaterThan(0);
    expect(here).toBeLessThan(before.length);
    const again = await openLocked(page, world);
    expect(await again.evaluate((mailbox) => mailbox.locked)).toBe(true);
    expect(await sync(again, { retrieve: "none" })).toMatchObject({ retrieved: 0 });
    await expectTakenOver(page, world, before, again);
  });
}

function utf16(text) {
  return Array.from(text, (letter) => `${letter}\0`).join("");
}

test("what two tabs take over at the same time is whole", async ({ world, profile }) => {
  const page = await profile.open("/lib/poplar-mail.js");
  const before = await asBefore(page, world);
  const other = await profile.open("/lib/poplar-mail.js");
  const [one, two] = [await openLocked(page, world), await openLocked(other, world)];
  // Each stops before it has sealed the last piece of the large one.
  for (const at of [page, other]) {
    await at.evaluate(() => {
      const encrypt = SubtleCrypto.prototype.encrypt;
      globalThis.reached = new Promise((reached) => {
        const going = new Promise((go) => (globalThis.go = go));
        SubtleCrypto.prototype.encrypt = async function (how, key, plain) {
          if (plain.length > 1 << 18 && plain.length < 1 << 20) {
            reached();
            await going;
          }
          return encrypt.call(this, how, key, plain);
        };
      });
    });
  }
  const first = one.evaluate((mailbox) => attempt(() => mailbox.sync({ retrieve: "none" })));
  await page.evaluate(() => globalThis.reached);
  const second = two.evaluate((mailbox, password) => attempt(() => mailbox.unlock(password)), world.password);
  // One that waits its turn does not come so far.
  await Promise.race([other.evaluate(() => globalThis.reached), new Promise((late) => setTimeout(late, 5_000))]);
  await page.evaluate(() => globalThis.go());
  await first;
  await other.evaluate(() => globalThis.go());
  await second;
  await Promise.all([one, two].map((mailbox) => mailbox.evaluate((mailbox) => mailbox.close())));

  const again = await openMailbox(page, world);
  await sync(again, { retrieve: "none" });
  await expectTakenOver(page, world, before, again);
});

test("what is taken in after it was cut takes no place of what is still to be taken over", async ({ world, profile }) => {
  const page = await profile.open("/lib/poplar-mail.js");
  const before = await asBefore(page, world);
  const mailbox = await openLocked(page, world);
  // The disk is full for a while.
  await page.evaluate(() => {
    const begin = IDBDatabase.prototype.transaction;
    let batches = 0;
    IDBDatabase.prototype.transaction = function (stores, mode, ...rest) {
      if (mode === "readwrite" && [stores].flat().includes("chunks") && ++batches === 3) throw new DOMException("Full.", "QuotaExceededError");
      return begin.call(this, stores, mode, ...rest);
    };
  });
  expect((await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync({ retrieve: "none" })))).error).toMatchObject({ code: "quota" });
  // Open, with a part of it: a table is taken in.
  const table = await mailbox.evaluate(async (mailbox) => attempt(async () => (await mailbox.exportTable()).text()));
  const [{ uid }] = (await mailbox.evaluate((mailbox) => attempt(() => mailbox.messages({ order: "oldest" })))).value ?? [{}];
  await mailbox.evaluate(
    (mailbox, text) => attempt(() => mailbox.importTable(new Blob([text]))),
    table.value.replaceAll(uid, "uid-of-another-time"),
  );
  expect(await sync(mailbox, { retrieve: "none" })).toMatchObject({ retrieved: 0 });
  const stored = await world.stored();
  expect(await rawHashes(mailbox)).toEqual(sorted(stored.slice(0, -1)));
  expect(before.length).toBe(stored.length);
});
