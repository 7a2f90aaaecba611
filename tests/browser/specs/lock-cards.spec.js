// The cards around a lock: which of them comes, what is on it and what is not, and what becomes of whoever leaves one alone.

import { openMailbox, sealedByAnother } from "../fixtures/library.js";
import { Reader, wordsOf } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

async function signedOut(world, reader) {
  await reader.signedIn({ password: world.password });
  await reader.part("sign-out").click();
  await expect(reader.part("notice")).toBeVisible();
}

/** Part of what the page needs comes only when it is let go. */
async function held(page, pattern) {
  let go = () => {};
  const waiting = new Promise((resolve) => (go = resolve));
  await page.route(pattern, async (route) => {
    await waiting;
    await route.continue();
  });
  return go;
}

test("a lock ends a sign-out that hangs, and that is not told as a fault of it", async ({ world, reader }) => {
  const mail = await world.deliver(3);
  await reader.signedIn({ password: world.password });
  await reader.read(mail[0].subject);
  await reader.part("delete").click();
  await expect(reader.part("keep")).toBeVisible();
  await world.fault({ after: 100, then: "stall" });
  await reader.part("sign-out").click();
  await world.faults(1);
  await reader.lock();
  await expect(reader.part("lock")).toContainText("You locked the mail.");
  await reader.unlock(world.password);
  await expect(reader.rows()).toHaveCount(3);
  await expect(reader.part("sign-out")).toBeEnabled();
  await expect(reader.part("error")).toHaveCount(0);
  await expect(reader.part("undo")).toBeVisible();
});

test("a lock in the middle of the first sync waits behind its card, and what had come by then is there again", async ({ world, reader }) => {
  await world.deliver(20);
  await world.fault({ after: 60_000, then: "stall" });
  await reader.signIn({ password: world.password });
  await world.faults(1);
  await expect(reader.rows().first()).toBeVisible();
  await reader.lock();
  await world.killRelay();
  await reader.unlock(world.password);
  await expect(reader.rows("new").first()).toBeVisible();
  await expect(reader.part("lock")).toHaveCount(0);
});

for (const [what, pass] of [
  ["for a while", (page) => page.clock.runFor("12:00")],
  ["since the computer slept", (page) => page.clock.fastForward("05:00")],
]) {
  test(`a question for a passphrase that nobody answers ${what} goes, and the password with it`, async ({ world, page, reader }) => {
    await world.deliver(1);
    await signedOut(world, reader);
    await sealedByAnother(page, world, { passphrase: "open sesame" });
    await page.clock.install();
    await page.reload();
    await reader.signIn({ password: world.password });
    await expect(reader.part("sealed")).toBeVisible();
    await reader.part("give-up").click();
    await expect(reader.part("dialog")).toContainText("activity list");
    await pass(page);
    await expect(reader.part("notice")).toContainText("Nobody answered here for a while");
    await expect(reader.part("dialog")).toHaveCount(0);
    await expect(reader.part("submit-sign-in")).toBeVisible();
    await expect(reader.part("password")).toHaveValue("");
    await reader.signIn({ password: world.password });
    await expect(reader.part("sealed")).toBeVisible();
  });
}

test("a key puts off the end of a question, and where nothing ever locks it waits", async ({ world, page, reader }) => {
  await page.clock.install();
  await page.evaluate(() => localStorage.setItem("poplar:kept", JSON.stringify({ "mail/ann": { stored: 212 } })));
  await page.evaluate(() => document.querySelector("poplar-mailbox").setAttribute("lock-after", "0"));
  await reader.signIn({ password: world.password });
  await expect(reader.part("lost")).toBeVisible();
  await page.clock.runFor("45:00");
  await expect(reader.part("lost")).toBeVisible();
  await reader.part("lost-not-now").click();
  await page.evaluate(() => document.querySelector("poplar-mailbox").setAttribute("lock-after", "10"));
  await reader.signIn({ password: world.password });
  await expect(reader.part("lost")).toBeVisible();
  await page.clock.runFor("08:00");
  await reader.part("lost-again").press("Shift");
  await page.clock.runFor("08:00");
  await expect(reader.part("lost")).toBeVisible();
  await page.clock.runFor("03:00");
  await expect(reader.part("notice")).toContainText("Nobody answered here for a while");
});

