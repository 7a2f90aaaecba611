// What goes on at the same time as a key is made, wrapped anew or destroyed: nothing is sealed by a key that is gone, and no key comes back.

import { openDisk } from "../fixtures/disk.js";
import { openLocked, openMailbox, rawHashes, rows, sorted, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

/** A page of the relay's origin with nothing of its own in it. */
const EMPTY = "/lib/poplar-mail.js";
const PASSPHRASE = "for this computer alone";

const attempted = (mailbox, call, ...given) =>
  mailbox.evaluate((mailbox, [call, given]) => attempt(() => mailbox[call](...given)), [call, given]);
const databases = (page) => page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));

/**
 * Begins to seal by a passphrase, and stops when what it is derived from is on its way; `go()` lets it go on and gives what came of it.
 */
async function resealing(page, mailbox, password) {
  await page.evaluate(() => {
    const derive = SubtleCrypto.prototype.deriveBits;
    let derived = 0;
    globalThis.reached = new Promise((reached) => {
      const going = new Promise((go) => (globalThis.go = go));
      SubtleCrypto.prototype.deriveBits = async function (how, ...rest) {
        const bits = await derive.call(this, how, ...rest);
        // Of the secret that is in use there is one already, or it comes first.
        if (how.name === "PBKDF2" && how.iterations >= 600_000 && ++derived === globalThis.wanted) {
          reached();
          await going;
        }
        return bits;
      };
    });
    globalThis.wanted = 1;
  });
  // What was derived last is remembered: the first derivation is the passphrase's.
  const done = mailbox.evaluate((mailbox, [current, passphrase]) => attempt(() => mailbox.reseal(current, { passphrase })), [password, PASSPHRASE]);
  await page.evaluate(() => globalThis.reached);
  return { go: () => page.evaluate(() => globalThis.go()).then(() => done) };
}

test("erasing leaves no key behind, also while another secret is on its way to it", async ({ world, profile }) => {
  await world.deliver(2);
  const page = await profile.open(EMPTY);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  const begun = await resealing(page, mailbox, world.password);
  expect(await attempted(mailbox, "clear")).toEqual({});
  expect(await databases(page)).toEqual([]);
  await begun.go();
  expect(await databases(page), "the key is back").toEqual([]);
});

test("erasing in another tab leaves no key behind, also while another secret is on its way to it", async ({ world, profile }) => {
  await world.deliver(2);
  const [one, other] = [await profile.open(EMPTY), await profile.open(EMPTY)];
  const mailbox = await openMailbox(one, world);
  await sync(mailbox);
  const erasing = await openMailbox(other, world);
  const begun = await resealing(one, mailbox, world.password);
  expect(await attempted(erasing, "clear")).toEqual({});
  await begun.go();
  expect(await databases(one), "the key is back").toEqual([]);
});

test("a key that was made meanwhile is not replaced by one that was dropped", async ({ world, profile }) => {
  await world.deliver(3);
  const [one, other] = [await profile.open(EMPTY), await profile.open(EMPTY)];
  const mailbox = await openMailbox(one, world);
  await sync(mailbox, { retrieve: "none" });
  const dropping = await openMailbox(other, world);
  const begun = await resealing(one, mailbox, world.password);
  expect(await attempted(dropping, "dropSealed")).toEqual({});
  expect(await sync(dropping, { password: world.password })).toMatchObject({ retrieved: 3 });
  await begun.go();
  await Promise.all([mailbox, dropping].map((mailbox) => mailbox.evaluate((mailbox) => mailbox.close())));

  const page = await profile.open(EMPTY);
  const again = await openLocked(page, world, { credentials: undefined });
  const opened = await attempted(again, "unlock", world.password);
  if (opened.error) expect(await attempted(again, "unlock", PASSPHRASE)).toEqual({});
  expect(await rawHashes(again)).toEqual(sorted(await world.stored()));
});

test("after an erasure in one tab and another key, no other tab seals by the one that is gone", async ({ world, profile }) => {
  await world.deliver(3);
  const [one, other] = [await profile.open(EMPTY), await profile.open(EMPTY)];
  const mailbox = await openMailbox(one, world);
  await sync(mailbox);
  const importing = await openMailbox(other, world);
  const zip = await importing.evaluateHandle((mailbox) => new Response(mailbox.exportMailbox()).blob());
  expect(await attempted(mailbox, "clear")).toEqual({});
  await sync(mailbox, { retrieve: "none", afresh: true });

  // It may be refused.
  await importing.evaluate((mailbox, zip) => attempt(() => mailbox.importMailbox(zip)), zip);
  await Promise.all([mailbox, importing].map((mailbox) => mailbox.evaluate((mailbox) => mailbox.close())));
  const page = await profile.open(EMPTY);
  const again = await openMailbox(page, world);
  await sync(again);
  expect.soft((await attempted(again, "log")).value.broken, "the log").toBe(null);
  expect(await rawHashes(again)).toEqual(sorted(await world.stored()));
});

