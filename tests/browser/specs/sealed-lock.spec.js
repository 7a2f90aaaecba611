// Locking: on demand, in all tabs at once, in the middle of a session, when nobody is at work and after a sleep; and unlocking.

import { openLocked, openMailbox, rawHashes, rows, sorted, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

const MESSAGES = 120;
/** A page of the relay's origin with nothing of its own in it. */
const EMPTY = "/lib/poplar-mail.js";

test.use({ worldOptions: { dovecot: { rawlog: true } } });

const isLocked = (mailbox) => mailbox.evaluate((mailbox) => mailbox.locked);
const lock = (mailbox) => mailbox.evaluate((mailbox) => mailbox.lock());
const unlock = (mailbox, secret) => mailbox.evaluate((mailbox, secret) => attempt(() => mailbox.unlock(secret)), secret);

/** Notes why it locked and that it opened, from now on. */
async function listen(mailbox) {
  await mailbox.evaluate((mailbox) => {
    mailbox.said = [];
    mailbox.addEventListener("lock", ({ detail }) => mailbox.said.push(detail.locked ? detail.reason : "open"));
  });
}

/** That of these workers of a page, one that was in use and a spare one where there were any, none but the spare one is left. */
async function expectEnded(page, had) {
  await expect.poll(() => page.workers().filter((worker) => had.includes(worker)).length).toBe(Math.max(0, had.length - 1));
}

const said = (mailbox) => mailbox.evaluate((mailbox) => mailbox.said);

for (const worker of [false, true]) {
  const where = worker ? "in workers" : "in the page";

  test(`one tab's lock locks the other in the middle of its session, and nothing is half-done (${where})`, async ({ world, profile }) => {
    await world.deliver(MESSAGES);
    const [one, other] = [await profile.open(EMPTY), await profile.open(EMPTY)];
    const mailbox = await openMailbox(one, world, { worker });
    await sync(mailbox, { retrieve: "none" });
    const syncing = await openMailbox(other, world, { worker });
    await Promise.all([mailbox, syncing].map(listen));

    await world.fault({ after: 2_500_000, then: "stall" });
    const outcome = syncing.evaluate((mailbox) => attempt(() => mailbox.sync()));
    await world.faults(1);
    await expect.poll(() => syncing.evaluate((mailbox) => mailbox.messages().then((rows) => rows.some(({ stored }) => stored)))).toBe(true);
    const had = [one, other].map((page) => ({ page, workers: page.workers() }));
    await lock(mailbox);
    expect((await outcome).error).toMatchObject({ name: "MailError", code: "locked" });
    expect([await said(mailbox), await said(syncing)]).toEqual([["asked"], ["elsewhere"]]);
    for (const locked of [mailbox, syncing]) {
      expect(await isLocked(locked)).toBe(true);
      for (const call of ["messages", "message", "raw", "delete", "log"]) {
        expect((await locked.evaluate((mailbox, call) => attempt(() => mailbox[call]("1")), call)).error, call).toMatchObject({ code: "locked" });
      }
    }
    for (const { workers, page } of had) await expectEnded(page, workers);

    await world.fault({});
    await world.release();
    await unlock(mailbox, world.password);
    await expect.poll(() => isLocked(syncing)).toBe(true);
    await unlock(syncing, world.password);
    const stored = (await rows(syncing)).filter((row) => row.stored).map(({ uid }) => uid);
    expect(stored.length).toBeGreaterThan(0);
    expect(stored.length).toBeLessThan(MESSAGES);
    await world.session(2).catch(() => world.kick());
    const before = await world.harness.call("retrieved");
    expect(await sync(syncing, { password: world.password })).toMatchObject({ retrieved: MESSAGES - stored.length, remaining: 0 });
    const after = Object.entries(await world.harness.call("retrieved")).filter(([name]) => !(name in before));
    const asked = after.flatMap(([, uids]) => uids);
    // Each of the others, and once.
    const all = (await rows(mailbox)).map(({ uid }) => uid);
    expect(all).toHaveLength(MESSAGES);
    expect([...asked].sort()).toEqual(all.filter((uid) => !stored.includes(uid)).sort());
    expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored()));
    expect((await mailbox.evaluate((mailbox) => mailbox.log())).broken).toBe(null);
  });

  test(`nobody at work: it locks by itself, and not while somebody is in another tab (${where})`, async ({ world, profile }) => {
    await world.deliver(2);
    await profile.context.clock.install();
    const pages = [await profile.open(EMPTY), await profile.open(EMPTY)];
    const [mailbox, other] = await Promise.all(pages.map((page) => openMailbox(page, world, { worker })));
    await sync(mailbox);
    await unlock(other, world.password);
    await Promise.all([mailbox, other].map(listen));
    await pages[1].evaluate(() => {
      globalThis.told = 0;
      new BroadcastChannel("poplar:mail/ann").onmessage = ({ data: [name] }) => (told += name === "active");
    });
    for (let round = 1; round <= 2; round++) {
      const before = await pages[1].evaluate(() => told);
      await profile.context.clock.runFor("06:00");
      await mailbox.evaluate((mailbox) => mailbox.active());
      await pages[1].waitForFunction((before) => told > before, before);
    }
    expect([await isLocked(mailbox), await isLocked(other)]).toEqual([false, false]);
    await profile.context.clock.runFor("10:05");
    await expect.poll(() => isLocked(mailbox)).toBe(true);
    await expect.poll(() => isLocked(other)).toBe(true);
    // Whichever looked first told the other, unless that had looked by then.
    for (const reasons of [await said(mailbox), await said(other)]) expect(["idle", "elsewhere"]).toContain(reasons.join());
    await unlock(mailbox, world.password);
    expect(await rows(mailbox)).toHaveLength(2);
    expect((await mailbox.evaluate((mailbox) => mailbox.log())).broken).toBe(null);
  });

  test(`after a sleep it is locked, whoever touches it first (${where})`, async ({ world, profile }) => {
    await world.deliver(2);
    await profile.context.clock.install();
    const page = await profile.open(EMPTY);
    const mailbox = await openMailbox(page, world, { worker });
    await sync(mailbox);
    await listen(mailbox);
    const had = page.workers();
    // A computer that sleeps runs no timers.
    await profile.context.clock.fastForward("05:00");
    await expect.poll(() => isLocked(mailbox)).toBe(true);
    expect(await said(mailbox)).toEqual(["sleep"]);
    await expectEnded(page, had);
    await unlock(mailbox, world.password);
    expect(await said(mailbox)).toEqual(["sleep", "open"]);
    expect((await mailbox.evaluate((mailbox) => attempt(() => mailbox.messages()))).value).toHaveLength(2);
    expect((await mailbox.evaluate((mailbox) => mailbox.log())).entries.map(({ what }) => what)).toEqual(["unlocked", "locked", "unlocked"]);
  });

  test(`it unlocks without a network (${where})`, async ({ world, profile }) => {
    await world.deliver(3);
    const page = await profile.open(EMPTY);
    const mailbox = await openMailbox(page, world, { worker });
    await sync(mailbox);
    const hashes = await rawHashes(mailbox);
    await world.killRelay();
    await profile.context.setOffline(true);
    await lock(mailbox);
    expect(await isLocked(mailbox)).toBe(true);
    expect(await unlock(mailbox, world.password)).toEqual({});
    expect(await rawHashes(mailbox)).toEqual(hashes);
    expect((await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync()))).error).toMatchObject({ code: "relay-unreachable" });
    expect(await isLocked(mailbox)).toBe(false);
  });
}