test("who leaves without a server finds what was marked still marked", async ({ world, reader }) => {
  const mail = await world.deliver(2);
  await reader.signedIn({ password: world.password });
  await reader.read(mail[1].subject);
  await reader.part("delete").click();
  await expect(reader.part("keep")).toBeVisible();
  await world.killRelay();
  await reader.part("sign-out").click();
  await reader.part("error").getByRole("button", { name: "Leave without signing out" }).click();
  await expect(reader.part("lock")).toHaveCount(0);
  await world.restartRelay();
  await reader.page.reload();
  await expect(reader.part("submit-sign-in")).toBeVisible();
  const marked = await reader.page.evaluate(
    async ({ relay, password }) => {
      const { Mailbox } = await import("/lib/poplar-mail.js");
      const mailbox = await Mailbox.open({ relay, user: "ann", worker: true });
      const wasLocked = mailbox.locked;
      await mailbox.unlock(password);
      const rows = await mailbox.messages();
      await mailbox.close();
      return [wasLocked, rows.filter(({ deletion }) => deletion === "wanted").length];
    },
    { relay: world.tunnel(), password: world.password },
  );
  expect(marked).toEqual([true, 1]);
});

test("an activity that comes late does not open, whether it is locked still or open again", async ({ world, page, reader }) => {
  await world.deliver(2);
  await reader.signedIn({ password: world.password });
  await reader.part("settings-open").click();
  const go = await held(page, "**/element/activity.js");
  await reader.part("activity-open").click();
  await reader.part("lock-now").dispatchEvent("click");
  await reader.unlock(world.password);
  await expect(reader.rows()).toHaveCount(2);
  const loaded = page.waitForResponse((response) => response.url().endsWith("/element/activity.js"));
  go();
  await loaded;
  // Nothing tells that it will not come, so that it is given a while.
  const came = await reader.part("activity").waitFor({ timeout: 2_000 }).then(
    () => true,
    () => false,
  );
  expect(came).toBe(false);
});

test("where the card of a lock cannot be had, the mail goes all the same, and the sign-in says why", async ({ world, page, reader }) => {
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.route("**/element/locked.js", (route) => route.abort());
  const mail = await world.deliver(2);
  await reader.signedIn({ password: world.password });
  await reader.read(mail[0].subject);
  await reader.part("lock-now").click();
  await expect(reader.part("notice")).toContainText("The mail is locked.");
  await expect(reader.part("submit-sign-in")).toBeVisible();
  await expect(page.getByText(mail[0].subject)).toHaveCount(0);
  expect(errors).toEqual([]);
});

test("what is unlocked is not, where it is locked again before anything is remembered of it", async ({ world, page, reader }) => {
  await world.deliver(1);
  await signedOut(world, reader);
  const outcome = await page.evaluate(
    async ({ relay, password }) => {
      const { Session } = await import("/lib/element/session.js");
      const session = await Session.open({ relay, user: "ann", password: "", server: "mail", memory: false, lockAfterMinutes: 10 });
      const { mailbox } = session;
      const unlock = mailbox.unlock.bind(mailbox);
      // As when another window locks just then.
      mailbox.unlock = async (secret) => {
        await unlock(secret);
        await mailbox.lock();
      };
      let asked = 0;
      session.askPassword = async () => {
        asked += 1;
        return null;
      };
      const code = await session.unlock(password).then(
        () => null,
        (error) => error.code,
      );
      const { accepted, schedule } = session;
      await session.sync();
      await session.close();
      return { code, accepted, schedule: schedule.state, asked };
    },
    { relay: world.tunnel(), password: world.password },
  );
  expect(outcome).toEqual({ code: "locked", accepted: false, schedule: "off", asked: 1 });
});

test("a hidden name is on no card", async ({ world, page, reader }) => {
  await world.deliver(1);
  await reader.signedIn({ password: world.password });
  await reader.part("settings-open").click();
  await reader.part("hide-name").check();
  await expect(reader.part("computer-said")).not.toBeEmpty();
  await page.keyboard.press("Escape");
  await reader.lock();
  await expect(reader.part("lock")).not.toContainText("ann");
  await reader.part("clear").click();
  await expect(reader.part("dialog")).toContainText("Everything of this account that is kept here");
  await page.keyboard.press("Escape");
  await reader.part("lock-sign-out").click();
  await expect(reader.part("submit-sign-in")).toBeVisible();
  await expect(reader.part("user")).toHaveValue("");
});

test("the card of a lock says whose password it wants and, with the field, why", async ({ world, reader }) => {
  await world.deliver(1);
  await reader.signedIn({ password: world.password });
  await reader.lock();
  await expect(reader.part("secret")).toBeFocused();
  await expect(reader.part("secret")).toHaveAccessibleName("Mailbox password");
  await expect(reader.part("secret")).toHaveAccessibleDescription(/^You locked the mail\./);
});

