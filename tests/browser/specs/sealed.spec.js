// What is kept is sealed: locked until somebody unlocks it, refused where it was changed, and dropped where its secret is lost.

import { expect, test } from "../fixtures/test.js";
import { openLocked, openMailbox } from "../fixtures/library.js";

test("what is kept is locked after a start, and opens with the password, without a network", async ({ world, profile, page }) => {
  await world.deliver(3);
  const first = await openMailbox(page, world);
  expect(await first.evaluate((mailbox) => mailbox.locked)).toBe(false);
  expect(await first.evaluate((mailbox, password) => mailbox.sync({ password }), world.password)).toMatchObject({ retrieved: 3 });
  expect(await first.evaluate((mailbox) => mailbox.locked)).toBe(false);
  const rows = await first.evaluate((mailbox) => mailbox.messages());
  expect(rows.every(({ subject, damaged }) => subject !== "" && !damaged)).toBe(true);
  await first.evaluate((mailbox) => mailbox.close());

  const again = await openLocked(page, world);
  expect(await again.evaluate((mailbox) => mailbox.locked)).toBe(true);
  expect(await again.evaluate((mailbox) => mailbox.messages().catch(({ code }) => code))).toBe("locked");
  expect(await again.evaluate((mailbox) => mailbox.unlock("not it").catch(({ code }) => code))).toBe("wrong-secret");
  await again.evaluate((mailbox, password) => mailbox.unlock(password), world.password);
  expect(await again.evaluate((mailbox) => mailbox.messages())).toEqual(rows);
  expect((await again.evaluate((mailbox) => mailbox.log())).entries.map(({ what }) => what)).toEqual(["unlocked", "failed unlock", "unlocked"]);
  await again.evaluate((mailbox) => mailbox.lock());
  expect(await again.evaluate((mailbox) => mailbox.locked)).toBe(true);
  await again.evaluate((mailbox, password) => mailbox.unlock(password), world.password);
  expect(await again.evaluate((mailbox) => mailbox.messages())).toEqual(rows);
});
