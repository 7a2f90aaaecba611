// 200 random strings that only mail, a password and names have: after everything was used and the browser was killed, none of them is in any
// storage or in any octet of the profile, locked or not. With sealing switched off they are found, so that this can fail: by the browser
// all of them, and on the disk most, since Chromium's tables are compressed (Snappy), which takes some strings apart.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

import { openDisk } from "../fixtures/disk.js";
import { indexed, openMailbox, rows, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

const MESSAGES = 49;

const CONTRIBUTING = readFileSync(new URL("../../../CONTRIBUTING.md", import.meta.url), "utf8");
const SEAL = readFileSync(new URL("../../../web/lib/mail/seal.js", import.meta.url), "utf8");

/** `seal.js` whose ciphers leave everything as it is. */
function unsealing() {
  let source = SEAL;
  for (const [head, value] of [["seal(key, bound, plain)", "plain"], ["open(key, bound, sealed)", "sealed"]]) {
    const whole = `\nasync function ${head} {`;
    expect(source).toContain(whole);
    source = source.replace(whole, `${whole}\n  return ${value}.slice();`);
  }
  return source;
}

const planted = () => `q${randomBytes(9).toString("hex")}`;

/** Delivers mail whose every word of content is random. */
async function plant(world, user) {
  const all = [];
  for (let number = 0; number < MESSAGES; number++) {
    const [name, subject, body, attachment] = [planted(), planted(), planted(), planted()];
    all.push(name, subject, body, attachment);
    await world.deliverText(
      `From: ${name} <sender@example.org>\nTo: <to@example.org>\nSubject: ${subject}\nDate: Tue, 1 Apr 2025 10:00:00 +0000\n` +
        `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n${body}\n` +
        `--b\nContent-Type: application/octet-stream; name="${attachment}.bin"\nContent-Disposition: attachment; filename="${attachment}.bin"\n\n` +
        `${"filling ".repeat(number * 20)}\n--b--\n`,
      { user },
    );
  }
  return all;
}

/** Everything that the library offers, and what the page makes of it. */
async function useEverything(mailbox, world) {
  await sync(mailbox, { retrieve: "headers" });
  await mailbox.evaluate((mailbox) => mailbox.hideName(true));
  await sync(mailbox, { retrieve: "all" });
  await mailbox.evaluate(async (mailbox, password) => {
    const blobs = [];
    await mailbox.setPolicy({ everyMinutes: 30 });
    for (const { id } of await mailbox.messages()) {
      await mailbox.message(id);
      blobs.push(await mailbox.raw(id), await mailbox.attachment(id, 0));
      await mailbox.markRead(id);
    }
    const [{ id }] = await mailbox.messages();
    await mailbox.delete(id);
    await mailbox.undelete(id);
    await mailbox.note("printed", [id]);
    const zip = await new Response(mailbox.exportMailbox()).blob();
    const mbox = await new Response(mailbox.exportMailbox({ format: "mbox" })).blob();
    const table = await mailbox.exportTable();
    await mailbox.importMailbox(zip);
    await mailbox.importTable(table);
    blobs.push(zip, mbox, table, await mailbox.exportLog("csv"), await mailbox.exportLog("json"));
    globalThis.addresses = blobs.map((blob) => URL.createObjectURL(blob));
    await mailbox.lock();
    await attempt(() => mailbox.unlock("wrong"));
    await mailbox.unlock(password);
    await mailbox.reseal(password, { passphrase: "something else" });
    await mailbox.reseal("something else", { password });
    await mailbox.lock();
    await attempt(() => mailbox.unlock("wrong"));
    await mailbox.unlock(password);
    await mailbox.sync({ password });
    await mailbox.messages();
    await mailbox.log();
  }, world.password);
  await indexed(mailbox);
}

/** Whatever a page can reach of what the browser keeps, by place. */
async function dump(page) {
  const databases = await page.evaluate(() => dumpDatabases());
  const others = await page.evaluate(async () => {
    const found = { cookies: document.cookie, local: JSON.stringify({ ...localStorage }), session: JSON.stringify({ ...sessionStorage }) };
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) found[`cache ${request.url}`] = await (await cache.match(request)).text();
    }
    const root = await navigator.storage.getDirectory();
    for await (const [name, handle] of root.entries()) found[`file ${name}`] = handle.kind === "file" ? await (await handle.getFile()).text() : "";
    return found;
  });
  return { databases: databases.join("\n"), ...others, names: JSON.stringify(await page.evaluate(() => indexedDB.databases())) };
}

