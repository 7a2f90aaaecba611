// Export and import: what goes out is what the server had, what comes in is what went out, and nothing of it is asked for or deleted again.

import { readFile } from "node:fs/promises";

import { collect, installed, mboxAsPythonReadsIt, sha256, zipAsPythonReadsIt, zipOf } from "../fixtures/archives.js";
import { Profile } from "../fixtures/browser.js";
import { openMailbox, rawHashes, rows, sorted, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";
import { ZipReader } from "../../../web/lib/mail/backup/zip-reader.js";

/** Everything an export gives, as a file. */
async function exported(page, mailbox, format) {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    mailbox.evaluate(async (mailbox, format) => {
      const blob = await new Response(mailbox.exportMailbox({ format })).blob();
      Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: "export" }).click();
    }, format),
  ]);
  return readFile(await download.path());
}

/** What became of importing `bytes`. */
function imported(mailbox, bytes, call = "importMailbox") {
  return mailbox.evaluate(
    (mailbox, [base64, call]) =>
      attempt(() => {
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        return mailbox[call](new Blob([bytes]));
      }),
    [Buffer.from(bytes).toString("base64"), call],
  );
}

const table = async (mailbox) => JSON.parse(await mailbox.evaluate(async (mailbox) => (await mailbox.exportTable()).text()));

/** Rows without what differs between profiles. */
const alike = (rows) => rows.map(({ id, imported, onServer, ...row }) => ({ ...row, has: [id, imported, onServer].length }));

/** A mailbox of `count` messages, one of them in pieces, retrieved whole; the first is read. */
async function filled(world, page, count = 20) {
  await world.deliver(count);
  await world.deliverLarge(2_500_000);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox, { retrieve: "all" });
  await mailbox.evaluate(async (mailbox) => mailbox.markRead((await mailbox.messages({ order: "oldest" }))[0].id));
  return mailbox;
}

/** A page of another computer. */
const elsewhere = async (world, work) => {
  const profile = await Profile.create(world.origin);
  try {
    await work(await profile.open(), profile);
  } finally {
    await profile.end();
  }
};

test("a zip has every message byte for byte, in the server's order, and the table", async ({ world, page }) => {
  const mailbox = await filled(world, page);
  const zip = await exported(page, mailbox, "zip");
  const hashes = sorted(await world.stored());
  const reader = await ZipReader.open(new Blob([zip]));
  const names = [...reader.entries.keys()];
  expect(names.at(-1)).toBe("uid-table.json");
  for (const name of names.slice(0, -1)) expect(name).toMatch(/^messages\/\d{6}-\d{4}-\d\d-\d\d\.eml$/);
  const found = [];
  for (const name of names.slice(0, -1)) found.push(sha256(await collect(reader.read(reader.entries.get(name)))));
  expect([...found].sort()).toEqual(hashes);
  if (installed("python3")) expect(zipAsPythonReadsIt(zip).slice(0, -1).map(({ sha256 }) => sha256)).toEqual(found);

  const inside = JSON.parse(String(await collect(reader.read(reader.entries.get("uid-table.json")))));
  expect(inside).toMatchObject({ format: "poplar-uid-table", version: 1, account: "mail/ann", user: "ann", relay: world.tunnel() });
  expect(inside.rows.map(({ file }) => file)).toEqual(names.slice(0, -1));
  // The same as the table alone, but for where things are.
  expect((await table(mailbox)).rows).toEqual(inside.rows.map(({ file, ...row }) => row));
  expect(inside.rows.map(({ read }) => read)).toEqual([true, ...Array(20).fill(false)]);
  // No mail is in it.
  const [{ subject, from }] = await rows(mailbox);
  for (const word of [subject, from]) expect(JSON.stringify(inside)).not.toContain(word);
});

test("an mbox has every message", async ({ world, page }) => {
  test.skip(!installed("python3"));
  const mailbox = await filled(world, page);
  const mbox = await exported(page, mailbox, "mbox");
  const asLines = await mailbox.evaluate(async (mailbox) => {
    const all = await mailbox.messages({ order: "oldest" });
    return Promise.all(
      all.map(async ({ id }) => {
        const bytes = new Uint8Array(await (await mailbox.raw(id)).arrayBuffer());
        let text = "";
        for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
        const lines = text.replace(/\r\n/g, "\n").replace(/([^\n])$/, "$1\n");
        return sha256(Uint8Array.from(lines, (character) => character.charCodeAt(0)));
      }),
    );
  });
  expect(mboxAsPythonReadsIt(mbox)).toEqual(asLines);
});

