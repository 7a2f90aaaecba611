// `poplar-relay demo`: what a new user sees first.

import { openMailbox, rows, signIn, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

test.use({ worldOptions: { demo: true } });

test("signs in, retrieves everything once, and opens every message", async ({ world, page, reader }) => {
  await reader.signIn({ user: "demo", password: world.password });
  await reader.idle();
  const mailbox = await openMailbox(page, world, { user: "demo" });
  const all = await rows(mailbox);
  expect(all.length).toBeGreaterThanOrEqual(25);
  expect(all.every((row) => row.stored && row.onServer)).toBe(true);
  const reports = [];
  for (const { id } of all) {
    const { value, error } = await mailbox.evaluate((mailbox, id) => attempt(() => mailbox.message(id)), id);
    expect(error).toBeUndefined();
    expect(value.headers.length).toBeGreaterThan(0);
    reports.push(...value.reports);
  }
  const words = "550 5.1.1 no such mailbox";
  expect(reports).toContainEqual(expect.objectContaining({ kind: "failed", recipient: "records@direct.hillcrest.example", status: "5.1.1", words }));
  expect(reports).toContainEqual(expect.objectContaining({ kind: "processed", original: "<ref.original@direct.lakeside-clinic.example>" }));
  // The browser has the tables of Latin-1, and of what is more.
  expect(all.map(({ subject }) => subject)).toContain("Röntgenbilder für Frau Fictive");
  const decoded = ["shift_jis", "big5", "no such charset"].map((label) =>
    page.evaluate(async (label) => (await import("/lib/mail/host.js")).decoded(label, Uint8Array.of(0x93, 0xfa)), label),
  );
  expect(await Promise.all(decoded)).toEqual(["日", expect.any(String), undefined]);
  expect(await sync(mailbox)).toMatchObject({ retrieved: 0, deleted: 0 });
});

test("follows the guide: UIDs, snapshot of a session, RSET, and deletions at QUIT", async ({ world, page }) => {
  const options = { user: "demo" };
  const session = await signIn(page, world, options);
  const uids = await session.evaluate((session) => session.uidl());
  for (const { uid } of uids) expect(uid).toMatch(/^\d+[A-Z]$/);
  const before = await session.evaluate((session) => session.stat());
  await session.evaluate((session) => session.dele(1));
  // As the guide says: LIST goes on listing it until the session ends.
  expect(await session.evaluate((session) => session.list())).toHaveLength(before.count);
  await session.evaluate((session) => session.rset());
  await session.evaluate((session) => session.dele(2));
  await session.evaluate((session) => session.quit());

  const next = await signIn(page, world, options);
  const left = await next.evaluate((session) => session.uidl());
  expect(left.map(({ uid }) => uid)).toEqual(uids.map(({ uid }) => uid).filter((uid) => uid !== uids[1].uid));
});
