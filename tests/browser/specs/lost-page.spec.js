// What was kept in this browser is gone: the page asks, and downloads nothing before it is answered.

import { Reader } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

/** As a browser does that wants the space, or a person who clears a site's data in part. */
async function loseDatabases(page) {
  await page.evaluate(async () => {
    for (const { name } of await indexedDB.databases()) {
      const request = indexedDB.deleteDatabase(name);
      await new Promise((resolve, reject) => Object.assign(request, { onsuccess: resolve, onerror: reject }));
    }
  });
}

/** Stores messages, loses them between two visits, and signs in again. */
async function signedInAfterLoss(world, profile) {
  const first = await profile.open();
  const reader = new Reader(first);
  await world.deliver(4);
  await reader.signIn({ password: world.password });
  await reader.idle();
  await expect(reader.rows("new")).toHaveCount(4);
  await reader.part("sign-out").click();
  await expect(reader.part("sign-in")).toBeVisible();
  await loseDatabases(first);
  await first.reload();
  await reader.signIn({ password: world.password });
  await expect(reader.part("lost")).toContainText("What was kept here is gone. 4 messages were stored on this computer.");
  expect(await world.endedSessions()).toBe(1);
  return reader;
}

test("download again downloads", async ({ world, profile }) => {
  const reader = await signedInAfterLoss(world, profile);
  await expect(reader.part("lost-again")).toBeFocused();
  await reader.part("lost-again").click();
  await reader.idle();
  await expect(reader.rows("new")).toHaveCount(4);
  await expect(reader.part("lost")).toHaveCount(0);
  expect(await world.session(2)).toMatchObject({ retr: 4, del: 0 });
});

test("not now goes back to the card, and asks again the next time", async ({ world, profile }) => {
  const reader = await signedInAfterLoss(world, profile);
  await reader.part("lost-not-now").click();
  await expect(reader.part("submit-sign-in")).toBeVisible();
  await expect(reader.part("lost")).toHaveCount(0);
  expect(await world.endedSessions()).toBe(1);
  await reader.signIn({ password: world.password });
  await expect(reader.part("lost")).toBeVisible();
  expect(await world.endedSessions()).toBe(1);
});

test("lost while the mailbox is open is asked about at the next check", async ({ world, profile }) => {
  await world.deliver(3);
  const reader = new Reader(await profile.open());
  await reader.signIn({ password: world.password });
  await reader.idle();
  await loseDatabases(reader.page);
  // As another window does that has changed something: the table is read anew.
  await reader.page.evaluate(() => new BroadcastChannel("poplar:mail/ann").postMessage(["change", { ids: [] }]));
  await reader.part("check-mail").click();
  await reader.idle();
  await expect(reader.part("lost")).toContainText("3 messages were stored");
  await expect(reader.part("error")).toHaveCount(0);
  expect(await world.endedSessions()).toBe(1);
  await reader.part("lost-again").click();
  await reader.idle();
  await expect(reader.part("lost")).toHaveCount(0);
  expect(await world.session(2)).toMatchObject({ retr: 3 });
  await expect(reader.rows("new")).toHaveCount(3);
});