test("after an erasure in one tab and another key, what the other tab shows is not called damaged", async ({ world, profile }) => {
  await world.deliver(3);
  const [one, other] = [await profile.open(EMPTY), await profile.open(EMPTY)];
  const mailbox = await openMailbox(one, world);
  await sync(mailbox);
  const looking = await openMailbox(other, world);
  await rows(looking);
  expect(await attempted(mailbox, "clear")).toEqual({});
  await sync(mailbox, { afresh: true });
  const seen = await attempted(looking, "messages");
  // Locked or open, but not damaged.
  if (seen.error) expect(seen.error).toMatchObject({ code: "locked" });
  else expect(seen.value.map(({ damaged }) => damaged)).toEqual([false, false, false]);
});

test("who signs out or locks in a tab that is locked locks the others too", async ({ world, profile }) => {
  await world.deliver(1);
  const [one, other] = [await profile.open(EMPTY), await profile.open(EMPTY)];
  const first = await openMailbox(one, world);
  await sync(first);
  const locked = await openLocked(other, world);
  expect(await locked.evaluate((mailbox) => mailbox.locked)).toBe(true);
  await locked.evaluate((mailbox) => mailbox.signOut());
  await expect.poll(() => first.evaluate((mailbox) => mailbox.locked), { timeout: 3_000 }).toBe(true);
});

test("a lock forgets the passphrase, too", async ({ world, page }) => {
  await world.deliver(1);
  const mailbox = await openMailbox(page, world, { passphrase: PASSPHRASE });
  await sync(mailbox);
  await mailbox.evaluate((mailbox) => mailbox.lock());
  const again = await attempted(mailbox, "sync", { password: world.password });
  expect(await mailbox.evaluate((mailbox) => mailbox.locked)).toBe(true);
  expect(again.error).toMatchObject({ code: "locked" });
});

test("a name that is hidden in one tab stays so when another takes in a table", async ({ world, profile }) => {
  await world.deliver(2);
  const [one, other] = [await profile.open(EMPTY), await profile.open(EMPTY)];
  const mailbox = await openMailbox(one, world);
  await sync(mailbox);
  const table = await mailbox.evaluate(async (mailbox) => (await mailbox.exportTable()).text());
  const importing = await openMailbox(other, world);
  await mailbox.evaluate((mailbox) => mailbox.hideName(true));
  const [uid] = (await rows(mailbox)).map(({ uid }) => uid);
  await importing.evaluate((mailbox, text) => mailbox.importTable(new Blob([text])), table.replaceAll(uid, "anotheruid"));
  const accounts = await one.evaluate(async () => (await import("/lib/poplar-mail.js")).Mailbox.accounts());
  expect(accounts).toMatchObject([{ account: "", hidden: true, messages: 3 }]);
});

test("a log that was dropped with what was sealed begins anew", async ({ world, page }) => {
  await world.deliver(1);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  const [{ id }] = await rows(mailbox);
  await mailbox.evaluate((mailbox, id) => mailbox.raw(id), id);
  await mailbox.evaluate((mailbox) => mailbox.dropSealed());
  await sync(mailbox, { password: world.password });
  expect((await attempted(mailbox, "log")).value).toMatchObject({ entries: [{ n: 1, what: "unlocked" }], broken: null });
});

test("a key that is gone is told, and nothing is given up in silence", async ({ world, page }) => {
  await world.deliver(2);
  const first = await openMailbox(page, world);
  await sync(first);
  await first.evaluate((mailbox) => mailbox.close());
  const disk = await openDisk(page);
  await disk.evaluate(async (disk) => {
    for (const key of ["key", "proof"]) await disk.remove("meta", key);
  });
  const mailbox = await openLocked(page, world);
  expect(await mailbox.evaluate((mailbox) => mailbox.locked)).toBe(true);
  expect((await attempted(mailbox, "messages")).error).toMatchObject({ code: "locked" });
  for (const call of [["unlock", world.password], ["sync"]]) {
    expect((await attempted(mailbox, ...call)).error).toMatchObject({ code: "store", message: expect.stringContaining("key") });
  }
  // Who knows of it may go on without.
  await mailbox.evaluate((mailbox) => mailbox.dropSealed());
  expect(await sync(mailbox)).toMatchObject({ retrieved: 0, remaining: 0 });
  expect((await rows(mailbox)).map(({ stored }) => stored)).toEqual([false, false]);
});

