// The element is taken out of the document, or its card is, while something is under way.

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