test("what was exported comes in elsewhere, is not retrieved again, and is not deleted", async ({ world, page }) => {
  const mailbox = await filled(world, page);
  const before = await rows(mailbox);
  const zip = await exported(page, mailbox, "zip");
  const stored = await world.stored();
  await elsewhere(world, async (other) => {
    const mailbox = await openMailbox(other, world);
    expect(await imported(mailbox, zip)).toEqual({ value: { added: 21, known: 0, skipped: 0 } });
    expect(alike(await rows(mailbox))).toEqual(alike(before));
    expect(await rawHashes(mailbox)).toEqual(sorted(stored));
    // The same again brings nothing.
    expect(await imported(mailbox, zip)).toEqual({ value: { added: 0, known: 21, skipped: 0 } });

    expect(await sync(mailbox, { retrieve: "all" })).toMatchObject({ retrieved: 0, deleted: 0, remaining: 0 });
    expect(await world.session(2)).toMatchObject({ quit: true, retr: 0, del: 0 });
    expect(alike(await rows(mailbox))).toEqual(alike(before));
    expect((await rows(mailbox)).every(({ onServer }) => onServer)).toBe(true);
    expect(await rawHashes(mailbox)).toEqual(sorted(stored));
    // A person's own wish is one.
    const [{ id }] = await rows(mailbox);
    await mailbox.evaluate((mailbox, id) => mailbox.delete(id), id);
    expect(await sync(mailbox)).toMatchObject({ deleted: 1 });
  });
  expect(await world.stored()).toHaveLength(20);
});

test("what is here already stays as it is, and what is only on the server comes from the file", async ({ world, page }) => {
  const mailbox = await filled(world, page);
  const zip = await exported(page, mailbox, "zip");
  await world.deliver(2, { from: 20 });
  await elsewhere(world, async (other) => {
    const mailbox = await openMailbox(other, world);
    await sync(mailbox, { retrieve: "headers" });
    const listed = await rows(mailbox);
    await mailbox.evaluate((mailbox, id) => mailbox.raw(id), listed[3].id);
    expect(await imported(mailbox, zip)).toEqual({ value: { added: 20, known: 1, skipped: 0 } });
    const now = await rows(mailbox);
    expect(now.map(({ id, uid }) => [id, uid])).toEqual(listed.map(({ id, uid }) => [id, uid]));
    expect(now.map(({ stored }) => stored)).toEqual([...Array(21).fill(true), false, false]);
    expect(now[0].read).toBe(true);
    expect(await sync(mailbox, { retrieve: "all" })).toMatchObject({ retrieved: 2, deleted: 0 });
    expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored()));
  });
});

test("a table alone keeps messages from being retrieved again, until somebody opens one", async ({ world, page }) => {
  const mailbox = await filled(world, page);
  const json = JSON.stringify(await table(mailbox));
  await elsewhere(world, async (other) => {
    const mailbox = await openMailbox(other, world);
    expect(await imported(mailbox, json, "importTable")).toEqual({ value: { added: 21, known: 0 } });
    expect(await imported(mailbox, json, "importTable")).toEqual({ value: { added: 0, known: 21 } });
    expect(await sync(mailbox, { retrieve: "all" })).toMatchObject({ retrieved: 0, deleted: 0 });
    expect(await world.session(2)).toMatchObject({ quit: true, retr: 0, del: 0 });
    const listed = await rows(mailbox);
    expect(listed.map(({ stored, onServer, read }) => [stored, onServer, read])).toEqual([
      [false, true, true],
      ...Array(20).fill([false, true, false]),
    ]);
    // A small one, and one in pieces.
    const stored = await world.stored();
    for (const place of [2, 20]) {
      const hash = await mailbox.evaluate(async (mailbox, id) => sha256(await mailbox.raw(id)), listed[place].id);
      expect(hash).toBe(stored[place].sha256);
    }
    expect((await rows(mailbox)).filter(({ stored }) => stored)).toHaveLength(2);
    expect(await sync(mailbox, { retrieve: "all" })).toMatchObject({ retrieved: 0, deleted: 0 });
  });
  expect(await world.stored()).toHaveLength(21);
});

