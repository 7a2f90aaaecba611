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
  // For what is looked at below, while there is a relay that says where it lies.
  await page.evaluate(() => import("/lib/poplar-mail.js").then(() => {}));
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

test("offline in mid-retrieval and back: exactly the rest is fetched", async ({ world, profile }) => {
  await deliver(world);
  await world.fault({ after: OCTETS * 6.5, then: "stall" });
  const page = await profile.open();
  // Offline nothing comes any more and nothing ends: a tunnel that stands is not told of it.
  const mailbox = await openMailbox(page, world, { timeoutMs: 2000 });
  const outcome = mailbox.evaluate((mailbox) => attempt(() => mailbox.sync({ retrieve: "all" })));
  await world.faults(1);
  await expect.poll(async () => (await rows(mailbox)).filter((row) => row.stored).length).toBeGreaterThan(0);
  await profile.context.setOffline(true);
  expect((await outcome).error).toMatchObject({ name: "MailError", retryable: true });
  expect((await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync()))).error).toMatchObject({ code: "relay-unreachable", retryable: true });
  const stored = (await rows(mailbox)).filter((row) => row.stored);
  expect(stored.length).toBeGreaterThan(0);
  expect(stored.length).toBeLessThan(COUNT);

  await world.fault({});
  await profile.context.setOffline(false);
  expect(await sync(mailbox, { retrieve: "all" })).toMatchObject({ retrieved: COUNT - stored.length });
  expect(await world.session(2)).toMatchObject({ quit: true, retr: COUNT - stored.length });
  expect(await rawHashes(mailbox)).toEqual(sorted(await world.stored()));
});

for (const worker of [false, true]) {
  test(`a full storage${worker ? ", in the worker" : ""}: what is there stays, nothing is deleted, and once there is room exactly the rest is fetched`, async ({ world, profile }) => {
    await deliver(world);
    const there = sorted(await world.stored());
    const page = await profile.open();
    const browser = await page.context().newCDPSession(page);
    const quota = (quotaSize) => browser.send("Storage.overrideQuotaForOrigin", { origin: world.origin, quotaSize });
    // From the beginning: a browser does not look at each write how much there is left.
    await quota(COUNT * OCTETS * 0.6);
    const mailbox = await openMailbox(page, world, { worker });
    await mailbox.evaluate((mailbox) => mailbox.setPolicy({ leave: "nothing" }));
    const { error } = await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync()));
    expect(error).toMatchObject({ name: "MailError", code: "quota", phase: "quota" });
    const stored = (await rows(mailbox)).filter((row) => row.stored);
    expect(stored.length).toBeGreaterThan(0);
    expect(stored.length).toBeLessThan(COUNT);
    expect(await world.session(1)).toMatchObject({ quit: false, del: 0 });
    expect(sorted(await world.stored())).toEqual(there);
    // Each that is said to be stored is there, and whole.
    const hashes = await rawHashes(mailbox);
    expect(hashes).toHaveLength(stored.length);
    for (const hash of hashes) expect(there).toContain(hash);

    await quota(undefined);
    expect(await sync(mailbox)).toMatchObject({ retrieved: COUNT - stored.length, deleted: COUNT });
    expect(await world.session(2)).toMatchObject({ quit: true, retr: COUNT - stored.length, del: COUNT });
    expect(await rawHashes(mailbox)).toEqual(there);
    expect(await world.stored()).toEqual([]);
  });
}

test("the relay restarted in mid-retrieval, deleting what is stored: each once, and then none is left", async ({ world, page }) => {
  await deliver(world);
  const there = sorted(await world.stored());
  await world.fault({ after: OCTETS * 5.5, then: "stall" });
  const mailbox = await openMailbox(page, world);
  await mailbox.evaluate((mailbox) => mailbox.setPolicy({ leave: "nothing" }));
  const outcome = mailbox.evaluate((mailbox) => attempt(() => mailbox.sync()));
  await world.faults(1);
  await world.restartRelay();
  expect((await outcome).error).toMatchObject({ name: "MailError", code: "relay-unreachable", retryable: true });
  const stored = (await rows(mailbox)).filter((row) => row.stored);
  expect(await world.session(1)).toMatchObject({ quit: false, del: 0 });

  await world.fault({});
  expect(await sync(mailbox)).toMatchObject({ retrieved: COUNT - stored.length, deleted: COUNT });
  expect(await world.session(2)).toMatchObject({ quit: true, retr: COUNT - stored.length, del: COUNT });
  expect(await rawHashes(mailbox)).toEqual(there);
  expect(await world.stored()).toEqual([]);
});

test("a silence is noticed, and ends as a timeout", async ({ world, page }) => {
  await world.deliverLarge(OCTETS);
  await world.fault({ after: OCTETS / 2, then: "stall" });
  const mailbox = await openMailbox(page, world, { timeoutMs: 1500 });
  const { error } = await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync({ retrieve: "all" })));
  expect(error).toMatchObject({ name: "MailError", code: "timeout", retryable: true });
});
