// What a sync fetches: nothing, headers, everything; and what it says while it does.

import { openMailbox, rawHashes, rows, sorted, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

test("none lists and fetches nothing", async ({ world, page }) => {
  const delivered = await world.deliver(6);
  const mailbox = await openMailbox(page, world);
  expect(await sync(mailbox, { retrieve: "none" })).toMatchObject({ retrieved: 0, headers: 0, remaining: 6 });
  expect(await world.session(1)).toMatchObject({ quit: true, top: 0, retr: 0 });
  const all = await rows(mailbox);
  expect(all.map((row) => row.size)).toEqual(delivered.map((message) => message.octets));
  expect(all.every((row) => !row.stored && row.onServer && row.uid !== "")).toBe(true);
  expect(await mailbox.evaluate((mailbox) => mailbox.count())).toBe(6);
});

test("headers fetches each header once, and messages on demand once", async ({ world, page }) => {
  const delivered = await world.deliver(10);
  const mailbox = await openMailbox(page, world);
  expect(await sync(mailbox, { retrieve: "headers" })).toMatchObject({ retrieved: 0, headers: 10, remaining: 10 });
  expect(await world.session(1)).toMatchObject({ quit: true, top: 10, retr: 0 });
  expect(await sync(mailbox, { retrieve: "headers" })).toMatchObject({ headers: 0 });
  expect(await world.session(2)).toMatchObject({ top: 0, retr: 0 });

  const all = await rows(mailbox);
  // The last of the ten is wrapped: its subject is inside, beyond its header.
  expect(all.slice(0, 9).map((row) => row.subject)).toEqual(delivered.slice(0, 9).map((message) => message.subject));
  expect(all[3].from).toContain(delivered[3].from);

  const message = await mailbox.evaluate((mailbox, id) => mailbox.message(id), all[2].id);
  expect(message.subject).toBe(delivered[2].subject);
  const stored = await world.stored();
  expect(await mailbox.evaluate(async (mailbox, id) => sha256(await mailbox.raw(id)), all[2].id)).toBe(stored[2].sha256);
  expect((await rows(mailbox))[2].stored).toBe(true);
  await mailbox.evaluate((mailbox) => mailbox.close());
  expect(await world.session(3)).toMatchObject({ retr: 1, top: 0, del: 0 });

  const again = await openMailbox(page, world);
  expect(await sync(again, { retrieve: "all" })).toMatchObject({ retrieved: 9 });
  expect(await world.session(4)).toMatchObject({ retr: 9 });
  expect(await rawHashes(again)).toEqual(sorted(stored));
});

test("messages come newest or oldest first, a page at a time", async ({ world, page }) => {
  await world.deliver(9);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox, { retrieve: "headers" });
  const oldest = (await rows(mailbox)).map((row) => row.id);
  const take = (range) => mailbox.evaluate(async (mailbox, range) => (await mailbox.messages(range)).map((row) => row.id), range);
  expect(await take({ order: "newest" })).toEqual([...oldest].reverse());
  expect(await take({ order: "oldest", offset: 2, limit: 3 })).toEqual(oldest.slice(2, 5));
  expect(await take({ order: "newest", offset: 7, limit: 10 })).toEqual(oldest.slice(0, 2).reverse());
  expect(await take({ offset: 9 })).toEqual([]);
});

test("progress counts messages and octets, and ends where it said it would", async ({ world, page }) => {
  const delivered = await world.deliver(12);
  const mailbox = await openMailbox(page, world);
  const { events, changed } = await mailbox.evaluate(async (mailbox) => {
    const events = [];
    const changed = new Set();
    mailbox.addEventListener("progress", ({ detail }) => events.push({ ...detail }));
    mailbox.addEventListener("change", ({ detail }) => detail.ids.forEach((id) => changed.add(id)));
    await mailbox.sync({ retrieve: "all" });
    return { events, changed: [...changed] };
  });
  const phases = ["connect", "login", "list", "headers", "retrieve", "delete", "quit"];
  const order = events.map(({ phase }) => phases.indexOf(phase));
  expect(order).not.toContain(-1);
  expect(order).toEqual([...order].sort((a, b) => a - b));
  for (const phase of ["connect", "login", "list", "retrieve", "quit"]) {
    expect(events.map((event) => event.phase)).toContain(phase);
  }
  for (const { done, total, bytes, totalBytes } of events) {
    expect(done).toBeLessThanOrEqual(total);
    expect(bytes).toBeLessThanOrEqual(totalBytes);
  }
  const octets = delivered.reduce((sum, message) => sum + message.octets, 0);
  expect(events.findLast(({ phase }) => phase === "retrieve")).toMatchObject({ done: 12, total: 12, bytes: octets, totalBytes: octets });
  expect(changed.sort()).toEqual((await rows(mailbox)).map((row) => row.id).sort());
});

test("every shape of message is read: text, HTML, attachments, headers", async ({ world, page }) => {
  const delivered = await world.deliver(10);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  const messages = await mailbox.evaluate(async (mailbox) => {
    const all = await mailbox.messages({ order: "oldest" });
    return Promise.all(all.map(({ id }) => mailbox.message(id)));
  });
  const [plain, dots, html, attached, utf8, , , longLine] = messages;
  expect(messages.slice(0, 9).map((message) => message.subject)).toEqual(delivered.slice(0, 9).map((message) => message.subject));
  expect(plain.headers.find(({ name }) => name.toLowerCase() === "to").value).toContain("desk@example.com");
  expect(dots.text).toContain(".hidden");
  expect(dots.text).toMatch(/^\.\r?$/m);
  expect(html.html).toContain("<p>");
  expect(attached.attachments).toHaveLength(1);
  expect(attached.attachments[0]).toMatchObject({ name: "results.bin", inline: false });
  expect(utf8.text).toContain("Grüße aus Köln");
  expect(longLine.text.length).toBeGreaterThanOrEqual(40_000);

  const { id } = messages[3];
  const size = await mailbox.evaluate(async (mailbox, id) => (await mailbox.attachment(id, 0)).size, id);
  expect(size).toBe(attached.attachments[0].size);
  expect((await rows(mailbox))[3].hasAttachments).toBe(true);
});

test("reading is marked, and the mark lasts", async ({ world, page }) => {
  await world.deliver(2);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  const [first] = await rows(mailbox);
  expect(first.read).toBe(false);
  await mailbox.evaluate((mailbox, id) => mailbox.markRead(id), first.id);
  await sync(mailbox);
  expect((await rows(mailbox)).map((row) => row.read)).toEqual([true, false]);
  await mailbox.evaluate((mailbox, id) => mailbox.markRead(id, false), first.id);
  expect((await rows(mailbox))[0].read).toBe(false);
});