/** Which of these strings are in which of the places. */
function found(strings, places) {
  const hits = new Map();
  for (const [place, text] of Object.entries(places)) {
    for (const string of strings) {
      const utf16 = Array.from(string, (letter) => `${letter}\0`).join("");
      if (text.includes(string) || text.includes(utf16)) hits.set(string, [...(hits.get(string) ?? []), place]);
    }
  }
  return hits;
}

async function start(world) {
  const names = [planted(), planted()];
  const [user, account] = names;
  const password = `${planted()}-password`;
  await world.setPassword(password);
  const mail = await plant(world, user);
  return { user, account, names, password, mail };
}

for (const worker of [false, true]) {
  const where = worker ? "in a worker" : "in the page";

  test(`200 strings are nowhere, locked or not, after the browser was killed (${where})`, async ({ world, profile }) => {
    test.setTimeout(300_000);
    const { user, account, names, password, mail } = await start(world);
    const all = [...mail, ...names, password, "something else"];
    expect(all).toHaveLength(200);
    for (const locks of [false, true]) {
      const page = await profile.open();
      const mailbox = await openMailbox(page, world, { user, account, worker });
      if (!locks) await useEverything(mailbox, world);
      expect(await rows(mailbox)).toHaveLength(MESSAGES);
      const uids = (await rows(mailbox)).map(({ uid }) => uid);
      if (locks) await mailbox.evaluate((mailbox) => mailbox.lock());
      const places = await dump(page);
      expect([...found(all, places)]).toEqual([]);
      expect(found(uids, places).size, "UIDs are in the clear").toBe(MESSAGES);
      await profile.kill();
      const files = Object.fromEntries(await profile.files());
      // Names were there before they were hidden, and the browser's own log may still have that: hideName() says nothing of the past.
      expect([...found([...mail, password, "something else"], files)]).toEqual([]);
      await profile.start();
    }
  });

  test(`with sealing switched off they are found (${where})`, async ({ world, profile }) => {
    const { user, account, mail } = await start(world);
    await profile.context.route("**/lib/mail/seal.js", (route) => route.fulfill({ contentType: "text/javascript", body: unsealing() }));
    const page = await profile.open();
    const mailbox = await openMailbox(page, world, { user, account, worker });
    await useEverything(mailbox, world);
    expect(found(mail, await dump(page)).size).toBe(mail.length);
    await profile.kill();
    expect(found(mail, Object.fromEntries(await profile.files())).size).toBeGreaterThan(mail.length / 4);
    await profile.start();
  });
}

test("what lies in the database is what CONTRIBUTING.md lists, sealed and in the clear", async ({ world, profile }) => {
  const { user, account } = await start(world);
  const page = await profile.open();
  const mailbox = await openMailbox(page, world, { user, account });
  await useEverything(mailbox, world);
  // It is forgotten once it is in the log.
  await mailbox.evaluate((mailbox) => attempt(() => mailbox.unlock("wrong")));
  const [, list] = CONTRIBUTING.split("## Sealed and in the clear");
  const listed = [...list.matchAll(/^\| `(\w+)` \| (`?)([\w ]+)\2 \| ([\w ]+) \|/gm)].map(([, store, , key, how]) => [store, key, how]);
  const disk = await openDisk(page, account);
  const kinds = { table: "page number", envelopes: "id", chunks: "id and place", log: "number" };
  const there = await disk.evaluate(async (disk, kinds) => {
    const database = await new Promise((open) => (indexedDB.open(disk.name).onsuccess = ({ target }) => open(target.result)));
    const stores = [...database.objectStoreNames];
    database.close();
    const there = {};
    for (const store of stores) {
      for (const key of await disk.keys(store)) {
        const kind = `${store} ${kinds[store] ?? (/^search \d/.test(key) ? "search part" : key)}`;
        const value = await disk.get(store, key);
        (there[kind] ??= []).push(value instanceof Uint8Array ? "octets" : typeof value);
      }
    }
    return there;
  }, kinds);
  expect(Object.keys(there).sort()).toEqual(listed.map(([store, key]) => `${store} ${key}`).sort());
  for (const [store, key, how] of listed) {
    if (how.includes("sealed")) expect(new Set(there[`${store} ${key}`]), `${store} ${key}`).toEqual(new Set(["octets"]));
  }
});
