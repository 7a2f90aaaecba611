// The relay or the network goes away in the middle: the page says so, nothing half-stored is shown, and what follows fetches
// exactly the rest.

import { openMailbox, rawHashes, rows, sorted, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

const COUNT = 12;
const OCTETS = 400_000;

async function deliver(world) {
  for (let seed = 1; seed <= COUNT; seed++) await world.deliverLarge(OCTETS, { seed });
}

test("relay killed in mid-retrieval, in the page", async ({ world, reader, page }) => {
  await deliver(world);
  // Somewhere in the sixth message nothing comes any more: mid-retrieval, however fast the machine is.
  await world.fault({ after: OCTETS * 5.5, then: "stall" });
  await reader.signIn({ password: world.password });
  await world.faults(1);
  await expect(reader.part("progress")).toBeVisible();
  await world.killRelay();

  const error = reader.part("error");
  await expect(error).toBeVisible();
  await expect(error).toHaveAttribute("data-code", /^(relay-unreachable|closed)$/);
  await expect(error).toContainText(/relay|connection/i);
  // The sentence says what it means for the mail: how many are stored here.
  const stored = await reader.rows("stored").count() + await reader.rows("new").count();
  expect(stored).toBeGreaterThan(0);
  expect(stored).toBeLessThan(COUNT);
  await expect(error).toContainText(new RegExp(`\\b${stored}\\b`));

  // Nothing half-stored: what is shown as stored is whole, and no other message pretends to be.
  // The relay is gone, and what it serves: the page's worker has the client.
  const mailbox = await openMailbox(page, world, { worker: true });
  const hashes = await rawHashes(mailbox);
  expect(hashes).toHaveLength(stored);
  const expected = sorted(await world.stored());
  for (const hash of hashes) expect(expected).toContain(hash);
  await mailbox.evaluate((mailbox) => mailbox.close());

  await world.fault({});
  await world.restartRelay();
  await reader.checkMail();
  await expect(error).toBeHidden();
  await expect(reader.rows()).toHaveCount(COUNT);
  expect(await world.session(2)).toMatchObject({ quit: true, retr: COUNT - stored, messages: COUNT });
});

for (const then of ["cut", "reset"]) {
  test(`network ${then} in mid-retrieval, in the library`, async ({ world, page }) => {
    await deliver(world);
    await world.fault({ after: OCTETS * 7.5, then });
    const mailbox = await openMailbox(page, world);
    const { error } = await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync({ retrieve: "all" })));
    expect(error).toMatchObject({ name: "MailError", code: "closed", retryable: true });
    const stored = (await rows(mailbox)).filter((row) => row.stored);
    expect(stored.length).toBeLessThan(COUNT);
    await world.fault({});
    expect(await sync(mailbox, { retrieve: "all" })).toMatchObject({ retrieved: COUNT - stored.length });
    expect(await world.session(2)).toMatchObject({ quit: true, retr: COUNT - stored.length });
    expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored()));
  });
}

test("browser ended in mid-retrieval: what was stored is not fetched again", async ({ world, profile }) => {
  await deliver(world);
  await world.fault({ after: OCTETS * 6.5, then: "stall" });
  let mailbox = await openMailbox(await profile.open(), world);
  const outcome = mailbox.evaluate((mailbox) => mailbox.sync({ retrieve: "all" })).catch((error) => error);
  await world.faults(1);
  await profile.reopen();
  await outcome;
  await world.fault({});

  mailbox = await openMailbox(await profile.open(), world);
  const { retrieved } = await sync(mailbox, { retrieve: "all" });
  expect(retrieved).toBeGreaterThan(0);
  expect(await world.session(2)).toMatchObject({ quit: true, retr: retrieved });
  expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored()));
  await sync(mailbox, { retrieve: "all" });
  expect(await world.session(3)).toMatchObject({ retr: 0 });
});

test("a silence is noticed, and ends as a timeout", async ({ world, page }) => {
  await world.deliverLarge(OCTETS);
  await world.fault({ after: OCTETS / 2, then: "stall" });
  const mailbox = await openMailbox(page, world, { timeoutMs: 1500 });
  const { error } = await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync({ retrieve: "all" })));
  expect(error).toMatchObject({ name: "MailError", code: "timeout", retryable: true });
});
