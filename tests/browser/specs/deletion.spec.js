// What deletes and what does not: deletions take effect at the end of a session that said QUIT, and only then.

import { openMailbox, rows, signIn, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

const remove = (mailbox, id) => mailbox.evaluate((mailbox, id) => mailbox.delete(id), id);
const keep = (mailbox, id) => mailbox.evaluate((mailbox, id) => mailbox.undelete(id), id);

async function filled(world, page, count = 5) {
  await world.deliver(count);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  return { mailbox, all: await rows(mailbox) };
}

test("a deletion that was taken back never happens", async ({ world, page }) => {
  const { mailbox, all } = await filled(world, page);
  await remove(mailbox, all[2].id);
  expect((await rows(mailbox))[2].deletion).toBe("wanted");
  await keep(mailbox, all[2].id);
  expect((await rows(mailbox))[2].deletion).toBe("none");
  expect(await sync(mailbox)).toMatchObject({ deleted: 0 });
  expect(await world.session(2)).toMatchObject({ quit: true, del: 0 });
  expect(await world.stored()).toHaveLength(5);
});

test("the next sync deletes, and says so", async ({ world, page }) => {
  const { mailbox, all } = await filled(world, page);
  const stored = await world.stored();
  await remove(mailbox, all[0].id);
  await remove(mailbox, all[4].id);
  expect(await sync(mailbox)).toMatchObject({ deleted: 2, retrieved: 0 });
  expect(await world.session(2)).toMatchObject({ quit: true, retr: 0, del: 2 });
  // The right ones: messages are numbered in the order they came.
  expect(await world.stored()).toEqual([stored[1], stored[2], stored[3]]);
  expect((await rows(mailbox)).map((row) => row.deletion)).toEqual(["confirmed", "none", "none", "none", "confirmed"]);
});

test("signing out deletes", async ({ world, page }) => {
  const { mailbox, all } = await filled(world, page);
  await remove(mailbox, all[1].id);
  await mailbox.evaluate((mailbox) => mailbox.signOut());
  expect(await world.session(2)).toMatchObject({ quit: true, retr: 0, del: 1 });
  expect(await world.stored()).toHaveLength(4);
});

test("signing out with nothing to delete needs no deletion", async ({ world, page }) => {
  const { mailbox } = await filled(world, page);
  await mailbox.evaluate((mailbox) => mailbox.signOut());
  expect(await world.stored()).toHaveLength(5);
});

test("closing the mailbox never deletes, twice is harmless, and the wish lasts", async ({ world, profile }) => {
  const { mailbox, all } = await filled(world, await profile.open());
  await remove(mailbox, all[3].id);
  await mailbox.evaluate(async (mailbox) => {
    await mailbox.close();
    await mailbox.close();
  });
  expect(await world.stored()).toHaveLength(5);
  await profile.reopen();
  const again = await openMailbox(await profile.open(), world);
  expect(await sync(again)).toMatchObject({ deleted: 1 });
  expect(await world.session(2)).toMatchObject({ quit: true, del: 1 });
  expect(await world.stored()).toHaveLength(4);
});

test("a closed tab never deletes", async ({ world, profile }) => {
  const page = await profile.open();
  const { mailbox, all } = await filled(world, page);
  await remove(mailbox, all[3].id);
  await page.close({ runBeforeUnload: true });
  await profile.context.close();
  expect(await world.endedSessions()).toBe(1);
  expect(await world.stored()).toHaveLength(5);
});

for (const end of ["close", "tab"]) {
  test(`a session under way that is ended by ${end === "tab" ? "a closed tab" : "close()"} deletes nothing`, async ({ world, profile }) => {
    const page = await profile.open();
    const { mailbox, all } = await filled(world, page);
    await world.deliverLarge(2_000_000, { seed: 9 });
    await remove(mailbox, all[0].id);
    await world.fault({ after: 500_000, then: "stall" });
    const outcome = mailbox.evaluate((mailbox) => attempt(() => mailbox.sync({ retrieve: "all" }))).catch(() => ({ error: {} }));
    await world.faults(1);
    if (end === "tab") await page.close();
    else await mailbox.evaluate((mailbox) => mailbox.close());
    expect((await outcome).error).toBeDefined();
    await world.release();
    expect(await world.session(2)).toMatchObject({ quit: false, del: 0 });
    expect(await world.stored()).toHaveLength(6);
  });
}

test("DELE and RSET through a session: nothing is deleted", async ({ world, page }) => {
  await world.deliver(3);
  const session = await signIn(page, world);
  await session.evaluate(async (session) => {
    await session.dele(1);
    await session.dele(3);
    await session.rset();
    await session.quit();
  });
  expect(await world.session(1)).toMatchObject({ quit: true, del: 0 });
  expect(await world.stored()).toHaveLength(3);
});

test("DELE and QUIT through a session delete; DELE and close() do not", async ({ world, page }) => {
  await world.deliver(3);
  const closed = await signIn(page, world);
  await closed.evaluate(async (session) => {
    await session.dele(1);
    session.close();
  });
  expect(await world.session(1)).toMatchObject({ quit: false, del: 0 });
  const quit = await signIn(page, world);
  await quit.evaluate(async (session) => {
    await session.dele(1);
    await session.quit();
  });
  expect(await world.session(2)).toMatchObject({ quit: true, del: 1 });
  expect(await world.stored()).toHaveLength(2);
});

test("a deletion whose session was cut stays wanted, and is repeated without a second retrieval", async ({ world, page }) => {
  const { mailbox, all } = await filled(world, page);
  await remove(mailbox, all[2].id);
  await world.harness.call("down", { proxy: world.proxy.proxy });
  const { error } = await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync()));
  expect(error.code).toBe("upstream-unreachable");
  expect((await rows(mailbox))[2].deletion).toBe("wanted");
  await world.harness.call("up", { proxy: world.proxy.proxy });
  expect(await sync(mailbox)).toMatchObject({ deleted: 1, retrieved: 0 });
  expect(await world.session(2)).toMatchObject({ quit: true, retr: 0, del: 1 });
});

test("what another client deleted is gone there and kept here", async ({ world, page }) => {
  const { mailbox, all } = await filled(world, page);
  expect(await world.otherClient(["DELE 2"])).toContain("+OK");
  expect(await sync(mailbox)).toMatchObject({ retrieved: 0, deleted: 0 });
  const row = (await rows(mailbox)).find(({ id }) => id === all[1].id);
  expect(row).toMatchObject({ stored: true, onServer: false, deletion: "none" });
});
