// axe finds nothing in any state, at two widths in both themes. A picture of each is kept beside those of look.spec.js.

import { writeFileSync } from "node:fs";

import { expectAccessible } from "../fixtures/axe.js";
import { expect, test } from "../fixtures/test.js";

/** Each state is looked at four times. */
test.slow();

test("signed out, refused, empty, syncing, stopped", async ({ world, page, reader }) => {
  await expect(reader.part("submit-sign-in")).toBeVisible();
  await expectAccessible(page, "first-visit");
  await reader.signIn({ user: "nobody", password: "wrong" });
  await expect(reader.part("error")).toBeVisible();
  await expectAccessible(page, "wrong-password");
  await reader.signIn({ user: "nobody", password: world.password });
  await expect(reader.part("empty")).toBeVisible();
  await expectAccessible(page, "empty");
  await reader.part("sign-out").click();
  await expect(reader.part("notice")).toBeVisible();
  await expectAccessible(page, "signed-out");

  await world.deliver(20);
  await world.fault({ after: 0, then: "stall" });
  await reader.signIn({ password: world.password });
  await world.faults(1);
  await expect(reader.part("progress")).toBeVisible();
  await expectAccessible(page, "connecting");
  await reader.part("cancel-sync").click();
  await expect(reader.part("submit-sign-in")).toBeVisible();
  await world.fault({ after: 60_000, then: "stall" });
  await reader.signIn({ password: world.password });
  await expect(reader.part("progress")).toContainText("of 20");
  await expectAccessible(page, "syncing");
  await reader.part("cancel-sync").click();
  await reader.idle();
  await expectAccessible(page, "stopped");
});

test("list, message, formatted message, deletions, relay gone", async ({ world, page, reader }) => {
  const [plain, , html] = await world.deliver(12);
  await world.deliverText("From: \nSubject: \n\nNobody wrote nothing.\n");
  await world.deliverText(`From: lab@example.org
To: ann@example.org
Subject: Results attached
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

Two files.

> as you asked
--b
Content-Type: application/pdf; name="results.pdf"
Content-Disposition: attachment; filename="results.pdf"

not one
--b--
`);
  const back = async () => {
    if (await reader.part("back").isVisible()) await reader.part("back").click();
  };
  await reader.signedIn({ password: world.password });
  await expect(reader.rows().first()).toBeVisible();
  await expectAccessible(page, "list");
  await reader.read(plain.subject);
  await expectAccessible(page, "message");
  await back();
  await reader.read(html.subject);
  await expect(reader.part("reader-html")).toBeVisible();
  await expectAccessible(page, "formatted-message");
  await back();
  await reader.read("Results attached");
  await expect(reader.part("attachment")).toBeVisible();
  await expectAccessible(page, "attachments");
  await reader.part("delete").click();
  await expect(reader.part("undo")).toBeVisible();
  await expectAccessible(page, "will-be-deleted");
  await back();
  await reader.part("filter-deleted").click();
  await expect(reader.part("empty")).toBeVisible();
  await expectAccessible(page, "nothing-deleted");
  await reader.part("filter-inbox").click();
  await world.killRelay();
  await reader.part("check-mail").click();
  await expect(reader.part("error")).toBeVisible();
  await expectAccessible(page, "relay-gone");
});

test("settings, what a rule will delete, activity, sealing, removing", async ({ world, page, reader }) => {
  await world.deliver(9);
  await reader.signedIn({ password: world.password });
  await reader.part("settings-open").click();
  await expect(reader.part("storage")).not.toBeEmpty();
  await expectAccessible(page, "settings");
  await reader.part("settings-body").evaluate((body) => body.scrollTo(0, body.scrollHeight));
  await expectAccessible(page, "settings-end");
  await reader.part("activity-open").click();
  await expect(reader.part("activity")).toBeVisible();
  await expectAccessible(page, "activity");
  await page.keyboard.press("Escape");
  await reader.part("to-passphrase").click();
  await expectAccessible(page, "reseal");
  await page.keyboard.press("Escape");
  await reader.part("leave-nothing").check();
  await reader.part("settings-save").click();
  await expect(reader.part("dry-row").first()).toBeVisible();
  await expectAccessible(page, "dry-run");
  await page.keyboard.press("Escape");
  await expect(reader.part("settings")).toBeHidden();
  await reader.part("clear").click();
  await expect(reader.part("dialog")).toBeVisible();
  await expectAccessible(page, "remove");
});

