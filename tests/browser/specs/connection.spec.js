// The connection panel: what the session does, in words, and what was said, without anything that is private.

import { openMailbox, sync } from "../fixtures/library.js";
import { expect, test } from "../fixtures/test.js";

test("what was said has no name, password, UID or word of mail in it", async ({ world, page }) => {
  const mail = await world.deliver(3);
  const mailbox = await openMailbox(page, world, { worker: true });
  await sync(mailbox);
  await mailbox.evaluate((mailbox) => attempt(() => mailbox.sync({ password: "wrong-password" })));
  const [lines, rows] = await mailbox.evaluate(async (mailbox) => [await mailbox.protocol(), await mailbox.messages()]);
  const text = lines.map(({ said, answer }) => `${said} ${answer}`.trim());
  for (const wanted of ["connected", "USER \u2026 +OK", "PASS \u2026 +OK", "RETR 1 +OK", "RETR 3 +OK", "QUIT +OK", "ended auth-failed"]) expect(text).toContain(wanted);
  expect(text.some((line) => line.startsWith("PASS \u2026 -ERR"))).toBe(true);
  expect(lines.every(({ at, tookMs }) => Math.abs(Date.now() - at) < 600_000 && tookMs >= 0)).toBe(true);
  const all = JSON.stringify(lines);
  for (const word of ["ann", world.password, "wrong-password", ...rows.map(({ uid }) => uid), ...mail.flatMap(({ subject, from }) => [subject, from])]) {
    expect(all, word).not.toContain(word);
  }
});

test("in the page it is shown and copied, and it is gone with a lock", async ({ world, page, reader }) => {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await world.deliver(2);
  await reader.signedIn({ password: world.password });
  await reader.part("settings-open").click();
  await reader.part("connection-open").click();
  await expect(reader.part("connection-facts")).toContainText("Between two checks");
  await expect(reader.part("connection-log")).toContainText("QUIT");
  await reader.part("connection-copy").click();
  await expect(reader.part("connection")).toContainText("Copied.");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}connected\n[^]*QUIT +\+OK/);
  await page.keyboard.press("Escape");
  await expect(reader.part("connection")).toHaveCount(0);
  await expect(reader.part("settings")).toBeVisible();
});
