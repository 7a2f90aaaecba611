// The browser is killed (SIGKILL, every process of it) at random moments of a sync that deletes what it has retrieved. Whatever the
// moment: what was stored is not asked for again, and only what was stored is deleted. Dovecot's rawlog, which has every command, is the
// witness for the first, its maildrop for the second.
//
// A killed process does not lose what the system has buffered: that every write is asked for durably is for storage.spec.js.

import { openMailbox, rows, sorted, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

const MESSAGES = 500;
const KILLS = process.env.POPLAR_LONG ? 200 : 20;
const SEED = Number(process.env.POPLAR_SEED ?? Date.now() % 1_000_000);

test.use({ worldOptions: { dovecot: { rawlog: true } } });

test(`${KILLS} kills in syncs of ${MESSAGES} messages that delete what is stored`, async ({ world, profile }) => {
  test.setTimeout(KILLS * 60_000);
  const random = numbers(SEED);
  const kills = [];
  const kept = new Set();
  let whole;
  for (let round = 0; kills.length < KILLS; round++) {
    await world.deliver(MESSAGES, { seed: SEED, from: round * MESSAGES });
    const expected = sorted(await world.stored());
    const delivered = await listed(world);
    const asked = new Set();
    for (let over = false; !over; ) {
      const page = await profile.open();
      const mailbox = await openMailbox(page, world, { worker: round % 2 === 1 });
      await mailbox.evaluate((mailbox) => mailbox.setPolicy({ leave: "nothing" }));
      const stored = new Set((await rows(mailbox)).filter((row) => row.stored).map((row) => row.uid));
      expect([...kept].filter((uid) => !stored.has(uid)), `stored, and lost; seed ${SEED}, kills: ${kills.join("; ")}`).toEqual([]);
      stored.forEach((uid) => kept.add(uid));
      const there = new Set(await listed(world));
      expect(delivered.filter((uid) => !there.has(uid) && !stored.has(uid)), "deleted, and not stored").toEqual([]);

      const before = await sessions(world);
      const start = Date.now();
      const done = sync(mailbox).then(() => true, (error) => error);
      // The first round is let be: it shows how long a sync takes, and within that the moments of the others are chosen.
      const moment = whole === undefined || kills.length === KILLS ? undefined : random() * whole;
      const outcome = await Promise.race([done, ...(moment === undefined ? [] : [after(moment)])]);
      if (outcome === "late") {
        await profile.kill();
        await done;
        kills.push(`${stored.size - round * MESSAGES} stored, ${Math.round(moment)} ms`);
      } else {
        expect(outcome).toBe(true);
        over = true;
        whole ??= Date.now() - start;
      }
      const again = [];
      for (const [name, uids] of await sessions(world)) {
        if (before.has(name)) continue;
        uids.forEach((uid) => asked.add(uid));
        again.push(...uids.filter((uid) => stored.has(uid)));
      }
      expect(again, `retrieved again; seed ${SEED}, kills: ${kills.join("; ")}`).toEqual([]);
      if (!over) {
        await profile.start();
        continue;
      }
      expect(delivered.filter((uid) => !asked.has(uid)), "not retrieved, as the rawlog has it").toEqual([]);
      expect(await world.stored()).toEqual([]);
      expect(await mailbox.evaluate((mailbox) => mailbox.count())).toBe((round + 1) * MESSAGES);
      expect(await newest(mailbox)).toEqual(expected);
      await page.close();
    }
  }
  console.log(`seed ${SEED}; a whole sync takes ${whole} ms; killed with ${kills.join("; ")}`);
});

/** SHA-256 of what was stored last. */
function newest(mailbox) {
  return mailbox.evaluate(async (mailbox, limit) => {
    const hashes = await Promise.all((await mailbox.messages({ limit })).map(async ({ id }) => sha256(await mailbox.raw(id))));
    return hashes.sort();
  }, MESSAGES);
}

/** The UIDs in the maildrop, as another client is told them. */
async function listed(world) {
  const said = await world.otherClient(["UIDL"]);
  return [...said.matchAll(/^\d+ (\w{16})\r$/gm)].map(([, uid]) => uid);
}

/** What each session has retrieved, once all have ended: by name, UIDs. */
async function sessions(world) {
  const begun = Object.keys(await world.harness.call("retrieved")).length;
  // One in a hundred stays open although its client is long gone and the relay has closed: Dovecot 2.3.19 has then not heard of it.
  if (begun > 0) await world.session(begun).catch(() => world.kick().then(() => world.session(begun)));
  return new Map(Object.entries(await world.harness.call("retrieved")));
}

function after(ms) {
  return new Promise((late) => setTimeout(() => late("late"), ms));
}

/** The same numbers from 0 to 1 for the same seed (mulberry32). */
function numbers(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
