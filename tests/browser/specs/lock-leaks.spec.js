// Locking where something else is under way, and what stays alive or in sight afterwards.

import { openMailbox, sealedByAnother, sync } from "../fixtures/library.js";
import { Reader, wordsOf } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

/** A page of the relay's origin with nothing of its own in it. */
const EMPTY = "/lib/poplar-mail.js";

test.use({ mayBlock: true });

/** How many of these subjects are in the memory of the wasm of any worker of the page. */
async function inWorkers(page, mail) {
  const found = page.workers().map((worker) =>
    worker
      .evaluate(async (subjects) => {
        const { memory } = await (await import(new URL("../client.js", location.href).href)).default();
        const octets = new TextDecoder("latin1").decode(new Uint8Array(memory.buffer));
        return subjects.filter((subject) => octets.includes(subject)).length;
      }, mail.map(({ subject }) => subject))
      .catch(() => 0), // one that has ended
  );
  return (await Promise.all(found)).reduce((all, one) => all + one, 0);
}

/** Everything that a screen reader, or a printer's preview of it, is given of the page and of its frames. */
async function readAloud(page) {
  const client = await page.context().newCDPSession(page);
  const frames = (tree) => [tree.frame.id, ...(tree.childFrames ?? []).flatMap(frames)];
  const { frameTree } = await client.send("Page.getFrameTree");
  const words = [];
  for (const frameId of frames(frameTree)) {
    const { nodes } = await client.send("Accessibility.getFullAXTree", { frameId });
    for (const { name, value, description } of nodes) words.push(name?.value, value?.value, description?.value);
  }
  await client.detach();
  return words.join("\n");
}

/** That something does not appear: nothing tells that it will not, so that it is given a while. */
async function neverThere(part) {
  const appeared = await part.waitFor({ timeout: 3_000 }).then(
    () => true,
    () => false,
  );
  expect(appeared).toBe(false);
}

for (const by of ["its own button", "another window"]) {
  test(`a lock by ${by} while a sign-out hangs takes the mail from the page`, async ({ world, profile, page, reader }) => {
    const mail = await world.deliver(6);
    await reader.signedIn({ password: world.password });
    const other = new Reader(await profile.open());
    await other.signedIn({ password: world.password });
    await reader.read(mail[2].subject);
    await reader.part("delete").click();
    await expect(reader.part("keep")).toBeVisible();
    await world.fault({ after: 100, then: "stall" });
    await reader.part("sign-out").click();
    await world.faults(1);
    if (by === "another window") await other.lock();
    else await reader.part("lock-now").click();
    await expect(other.part("lock")).toBeVisible();
    await expect.poll(() => wordsOf(page), { timeout: 5_000 }).not.toContain(mail[2].subject);
  });
}

test("a question for another secret does not wait for ever with the password that was given", async ({ world, page, reader }) => {
  await world.deliver(2);
  await reader.signedIn({ password: world.password });
  await reader.part("sign-out").click();
  await expect(reader.part("notice")).toBeVisible();
  await sealedByAnother(page, world, { passphrase: "another" });
  await page.clock.install();
  await page.reload();
  await reader.signIn({ password: world.password });
  await expect(reader.part("sealed")).toBeVisible();
  await page.clock.runFor("45:00");
  // Otherwise the next person gives up what is kept here, and is signed in with the password of the one before.
  await expect(reader.part("give-up")).toHaveCount(0, { timeout: 5_000 });
});

test("it unlocks without a network, as often as it was locked", async ({ world, reader }) => {
  await world.deliver(3);
  await reader.signedIn({ password: world.password });
  await expect(reader.rows()).toHaveCount(3);
  await world.killRelay();
  for (let round = 1; round <= 3; round += 1) {
    await reader.lock();
    await reader.unlock(world.password);
    await expect(reader.rows(), `round ${round}`).toHaveCount(3, { timeout: 8_000 });
  }
});

test("no worker with mail in its memory outlives what is removed, nor an element that is gone", async ({ world, page, reader }) => {
  const mail = await world.deliver(4);
  await reader.signedIn({ password: world.password });
  await reader.read(mail[1].subject);
  expect(await inWorkers(page, mail)).toBeGreaterThan(0);
  await reader.part("clear").click();
  await reader.part("confirm").click();
  await expect(reader.part("notice")).toContainText("is removed");
  await expect.soft.poll(() => inWorkers(page, mail), { timeout: 5_000 }).toBe(0);
  await reader.signedIn({ password: world.password });
  await reader.read(mail[1].subject);
  await page.evaluate(() => document.querySelector("poplar-mailbox").remove());
  await expect.poll(() => inWorkers(page, mail), { timeout: 5_000 }).toBe(0);
});

