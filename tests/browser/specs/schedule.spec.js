// Syncs by themselves: when, by which tab, and when no more. The clock is the test's.

import { nextDelay } from "../../../web/lib/mail/schedule.js";
import { openMailbox, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

const MINUTE = 60_000;
const EVERY = 10;

test.describe("the next delay", () => {
  const now = { everyMinutes: EVERY, loginDelay: 0, error: null, failures: 0, random: 0.5 };
  const failure = { code: "in-use", phase: "protocol", retryable: true, retryAfterMs: null };
  const after = (failures, random, more = {}) => nextDelay({ ...now, failures, random, error: { ...failure, ...more } });

  test("is what the policy says, and never less than the server's", () => {
    expect(nextDelay(now)).toBe(10 * MINUTE);
    expect(nextDelay({ ...now, loginDelay: 900 })).toBe(15 * MINUTE);
    expect(nextDelay({ ...now, loginDelay: 300 })).toBe(10 * MINUTE);
  });

  test("backs off from 5 s to 15 min, spread over all of that", () => {
    for (const failures of [1, 2, 3, 5, 8, 20, 2000]) {
      const bound = Math.min(5000 * 2 ** failures, 15 * MINUTE);
      expect(after(failures, 0)).toBe(5000);
      expect(after(failures, 0.5)).toBe((5000 + bound) / 2);
      expect(after(failures, 1)).toBe(bound);
    }
  });

  test("is never before the server said", () => {
    expect(after(1, 0, { retryAfterMs: 40_000 })).toBe(40_000);
    expect(after(20, 1, { retryAfterMs: 40_000 })).toBe(15 * MINUTE);
    const delayed = { ...now, loginDelay: 120, failures: 1, random: 0 };
    expect(nextDelay({ ...delayed, error: failure })).toBe(2 * MINUTE);
    // The server has seen nothing of a session that did not get there.
    for (const phase of ["relay", "dns", "tls"]) expect(nextDelay({ ...delayed, error: { ...failure, phase } })).toBe(5000);
  });

  test("is none after what no time mends", () => {
    for (const random of [0, 1]) expect(after(1, random, { retryable: false, retryAfterMs: 1000 })).toBeNull();
    expect(nextDelay({ ...now, error: new Error("of somebody else"), failures: 1 })).toBeNull();
  });
});

/** A mailbox with a policy of every ten minutes that is not started yet, in a page whose clock is the test's. */
async function scheduled(page, world, options = {}) {
  await page.clock.install();
  // The clock is turned, which is a computer that slept: that is for sealed-lock.spec.js.
  const mailbox = await openMailbox(page, world, { worker: true, lockAfterMinutes: 0, ...options });
  await mailbox.evaluate(async (mailbox, everyMinutes) => {
    globalThis.told = [];
    mailbox.addEventListener("schedule", ({ detail: { error, ...detail } }) => {
      const { name, code, retryable, retryAfterMs } = error ?? {};
      told.push({ ...detail, error: error && { name, code, retryable, retryAfterMs }, at: Date.now() });
    });
    await mailbox.setPolicy({ everyMinutes });
  }, EVERY);
  return mailbox;
}

const start = (mailbox) => mailbox.evaluate((mailbox) => mailbox.start());
const states = (page) => page.evaluate(() => told.map(({ state }) => state));
const last = (page) => page.evaluate(() => told.at(-1));
const became = (page, state) => expect.poll(() => page.evaluate(() => told.at(-1)?.state), { intervals: [50] }).toBe(state);
const pass = (page, minutes) => page.clock.fastForward(minutes * MINUTE);

test("by the clock, from the last session on, until it is stopped", async ({ world, page }) => {
  await world.deliver(2);
  const mailbox = await scheduled(page, world);
  await start(mailbox);
  await start(mailbox);
  await became(page, "waiting");
  expect(await states(page)).toEqual(["running", "waiting"]);
  const { nextAt, at, error } = await last(page);
  expect(nextAt - at).toBeGreaterThan((EVERY - 1) * MINUTE);
  expect(nextAt - at).toBeLessThanOrEqual(EVERY * MINUTE);
  expect(error).toBeNull();
  expect(await world.session(1)).toMatchObject({ retr: 2, quit: true });

  await pass(page, EVERY);
  await expect.poll(() => states(page)).toEqual(["running", "waiting", "running", "waiting"]);
  expect(await world.endedSessions()).toBe(2);

  // Somebody's own sync restarts the clock.
  await pass(page, EVERY - 1);
  await sync(mailbox);
  await pass(page, EVERY - 1);
  expect(await states(page)).not.toContain("off");
  expect(await world.session(3)).toMatchObject({ quit: true });
  await expect.poll(async () => (await last(page)).state).toBe("waiting");
  expect(await world.endedSessions()).toBe(3);

  await mailbox.evaluate((mailbox) => mailbox.stop());
  await became(page, "off");
  await pass(page, 3 * EVERY);
  await mailbox.evaluate((mailbox) => mailbox.count());
  expect(await world.endedSessions()).toBe(3);
});

test("a policy of none is off, and another one takes effect at once", async ({ world, page }) => {
  await world.deliver(1);
  const mailbox = await scheduled(page, world);
  await start(mailbox);
  await became(page, "waiting");
  await mailbox.evaluate((mailbox) => mailbox.setPolicy({ everyMinutes: 0 }));
  await became(page, "off");
  await mailbox.evaluate((mailbox) => mailbox.setPolicy({ everyMinutes: 1 }));
  await became(page, "waiting");
  expect((await last(page)).nextAt - (await last(page)).at).toBeLessThanOrEqual(MINUTE);
  await pass(page, 1);
  expect(await world.session(2)).toMatchObject({ quit: true });
});

test("a relay that is gone is tried again, visibly, and found again", async ({ world, page }) => {
  await world.deliver(2);
  const mailbox = await scheduled(page, world);
  await world.killRelay();
  await start(mailbox);
  await became(page, "waiting");
  const { nextAt, at, error } = await last(page);
  expect(error).toMatchObject({ code: "relay-unreachable", retryable: true });
  expect(nextAt - at).toBeGreaterThan(4000);
  expect(nextAt - at).toBeLessThanOrEqual(10_000);
  await world.restartRelay();
  await page.clock.fastForward(10_000);
  expect(await world.session(1)).toMatchObject({ retr: 2, quit: true });
  await expect.poll(() => states(page)).toEqual(["running", "waiting", "running", "waiting"]);
  expect((await last(page)).error).toBeNull();
});

test("a refused password is not sent again, until somebody acts", async ({ world, page }) => {
  await world.deliver(1);
  const mailbox = await scheduled(page, world, { credentials: { password: "wrong" } });
  await start(mailbox);
  await became(page, "stopped");
  expect((await last(page)).error).toMatchObject({ code: "auth-failed" });
  expect((await last(page)).nextAt).toBeNull();
  const accepted = await world.accepted();
  await pass(page, 100 * EVERY);
  expect(await states(page)).toEqual(["running", "stopped"]);
  expect(await world.accepted()).toBe(accepted);
  // Started again, it says the same, and still sends nothing.
  await start(mailbox);
  await expect.poll(() => states(page)).toEqual(["running", "stopped", "running", "stopped"]);
  expect(await world.accepted()).toBe(accepted);

  await sync(mailbox, { password: world.password });
  await became(page, "waiting");
  await pass(page, EVERY);
  await expect.poll(() => states(page)).toEqual(["running", "stopped", "running", "stopped", "waiting", "running", "waiting"]);
});

test("somebody's own sync that fails for good stops it as well", async ({ world, page }) => {
  await world.deliver(1);
  const mailbox = await scheduled(page, world);
  await start(mailbox);
  await became(page, "waiting");
  await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync({ password: "wrong" })));
  await became(page, "stopped");
});

