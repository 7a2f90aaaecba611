// Several tabs of one account: each sees what the others do, and the turn goes to who wants it.

import { locks, openMailbox, rawHashes, rows, sorted, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

const OCTETS = 400_000;

/** A mailbox in a tab of its own, and what it tells. */
async function tab(profile, world, options = {}) {
  const page = await profile.open();
  await page.clock.install();
  // The clock is turned, which is a computer that slept: that is for sealed-lock.spec.js.
  const mailbox = await openMailbox(page, world, { worker: true, lockAfterMinutes: 0, ...options });
  await mailbox.evaluate((mailbox) => {
    globalThis.heard = [];
    for (const name of ["session", "progress", "change", "policy"]) mailbox.addEventListener(name, ({ detail }) => heard.push([name, detail]));
  });
  return { page, mailbox };
}

const heard = ({ page }, wanted) => page.evaluate((wanted) => heard.filter(([name]) => name === wanted).map(([, detail]) => detail), wanted);
/** What was told of sessions, in turn. The end may be told twice: the turn may be over before the last of what was said under it is heard. */
const sessions = async (of) => {
  const told = (await heard(of, "session")).map(({ state, elsewhere }) => (elsewhere ? `elsewhere ${state}` : state));
  return told.filter((state, place) => state !== told[place - 1]);
};
/** How many wait for this lock. */
const pending = async ({ page }, lock) => (await locks(page)).pending.filter((name) => name === lock).length;
const raw = ({ mailbox }, id) => mailbox.evaluate(async (mailbox, id) => sha256(await mailbox.raw(id)), id);

test("a tab sees the session of another, and takes nothing from it", async ({ world, profile }) => {
  await world.deliver(12);
  const [here, there] = [await tab(profile, world), await tab(profile, world, { credentials: undefined })];
  await sync(here.mailbox);
  await expect.poll(() => sessions(there)).toEqual(["elsewhere connecting", "elsewhere open", "elsewhere closed"]);
  const progress = await heard(there, "progress");
  expect(progress.every(({ elsewhere }) => elsewhere)).toBe(true);
  expect(progress.some(({ phase, done, total }) => phase === "retrieve" && done === 12 && total === 12)).toBe(true);
  expect((await heard(here, "progress")).some(({ elsewhere }) => elsewhere)).toBe(false);
  expect(await there.mailbox.evaluate((mailbox) => mailbox.count())).toBe(12);
  // The key is the other's.
  expect(await there.mailbox.evaluate((mailbox) => mailbox.locked)).toBe(true);
  // The other's password was accepted, and this one has none.
  const { error } = await there.mailbox.evaluate((mailbox) => attempt(() => mailbox.sync()));
  expect(error.code).toBe("invalid-argument");
});

test("a password that waits for its turn is not vouched for by another tab's", async ({ world, profile }) => {
  await world.deliverLarge(OCTETS);
  await world.fault({ after: OCTETS / 2, then: "stall" });
  const [here, there] = [await tab(profile, world), await tab(profile, world, { credentials: undefined })];
  const waiting = () => pending(here, "poplar:mail/ann");
  await here.page.evaluate(() => {
    void navigator.locks.request("poplar:mail/ann", () => new Promise((release) => (globalThis.begin = release)));
  });
  const first = sync(here.mailbox);
  await expect.poll(waiting).toBe(1);
  const second = there.mailbox.evaluate((mailbox) => {
    globalThis.abort = new AbortController();
    return attempt(() => mailbox.sync({ password: "wrong", signal: abort.signal }));
  });
  await expect.poll(waiting).toBe(2);
  await here.page.evaluate(() => begin());
  await expect.poll(async () => (await heard(there, "progress")).some(({ phase }) => phase === "list")).toBe(true);
  await world.faults(1);
  await there.page.evaluate(() => abort.abort());
  expect((await second).error.name).toBe("AbortError");
  await world.fault({});
  await world.release();
  await first;
  // It was neither sent nor accepted, and is not remembered.
  expect((await there.mailbox.evaluate((mailbox) => attempt(() => mailbox.sync()))).error.code).toBe("invalid-argument");
});

test("a session whose tab is gone is over", async ({ world, profile }) => {
  await world.deliverLarge(OCTETS);
  await world.fault({ after: OCTETS / 2, then: "stall" });
  const [here, there] = [await tab(profile, world), await tab(profile, world)];
  const outcome = sync(here.mailbox).catch((error) => error);
  await world.faults(1);
  await expect.poll(() => sessions(there)).toEqual(["elsewhere connecting", "elsewhere open"]);
  await here.page.close();
  await outcome;
  await expect.poll(() => sessions(there)).toEqual(["elsewhere connecting", "elsewhere open", "elsewhere closed"]);
});

test("what is heard late of a session is over as well", async ({ world, profile }) => {
  const there = await tab(profile, world);
  const late = { phase: "quit", done: 1, total: 1, bytes: 0, totalBytes: 0 };
  await (await profile.open()).evaluate((late) => new BroadcastChannel("poplar:mail/ann").postMessage(["progress", late]), late);
  await expect.poll(() => sessions(there)).toEqual(["elsewhere closed"]);
  expect(await heard(there, "progress")).toEqual([{ ...late, elsewhere: true }]);
});

test("a policy that was changed is told", async ({ world, profile }) => {
  const [here, there] = [await tab(profile, world), await tab(profile, world)];
  const policy = (of) => of.mailbox.evaluate((mailbox) => mailbox.policy());
  expect(await policy(here)).toEqual({ retrieve: "all", order: "newest", leave: "until-deleted", everyMinutes: 0 });
  const change = { retrieve: { under: 5_000_000_00 }, leave: { days: 30 }, everyMinutes: 15 };
  const changed = await here.mailbox.evaluate((mailbox, change) => mailbox.setPolicy(change), change);
  expect(changed).toEqual({ order: "newest", ...change });
  await expect.poll(() => heard(there, "policy")).toEqual([changed]);
  expect(await policy(there)).toEqual(changed);
  expect(await heard(here, "policy")).toEqual([changed]);
  expect(await here.mailbox.evaluate((mailbox) => mailbox.setPolicy({ order: "oldest", leave: "nothing" }))).toMatchObject({
    order: "oldest",
    leave: "nothing",
    everyMinutes: 15,
  });
});

test("a policy goes with everything else that another tab has removed", async ({ world, profile }) => {
  const [here, there] = [await tab(profile, world), await tab(profile, world)];
  await here.mailbox.evaluate((mailbox) => mailbox.setPolicy({ leave: "nothing" }));
  await there.mailbox.evaluate((mailbox) => mailbox.clear());
  expect(await here.mailbox.evaluate((mailbox) => mailbox.policy())).toMatchObject({ leave: "until-deleted" });
});

test("a policy that cannot be is refused, and changes nothing", async ({ world, profile }) => {
  const { mailbox } = await tab(profile, world);
  for (const change of [
    null,
    "all",
    { retrieve: "some" },
    { retrieve: "under" },
    { retrieve: { under: 0 } },
    { leave: "days" },
    { leave: { days: 1.5 } },
    { leave: { under: 5 } },
    { order: "largest" },
    { everyMinutes: -1 },
    { everyMinutes: 20_000 },
    { sort: "newest" },
  ]) {
    const { error } = await mailbox.evaluate((mailbox, change) => attempt(() => mailbox.setPolicy(change)), change);
    expect(error?.code, JSON.stringify(change)).toBe("invalid-argument");
  }
  expect(await mailbox.evaluate((mailbox) => mailbox.policy())).toEqual({ retrieve: "all", order: "newest", leave: "until-deleted", everyMinutes: 0 });
});

test("what a policy would delete is known before it does", async ({ world, profile }) => {
  await world.deliver(3);
  const { mailbox } = await tab(profile, world);
  await sync(mailbox);
  const [first] = await rows(mailbox);
  const would = (change) => mailbox.evaluate((mailbox, change) => mailbox.wouldDelete(change), change);
  expect(await would()).toEqual({ ids: [], later: 0 });
  expect(await would({ leave: { days: 3 } })).toEqual({ ids: [], later: 3 });
  const { ids, later } = await would({ leave: "nothing" });
  expect([ids.length, later]).toEqual([3, 0]);
  expect(ids).toContain(first.id);
  expect(await sync(mailbox)).toMatchObject({ deleted: 0 });
  await mailbox.evaluate((mailbox) => mailbox.setPolicy({ leave: "nothing" }));
  expect(await sync(mailbox)).toMatchObject({ deleted: 3 });
  expect(await world.stored()).toEqual([]);
});

for (const leave of ["everything", "until-deleted"]) {
  for (const where of ["this tab", "another"]) {
    test(`a session that began under "nothing" deletes nothing once ${where} has the policy leave ${leave}`, async ({ world, profile }) => {
      for (let seed = 1; seed <= 4; seed++) await world.deliverLarge(OCTETS, { seed });
      const [here, there] = [await tab(profile, world), await tab(profile, world)];
      await here.mailbox.evaluate((mailbox) => mailbox.setPolicy({ leave: "nothing" }));
      await world.fault({ after: OCTETS * 2.5, then: "stall" });
      const syncing = sync(here.mailbox);
      await world.faults(1);
      const who = where === "another" ? there : here;
      await who.mailbox.evaluate((mailbox, leave) => mailbox.setPolicy({ leave }), leave);
      await world.fault({});
      await world.release();
      expect(await syncing).toMatchObject({ retrieved: 4, deleted: 0 });
      expect(await world.session(1)).toMatchObject({ quit: true, del: 0 });
      expect((await rows(here.mailbox)).map(({ deletion }) => deletion)).toEqual(Array(4).fill("none"));
      // Nothing is left of it either for the next session.
      expect(await sync(there.mailbox)).toMatchObject({ deleted: 0 });
      expect(await world.stored()).toHaveLength(4);
    });
  }
}

test("of two changes at once, neither takes the other back", async ({ world, profile }) => {
  const [here, there] = [await tab(profile, world), await tab(profile, world)];
  await here.mailbox.evaluate((mailbox) => mailbox.setPolicy({ leave: "nothing" }));
  const [first, second] = await here.mailbox.evaluate((mailbox) =>
    Promise.all([mailbox.setPolicy({ leave: "everything" }), mailbox.setPolicy({ everyMinutes: 5 })]),
  );
  expect(first).toMatchObject({ leave: "everything" });
  expect(second).toMatchObject({ leave: "everything", everyMinutes: 5 });
  // Another tab's as well: it waits until it may read.
  await here.page.evaluate(() => {
    void navigator.locks.request("poplar:policy:mail/ann", () => new Promise((release) => (globalThis.begin = release)));
  });
  const third = there.mailbox.evaluate((mailbox) => mailbox.setPolicy({ order: "oldest" }));
  await expect.poll(() => pending(here, "poplar:policy:mail/ann")).toBe(1);
  await here.page.evaluate(() => begin());
  expect(await third).toEqual({ ...second, order: "oldest" });
});

test("a policy is forgotten with everything else, in every tab", async ({ world, profile }) => {
  const [here, there] = [await tab(profile, world), await tab(profile, world)];
  await there.mailbox.evaluate((mailbox) => mailbox.setPolicy({ leave: "nothing", everyMinutes: 5 }));
  await here.mailbox.evaluate((mailbox) => mailbox.clear());
  const none = { retrieve: "all", order: "newest", leave: "until-deleted", everyMinutes: 0 };
  for (const of of [here, there]) {
    expect(await of.mailbox.evaluate((mailbox) => mailbox.policy())).toEqual(none);
    await expect.poll(async () => (await heard(of, "policy")).at(-1)).toEqual(none);
  }
});

test.describe("the session that is kept for the next message", () => {
  /** Headers of five messages, in one session that has ended. */
  async function listed(world, profile, tabs = 1) {
    await world.deliver(5);
    const all = [];
    for (let n = 0; n < tabs; n++) all.push(await tab(profile, world));
    await sync(all[0].mailbox, { retrieve: "headers" });
    for (const { mailbox } of all.slice(1)) await sync(mailbox, { retrieve: "headers" });
    return { all, ids: (await rows(all[0].mailbox)).map(({ id }) => id), ended: await world.endedSessions() };
  }

  test("serves it, and ends half a minute after the last", async ({ world, profile }) => {
    const { all: [here], ids, ended } = await listed(world, profile);
    await raw(here, ids[0]);
    await here.page.clock.fastForward(25_000);
    await raw(here, ids[1]);
    await here.page.clock.fastForward(25_000);
    await raw(here, ids[2]);
    expect(await world.endedSessions()).toBe(ended);
    await here.page.clock.fastForward(30_000);
    expect(await world.session(ended + 1)).toMatchObject({ quit: true, retr: 3, del: 0 });
  });

  test("makes way for this tab's own sync, and for another tab's", async ({ world, profile }) => {
    const { all: [here, there], ids, ended } = await listed(world, profile, 2);
    // Half a minute never passes: who waits has to be made way for.
    await here.page.clock.pauseAt(Date.now() + 3_600_000);
    await raw(here, ids[0]);
    await sync(here.mailbox, { retrieve: "headers" });
    expect(await world.session(ended + 1)).toMatchObject({ quit: true, retr: 1 });
    expect(await world.session(ended + 2)).toMatchObject({ quit: true, retr: 0 });

    await raw(here, ids[1]);
    await sync(there.mailbox, { retrieve: "headers" });
    expect(await world.session(ended + 3)).toMatchObject({ quit: true, retr: 1 });
    expect(await world.session(ended + 4)).toMatchObject({ quit: true, retr: 0 });

    await raw(here, ids[2]);
    await there.mailbox.evaluate((mailbox) => mailbox.signOut());
    await there.mailbox.evaluate((mailbox) => mailbox.clear());
    expect(await world.session(ended + 5)).toMatchObject({ quit: true, retr: 1 });
  });

  test("ends all the same where something else was asked of the mailbox meanwhile", async ({ world, profile }) => {
    const { all: [here, there], ids, ended } = await listed(world, profile, 2);
    await raw(here, ids[0]);
    await here.mailbox.evaluate(async (mailbox, id) => {
      await mailbox.delete(id);
      await mailbox.undelete(id);
    }, ids[1]);
    await here.page.clock.fastForward(30_000);
    expect(await world.session(ended + 1)).toMatchObject({ quit: true, retr: 1 });

    await here.page.clock.pauseAt(Date.now() + 3_600_000);
    await raw(here, ids[1]);
    const { error } = await here.mailbox.evaluate((mailbox) => attempt(() => mailbox.importTable(new Blob(["no table"]))));
    expect(error.code).toBe("invalid-argument");
    await sync(there.mailbox, { retrieve: "headers" });
    expect(await world.session(ended + 2)).toMatchObject({ quit: true, retr: 1 });
  });

  test("serves another tab's reader too", async ({ world, profile }) => {
    const { all: [here, there], ids, ended } = await listed(world, profile, 2);
    const hashes = [await raw(here, ids[0])];
    for (const id of ids.slice(1)) hashes.push(await raw(there, id));
    expect(hashes.sort()).toEqual(sorted(await world.stored()));
    expect(await world.endedSessions()).toBe(ended);
    await here.page.clock.fastForward(30_000);
    expect(await world.session(ended + 1)).toMatchObject({ quit: true, retr: 5 });
    expect(await rawHashes(there.mailbox)).toEqual(sorted(await world.stored()));
  });

  test("goes with its tab, and the next tab has the turn", async ({ world, profile }) => {
    const { all: [here, there], ids, ended } = await listed(world, profile, 2);
    await raw(here, ids[0]);
    await here.page.close();
    await raw(there, ids[1]);
    expect(await world.session(ended + 1)).toMatchObject({ quit: false, retr: 1, del: 0 });
  });

  test("ends with signing out", async ({ world, profile }) => {
    const { all: [here], ids, ended } = await listed(world, profile);
    await raw(here, ids[0]);
    await here.mailbox.evaluate((mailbox) => mailbox.signOut());
    expect(await world.session(ended + 1)).toMatchObject({ quit: true, retr: 1 });
  });
});
