// Whoever has the disk and not the key changes what lies there: that is refused by name, and costs nothing else.

import { openDisk } from "../fixtures/disk.js";
import { openLocked, openMailbox, rows, sorted, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

/** One that lies in four pieces. */
const LARGE = 3.5 * 2 ** 20;

/** Rows by id, and of every message the SHA-256 or why it could not be read. */
async function all(page, world) {
  const mailbox = await openMailbox(page, world, { credentials: undefined });
  const found = await mailbox.evaluate(async (mailbox) => {
    const found = {};
    for (const row of await mailbox.messages({ order: "oldest" })) {
      const raw = await attempt(async () => sha256(await mailbox.raw(row.id)));
      const message = await attempt(async () => (await mailbox.message(row.id)).subject);
      found[row.id] = { row, raw, message };
    }
    return found;
  });
  await mailbox.evaluate((mailbox) => mailbox.close());
  return found;
}

async function fill(page, world) {
  await world.deliver(4);
  await world.deliverLarge(LARGE);
  await world.deliver(2, { seed: 2 });
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  await mailbox.evaluate((mailbox) => mailbox.close());
  const [disk, before] = [await openDisk(page), await all(page, world)];
  expect(Object.values(before).map(({ raw }) => raw.value).sort()).toEqual(sorted(await world.stored()));
  const ids = Object.keys(before).map(Number);
  const large = Number(Object.values(before).find(({ row }) => row.size > 3 << 20).row.id);
  const [one, other] = ids.filter((id) => id !== large);
  return { disk, before, ids, large, one, other };
}

/** That bodies of `refused` and headers of `damaged` are refused, and everything else is as it was. */
async function expectOnly(page, world, before, { refused = [], damaged = [] }) {
  const now = await all(page, world);
  for (const [id, was] of Object.entries(before)) {
    const { row, raw, message } = now[id];
    if (damaged.includes(Number(id))) {
      expect(row).toEqual({ ...was.row, subject: "", from: "", preview: "", date: null, hasAttachments: false, damaged: true });
    } else {
      expect(row).toEqual(was.row);
    }
    if (!refused.includes(Number(id))) {
      expect([raw, message]).toEqual([was.raw, was.message]);
      continue;
    }
    for (const { error } of [raw, message]) {
      expect(error).toMatchObject({ code: "store", phase: "store" });
      expect(error.message).toContain(`a piece of message ${id} `);
    }
  }
}

/** Does something to the database and, when `check` has seen what comes of it, puts back what was there. */
async function during(disk, stores, change, check) {
  const kept = await disk.evaluateHandle(async (disk, stores) => {
    const kept = [];
    for (const store of stores) {
      for (const key of await disk.keys(store)) kept.push([store, key, await disk.get(store, key)]);
    }
    return kept;
  }, stores);
  await change();
  await check();
  await disk.evaluate(async (disk, kept) => {
    for (const [store, key, value] of kept) await disk.put(store, key, value);
  }, kept);
}

test("envelopes and pieces of bodies that were swapped, flipped, cut or taken away are refused, and nothing else is", async ({ world, page }) => {
  const { disk, before, large, one, other } = await fill(page, world);
  const cases = [
    [{ damaged: [one, other] }, (disk, { one, other }) => disk.swap("envelopes", one, other)],
    [{ damaged: [one] }, (disk, { one }) => disk.flip("envelopes", one)],
    [{ damaged: [one] }, async (disk, { one }) => disk.put("envelopes", one, (await disk.get("envelopes", one)).slice(0, -1))],
    [{ damaged: [one] }, (disk, { one }) => disk.put("envelopes", one, { subject: "Anything" })],
    [{ damaged: [one] }, (disk, { one }) => disk.remove("envelopes", one)],
    [{ damaged: [one] }, async (disk, { one }) => disk.put("envelopes", one, await disk.get("chunks", [one, 0]))],
    [{ refused: [one, other] }, (disk, { one, other }) => disk.swap("chunks", [one, 0], [other, 0])],
    [{ refused: [large] }, (disk, { large }) => disk.swap("chunks", [large, 1], [large, 2])],
    [{ refused: [large, one] }, (disk, { large, one }) => disk.swap("chunks", [large, 0], [one, 0])],
    [{ refused: [large] }, (disk, { large }) => disk.flip("chunks", [large, 3])],
    [{ refused: [large] }, (disk, { large }) => disk.flip("chunks", [large, 0])],
    [{ refused: [large] }, (disk, { large }) => disk.remove("chunks", [large, 3])],
    [{ refused: [one] }, (disk, { one }) => disk.put("chunks", [one, 0], new Uint8Array())],
  ];
  for (const [only, change] of cases) {
    await during(
      disk,
      ["envelopes", "chunks"],
      () => disk.evaluate(change, { large, one, other }),
      () => expectOnly(page, world, before, only),
    );
  }
  await expectOnly(page, world, before, {});
});

test("a body that was cut by its last piece is refused, also where its row says that it has no more", async ({ world, page }) => {
  const { disk, before, large } = await fill(page, world);
  await disk.evaluate(async (disk, large) => {
    await disk.remove("chunks", [large, 3]);
    const number = Math.floor(large / 128);
    const page = await disk.get("table", number);
    await disk.put("table", number, fewerPieces(page, large));

    /** The page, with one piece less in the row of this id: LEB128, see wasm/src/store/page.rs. */
    function fewerPieces(page, id) {
      let at = 1;
      const next = () => {
        let [value, weight] = [0, 1];
        for (; page[at] & 0x80; weight *= 128) value += (page[at++] & 0x7f) * weight;
        return value + page[at++] * weight;
      };
      while (at < page.length) {
        const found = next() === id;
        const uid = next();
        at += uid;
        for (let field = 0; field < 5; field++) next();
        if (found) {
          if (page[at] !== 4) throw new Error(`${page[at]} pieces`);
          return page.with(at, 3);
        }
        for (let field = 0; field < 3; field++) next();
      }
      throw new Error("no such row");
    }
  }, large);
  await expectOnly(page, world, before, { refused: [large] });
});

test("an envelope from before is refused when it is put back", async ({ world, page }) => {
  await world.deliver(3);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox, { retrieve: "headers" });
  const disk = await openDisk(page);
  const [{ id }] = await rows(mailbox);
  const earlier = await disk.evaluateHandle((disk, id) => disk.get("envelopes", id), Number(id));
  await sync(mailbox, { retrieve: "all" });
  await mailbox.evaluate((mailbox) => mailbox.close());
  const before = await all(page, world);
  await disk.evaluate((disk, [id, earlier]) => disk.put("envelopes", id, earlier), [Number(id), earlier]);
  await expectOnly(page, world, before, { damaged: [Number(id)] });
});

