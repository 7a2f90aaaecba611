// Each message is retrieved exactly once, ever. Dovecot's own log is the witness.

import { openMailbox, rawHashes, rows, sorted, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

test("50 messages once, none again, 3 new ones, 2 deleted: 51 are left", async ({ world, profile }) => {
  await world.deliver(50);
  const reopened = async () => {
    await profile.reopen();
    return openMailbox(await profile.open(), world);
  };

  let mailbox = await openMailbox(await profile.open(), world);
  expect(await sync(mailbox, { retrieve: "all" })).toMatchObject({ retrieved: 50, deleted: 0, remaining: 0, skipped: [] });
  expect(await world.session(1)).toMatchObject({ quit: true, retr: 50, del: 0, messages: 50 });
  expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored()));

  mailbox = await reopened();
  expect(await sync(mailbox, { retrieve: "all" })).toMatchObject({ retrieved: 0, deleted: 0, remaining: 0 });
  expect(await world.session(2)).toMatchObject({ quit: true, top: 0, retr: 0, del: 0, messages: 50 });
  expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored()));

  await world.deliver(3, { from: 50 });
  expect(await sync(mailbox, { retrieve: "all" })).toMatchObject({ retrieved: 3, deleted: 0 });
  expect(await world.session(3)).toMatchObject({ quit: true, retr: 3, del: 0, messages: 53 });

  const before = await world.stored();
  const all = await rows(mailbox);
  expect(all).toHaveLength(53);
  const gone = [all[7], all[30]];
  for (const { id } of gone) await mailbox.evaluate((mailbox, id) => mailbox.delete(id), id);
  expect(await sync(mailbox, { retrieve: "all" })).toMatchObject({ retrieved: 0, deleted: 2 });
  expect(await world.session(4)).toMatchObject({ quit: true, retr: 0, del: 2, messages: 53 });
  expect(await world.stored()).toHaveLength(51);

  // What was deleted there is still here: deleting is about the server.
  expect(await rawHashes(mailbox)).toEqual(sorted(before));
  mailbox = await reopened();
  await sync(mailbox, { retrieve: "all" });
  expect(await world.session(5)).toMatchObject({ quit: true, retr: 0, del: 0, messages: 51 });
  const states = new Map((await rows(mailbox)).map((row) => [row.id, row]));
  for (const { id } of gone) expect(states.get(id)).toMatchObject({ deletion: "confirmed", onServer: false, stored: true });
  expect([...states.values()].filter((row) => row.onServer)).toHaveLength(51);
});

test("two tabs that sync at once share one table, and retrieve each message once", async ({ world, profile, page }) => {
  await world.deliver(20);
  const tabs = [page, await profile.open()];
  const mailboxes = await Promise.all(tabs.map((tab) => openMailbox(tab, world)));
  const reports = await Promise.all(mailboxes.map((mailbox) => sync(mailbox)));
  expect(reports.map(({ retrieved }) => retrieved).sort()).toEqual([0, 20]);
  const sessions = await Promise.all([world.session(1), world.session(2)]);
  expect(sessions.map(({ retr }) => retr).sort()).toEqual([0, 20]);
  for (const mailbox of mailboxes) expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored()));
});

test("where the browser has no locks, one page still runs one session at a time", async ({ world, profile }) => {
  await world.deliver(12);
  await profile.context.addInitScript(() => Object.defineProperty(Navigator.prototype, "locks", { value: undefined }));
  const mailbox = await openMailbox(await profile.open(), world);
  const reports = await mailbox.evaluate(async (mailbox) => {
    const controller = new AbortController();
    const syncs = [mailbox.sync(), attempt(() => mailbox.sync({ signal: controller.signal })), mailbox.sync()];
    controller.abort();
    return Promise.all(syncs);
  });
  expect(reports[1].error.name).toBe("AbortError");
  expect([reports[0].retrieved, reports[2].retrieved]).toEqual([12, 0]);
  expect((await world.session(1)).retr + (await world.session(2)).retr).toBe(12);
});

test("two mailboxes of one server keep two tables", async ({ world, page }) => {
  await world.deliver(4, { user: "ann" });
  await world.deliver(3, { user: "bob", seed: 2 });
  for (const user of ["ann", "bob"]) {
    const mailbox = await openMailbox(page, world, { user });
    await sync(mailbox);
    expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored(user)));
    await mailbox.evaluate((mailbox) => mailbox.close());
  }
  expect(await world.session(1, "ann")).toMatchObject({ retr: 4 });
  expect(await world.session(1, "bob")).toMatchObject({ retr: 3 });
});

test("another address of the same upstream finds the same table", async ({ world, page }) => {
  await world.deliver(5);
  const first = await openMailbox(page, world, { account: "mail/ann" });
  await sync(first);
  await first.evaluate((mailbox) => mailbox.close());
  const second = await openMailbox(page, world, { relay: world.tunnel("starttls"), account: "mail/ann" });
  expect(await sync(second)).toMatchObject({ retrieved: 0 });
  expect(await world.session(2)).toMatchObject({ retr: 0, messages: 5 });
});

test.describe("UIDs of other forms", () => {
  for (const uidlFormat of ["%g", "%f", "%v.%u"]) {
    test.describe(uidlFormat, () => {
      test.use({ worldOptions: { dovecot: { uidlFormat } } });

      test("are opaque and last", async ({ world, profile }) => {
        await world.deliver(6);
        let mailbox = await openMailbox(await profile.open(), world);
        await sync(mailbox);
        await profile.reopen();
        mailbox = await openMailbox(await profile.open(), world);
        expect(await sync(mailbox)).toMatchObject({ retrieved: 0 });
        expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored()));
      });
    });
  }
});
