// Locked in the page: nothing of mail is left in it, what opens it, and what is asked where the password is not what seals.

import { sealedByAnother } from "../fixtures/library.js";
import { Reader, wordsOf } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

async function expectNoMail(page, mail) {
  const words = await wordsOf(page);
  for (const { subject, from } of mail) {
    expect(words).not.toContain(subject);
    expect(words).not.toContain(from);
  }
}

test("a lock takes everything of mail from the page, and the password brings it back without a server", async ({ world, page, reader }) => {
  const mail = await world.deliver(9);
  await reader.signedIn({ password: world.password });
  await reader.read(mail[2].subject);
  await expect(reader.part("reader-html")).toBeVisible();
  expect(await wordsOf(page)).toContain(mail[2].subject);
  await page.evaluate(() => {
    globalThis.alive = new Set();
    const { createObjectURL, revokeObjectURL } = URL;
    URL.createObjectURL = (blob) => {
      const url = createObjectURL.call(URL, blob);
      alive.add(url);
      return url;
    };
    URL.revokeObjectURL = (url) => {
      revokeObjectURL.call(URL, url);
      alive.delete(url);
    };
  });
  const download = page.waitForEvent("download");
  await reader.part("save-eml").click();
  await (await download).path();
  expect(await page.evaluate(() => alive.size)).toBe(1);
  await reader.part("settings-open").click();
  await expect(reader.part("settings")).toBeVisible();
  // As idle time does, which no pointer is needed for; the dialog is over the button.
  await reader.part("lock-now").dispatchEvent("click");
  await expect(reader.part("lock")).toBeVisible();
  await expect(reader.part("lock")).toContainText("ann on mail");
  await expect(reader.part("lock")).toContainText("You locked the mail.");
  await expect(reader.part("settings")).toHaveCount(0);
  await expect(reader.part("reader")).toHaveCount(0);
  await expect(reader.part("secret")).toBeFocused();
  await expectNoMail(page, mail);
  expect(await page.evaluate(() => alive.size)).toBe(0);

  await world.killRelay();
  await reader.unlock("not it");
  await expect(reader.part("secret-said")).toContainText("This password does not open what is kept here.");
  await expectNoMail(page, mail);
  await reader.unlock(world.password);
  await expect(reader.rows()).toHaveCount(9);
  await reader.read(mail[0].subject);
  await expect(reader.part("reader-text")).not.toBeEmpty();
  await world.restartRelay();
  await reader.checkMail();
  await expect(reader.part("error")).toHaveCount(0);
});

test("it locks when nobody was at work for a while, which a key puts off, and after a sleep", async ({ world, page, reader }) => {
  await page.clock.install();
  await page.reload();
  const mail = await world.deliver(2);
  await reader.signedIn({ password: world.password });
  await expect(reader.rows()).toHaveCount(2);
  await page.clock.runFor("08:00");
  await page.keyboard.press("End");
  await page.clock.runFor("08:00");
  await expect(reader.rows()).toHaveCount(2);
  await page.clock.runFor("03:00");
  await expect(reader.part("lock")).toContainText("Nobody was at work here for a while.");
  await expectNoMail(page, mail);
  await reader.unlock(world.password);
  await expect(reader.rows()).toHaveCount(2);
  await page.clock.fastForward("05:00");
  await expect(reader.part("lock")).toContainText("This computer was asleep.");
  await expectNoMail(page, mail);
});

test("wrong passwords are slowed down, and how long is counted down", async ({ world, reader }) => {
  await world.deliver(1);
  await reader.signedIn({ password: world.password });
  await reader.lock();
  for (let n = 0; n < 3; n += 1) {
    await reader.unlock(`wrong ${n}`);
    await expect(reader.part("secret-said")).not.toBeEmpty();
    await expect(reader.part("unlock")).toHaveText("Unlock");
    if (await reader.part("unlock").isDisabled()) break;
  }
  await expect(reader.part("secret-wait")).toContainText(/The next try is in \d+ s/);
  await expect(reader.part("unlock")).toBeDisabled();
  await expect(reader.part("unlock")).toBeEnabled();
  await expect(reader.part("secret-wait")).toBeHidden();
  await reader.unlock(world.password);
  await expect(reader.rows()).toHaveCount(1);
});