test("another wrapped key in the place of the account's own is refused, and nothing is lost by it", async ({ world, page }) => {
  const { disk, before } = await fill(page, world);
  await world.deliver(1, { user: "ben" });
  const ben = await openMailbox(page, world, { user: "ben" });
  await sync(ben);
  const others = await openDisk(page, "mail/ben");
  const earlier = await disk.evaluateHandle((disk) => disk.get("meta", "key"));
  const mailbox = await openMailbox(page, world);
  await mailbox.evaluate((mailbox, password) => mailbox.reseal(password, { passphrase: "of my own" }), world.password);
  await mailbox.evaluate((mailbox, password) => mailbox.reseal("of my own", { password }), world.password);
  await mailbox.evaluate((mailbox) => mailbox.close());

  const cases = [
    ["another account's", async (disk, { others }) => disk.put("meta", "key", await others.get("meta", "key"))],
    [
      "another account's, and what proves it",
      async (disk, { others }) => {
        for (const key of ["key", "proof"]) await disk.put("meta", key, await others.get("meta", key));
      },
    ],
    ["an older one", (disk, { earlier }) => disk.put("meta", "key", earlier)],
    ["one that was changed", (disk) => disk.flip("meta", "key", "wrapped")],
    ["one of fewer rounds", async (disk) => disk.put("meta", "key", { ...(await disk.get("meta", "key")), iterations: 1 })],
    ["said to be of a passphrase", async (disk) => disk.put("meta", "key", { ...(await disk.get("meta", "key")), by: "passphrase" })],
    ["garbage", (disk) => disk.put("meta", "key", new Uint8Array(60).fill(7))],
    ["no object", (disk) => disk.put("meta", "key", "key")],
    ["another proof", (disk) => disk.flip("meta", "proof")],
    ["no proof", (disk) => disk.remove("meta", "proof")],
  ];
  for (const [what, change] of cases) {
    await during(
      disk,
      ["meta"],
      () => disk.evaluate(change, { others, earlier }),
      async () => {
        const locked = await openLocked(page, world);
        const outcomes = await locked.evaluate(
          async (mailbox, password) => [
            await attempt(() => mailbox.unlock(password)),
            mailbox.locked,
            await attempt(() => mailbox.messages()),
            // The server takes the password; what is kept here is left alone all the same.
            await attempt(() => mailbox.sync({ password })),
          ],
          world.password,
        );
        expect(outcomes, what).toMatchObject([
          { error: { code: "store", message: expect.stringContaining("key") } },
          true,
          { error: { code: "locked" } },
          { error: { code: what === "said to be of a passphrase" ? "locked" : "store" } },
        ]);
        await locked.evaluate((mailbox) => mailbox.close());
      },
    );
  }
  await expectOnly(page, world, before, {});
  expect((await world.harness.call("sessions", { user: "ann", count: 1 }))[0].retr).toBe(7);
});

