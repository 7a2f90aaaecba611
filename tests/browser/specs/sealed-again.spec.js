// What is still lost, opened or closed wrongly where an erasure, a lock or an upgrade is cut or comes between.

import { openDisk } from "../fixtures/disk.js";
import { openLocked, openMailbox, rawHashes, rows, sorted, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

/** A page of the relay's origin with nothing of its own in it. */
const EMPTY = "/lib/poplar-mail.js";
const PASSPHRASE = "for this computer alone";
/** The name of the database of the version before. */
const OLD = "poplar:mail/ann";

const attempted = (mailbox, call, ...given) =>
  mailbox.evaluate((mailbox, [call, given]) => attempt(() => mailbox[call](...given)), [call, given]);
const close = (mailbox) => mailbox.evaluate((mailbox) => mailbox.close());

/** Erases, and is cut when the key is gone and the database is not. */
async function cutErasure(page, mailbox) {
  await page.evaluate(() => (IDBFactory.prototype.deleteDatabase = () => new EventTarget()));
  void mailbox.evaluate((mailbox) => void mailbox.clear());
  const disk = await openDisk(page);
  await expect.poll(() => disk.evaluate((disk) => disk.get("meta", "erasing"))).toBe(true);
  await page.close();
}

/** A database of the version before with these values in it: by store, then key. */
function asBefore(page, values) {
  return page.evaluate(
    async ([OLD, values]) => {
      const stores = ["meta", "table", "envelopes", "chunks"];
      const request = indexedDB.open(OLD, 1);
      request.onupgradeneeded = () => stores.forEach((name) => request.result.createObjectStore(name));
      const database = await new Promise((open) => (request.onsuccess = () => open(request.result)));
      const transaction = database.transaction(stores, "readwrite");
      transaction.objectStore("meta").put({ account: "mail/ann", user: "ann", relay: "" }, "account");
      for (const [store, key, octets] of values) transaction.objectStore(store).put(new Uint8Array(octets), key);
      await new Promise((complete) => (transaction.oncomplete = complete));
      database.close();
    },
    [OLD, values],
  );
}

/** The octets of a policy. */
const policyOctets = (page, policy) =>
  page.evaluate(async (policy) => [...(await import("/lib/mail/policy.js")).withChange(policy, {})], policy);
const KEEPS = { retrieve: "all", order: "newest", leave: "everything", everyMinutes: 0 };

test("what was retrieved after an erasure that was cut outlives the next visit", async ({ world, profile }) => {
  await world.deliver(3);
  const all = sorted(await world.stored());
  const [one, other] = [await profile.open(EMPTY), await profile.open(EMPTY)];
  const erasing = await openMailbox(one, world);
  await sync(erasing, { retrieve: "none" });
  const mailbox = await openMailbox(other, world);
  await cutErasure(one, erasing);

  await mailbox.evaluate((mailbox) => mailbox.setPolicy({ leave: "nothing" }));
  await sync(mailbox, { password: world.password, retrieve: "all" });
  const here = await rawHashes(mailbox);
  const server = sorted(await world.stored());
  expect([...new Set([...here, ...server])].sort(), "here or on the server, at first").toEqual(all);
  await close(mailbox);

  const again = await openMailbox(await profile.open(EMPTY), world);
  expect.soft(await again.evaluate((mailbox) => mailbox.count()), "known here").toBe(3);
  expect([...new Set([...(await rawHashes(again)), ...server])].sort(), "here or on the server, when it is opened again").toEqual(all);
});

test("another tab that is open takes nothing away after an erasure that was cut", async ({ world, profile }) => {
  await world.deliver(3);
  const [one, other, third] = [await profile.open(EMPTY), await profile.open(EMPTY), await profile.open(EMPTY)];
  const erasing = await openMailbox(one, world);
  await sync(erasing, { retrieve: "none" });
  const mailbox = await openMailbox(other, world);
  const looking = await openMailbox(third, world);
  await cutErasure(one, erasing);

  await sync(mailbox, { password: world.password, retrieve: "all" });
  // What that has told has come to its end when this has had its turn.
  await attempted(looking, "sync", { password: world.password, retrieve: "none" });
  await close(looking);
  const rows = await attempted(mailbox, "messages");
  expect(rows.value?.map(({ stored }) => stored) ?? rows.error).toEqual([true, true, true]);
});

test("a policy that was chosen before the version before's was taken over is not undone by that", async ({ world, profile }) => {
  await world.deliver(2);
  const page = await profile.open(EMPTY);
  await asBefore(page, [["meta", "policy", await policyOctets(page, { ...KEEPS, leave: "nothing" })]]);
  const mailbox = await openLocked(page, world);
  await mailbox.evaluate((mailbox) => mailbox.setPolicy({ leave: "everything", everyMinutes: 7 }));
  await sync(mailbox);
  expect.soft(await mailbox.evaluate((mailbox) => mailbox.policy())).toMatchObject({ leave: "everything", everyMinutes: 7 });
  await sync(mailbox);
  expect(await world.stored(), "left on the server").toHaveLength(2);
});

test("the first session after an upgrade retrieves what the policy of the version before says", async ({ world, profile }) => {
  await world.deliver(2);
  const page = await profile.open(EMPTY);
  await asBefore(page, [["meta", "policy", await policyOctets(page, { ...KEEPS, retrieve: "headers" })]]);
  const mailbox = await openLocked(page, world);
  expect.soft(await mailbox.evaluate((mailbox) => mailbox.policy()), "before it").toMatchObject({ retrieve: "headers" });
  expect(await sync(mailbox)).toMatchObject({ retrieved: 0 });
});

test("where taking over fails, the mailbox says that it is locked, as it is", async ({ world, profile }) => {
  await world.deliver(1);
  const page = await profile.open(EMPTY);
  await asBefore(page, [["table", 0, [9, 9, 9]]]);
  const mailbox = await openLocked(page, world);
  await mailbox.evaluate((mailbox) => {
    globalThis.locks = [];
    mailbox.addEventListener("lock", ({ detail }) => globalThis.locks.push(detail.locked));
  });
  expect((await attempted(mailbox, "sync")).error).toMatchObject({ code: "store" });
  expect((await attempted(mailbox, "unlock", world.password)).error).toMatchObject({ code: "store" });
  expect((await attempted(mailbox, "count")).error).toBe(undefined);
  const [isLocked, told] = await mailbox.evaluate((mailbox) => [mailbox.locked, globalThis.locks.at(-1)]);
  expect.soft(told ?? true, "as the last event has it").toBe(true);
  expect(isLocked, "the mailbox").toBe(true);
});

/** Holds what is opened from now on in `page` until `go()`; `reached`: something is. */
const holdOpening = (page) =>
  page.evaluate(() => {
    const decrypt = SubtleCrypto.prototype.decrypt;
    const going = new Promise((go) => (globalThis.go = go));
    globalThis.reached = new Promise((reached) => {
      SubtleCrypto.prototype.decrypt = async function (...given) {
        const plain = await decrypt.apply(this, given);
        reached();
        await going;
        return plain;
      };
    });
  });

test("what is asked for before a lock is not given after it", async ({ world, profile }) => {
  await world.deliver(1);
  const page = await profile.open(EMPTY);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  await rows(mailbox);
  await holdOpening(page);
  const given = await mailbox.evaluate(async (mailbox) => {
    const asked = attempt(() => mailbox.messages());
    await globalThis.reached;
    const locked = new Promise((heard) => mailbox.addEventListener("lock", heard, { once: true }));
    const over = mailbox.lock();
    await locked;
    globalThis.go();
    const given = await asked;
    await over;
    return given;
  });
  expect(given).toMatchObject({ error: { code: "locked" } });
});

test("a message that is asked for before a lock is not given after it, also where its entry in the log goes with another", async ({ world, profile }) => {
  await world.deliver(1);
  const page = await profile.open(EMPTY);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  const [{ id }] = await rows(mailbox);
  await mailbox.evaluate((mailbox) => mailbox.log());
  const over = await mailbox.evaluate(async (mailbox, id) => {
    let go;
    await new Promise((held) => void navigator.locks.request("poplar:log:mail/ann", () => new Promise((release) => ((go = release), held()))));
    const noted = attempt(() => mailbox.note("printed", [id]));
    // The message's headers are made when it is opened: its entry is next.
    const decode = new Promise((opened) => {
      const decrypt = SubtleCrypto.prototype.decrypt;
      SubtleCrypto.prototype.decrypt = async function (...all) {
        opened();
        return decrypt.apply(this, all);
      };
    });
    const given = attempt(() => mailbox.message(id));
    await decode;
    for (let turn = 0; turn < 30; turn++) await mailbox.count();
    const lock = mailbox.lock();
    go();
    const { value, error } = await given;
    await Promise.all([noted, lock]);
    return { locked: mailbox.locked, subject: value?.subject, error };
  }, id);
  expect(over).toMatchObject({ locked: true, error: { code: "locked" } });
});

test("a passphrase that was chosen for what is not here yet still seals it after a lock", async ({ world, profile }) => {
  await world.deliver(1);
  const page = await profile.open(EMPTY);
  const mailbox = await openLocked(page, world, { passphrase: PASSPHRASE });
  await mailbox.evaluate((mailbox) => mailbox.lock());
  // It may be refused, and is not sealed by what the person chose not to.
  await attempted(mailbox, "sync", { password: world.password });
  expect(await mailbox.evaluate((mailbox) => mailbox.seal())).not.toMatchObject({ by: "password" });
});

/** Has a store of the database to itself until `letGo()`. */
const keepBusy = async (page, store) => {
  const disk = await openDisk(page);
  await disk.evaluate(async ({ name }, store) => {
    const request = indexedDB.open(name);
    const database = await new Promise((open) => (request.onsuccess = () => open(request.result)));
    const objects = database.transaction(store, "readwrite").objectStore(store);
    let over = false;
    globalThis.letGo = () => (over = true);
    await new Promise((held) => {
      const again = () => {
        held();
        if (!over) objects.get(0).onsuccess = again;
        else database.close();
      };
      objects.get(0).onsuccess = again;
    });
  }, store);
};

test("a mailbox can be opened while another tab locks", async ({ world, profile }) => {
  await world.deliver(1);
  const [one, other, third] = [await profile.open(EMPTY), await profile.open(EMPTY), await profile.open(EMPTY)];
  const mailbox = await openMailbox(one, world);
  await sync(mailbox);
  await keepBusy(third, "meta");
  const worker = other.waitForEvent("worker");
  const opening = other.evaluate(
    async (options) => attempt(async () => (await (await import("/lib/poplar-mail.js")).Mailbox.open(options)).locked),
    { relay: world.tunnel(), user: "ann", worker: true },
  );
  await worker;
  await mailbox.evaluate((mailbox) => mailbox.lock());
  await third.evaluate(() => globalThis.letGo());
  expect(await opening).toEqual({ value: true });
});

test("a session that a lock ends with its worker is told to be over", async ({ world, profile }) => {
  await world.deliver(3);
  const [one, third] = [await profile.open(EMPTY), await profile.open(EMPTY)];
  const mailbox = await openMailbox(one, world, { worker: true });
  await sync(mailbox, { retrieve: "none" });
  await mailbox.evaluate((mailbox) => {
    globalThis.states = [];
    mailbox.addEventListener("session", ({ detail }) => globalThis.states.push(detail.state));
  });
  await keepBusy(third, "chunks");
  const syncing = mailbox.evaluate((mailbox) => attempt(() => mailbox.sync({ retrieve: "all" })));
  await expect.poll(() => one.evaluate(() => globalThis.states)).toContain("open");
  await mailbox.evaluate((mailbox) => mailbox.lock());
  await third.evaluate(() => globalThis.letGo());
  expect((await syncing).error).toMatchObject({ code: "locked" });
  expect(await one.evaluate(() => globalThis.states.at(-1))).toBe("closed");
});

test("an entry on its way to the log when the key is dropped in another tab does not break the log that comes after", async ({ world, profile }) => {
  await world.deliver(1);
  const [one, other] = [await profile.open(EMPTY), await profile.open(EMPTY)];
  const dropping = await openMailbox(one, world);
  await sync(dropping);
  const mailbox = await openMailbox(other, world);
  const [{ id }] = await rows(mailbox);
  await mailbox.evaluate((mailbox) => mailbox.log());
  const noted = mailbox.evaluate((mailbox, id) => {
    const encrypt = SubtleCrypto.prototype.encrypt;
    const going = new Promise((go) => {
      new BroadcastChannel("poplar:mail/ann").onmessage = ({ data }) => data[0] === "dropped" && go();
    });
    globalThis.reached = new Promise((reached) => {
      SubtleCrypto.prototype.encrypt = async function (how, ...rest) {
        const sealed = await encrypt.call(this, how, ...rest);
        if (new TextDecoder("latin1").decode(how.additionalData).startsWith("poplar log ")) {
          reached();
          await going;
        }
        return sealed;
      };
    });
    return attempt(() => mailbox.note("printed", [id]));
  }, id);
  await expect.poll(() => other.evaluate(() => globalThis.reached?.then(() => true))).toBe(true);
  expect(await attempted(dropping, "dropSealed")).toEqual({});
  await noted;
  await sync(dropping, { password: world.password });
  expect((await attempted(dropping, "log")).value).toMatchObject({ entries: [{ n: 1, what: "unlocked" }], broken: null });
});

test("what was fetched ahead and is not the client does not keep the page from opening a mailbox later", async ({ world, profile }) => {
  const page = await profile.open(EMPTY);
  const opened = await page.evaluate(async (options) => {
    const { Mailbox } = await import("/lib/poplar-mail.js");
    // The one that the library has.
    const client = performance.getEntriesByType("resource").find(({ name }) => name.endsWith("/lib/mail/client.js"));
    const { fetchAhead } = await import(client.name);
    const { fetch } = globalThis;
    globalThis.fetch = async () => new Response("The server is being restarted.", { status: 503 });
    await fetchAhead();
    globalThis.fetch = fetch;
    await attempt(() => Mailbox.open(options));
    return attempt(async () => (await Mailbox.open(options)).locked);
  }, { relay: world.tunnel(), user: "ann" });
  expect(opened).toEqual({ value: false });
});

test("another passphrase that was chosen in one tab ends no sync in another that is open", async ({ world, profile }) => {
  await world.deliver(1);
  const [one, other] = [await profile.open(EMPTY), await profile.open(EMPTY)];
  const resealing = await openLocked(one, world, { passphrase: PASSPHRASE });
  await sync(resealing);
  const mailbox = await openLocked(other, world, { passphrase: PASSPHRASE });
  await sync(mailbox);
  expect(await attempted(resealing, "reseal", PASSPHRASE, { passphrase: "another" })).toEqual({});
  expect(await mailbox.evaluate((mailbox) => mailbox.locked)).toBe(false);
  expect((await attempted(mailbox, "sync")).error).toBe(undefined);
});

test("where giving up fails, the mailbox is not open to the eye and locked underneath", async ({ world, profile }) => {
  await world.deliver(1);
  const page = await profile.open(EMPTY);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  await page.evaluate(() => {
    const { clear } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.clear = function () {
      IDBObjectStore.prototype.clear = clear;
      throw new DOMException("The disk fails.", "UnknownError");
    };
  });
  expect((await attempted(mailbox, "dropSealed")).error).toMatchObject({ code: "store" });
  const [locked, seen] = await mailbox.evaluate(async (mailbox) => [mailbox.locked, await attempt(() => mailbox.messages())]);
  expect([locked, seen.error?.code]).toEqual(locked ? [true, "locked"] : [false, undefined]);
});

test("what is entered in a log that was cut writes over no entry of it", async ({ world, profile }) => {
  await world.deliver(1);
  const page = await profile.open(EMPTY);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  const [{ id }] = await rows(mailbox);
  for (let time = 0; time < 4; time++) await mailbox.evaluate((mailbox, id) => mailbox.raw(id), id);
  const before = (await attempted(mailbox, "log")).value.entries;
  const disk = await openDisk(page);
  await disk.evaluate(async (disk) => {
    await disk.remove("meta", "log");
    for (const n of [2, 3]) await disk.remove("log", n);
  });
  const last = before.at(-1).n;
  const kept = await disk.evaluate((disk, n) => disk.get("log", n), last);
  await mailbox.evaluate((mailbox, id) => mailbox.note("printed", [id]), id);
  expect(await disk.evaluate((disk, n) => disk.get("log", n), last)).toEqual(kept);
});

test("a tab whose session was ended with its worker still asks the others to make way", async ({ world, profile }) => {
  await world.deliver(2);
  const [one, other, third] = [await profile.open(EMPTY), await profile.open(EMPTY), await profile.open(EMPTY)];
  const mailbox = await openMailbox(one, world, { worker: true });
  await sync(mailbox, { retrieve: "none" });
  await keepBusy(third, "chunks");
  const syncing = mailbox.evaluate((mailbox) => attempt(() => mailbox.sync({ retrieve: "all" })));
  await expect.poll(() => mailbox.evaluate(() => navigator.locks.query().then(({ held }) => held.some(({ name }) => name === "poplar:mail/ann")))).toBe(true);
  await mailbox.evaluate((mailbox) => mailbox.lock());
  await third.evaluate(() => globalThis.letGo());
  await syncing;
  await mailbox.evaluate((mailbox, password) => mailbox.unlock(password), world.password);
  const wanted = await other.evaluateHandle(() => {
    const names = [];
    new BroadcastChannel("poplar:mail/ann").onmessage = ({ data }) => names.push(data[0]);
    return names;
  });
  await sync(mailbox, { password: world.password, retrieve: "none" });
  await expect.poll(() => wanted.evaluate((names) => names.includes("session"))).toBe(true);
  expect(await wanted.evaluate((names) => names)).toContain("wanted");
});