test("a lock in one window locks the other, which has its own card", async ({ world, profile, reader }) => {
  const mail = await world.deliver(3);
  await reader.signedIn({ password: world.password });
  const other = new Reader(await profile.open());
  await other.signedIn({ password: world.password });
  await expect(other.rows()).toHaveCount(3);
  await reader.lock();
  await expect(other.part("lock")).toContainText("in another window");
  await expectNoMail(other.page, mail);
  await other.unlock(world.password);
  await expect(other.rows()).toHaveCount(3);
  await expect(reader.part("lock")).toBeVisible();
});

test("from the locked card: sign out, and remove what is kept here", async ({ world, page, reader }) => {
  await world.deliver(2);
  await reader.signedIn({ password: world.password });
  await reader.lock();
  await reader.part("lock-sign-out").click();
  await expect(reader.part("notice")).toContainText("You are signed out.");
  await reader.signedIn({ password: world.password });
  await expect(reader.rows()).toHaveCount(2);
  await reader.lock();
  await reader.part("clear").click();
  await reader.part("confirm").click();
  await expect(reader.part("notice")).toContainText("is removed");
  expect((await page.evaluate(() => dumpDatabases())).filter((record) => record.includes("ann"))).toEqual([]);
});

test("signing out says what was deleted, and locks", async ({ world, reader }) => {
  const mail = await world.deliver(4);
  await reader.signedIn({ password: world.password });
  for (const place of [0, 3]) {
    await reader.read(mail[place].subject);
    await reader.part("delete").click();
    await expect(reader.part("keep")).toBeVisible();
  }
  await reader.part("sign-out").click();
  await expect(reader.part("notice")).toContainText("2 messages were deleted from the server.");
  await expect(reader.part("lock")).toHaveCount(0);
});

test("where nothing is kept, a lock forgets everything and says so", async ({ world, page, reader }) => {
  const mail = await world.deliver(3);
  await reader.signedIn({ password: world.password, shared: true });
  await expect(reader.rows()).toHaveCount(3);
  await reader.part("lock-now").click();
  await expect(reader.part("notice")).toContainText("everything is forgotten and you are signed out");
  await expectNoMail(page, mail);
  await reader.signedIn({ password: world.password });
  await expect(reader.rows()).toHaveCount(3);
});

async function signedInWith(world, reader, next) {
  await reader.signedIn({ password: world.password });
  await reader.part("sign-out").click();
  await expect(reader.part("notice")).toBeVisible();
  await sealedByAnother(reader.page, world, next);
  await reader.signIn({ password: world.password });
  await expect(reader.part("sealed")).toBeVisible();
}

test("a password that was changed asks once for the one before", async ({ world, reader }) => {
  await world.deliver(3);
  await signedInWith(world, reader, { password: "the one before" });
  await expect(reader.part("sealed")).toContainText("What is kept here was sealed with the one before.");
  await reader.unlock("not it");
  await expect(reader.part("secret-said")).toContainText("does not open");
  await reader.unlock("the one before");
  await reader.idle();
  await expect(reader.rows("new")).toHaveCount(3);
  // Taken over: the new one opens it from now on.
  await reader.lock();
  await reader.unlock(world.password);
  await expect(reader.rows("new")).toHaveCount(3);
  await reader.part("sign-out").click();
  await reader.signedIn({ password: world.password });
  await expect(reader.part("sealed")).toHaveCount(0);
  await expect(reader.rows("new")).toHaveCount(3);
});

