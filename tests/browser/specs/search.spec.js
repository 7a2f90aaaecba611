// The search index, through the library: what is found, and what becomes of the index when things go wrong.

import { openDisk } from "../fixtures/disk.js";
import { indexed, openLocked, openMailbox, rows, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

const LETTERS = [
  ["Ann Lee <ann@lab.example>", "Potassium, Rowan", "Mon, 2 Mar 2026 10:00:00 +0000", "The value is critical: 6.1 mmol/L."],
  ["=?utf-8?Q?Jos=C3=A9_Ortega?= <jose@clinic.example>", "Re: referral", "Tue, 3 Mar 2026 10:00:00 +0000", "Chest pain, see the r\u00e9sum\u00e9 attached."],
  ["Zoe <zoe@ward.example>", "Apples", "Wed, 1 Apr 2026 10:00:00 +0000", "\u6771\u4eac and nothing else"],
];
const ATTACHED = "--b\nContent-Type: application/pdf; name=scan-0042.pdf\nContent-Disposition: attachment; filename=scan-0042.pdf\n\n%PDF-1.4\n";

function letter([from, subject, date, text], place) {
  const body = `--b\nContent-Type: text/plain; charset=utf-8\n\n${text}\n${place === 1 ? ATTACHED : ""}--b--\n`;
  return `From: ${from}\nTo: Desk <desk@clinic.example>\nSubject: ${subject}\nDate: ${date}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n${body}`;
}

/** Subjects of what is found. */
const find = (mailbox, query, options) =>
  mailbox.evaluate(
    async (mailbox, [query, options]) => {
      const subjects = new Map((await mailbox.messages()).map(({ id, subject }) => [id, subject]));
      return (await mailbox.search(query, options)).ids.map((id) => subjects.get(id));
    },
    [query, options],
  );

async function searched(world, page, options) {
  for (const [place, each] of LETTERS.entries()) await world.deliverText(letter(each, place));
  const mailbox = await openMailbox(page, world, options);
  await sync(mailbox);
  await indexed(mailbox);
  return mailbox;
}

const [LAB, REFERRAL, APPLES] = LETTERS.map(([, subject]) => subject);

for (const [where, options] of [["in a worker", { worker: true }], ["in the page, keeping nothing", { storage: "memory" }]]) {
  test(`words in every field, however they are written (${where})`, async ({ world, page }) => {
    const mailbox = await searched(world, page, options);
    for (const [query, wanted] of [
      ["", [APPLES, REFERRAL, LAB]],
      ["POTASS crit", [LAB]],
      ["resume", [REFERRAL]],
      ["jos\u00e9", [REFERRAL]],
      ["jose", [REFERRAL]],
      ["\u6771", [APPLES]],
      ["from:lab.example", [LAB]],
      ["subject:ann", []],
      ["to:desk", [APPLES, REFERRAL, LAB]],
      ["scan-0042", [REFERRAL]],
      ["has:attachment", [REFERRAL]],
      ["before:2026-03-03", [LAB]],
      ["after:2026-03", [APPLES]],
      ["-from:zoe -potassium", [REFERRAL]],
      ["from:", [APPLES, REFERRAL, LAB]],
      ["nowhere", []],
    ]) {
      expect(await find(mailbox, query), query).toEqual(wanted);
    }
    expect(await find(mailbox, "", { sort: "subject", order: "ascending" })).toEqual([APPLES, LAB, REFERRAL]);
    expect(await find(mailbox, "", { sort: "from", order: "descending" })).toEqual([APPLES, REFERRAL, LAB]);
    const [{ id }] = await rows(mailbox);
    await mailbox.evaluate((mailbox, id) => mailbox.markRead(id), id);
    expect(await find(mailbox, "is:unread")).toEqual([APPLES, REFERRAL]);
  });
}

test("headers are found before the messages are here, and their text when they are", async ({ world, page }) => {
  const [from, subject, date] = LETTERS[0];
  // Further down than TOP asks.
  await world.deliverText(letter([from, subject, date, `${"Another line.\n".repeat(500)}deepest`], 0));
  const mailbox = await openMailbox(page, world);
  await sync(mailbox, { retrieve: "headers" });
  await indexed(mailbox);
  expect(await find(mailbox, "potassium")).toEqual([LAB]);
  expect(await find(mailbox, "deepest")).toEqual([]);
  await sync(mailbox);
  await indexed(mailbox);
  expect(await find(mailbox, "deepest")).toEqual([LAB]);
});

test("locked it finds nothing, unlocked what was known, and nothing is read again for that", async ({ world, page }) => {
  const mailbox = await searched(world, page, { worker: true });
  await mailbox.evaluate((mailbox) => mailbox.lock());
  expect((await mailbox.evaluate((mailbox) => attempt(() => mailbox.search("critical")))).error).toMatchObject({ code: "locked" });
  await mailbox.evaluate((mailbox, password) => mailbox.unlock(password), world.password);
  expect(await mailbox.evaluate((mailbox) => mailbox.search("critical"))).toMatchObject({ ids: [expect.any(String)], pending: 0 });
});

test("in two tabs: what one has taken in, the other finds", async ({ world, profile }) => {
  const mailbox = await searched(world, await profile.open(), {});
  const other = await openMailbox(await profile.open(), world);
  expect(await other.evaluate((mailbox) => mailbox.search("critical"))).toMatchObject({ ids: [expect.any(String)], pending: 0 });
  await world.deliverText(letter(["Max <max@x.example>", "Later", "Thu, 2 Apr 2026 10:00:00 +0000", "brandnew"], 0));
  await sync(other);
  await indexed(other);
  expect(await find(mailbox, "brandnew")).toEqual(["Later"]);
});

for (const [how, damage] of [
  ["a part that was changed", (disk, part) => disk.flip("meta", part)],
  ["a part that is gone", (disk, part) => disk.remove("meta", part)],
  ["a part of another layout", (disk, part) => disk.put("meta", part, new Uint8Array(8))],
  ["the list of parts that is gone", (disk) => disk.remove("meta", "search")],
]) {
  test(`${how} is made anew`, async ({ world, profile }) => {
    const page = await profile.open();
    const first = await searched(world, page, {});
    await first.evaluate((mailbox) => mailbox.close());
    const disk = await openDisk(page);
    const [part] = (await disk.evaluate((disk) => disk.keys("meta"))).filter((key) => /^search \d/.test(key));
    await disk.evaluate(damage, part);
    const again = await openMailbox(await profile.open(), world);
    await indexed(again);
    expect(await find(again, "critical")).toEqual([LAB]);
    await again.evaluate((mailbox) => mailbox.close());
    // It lasts: the next one has nothing to do.
    const last = await openMailbox(await profile.open(), world);
    expect(await last.evaluate((mailbox) => mailbox.search("critical"))).toMatchObject({ ids: [expect.any(String)], pending: 0 });
  });
}

test("a message whose text cannot be read is found by its headers, and its text is tried again by the next page", async ({ world, profile }) => {
  // Of the text, what a list shows is with the headers.
  await world.deliverText(letter(["Ann <ann@x.example>", LAB, "Thu, 2 Apr 2026 10:00:00 +0000", `${"First of all. ".repeat(99)}Then it is critical.`], 0));
  const page = await profile.open();
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  const disk = await openDisk(page);
  const [piece] = await disk.evaluate((disk) => disk.keys("chunks"));
  await disk.evaluate((disk, piece) => disk.flip("chunks", piece), piece);
  await indexed(mailbox);
  expect(await find(mailbox, "potassium")).toEqual([LAB]);
  expect(await find(mailbox, "critical")).toEqual([]);
  // The same bit again.
  await disk.evaluate((disk, piece) => disk.flip("chunks", piece), piece);
  await mailbox.evaluate((mailbox) => mailbox.close());
  const again = await openMailbox(await profile.open(), world);
  await indexed(again);
  expect(await find(again, "critical")).toEqual([LAB]);
});

test("a search in the middle of a step leaves what the step has taken in", async ({ world, page }) => {
  await world.deliver(1500);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  // One search after the other, so that many fall into each step.
  const last = await mailbox.evaluate(async (mailbox) => {
    let known = 0;
    for (let pending = Infinity; pending > 0; ) {
      await new Promise((rested) => setTimeout(rested));
      const found = await mailbox.search("e");
      if (found.pending > pending) throw new Error("what was taken in is not known any more");
      pending = found.pending;
      known = found.ids.length;
    }
    return known;
  });
  const again = await openMailbox(page, world);
  const { ids, pending } = await again.evaluate((mailbox) => mailbox.search("e"));
  expect([ids.length, pending]).toEqual([last, 0]);
});

test("erased, or given up, nothing of it is left", async ({ world, profile }) => {
  const page = await profile.open();
  const mailbox = await searched(world, page, {});
  const disk = await openDisk(page);
  const parts = async () => (await disk.evaluate((disk) => disk.keys("meta"))).filter((key) => key.startsWith("search"));
  expect(await parts()).toHaveLength(2);
  await mailbox.evaluate((mailbox) => mailbox.dropSealed());
  expect(await parts()).toEqual([]);
});

test("who does not search has nothing read for it", async ({ world, page }) => {
  for (const [place, each] of LETTERS.entries()) await world.deliverText(letter(each, place));
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  const disk = await openDisk(page);
  expect((await disk.evaluate((disk) => disk.keys("meta"))).filter((key) => key.startsWith("search"))).toEqual([]);
  expect((await openLocked(page, world)) && (await mailbox.evaluate((mailbox) => mailbox.search("critical")))).toMatchObject({ pending: 3 });
});