test("sign-ins that were refused leave no workers behind", async ({ world, page, reader }) => {
  await world.deliver(1);
  for (let n = 0; n < 3; n += 1) {
    await reader.signIn({ password: `wrong ${n}` });
    await expect(reader.part("error")).toBeVisible();
    await expect(reader.part("submit-sign-in")).toBeEnabled();
  }
  await expect.poll(() => page.workers().length, { timeout: 5_000 }).toBeLessThan(3);
});

test("leaving without a server locks the other windows as well, and ends the worker", async ({ world, profile, page, reader }) => {
  const mail = await world.deliver(4);
  await reader.signedIn({ password: world.password });
  const other = new Reader(await profile.open());
  await other.signedIn({ password: world.password });
  await reader.read(mail[1].subject);
  await reader.part("delete").click();
  await expect(reader.part("keep")).toBeVisible();
  await world.killRelay();
  await reader.part("sign-out").click();
  await reader.part("error").getByRole("button", { name: "Leave without signing out" }).click();
  await expect(reader.part("sign-in")).toBeVisible();
  await expect.soft.poll(() => inWorkers(page, mail), { timeout: 5_000 }).toBe(0);
  await expect(other.part("lock")).toBeVisible({ timeout: 5_000 });
});

test("an element that is moved while it is locked keeps its card", async ({ world, page, reader }) => {
  await world.deliver(2);
  await reader.signedIn({ password: world.password });
  await reader.lock();
  await page.evaluate(() => {
    const element = document.querySelector("poplar-mailbox");
    const box = element.parentNode.appendChild(document.createElement("div"));
    box.append(element);
  });
  await expect(reader.part("lock")).toBeVisible({ timeout: 5_000 });
});

test("a lock elsewhere while somebody signs in is not said to be a fault of the page", async ({ world, profile, reader }) => {
  await world.deliver(2);
  await reader.signedIn({ password: world.password });
  const other = new Reader(await profile.open());
  await world.fault({ after: 100, then: "stall" });
  await other.signIn({ password: world.password });
  await world.faults(1);
  await reader.lock();
  await expect(other.part("error")).toBeVisible();
  await expect(other.part("error")).not.toContainText("Something broke");
});

test("settings that come late do not open over the card of a locked mailbox", async ({ world, page, reader }) => {
  await world.deliver(2);
  await reader.signedIn({ password: world.password });
  let go = () => {};
  const held = new Promise((resolve) => (go = resolve));
  await page.route("**/element/settings.js", async (route) => {
    await held;
    await route.continue();
  });
  await reader.part("settings-open").click();
  await reader.lock();
  const loaded = page.waitForResponse(/element\/settings\.js/);
  go();
  await loaded;
  await neverThere(reader.part("settings"));
});

test("a check that had just begun asks for nothing over the card of a locked mailbox", async ({ world, page, reader }) => {
  await world.deliver(2);
  await reader.signedIn({ password: world.password });
  await page.evaluate(() => {
    const { shadowRoot } = document.querySelector("poplar-mailbox");
    for (const name of ["check-mail", "lock-now"]) shadowRoot.querySelector(`[data-testid="${name}"]`).click();
  });
  await expect(reader.part("lock")).toBeVisible();
  await neverThere(reader.part("password-dialog"));
});

test("where nothing is kept, or the name is hidden, the name does not stay on the card", async ({ world, reader }) => {
  await world.deliver(1);
  await reader.signedIn({ password: world.password, shared: true });
  await reader.part("lock-now").click();
  await expect(reader.part("notice")).toContainText("everything is forgotten");
  await expect.soft(reader.part("user")).toHaveValue("", { timeout: 3_000 });
  await reader.signedIn({ password: world.password });
  await reader.part("settings-open").click();
  await reader.part("hide-name").check();
  await expect(reader.part("computer-said")).not.toBeEmpty();
  await reader.page.keyboard.press("Escape");
  await reader.part("sign-out").click();
  await expect(reader.part("notice")).toBeVisible();
  await expect(reader.part("user")).toHaveValue("", { timeout: 3_000 });
});

for (const value of ["", "soon"]) {
  test(`lock-after="${value}" is neither never nor a wrong password`, async ({ world, page, reader }) => {
    await world.deliver(1);
    await page.evaluate((value) => document.querySelector("poplar-mailbox").setAttribute("lock-after", value), value);
    await page.clock.install();
    await reader.signIn({ password: world.password });
    await expect(reader.rows()).toHaveCount(1, { timeout: 8_000 });
    for (let minutes = 0; minutes < 24; minutes += 2) await page.clock.runFor("02:00");
    await expect(reader.part("lock")).toBeVisible({ timeout: 5_000 });
  });
}