test("what is sealed by a lost password is given up, and nothing is downloaded again unless asked for", async ({ world, reader }) => {
  const mail = await world.deliver(3);
  await signedInWith(world, reader, { password: "lost" });
  await reader.part("give-up").click();
  await expect(reader.part("dialog")).toContainText("nothing is downloaded again unless you ask");
  await reader.part("confirm").click();
  await reader.idle();
  await expect(reader.rows()).toHaveCount(3);
  await expect(reader.rows("new")).toHaveCount(0);
  const sessions = await world.endedSessions();
  expect(await world.session(sessions)).toMatchObject({ retr: 0 });
  await reader.rows().first().click();
  await expect(reader.part("reader-subject")).toContainText(mail[2].subject);
});

test("what a passphrase seals asks for it, and a lock then asks for the mailbox password with the next check", async ({ world, reader }) => {
  await world.deliver(2);
  await signedInWith(world, reader, { passphrase: "open sesame" });
  await expect(reader.part("sealed")).toContainText("sealed with a passphrase");
  await reader.unlock("open sesame");
  await reader.idle();
  await expect(reader.rows()).toHaveCount(2);
  await reader.lock();
  await expect(reader.page.getByLabel("Passphrase")).toBeVisible();
  await reader.unlock("open sesame");
  await expect(reader.rows()).toHaveCount(2);
  await reader.part("check-mail").click();
  await expect(reader.part("password-dialog")).toContainText("mailbox password");
  await reader.part("new-password").fill(world.password);
  await reader.part("submit-password").click();
  await reader.idle();
  await expect(reader.part("error")).toHaveCount(0);
});

test("printing a message is in the log", async ({ world, page, reader }) => {
  const mail = await world.deliver(1);
  await reader.signedIn({ password: world.password });
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await reader.read(mail[0].subject);
  await expect(reader.part("reader-text")).not.toBeEmpty();
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await reader.part("sign-out").click();
  await expect(reader.part("notice")).toBeVisible();
  const log = await page.evaluate(
    async ({ relay, password }) => {
      const { Mailbox } = await import("/lib/poplar-mail.js");
      const mailbox = await Mailbox.open({ relay, user: "ann", worker: true });
      await mailbox.unlock(password);
      const { entries } = await mailbox.log();
      await mailbox.close();
      return entries.map(({ what, ids }) => [what, ids.length]);
    },
    { relay: world.tunnel(), password: world.password },
  );
  expect(log.filter(([what]) => what === "printed")).toEqual([["printed", 1]]);
});

/** Changes one octet of every record of a store, as somebody does who has the disk. */
async function damage(page, store) {
  await page.evaluate(async (store) => {
    const done = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: () => reject(request.error) }));
    for (const { name } of await indexedDB.databases()) {
      const database = await done(indexedDB.open(name));
      if (database.objectStoreNames.contains(store)) {
        const objects = database.transaction(store, "readwrite").objectStore(store);
        const [keys, values] = await Promise.all([done(objects.getAllKeys()), done(objects.getAll())]);
        for (const [at, value] of values.entries()) {
          const octets = value instanceof Uint8Array ? value : Object.values(value).find((part) => part instanceof Uint8Array);
          octets[octets.length - 1] ^= 1;
          await done(objects.keyPath === null ? objects.put(value, keys[at]) : objects.put(value));
        }
      }
      database.close();
    }
  }, store);
}

test("what is damaged here says so in the list and in the reader", async ({ world, page, reader }) => {
  await world.deliver(1);
  await reader.signedIn({ password: world.password });
  await reader.part("sign-out").click();
  await expect(reader.part("notice")).toBeVisible();
  await damage(page, "envelopes");
  await reader.signedIn({ password: world.password });
  await expect(reader.rows("damaged")).toHaveCount(1);
  await expect(reader.rows()).toContainText("Damaged here");
  await expect(reader.rows()).toContainText("Not readable here");
  await reader.rows().click();
  await expect(reader.part("reader")).toContainText("was changed, damaged or removed in this browser's storage");
});