test("an erasure that was cut when the key was gone goes on", async ({ world, page }) => {
  await world.deliver(2);
  const first = await openMailbox(page, world);
  await sync(first);
  await first.evaluate((mailbox) => mailbox.close());
  // A browser that ends between the two: the key is gone, and the database is not.
  const erasing = await openMailbox(page, world);
  await page.evaluate(() => (IDBFactory.prototype.deleteDatabase = () => new EventTarget()));
  void erasing.evaluate((mailbox) => void mailbox.clear());
  const disk = await openDisk(page);
  await expect.poll(() => disk.evaluate((disk) => disk.get("meta", "erasing"))).toBe(true);
  expect(await disk.evaluate((disk) => disk.get("meta", "key"))).toBe(undefined);
  await page.reload();

  const mailbox = await openLocked(page, world);
  expect(await mailbox.evaluate((mailbox) => mailbox.locked)).toBe(false);
  expect(await mailbox.evaluate((mailbox) => mailbox.count())).toBe(0);
  expect(await page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name))).toEqual([]);
  expect(await sync(mailbox, { afresh: true })).toMatchObject({ retrieved: 2 });
});

test("a policy has nothing deleted whose copy here does not open", async ({ world, page }) => {
  await world.deliver(2);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  const [{ id }] = await rows(mailbox);
  const disk = await openDisk(page);
  await disk.evaluate((disk, id) => disk.flip("chunks", [id, 0]), Number(id));
  await mailbox.evaluate((mailbox) => mailbox.setPolicy({ leave: "nothing" }));
  await sync(mailbox);
  expect((await attempted(mailbox, "raw", id)).error).toMatchObject({ code: "store" });
  expect(await world.stored(), "the only copy that opens").toHaveLength(1);
});

test("a passphrase that is tried with sync() is slowed down as one that is tried with unlock()", async ({ world, page }) => {
  await world.deliver(1);
  const first = await openMailbox(page, world, { passphrase: PASSPHRASE });
  await sync(first);
  await first.evaluate((mailbox) => mailbox.close());
  const codes = [];
  for (let time = 0; time < 5; time++) {
    const mailbox = await openLocked(page, world, { passphrase: `guess ${time}` });
    codes.push((await attempted(mailbox, "sync")).error.code);
    await mailbox.evaluate((mailbox) => mailbox.close());
  }
  expect(codes).toEqual(["wrong-secret", "wrong-secret", "wrong-secret", "locked", "locked"]);
});

test("after an erasure in one tab and a passphrase there, another tab's sync seals nothing by the key that is gone", async ({ world, profile }) => {
  await world.deliver(3);
  const before = sorted(await world.stored());
  const [one, other] = [await profile.open(EMPTY), await profile.open(EMPTY)];
  const first = await openMailbox(one, world);
  await sync(first, { retrieve: "none" });
  const stale = await openMailbox(other, world);
  expect(await attempted(first, "clear")).toEqual({});
  await first.evaluate((mailbox) => mailbox.close());
  const mailbox = await openLocked(one, world, { passphrase: PASSPHRASE });
  await sync(mailbox, { retrieve: "none", afresh: true });
  await mailbox.evaluate((mailbox) => mailbox.setPolicy({ leave: "nothing" }));

  // It may be refused, but not be done with the old key.
  await attempted(stale, "sync", { password: world.password });
  await Promise.all([mailbox, stale].map((mailbox) => mailbox.evaluate((mailbox) => mailbox.close())));
  const page = await profile.open(EMPTY);
  const again = await openLocked(page, world, { credentials: undefined });
  expect(await attempted(again, "unlock", PASSPHRASE)).toEqual({});
  const here = await again.evaluate(async (mailbox) => {
    const stored = (await mailbox.messages()).filter((row) => row.stored);
    const hashes = await Promise.all(stored.map(async ({ id }) => (await attempt(async () => sha256(await mailbox.raw(id)))).value));
    return hashes.filter((hash) => hash !== undefined);
  });
  expect([...new Set([...here, ...sorted(await world.stored())])].sort(), "here or on the server").toEqual(before);
});

test("what was wished gone from the server while its copy was here is not deleted once that copy was dropped", async ({ world, page }) => {
  await world.deliver(1);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  const [{ id }] = await rows(mailbox);
  await mailbox.evaluate((mailbox, id) => mailbox.delete(id), id);
  await mailbox.evaluate((mailbox) => mailbox.dropSealed());
  await sync(mailbox, { password: world.password });
  expect(await world.stored(), "the only copy").toHaveLength(1);
});

for (const field of ["salt", "check"]) {
  test(`a wrapped key whose ${field} was flipped is refused as changed, and not as another secret's`, async ({ world, page }) => {
    await world.deliver(1);
    const first = await openMailbox(page, world);
    await sync(first);
    await first.evaluate((mailbox) => mailbox.close());
    const disk = await openDisk(page);
    await disk.evaluate((disk, field) => disk.flip("meta", "key", field), field);
    const mailbox = await openLocked(page, world);
    expect((await attempted(mailbox, "unlock", world.password)).error).toMatchObject({ code: "store" });
  });
}