test("a wish to delete is not taken over from a file", async ({ world, page }) => {
  const mailbox = await filled(world, page);
  await mailbox.evaluate(async (mailbox) => mailbox.delete((await mailbox.messages())[0].id));
  const zip = await exported(page, mailbox, "zip");
  const json = await table(mailbox);
  expect(json.rows.at(-1).deletion).toBe("wanted");
  for (const [file, call] of [[zip, "importMailbox"], [JSON.stringify(json), "importTable"]]) {
    await elsewhere(world, async (other) => {
      const mailbox = await openMailbox(other, world);
      expect((await imported(mailbox, file, call)).value.added).toBe(21);
      expect((await rows(mailbox)).every(({ deletion }) => deletion === "none")).toBe(true);
      expect(await sync(mailbox)).toMatchObject({ deleted: 0 });
    });
  }
  expect(await world.stored()).toHaveLength(21);
});

test("a policy that leaves nothing on the server deletes only what was retrieved here", async ({ world, page }) => {
  const mailbox = await filled(world, page, 3);
  const zip = await exported(page, mailbox, "zip");
  const json = JSON.stringify(await table(mailbox));
  await world.deliver(1, { from: 3 });
  for (const [file, call] of [[json, "importTable"], [zip, "importMailbox"]]) {
    await elsewhere(world, async (other) => {
      const mailbox = await openMailbox(other, world);
      expect((await imported(mailbox, file, call)).value.added).toBe(4);
      await mailbox.evaluate((mailbox) => mailbox.setPolicy({ leave: "nothing" }));
      // The new message goes, with the first of the two; every other stays, now and in the session after.
      const first = call === "importTable" ? 1 : 0;
      expect(await sync(mailbox)).toMatchObject({ retrieved: first, deleted: first });
      expect(await sync(mailbox)).toMatchObject({ retrieved: 0, deleted: 0 });
    });
    expect(await world.stored()).toHaveLength(4);
  }
});

test("in memory as well, where nothing is kept on the computer", async ({ world, page }) => {
  const mailbox = await filled(world, page, 3);
  const zip = await exported(page, mailbox, "zip");
  await elsewhere(world, async (other) => {
    const mailbox = await openMailbox(other, world, { storage: "memory" });
    expect(await imported(mailbox, zip)).toEqual({ value: { added: 4, known: 0, skipped: 0 } });
    expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored()));
    expect(await other.evaluate(() => dumpDatabases())).toEqual([]);
  });
});

test("a message that is damaged in the file is left out, and comes from the server", async ({ world, page }) => {
  const mailbox = await filled(world, page);
  const zip = await exported(page, mailbox, "zip");
  // One octet of the first message, and one in the middle of the large one.
  const [first, large] = [200, zip.length - 1_000_000];
  for (const at of [first, large]) zip[at] ^= 1;
  await elsewhere(world, async (other) => {
    const mailbox = await openMailbox(other, world);
    expect(await imported(mailbox, zip)).toEqual({ value: { added: 19, known: 0, skipped: 2 } });
    expect(await rows(mailbox)).toHaveLength(19);
    expect(await sync(mailbox, { retrieve: "all" })).toMatchObject({ retrieved: 2 });
    expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored()));
  });
});

test("a file that is no export leaves everything as it was", async ({ world, page }) => {
  const mailbox = await filled(world, page, 3);
  const zip = await exported(page, mailbox, "zip");
  const json = await table(mailbox);
  const inZip = (table, ...files) => zipOf([...files, ["uid-table.json", JSON.stringify(table)]]);
  const [row] = json.rows;
  await elsewhere(world, async (other) => {
    const mailbox = await openMailbox(other, world);
    for (const file of [
      "",
      "no zip",
      zip.subarray(0, zip.length - 1),
      zip.subarray(1),
      await zipOf([["messages/000001-2024-01-01.eml", "From: a\r\n\r\n"]]),
      await zipOf([["uid-table.json", "{}"]]),
      await inZip({ ...json, user: "bob" }),
      await inZip({ ...json, rows: [row, { ...row, size: -1 }] }, ["a", "1"]),
      await inZip({ ...json, rows: [{ ...row, file: "a" }, { ...row, uid: "other", file: "a" }] }, ["a", "1"]),
    ]) {
      expect((await imported(mailbox, file)).error).toMatchObject({ name: "MailError", code: "invalid-argument" });
    }
    for (const file of ["", "{}", JSON.stringify({ ...json, user: "bob" }), zip]) {
      expect((await imported(mailbox, file, "importTable")).error).toMatchObject({ name: "MailError", code: "invalid-argument" });
    }
    for (const call of ["importMailbox", "importTable"]) {
      const { error } = await mailbox.evaluate((mailbox, call) => attempt(() => mailbox[call]("a string")), call);
      expect(error).toMatchObject({ code: "invalid-argument" });
    }
    expect(await rows(mailbox)).toEqual([]);
    expect(await other.evaluate(() => dumpDatabases())).toEqual([]);
  });
});