test("search, several selected, a report, keys, source, connection, a question before many are deleted", async ({ world, page, reader }) => {
  await world.deliver(21);
  await world.deliverText(`From: MAILER-DAEMON@example.org
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

The following address failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.org

Final-Recipient: rfc822; bob@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 No such user
--b--
`);
  const pages = page.locator("dialog.page");
  await reader.signedIn({ password: world.password });
  await expect(reader.part("filter-stored")).toContainText("22");
  await reader.part("search").fill("e");
  await expect(reader.part("search-outcome")).toContainText("found");
  await expectAccessible(page, "search");
  await reader.part("search").fill("nowhere at all");
  await expect(reader.part("empty")).toBeVisible();
  await expectAccessible(page, "search-nothing");
  await reader.part("search").press("Escape");
  await reader.part("list").focus();
  await page.keyboard.press("Control+a");
  await expectAccessible(page, "selected");
  await page.keyboard.press("Delete");
  await expect(reader.part("dialog")).toBeVisible();
  await expectAccessible(page, "delete-many");
  await page.keyboard.press("Escape");
  await reader.read("Undelivered");
  await expect(reader.part("reports")).toBeVisible();
  await expectAccessible(page, "report");
  for (const [state, open] of [
    ["source", () => reader.part("source-open").click()],
    ["keys", () => page.keyboard.press("?")],
  ]) {
    await open();
    await expect(reader.part(state)).toBeVisible();
    await expectAccessible(page, state);
    await page.keyboard.press("Escape");
    await expect(pages).toHaveCount(0);
  }
  await reader.part("settings-open").click();
  await reader.part("connection-open").click();
  await expect(reader.part("connection-log")).not.toBeEmpty();
  await expectAccessible(page, "connection");
});

test("locked, wrong password there, password changed", async ({ world, page, reader }) => {
  await world.deliver(3);
  await reader.signedIn({ password: world.password });
  await reader.lock();
  await expectAccessible(page, "locked");
  await reader.unlock("wrong");
  await expect(reader.part("secret-said")).not.toBeEmpty();
  await expectAccessible(page, "locked-wrong");
  await page.reload();
  await world.setPassword("another-one");
  await reader.signIn({ password: "another-one" });
  await expect(reader.part("sealed")).toBeVisible();
  await expectAccessible(page, "password-changed");
});

test("no relay, nothing kept any more, a certificate refused", async ({ world, page, reader }) => {
  await page.route("**/relay.json", (route) => route.abort());
  await page.reload();
  await expect(reader.part("error")).toBeVisible();
  await expectAccessible(page, "relay-unreachable");
  await page.unrouteAll();
  await page.evaluate(() => localStorage.setItem("poplar:kept", JSON.stringify({ "mail/ann": { stored: 212 } })));
  await page.reload();
  await reader.signIn({ upstream: "untrusted", password: world.password });
  await expect(reader.part("error")).toBeVisible();
  await expectAccessible(page, "certificate-refused");
  await reader.signIn({ password: world.password });
  await expect(reader.part("lost")).toBeVisible();
  await expectAccessible(page, "lost");
});

test.describe("with a relay that wants a token", () => {
  test.use({
    worldOptions: async ({}, use, info) => {
      const file = info.outputPath("tokens");
      writeFileSync(file, "open-sesame\n");
      await use({ relay: ["--token-file", file] });
    },
  });

  test("token", async ({ world, page, reader }) => {
    await reader.signIn({ password: world.password });
    await expect(reader.part("token")).toBeVisible();
    await expectAccessible(page, "token-needed");
  });
});