for (const worker of [false, true]) {
  const where = worker ? "in a worker" : "in the page";

  /** A mailbox that is synced and open. */
  async function opened(world, profile, count = 20) {
    await world.deliver(count);
    const mailbox = await openMailbox(await profile.open(EMPTY), world, { worker });
    await sync(mailbox);
    return mailbox;
  }

  test(`a sync of what is locked ends with "locked" when it is locked again (${where})`, async ({ world, profile }) => {
    const mailbox = await opened(world, profile);
    await mailbox.evaluate((mailbox) => mailbox.lock());
    await world.fault({ after: 100, then: "stall" });
    const syncing = mailbox.evaluate((mailbox, password) => {
      const late = new Promise((late) => setTimeout(late, 15_000)).then(() => ({ error: { code: "never settled" } }));
      return Promise.race([attempt(() => mailbox.sync({ password })), late]);
    }, world.password);
    await world.faults(1);
    await mailbox.evaluate((mailbox) => mailbox.lock());
    expect((await syncing).error.code).toBe("locked");
  });

  test(`a sync that had just begun does not open again what is locked then (${where})`, async ({ world, profile }) => {
    const mailbox = await opened(world, profile);
    const [outcome, locked] = await mailbox.evaluate(async (mailbox, password) => {
      const syncing = attempt(() => mailbox.sync({ password }));
      await mailbox.lock();
      return [await syncing, mailbox.locked];
    }, world.password);
    expect.soft(outcome.error?.code).toBe("locked");
    expect(locked).toBe(true);
  });

  test(`unlocking while a lock is still ending either opens or does not (${where})`, async ({ world, profile }) => {
    const mailbox = await opened(world, profile);
    const { error, locked, rows } = await mailbox.evaluate(async (mailbox, password) => {
      const locking = mailbox.lock();
      const { error } = await attempt(() => mailbox.unlock(password));
      await locking;
      const rows = await attempt(async () => (await mailbox.messages()).length);
      return { error, locked: mailbox.locked, rows };
    }, world.password);
    expect.soft(error?.code).toBe(undefined);
    expect(locked).toBe(rows.error?.code === "locked");
  });

  test(`what is under way ends with "locked", or had ended (${where})`, async ({ world, profile }) => {
    const mailbox = await opened(world, profile);
    const codes = await mailbox.evaluate(async (mailbox, password) => {
      const [{ id }] = await mailbox.messages({ limit: 1 });
      const codes = {};
      const calls = {
        message: () => mailbox.message(id),
        raw: () => mailbox.raw(id),
        setPolicy: () => mailbox.setPolicy({ everyMinutes: 0 }),
        reseal: () => mailbox.reseal(password, { password }),
        hideName: () => mailbox.hideName(false),
        exportMailbox: () => new Response(mailbox.exportMailbox()).blob(),
      };
      for (const [name, call] of Object.entries(calls)) {
        const outcome = attempt(call);
        await mailbox.lock();
        codes[name] = (await outcome).error?.code ?? "locked";
        await attempt(() => mailbox.unlock(password));
      }
      return codes;
    }, world.password);
    expect(new Set(Object.values(codes)), JSON.stringify(codes)).toEqual(new Set(["locked"]));
  });

  test(`two locks at once are in the log (${where})`, async ({ world, profile }) => {
    const mailbox = await opened(world, profile);
    const entries = await mailbox.evaluate(async (mailbox, password) => {
      await Promise.all([mailbox.lock(), mailbox.lock()]);
      await mailbox.unlock(password);
      return (await mailbox.log()).entries.map(({ what }) => what);
    }, world.password);
    expect(entries).toContain("locked");
  });
}

test("with a message open for print in two windows, a lock leaves no mail to screen readers nor in the memory of workers", async ({ world, profile, page, reader }) => {
  const mail = await world.deliver(6);
  const other = new Reader(await profile.open());
  const windows = [reader, other];
  for (const one of windows) {
    await one.signedIn({ password: world.password });
    await one.read(mail[2].subject);
    await expect(one.part("reader-html")).toBeVisible();
    await one.page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    await one.page.emulateMedia({ media: "print" });
    expect(await readAloud(one.page)).toContain(mail[2].subject);
    expect(await inWorkers(one.page, mail)).toBeGreaterThan(0);
  }
  await reader.part("lock-now").dispatchEvent("click");
  for (const one of windows) {
    await expect(one.part("lock")).toBeAttached();
    await expect.poll(() => inWorkers(one.page, mail)).toBe(0);
    const words = `${await readAloud(one.page)}\n${await wordsOf(one.page)}`;
    for (const { subject, from } of mail) expect([words.includes(subject), words.includes(from)]).toEqual([false, false]);
    expect(one.page.frames()).toHaveLength(1);
  }
});