for (const [transcript, code] of [
  ["pass-refused-in-use", "in-use"],
  ["pass-refused-login-delay", "login-delay"],
  ["pass-refused-sys-temp", "temporary"],
]) {
  test.describe(code, () => {
    test.use({ worldOptions: { transcript } });

    test("is tried again, at a time that is told", async ({ world, page }) => {
      const mailbox = await scheduled(page, world, { relay: world.tunnel("scripted"), user: "ann" });
      await start(mailbox);
      await became(page, "waiting");
      const { nextAt, at, error } = await last(page);
      expect(error).toMatchObject({ code });
      expect(nextAt - at).toBeGreaterThanOrEqual(error.retryAfterMs ?? 4000);
    });
  });
}

test("one tab syncs for all, and another takes over when it goes", async ({ world, profile }) => {
  await world.deliver(2);
  const [first, second] = [await profile.open(), await profile.open()];
  const here = await scheduled(first, world);
  const there = await scheduled(second, world);
  await start(here);
  await became(first, "waiting");
  await start(there);
  await became(second, "elsewhere");
  await pass(first, EVERY);
  expect(await world.session(2)).toMatchObject({ quit: true });
  await expect.poll(() => states(first)).toEqual(["running", "waiting", "running", "waiting"]);
  expect(await states(second)).toEqual(["elsewhere"]);

  await first.close();
  await became(second, "waiting");
  expect(await world.endedSessions()).toBe(2);
  await pass(second, EVERY);
  expect(await world.session(3)).toMatchObject({ quit: true });
});

