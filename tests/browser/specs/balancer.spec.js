// Two relays behind HAProxy, as operators are told to configure it: one goes away in the middle of a sync, and the client finishes
// through the other.

import { openMailbox, rawHashes, rows, sorted } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

const COUNT = 12;
const OCTETS = 400_000;

test.use({
  // Nobody trusts HAProxy's certificate.
  contextOptions: { ignoreHTTPSErrors: true },
  worldOptions: { balanced: true, upstreams: ["mail"], dovecot: { rawlog: true }, relay: ["--drain-timeout", "0.5"] },
});

for (const [how, codes, end] of [
  ["killed", ["relay-unreachable", "closed"], (world, relay) => world.killBalanced(relay)],
  ["told to stop", ["relay-draining"], (world, relay) => world.stopBalanced(relay)],
]) {
  test(`a relay ${how} in mid-retrieval: the rest comes through the other, and nothing twice`, async ({ world, page }) => {
    for (let seed = 1; seed <= COUNT; seed++) await world.deliverLarge(OCTETS, { seed });
    const there = sorted(await world.stored());
    // Somewhere in the sixth message nothing comes any more: mid-retrieval, however fast the machine is.
    await world.fault({ after: OCTETS * 5.5, then: "stall" });
    await page.clock.install();
    const mailbox = await openMailbox(page, world, { worker: true, lockAfterMinutes: 0 });
    await mailbox.evaluate(async (mailbox) => {
      globalThis.told = [];
      mailbox.addEventListener("schedule", ({ detail: { state, error } }) => told.push({ state, code: error?.code ?? null }));
      await mailbox.setPolicy({ everyMinutes: 10, leave: "nothing" });
      await mailbox.start();
    });
    const told = () => page.evaluate(() => told);
    await world.faults(1);
    await expect.poll(() => world.carrying()).toHaveLength(1);
    const [first] = world.carrying();
    await end(world, first);

    await expect.poll(told).toEqual([{ state: "running", code: null }, { state: "waiting", code: expect.any(String) }]);
    expect(codes).toContain((await told())[1].code);
    const stored = (await rows(mailbox)).filter((row) => row.stored).length;
    expect(stored).toBeGreaterThan(0);
    expect(stored).toBeLessThan(COUNT);
    expect(await world.session(1)).toMatchObject({ quit: false, del: 0 });

    // Nobody is sent to a relay that is gone, or waits for it to be noticed.
    const answers = await page.evaluate(() => Promise.all(Array.from({ length: 8 }, async () => (await fetch("/relay.json", { cache: "no-store" })).status)));
    expect(answers).toEqual(Array(8).fill(200));

    // The client's own next try, which comes by itself; nobody restarts anything.
    await world.fault({});
    await page.clock.fastForward(10_000);
    await expect.poll(async () => (await told()).slice(2)).toEqual([{ state: "running", code: expect.any(String) }, { state: "waiting", code: null }]);
    expect(await world.session(2)).toMatchObject({ quit: true, retr: COUNT - stored, del: COUNT, messages: COUNT });
    expect(await rawHashes(mailbox)).toEqual(there);
    expect(await world.stored()).toEqual([]);
    // What was stored through the first relay was not asked for again through the second.
    const [before, after] = Object.values(await world.harness.call("retrieved"));
    expect(after).toHaveLength(COUNT - stored);
    expect(after.filter((uid) => before.slice(0, stored).includes(uid))).toEqual([]);
    // After QUIT's +OK either end may be the first to close; the relay's line comes when both have.
    await expect.poll(() => world.relayLogText(1 - first)).toMatch(/tunnel ended .*(close=1000|the browser left)/);
  });
}