test("the log tells the number of an entry that was changed, taken out or taken off its end", async ({ world, page }) => {
  await world.deliver(2);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  const [{ id }] = await rows(mailbox);
  for (let time = 0; time < 4; time++) await mailbox.evaluate((mailbox, id) => mailbox.raw(id), id);
  const log = () => mailbox.evaluate((mailbox) => mailbox.log());
  const whole = await log();
  expect(whole).toMatchObject({ broken: null });
  expect(whole.entries.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5]);
  const disk = await openDisk(page);
  const cases = [
    [3, (disk) => disk.flip("log", 3)],
    [3, (disk) => disk.remove("log", 3)],
    [2, (disk) => disk.swap("log", 2, 4)],
    [1, (disk) => disk.remove("log", 1)],
    [5, (disk) => disk.remove("log", 5)],
    // Cut at its end, with the number of entries to match; and without it.
    [
      5,
      async (disk) => {
        await disk.remove("log", 5);
        await disk.put("meta", "log", { ...(await disk.get("meta", "log")), count: 4 });
      },
    ],
    [6, (disk) => disk.remove("meta", "log")],
  ];
  for (const [broken, change] of cases) {
    await during(
      disk,
      ["log", "meta"],
      () => disk.evaluate(change),
      async () => {
        const now = await log();
        expect(now.broken).toBe(broken);
        // What still opens is what was written.
        const kept = whole.entries.filter(({ n }) => now.entries.some((entry) => entry.n === n));
        expect(now.entries).toEqual(kept);
        expect(kept.slice(0, broken - 1)).toEqual(whole.entries.slice(0, broken - 1));
      },
    );
  }
  expect(await log()).toEqual(whole);
});

test("headers that were damaged leave a doubt where they would tell messages apart, and keep no mail from coming", async ({ world, page }) => {
  const text = (subject) => `From: <sender@example.org>\nSubject: ${subject}\nMessage-ID: <${subject}@example.org>\n\n${subject}\n`;
  for (const subject of ["ab", "cd", "ef"]) await world.deliverText(text(subject));
  const mailbox = await openMailbox(page, world);
  await sync(mailbox, { retrieve: "all" });
  const disk = await openDisk(page);
  const [{ id }, ...intact] = await rows(mailbox);
  await disk.evaluate((disk, id) => disk.flip("chunks", [id, 0]), Number(id));

  // Moved away and back: other UIDs, equal sizes, so that only headers tell which is which.
  for (const { name } of await world.stored()) await world.remove(name);
  for (const subject of ["cd", "ab", "ef", "gh"]) await world.deliverText(text(subject));
  await sync(mailbox);
  const now = await rows(mailbox);
  const onServer = (wanted) => now.filter((row) => row.onServer && wanted(row)).map(({ subject }) => subject);
  expect(onServer(({ id }) => intact.some((row) => row.id === id))).toEqual(["cd", "ef"]);
  expect(onServer(({ stored }) => stored)).toContain("gh");
});