test("what stops one tab's stops the others'", async ({ world, profile }) => {
  await world.deliver(1);
  const [first, second] = [await profile.open(), await profile.open()];
  const here = await scheduled(first, world, { credentials: { password: "wrong" } });
  const there = await scheduled(second, world);
  // Its turn comes first: the other has synced, and waits.
  await sync(there);
  await start(here);
  await became(first, "waiting");
  await start(there);
  await became(second, "elsewhere");
  await pass(first, EVERY);
  await became(first, "stopped");
  await became(second, "stopped");
  expect((await last(second)).error).toMatchObject({ name: "MailError", code: "auth-failed" });
});

/** A schedule by itself, as `globalThis.schedule`, in a page; what it says and does is in `globalThis.told`. */
function alone(page, lock) {
  return page.evaluate(async (lock) => {
    const { Schedule } = await import("/lib/mail/schedule.js");
    globalThis.told = [];
    globalThis.hear = () => {};
    globalThis.failure = Object.assign(new Error("refused"), { name: "MailError", code: "auth-failed", retryable: false });
    globalThis.schedule = new Schedule({
      lock,
      policy: async () => ({ everyMinutes: 10 }),
      loginDelay: async () => {
        hear();
        return 0;
      },
      sync: async () => void told.push({ state: "running" }),
      say: ({ state }) => told.push({ state }),
      tell: () => {},
    });
  }, lock);
}

test("what stops another tab's while this one looks at the time stops this one's", async ({ page }) => {
  await alone(page);
  await page.evaluate(() => {
    hear = () => schedule.heard(failure);
    schedule.start();
  });
  await became(page, "stopped");
  expect(await states(page)).toEqual(["stopped"]);
});

test("a turn that comes before the news of why it came signs nobody in", async ({ page }) => {
  await alone(page, "turn");
  await page.evaluate(
    () =>
      new Promise((held) => {
        void navigator.locks.request("turn", () => new Promise((release) => held(void (globalThis.release = release))));
      }),
  );
  await page.evaluate(() => schedule.start());
  await became(page, "elsewhere");
  await page.evaluate(() => release());
  await became(page, "waiting");
  await page.evaluate(() => schedule.heard(failure));
  await became(page, "stopped");
  expect(await states(page)).toEqual(["elsewhere", "waiting", "stopped"]);
});

test("offline it waits, and back online it tries at once", async ({ world, profile, page }) => {
  await world.deliver(1);
  const mailbox = await scheduled(page, world);
  await start(mailbox);
  await became(page, "waiting");
  await profile.context.setOffline(true);
  await became(page, "offline");
  await pass(page, 3 * EVERY);
  expect(await states(page)).toEqual(["running", "waiting", "offline"]);
  await profile.context.setOffline(false);
  await expect.poll(() => states(page)).toEqual(["running", "waiting", "offline", "running", "waiting"]);
  expect(await world.session(2)).toMatchObject({ quit: true });
});

test("stop() ends a session of its own that is under way", async ({ world, page }) => {
  await world.deliverLarge(400_000);
  await world.fault({ after: 200_000, then: "stall" });
  const mailbox = await scheduled(page, world);
  await start(mailbox);
  await world.faults(1);
  await mailbox.evaluate((mailbox) => mailbox.stop());
  expect(await world.session(1)).toMatchObject({ quit: false });
  await mailbox.evaluate((mailbox) => mailbox.count());
  expect(await states(page)).toEqual(["running", "off"]);
});