test("a passphrase is chosen in the settings, and the mailbox password again", async ({ world, reader }) => {
  await world.deliver(1);
  await reader.signedIn({ password: world.password });
  await reader.part("settings-open").click();
  await expect(reader.part("sealed-by")).toContainText("by the mailbox password");
  await reader.part("to-passphrase").click();
  await reader.part("seal-current").fill("not it");
  await reader.part("seal-next").fill("open sesame");
  await reader.part("seal-again").fill("open barley");
  await reader.part("seal-submit").click();
  await expect(reader.part("seal-said")).toContainText("not the same");
  await reader.part("seal-again").fill("open sesame");
  await reader.part("seal-submit").click();
  await expect(reader.part("seal-said")).toContainText("does not open");
  await reader.part("seal-current").fill(world.password);
  await reader.part("seal-submit").click();
  await expect(reader.part("sealed-by")).toContainText("by a passphrase");
  await reader.page.keyboard.press("Escape");
  await reader.lock();
  await expect(reader.page.getByLabel("Passphrase")).toBeVisible();
  await reader.unlock("open sesame");
  await expect(reader.rows()).toHaveCount(1);
  await reader.part("check-mail").click();
  await reader.part("new-password").fill(world.password);
  await reader.part("submit-password").click();
  await reader.idle();
  await reader.part("settings-open").click();
  await reader.part("to-password").click();
  await reader.part("seal-current").fill("open sesame");
  await reader.part("seal-submit").click();
  await expect(reader.part("sealed-by")).toContainText("by the mailbox password");
  await reader.page.keyboard.press("Escape");
  await reader.lock();
  await reader.unlock(world.password);
  await expect(reader.rows()).toHaveCount(1);
});

test("an account whose name is hidden is not offered, and is found by who types it", async ({ world, page, reader }) => {
  await world.deliver(2);
  await reader.signedIn({ password: world.password });
  await reader.part("settings-open").click();
  await reader.part("hide-name").check();
  await expect(reader.part("computer-said")).toContainText("hidden from now on");
  await reader.page.keyboard.press("Escape");
  await reader.part("sign-out").click();
  await expect(reader.part("notice")).toBeVisible();
  await page.reload();
  await expect(reader.part("submit-sign-in")).toBeVisible();
  await expect(reader.part("user")).toHaveValue("");
  await reader.signedIn({ password: world.password });
  await expect(reader.rows("new")).toHaveCount(2);
  expect(await world.session(2)).toMatchObject({ retr: 0 });
});

test("activity lists what was done, newest first, saves it, and says where it was changed", async ({ world, page, reader }) => {
  const [mail] = await world.deliver(1);
  await reader.signedIn({ password: world.password });
  await reader.read(mail.subject);
  await expect(reader.part("reader-text")).not.toBeEmpty();
  await reader.lock();
  await reader.unlock("not it");
  await expect(reader.part("secret-said")).not.toBeEmpty();
  await reader.unlock(world.password);
  await expect(reader.rows()).toHaveCount(1);
  const show = async () => {
    await reader.part("settings-open").click();
    await reader.part("activity-open").click();
    await expect(reader.part("activity")).toBeVisible();
  };
  await show();
  const entries = reader.part("activity-entry");
  await expect(entries).toContainText(["Unlocked", "Wrong password", "Locked", `Opened${mail.subject}`]);
  await expect(reader.part("activity-broken")).toHaveCount(0);
  const download = page.waitForEvent("download");
  await reader.part("activity-csv").click();
  expect((await download).suggestedFilename()).toMatch(/^activity-[\d-]+\.csv$/);
  // Both dialogs go with a lock.
  await reader.part("lock-now").dispatchEvent("click");
  await expect(reader.part("lock")).toBeVisible();
  await expectNoMail(page, [mail]);
  await damage(page, "log");
  await reader.unlock(world.password);
  await expect(reader.rows()).toHaveCount(1);
  await show();
  await expect(reader.part("activity-broken")).toContainText("This record was changed.");
});