test("a page that was halted in the background does not lock the one that somebody works in", async ({ world, profile }) => {
  await world.deliver(1);
  const [working, halted] = [await profile.open(EMPTY), await profile.open(EMPTY)];
  const mailbox = await openMailbox(working, world);
  await sync(mailbox);
  const other = await openMailbox(halted, world);
  await Promise.all([mailbox, other].map(listen));
  const see = (isHidden) =>
    halted.evaluate((isHidden) => {
      Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, isHidden);
  const halt = () =>
    halted.evaluate(() => {
      const now = Date.now();
      Date.now = () => now + 300_000;
      dispatchEvent(new Event("focus"));
    });
  await see(true);
  await halt();
  expect(await isLocked(other)).toBe(false);
  const heard = halted.evaluate(() => new Promise((heard) => (new BroadcastChannel("poplar:mail/ann").onmessage = ({ data: [name] }) => name === "active" && heard())));
  await mailbox.evaluate((mailbox) => mailbox.active());
  await heard;
  await see(false);
  expect([await isLocked(mailbox), await isLocked(other)]).toEqual([false, false]);

  // Nobody elsewhere: it is locked as soon as it is seen.
  await see(true);
  await halt();
  await see(false);
  expect(await said(other)).toEqual(["sleep"]);
  await expect.poll(() => isLocked(mailbox)).toBe(true);
});

test("wrong secrets are slowed down after the third, the right one too, and in every tab", async ({ world, profile }) => {
  await world.deliver(1);
  await profile.context.clock.install();
  const pages = [await profile.open(EMPTY), await profile.open(EMPTY)];
  const first = await openMailbox(pages[0], world);
  await sync(first);
  await first.evaluate((mailbox) => mailbox.close());
  const [mailbox, other] = await Promise.all(pages.map((page) => openLocked(page, world)));
  for (let time = 1; time <= 3; time++) {
    const { error } = await unlock(mailbox, `no ${time}`);
    expect(error).toMatchObject({ code: "wrong-secret" });
    if (time < 3) expect(error.retryAfterMs).toBe(null);
    else expect(error.retryAfterMs).toBeGreaterThan(0);
  }
  await profile.context.clock.pauseAt(new Date((await pages[0].evaluate(() => Date.now())) + 100));
  for (const waiting of [mailbox, other]) {
    const { error } = await unlock(waiting, world.password);
    expect(error).toMatchObject({ code: "locked" });
    expect(error.retryAfterMs).toBeGreaterThan(0);
    expect(error.retryAfterMs).toBeLessThanOrEqual(2_000);
    expect(await isLocked(waiting)).toBe(true);
  }
  // A reload forgets nothing of it.
  await pages[1].reload();
  const again = await openLocked(pages[1], world);
  expect((await unlock(again, world.password)).error).toMatchObject({ code: "locked" });
  await profile.context.clock.fastForward(2_000);
  expect((await unlock(mailbox, "no 4")).error).toMatchObject({ code: "wrong-secret" });
  const { error } = await unlock(mailbox, world.password);
  expect(error.retryAfterMs).toBeGreaterThan(2_000);
  await profile.context.clock.fastForward(4_000);
  expect(await unlock(mailbox, world.password)).toEqual({});
  const entries = (await mailbox.evaluate((mailbox) => mailbox.log())).entries;
  expect(entries.map(({ what }) => what)).toEqual(["unlocked", ...Array(4).fill("failed unlock"), "unlocked"]);
  // And then three are free again.
  await lock(mailbox);
  for (let time = 1; time <= 2; time++) expect((await unlock(mailbox, "no")).error).toMatchObject({ code: "wrong-secret", retryAfterMs: null });
  expect(await unlock(mailbox, world.password)).toEqual({});
});

test("what is kept nowhere is forgotten by a lock", async ({ world, profile }) => {
  const page = await profile.open(EMPTY);
  await world.deliver(2);
  const mailbox = await openMailbox(page, world, { storage: "memory", worker: true });
  await sync(mailbox);
  expect(await rows(mailbox)).toHaveLength(2);
  await lock(mailbox);
  expect(await isLocked(mailbox)).toBe(true);
  await expect.poll(() => page.workers()).toEqual([]);
  expect((await mailbox.evaluate((mailbox) => attempt(() => mailbox.messages()))).error).toMatchObject({ code: "locked" });
  expect((await unlock(mailbox, world.password)).error).toMatchObject({ code: "locked" });
  // What signed in before was forgotten as well.
  expect((await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync()))).error).toMatchObject({ code: "invalid-argument" });
  expect(await isLocked(mailbox)).toBe(true);
  expect(await sync(mailbox, { password: world.password })).toMatchObject({ retrieved: 2 });
  expect(await isLocked(mailbox)).toBe(false);
  expect(await rows(mailbox)).toHaveLength(2);
});