test("an export is read no faster than it is wanted, and ends when it is cancelled", async ({ world, page }) => {
  const mailbox = await filled(world, page);
  const seen = await mailbox.evaluate(async (mailbox) => {
    const told = [];
    const abort = new AbortController();
    const reader = mailbox.exportMailbox({ signal: abort.signal, onProgress: (progress) => told.push(progress) }).getReader();
    await reader.read();
    const first = told.at(-1);
    abort.abort();
    const ended = await attempt(() => reader.read());
    const other = mailbox.exportMailbox().getReader();
    await other.read();
    await other.cancel();
    return { told, first, ended, afterCancel: await other.read() };
  });
  expect(seen.told[0]).toMatchObject({ done: 0, total: 21, bytes: 0 });
  expect(seen.first.done).toBeLessThan(21);
  expect(seen.ended.error).toMatchObject({ name: "AbortError" });
  expect(seen.afterCancel).toEqual({ done: true, value: undefined });
  const { error } = await mailbox.evaluate((mailbox) => attempt(() => mailbox.exportMailbox({ format: "tar" })));
  expect(error).toMatchObject({ code: "invalid-argument" });
});

test("an export of what is cleared meanwhile does not end as if it were whole", async ({ world, profile }) => {
  // A page of the table ends with the large one, where the reader rests.
  await world.deliver(999);
  await world.deliverLarge(400_000);
  await world.deliver(5, { seed: 2 });
  const mailbox = await openMailbox(await profile.open(), world);
  await sync(mailbox);
  const readers = await mailbox.evaluateHandle(async (mailbox) => {
    const readers = ["zip", "mbox"].map((format) => mailbox.exportMailbox({ format }).getReader());
    for (const reader of readers) for (let octets = 0; octets < 390_000; ) octets = (await reader.read()).value.length;
    return readers;
  });
  const elsewhere = await openMailbox(await profile.open(), world);
  await elsewhere.evaluate((mailbox) => mailbox.clear());
  await expect.poll(() => mailbox.evaluate((mailbox) => mailbox.count())).toBe(0);
  const ends = await readers.evaluate((readers) =>
    Promise.all(
      readers.map((reader) =>
        attempt(async () => {
          while (!(await reader.read()).done);
        }),
      ),
    ),
  );
  for (const { error } of ends) expect(error).toMatchObject({ name: "MailError", code: "store" });
});

test("an import that is cancelled leaves whole messages and no others, and goes on later", async ({ world, page }) => {
  const mailbox = await filled(world, page, 40);
  const zip = await exported(page, mailbox, "zip");
  await elsewhere(world, async (other) => {
    const mailbox = await openMailbox(other, world);
    const outcome = await mailbox.evaluate(
      (mailbox, base64) =>
        attempt(() => {
          const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
          const abort = new AbortController();
          const onProgress = ({ done }) => done === 30 && abort.abort();
          return mailbox.importMailbox(new Blob([bytes]), { signal: abort.signal, onProgress });
        }),
      zip.toString("base64"),
    );
    expect(outcome.error).toMatchObject({ name: "AbortError" });
    const some = await rows(mailbox);
    expect(some.length).toBeGreaterThan(0);
    expect(some.length).toBeLessThanOrEqual(30);
    expect(some.every(({ stored }) => stored)).toBe(true);
    expect(await imported(mailbox, zip)).toEqual({ value: { added: 41 - some.length, known: some.length, skipped: 0 } });
    expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored()));
  });
});

test("an import waits for the session under way, and a session for the import", async ({ world, page }) => {
  const mailbox = await filled(world, page, 5);
  const zip = await exported(page, mailbox, "zip");
  await world.deliverLarge(2_000_000, { seed: 7 });
  await elsewhere(world, async (other) => {
    const mailbox = await openMailbox(other, world);
    await world.fault({ after: 300_000, then: "stall" });
    const syncing = sync(mailbox, { retrieve: "all" });
    await world.faults(1);
    const importing = imported(mailbox, zip);
    const again = mailbox.evaluate((mailbox) => mailbox.sync({ retrieve: "all" }));
    await world.release();
    await syncing;
    expect((await importing).value).toEqual({ added: 0, known: 6, skipped: 0 });
    expect(await again).toMatchObject({ retrieved: 0 });
    expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored()));
  });
});
