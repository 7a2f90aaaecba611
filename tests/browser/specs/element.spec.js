// The element is taken out of the document, or its card is, while something is under way.

import { openMailbox, sync } from "../fixtures/library.js";
import { Reader } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

test("what a dialog shows goes with the session that it belongs to", async ({ world, page, reader }) => {
  const delivered = await world.deliver(3);
  await reader.signIn({ password: world.password });
  await reader.idle();
  await reader.part("settings-open").click();
  await reader.part("leave-nothing").check();
  await reader.part("settings-save").click();
  await expect(reader.part("dry-run")).toContainText(delivered[0].subject);
  await page.evaluate(async () => {
    const element = document.querySelector("poplar-mailbox");
    const parent = element.parentNode;
    element.remove();
    // It stays away for longer than a move within the page takes.
    await new Promise((gone) => setTimeout(gone));
    parent.append(element);
  });
  await expect(reader.part("submit-sign-in")).toBeVisible();
  await expect(page.locator("dialog")).toHaveCount(0);
  await reader.signIn({ password: world.password });
  await reader.idle();
  await expect(reader.rows()).toHaveCount(3);
  expect(await world.stored()).toHaveLength(3);
});

test("what is removed from this computer after a wait takes nobody's session away", async ({ world, profile }) => {
  await world.deliver(1);
  await world.deliver(2, { user: "bob" });
  await sync(await openMailbox(await profile.open(), world));
  const page = await profile.open();
  const reader = new Reader(page);
  await expect(reader.part("submit-sign-in")).toBeVisible();
  // As another window does that has a session.
  await page.evaluate(() => {
    void navigator.locks.request("poplar:mail/ann", () => new Promise((release) => (globalThis.end = release)));
  });
  await reader.part("clear").click();
  await reader.part("confirm").click();
  await reader.signIn({ user: "bob", password: world.password });
  await reader.idle();
  await expect(reader.rows()).toHaveCount(2);
  await page.evaluate(() => end());
  const kept = () => page.evaluate(async () => {
    const { Mailbox } = await import("/lib/poplar-mail.js");
    return (await Mailbox.accounts()).map(({ account }) => account);
  });
  await expect.poll(kept).toEqual(["mail/bob"]);
  await reader.checkMail();
  await expect(reader.rows()).toHaveCount(2);
  await reader.part("sign-out").click();
  await expect(reader.part("submit-sign-in")).toBeVisible();
});
