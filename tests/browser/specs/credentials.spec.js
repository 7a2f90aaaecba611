// Whom a mailbox signs in as: who is asked, what is remembered, and what happens where no answer comes.

import { locks, openMailbox, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

const OCTETS = 400_000;

/** A mailbox of `ann` that asks the page's function `ask`. */
function asking(page, world) {
  return page.evaluateHandle(async (relay) => {
    const { Mailbox } = await import("/lib/poplar-mail.js");
    return Mailbox.open({ relay, user: "ann", credentials: () => ask() });
  }, world.tunnel());
}

test("who aborts waits for no answer, and nobody is asked for what was aborted before", async ({ world, page }) => {
  await page.evaluate(() => {
    globalThis.asked = 0;
    globalThis.ask = () => {
      asked += 1;
      return new Promise((answer) => (globalThis.answer = answer));
    };
  });
  const mailbox = await asking(page, world);
  const outcome = mailbox.evaluate((mailbox) => {
    globalThis.abort = new AbortController();
    return attempt(() => mailbox.sync({ signal: abort.signal }));
  });
  await expect.poll(() => page.evaluate(() => asked)).toBe(1);
  await page.evaluate(() => abort.abort());
  expect((await outcome).error).toMatchObject({ name: "AbortError" });
  const again = await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync({ signal: AbortSignal.abort() })));
  expect(again.error).toMatchObject({ name: "AbortError" });
  expect(await page.evaluate(() => asked)).toBe(1);
  // What is answered after all begins no session.
  await page.evaluate((password) => answer({ password }), world.password);
  expect(await world.endedSessions()).toBe(0);
  expect(await locks(page)).toEqual({ held: [], pending: [] });
});

test("who rejects without a reason has given nothing: a sync says so, and the schedule stops", async ({ world, page }) => {
  await page.evaluate(() => {
    globalThis.ask = () => Promise.reject();
  });
  const mailbox = await asking(page, world);
  const { error } = await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync()));
  expect(error).toMatchObject({ name: "MailError", code: "invalid-argument" });
  await mailbox.evaluate(async (mailbox) => {
    globalThis.told = [];
    mailbox.addEventListener("schedule", ({ detail: { state, error } }) => told.push([state, error?.code]));
    await mailbox.setPolicy({ everyMinutes: 1 });
    mailbox.start();
  });
  await expect.poll(() => page.evaluate(() => told.at(-1))).toEqual(["stopped", "invalid-argument"]);
  // It does not keep other tabs from theirs.
  await expect.poll(() => locks(page)).toEqual({ held: [], pending: [] });
});

test("a password that waits for its turn is not vouched for by another that was accepted", async ({ world, page }) => {
  await world.deliverLarge(OCTETS);
  await world.fault({ after: OCTETS / 2, then: "stall" });
  const mailbox = await openMailbox(page, world, { credentials: undefined });
  const waiting = async () => (await locks(page)).pending.length;
  await page.evaluate(() => {
    void navigator.locks.request("poplar:mail/ann", () => new Promise((release) => (globalThis.begin = release)));
  });
  const first = sync(mailbox, { password: world.password });
  await expect.poll(waiting).toBe(1);
  const second = mailbox.evaluate((mailbox) => {
    globalThis.abort = new AbortController();
    return attempt(() => mailbox.sync({ password: "wrong", signal: abort.signal }));
  });
  await expect.poll(waiting).toBe(2);
  await page.evaluate(() => begin());
  await world.faults(1);
  await page.evaluate(() => abort.abort());
  expect((await second).error.name).toBe("AbortError");
  await world.fault({});
  await world.release();
  expect(await first).toMatchObject({ retrieved: 1 });
  // The one that was accepted is remembered, and the other was never sent.
  expect(await sync(mailbox)).toMatchObject({ retrieved: 0 });
});