test("a shared computer stays one, and its lock is no success", async ({ world, reader }) => {
  await world.deliver(1);
  await reader.signedIn({ password: world.password, shared: true });
  await reader.part("lock-now").click();
  await expect(reader.part("notice")).toContainText("everything is forgotten");
  await expect(reader.part("notice").locator("svg")).toHaveAttribute("data-icon", "lock");
  await expect(reader.part("shared-computer")).toBeChecked();
});

test("minutes that are none count as the default", async ({ page }) => {
  const values = [null, "", " ", "soon", "-1", "1441", "NaN", "0", "1440", "0.5"];
  const minutes = await page.evaluate(async (values) => values.map((await import("/lib/element/at-work.js")).lockMinutes), values);
  expect(minutes).toEqual([10, 10, 10, 10, 10, 10, 10, 0, 1440, 0.5]);
});

test("a new passphrase is not too short, and wrong passwords are slowed down there as well", async ({ world, reader }) => {
  await world.deliver(1);
  await reader.signedIn({ password: world.password });
  await reader.part("settings-open").click();
  await reader.part("to-passphrase").click();
  const seal = async (current, next) => {
    await reader.part("seal-current").fill(current);
    await reader.part("seal-next").fill(next);
    await reader.part("seal-again").fill(next);
    await reader.part("seal-submit").click();
  };
  await seal(world.password, "sesame");
  await expect(reader.part("seal-said")).toContainText("at least 8 characters");
  for (let n = 0; await reader.part("seal-submit").isEnabled(); n += 1) {
    await seal(`wrong ${n}`, "open sesame");
    await expect(reader.part("seal-said")).not.toBeEmpty();
    await expect(reader.part("seal-submit")).toHaveText("Seal");
  }
  const wait = reader.part("seal-dialog").getByTestId("secret-wait");
  await expect(wait).toHaveText(/^The next try is in \d+ s\.$/);
  await expect(reader.part("seal-said")).toContainText("does not open what is kept here");
  await expect(reader.part("seal-submit")).toBeEnabled();
  await expect(wait).toBeHidden();
  await seal(world.password, "open sesame");
  await expect(reader.part("sealed-by")).toContainText("by a passphrase");
});

test("in forced colours the bar of a sync is seen", async ({ world, page, reader }) => {
  await world.deliver(1);
  await reader.signedIn({ password: world.password });
  await page.emulateMedia({ forcedColors: "active" });
  const colours = await page.evaluate(() => {
    const { shadowRoot } = document.querySelector("poplar-mailbox");
    const probe = shadowRoot.querySelector(".bar").appendChild(document.createElement("i"));
    probe.style.background = "Highlight";
    return [shadowRoot.querySelector(".bar-fill"), probe].map((element) => getComputedStyle(element).backgroundColor);
  });
  expect(colours[0]).toBe(colours[1]);
});

test("what another window has removed is not asked a password for", async ({ world, profile, reader }) => {
  await world.deliver(2);
  await reader.signedIn({ password: world.password });
  const other = new Reader(await profile.open());
  await other.signedIn({ password: world.password });
  await reader.lock();
  await expect(other.part("lock")).toBeVisible();
  await other.part("clear").click();
  await other.part("confirm").click();
  await expect(other.part("notice")).toContainText("is removed");
  await expect(reader.part("notice")).toContainText("Another window has removed");
  await expect(reader.part("lock")).toHaveCount(0);
  await reader.signedIn({ password: world.password });
  await expect(reader.rows()).toHaveCount(2);
});

for (const [what, file, ask] of [
  ["the keys", "keys-help", (reader) => reader.page.keyboard.press("?")],
  ["the source of a message", "source", (reader) => reader.part("source-open").click()],
  [
    "the connection",
    "connection",
    async (reader) => {
      await reader.part("settings-open").click();
      await reader.part("connection-open").click();
    },
  ],
]) {
  test(`${what} that comes only after a lock does not come over its card`, async ({ world, profile, page, reader }) => {
    const [{ subject }] = await world.deliver(1);
    await reader.signedIn({ password: world.password });
    await reader.read(subject);
    await expect(reader.part("reader-text")).not.toBeEmpty();
    const pattern = `**/element/${file}.js`;
    const go = await held(page, pattern);
    const asked = page.waitForRequest(pattern);
    await ask(reader);
    await asked;
    const other = await openMailbox(await profile.open(), world);
    await other.evaluate((mailbox) => mailbox.lock());
    await expect(reader.part("lock")).toBeVisible();
    const loaded = page.waitForResponse(pattern);
    go();
    await (await loaded).finished();
    await page.evaluate(() => new Promise((resolve) => requestIdleCallback(() => requestIdleCallback(resolve))));
    await expect(page.locator("dialog")).toHaveCount(0);
    expect(await wordsOf(page)).not.toContain(subject);
  });
}
