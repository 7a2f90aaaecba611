// Several mailboxes side by side in the page: each is shown alone, all fetch mail, and one lock is a lock of all.

import { expectAccessible } from "../fixtures/axe.js";
import { Reader, wordsOf } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

/** The mailbox that is shown, as a person uses it. */
const shown = (page) => new Reader(page.locator("poplar-mailbox:not([hidden])"));
const mailboxes = (page) => page.locator("poplar-mailbox");
const choose = async (page, user) => {
  await page.getByTestId("accounts").click();
  await page.getByTestId("account").filter({ hasText: user }).click();
};
const add = async (page) => {
  await page.getByTestId("accounts").click();
  await page.getByTestId("add-account").click();
};

/** Ann and Ben, Ben shown. */
async function two({ world, page }) {
  await world.deliverText("From: lab@example.org\nSubject: For Ann alone\n\nAnn's result.\n", { user: "ann" });
  await world.deliverText("From: desk@example.org\nSubject: For Ben alone\n\nBen's result.\n", { user: "ben" });
  const reader = shown(page);
  await reader.signedIn({ user: "ann", password: world.password });
  await expect(reader.row("For Ann alone")).toBeVisible();
  await add(page);
  await reader.signedIn({ user: "ben", password: world.password });
  await expect(reader.row("For Ben alone")).toBeVisible();
  return reader;
}

test("each shows its own mail and nothing of the other", async ({ world, page }) => {
  const reader = await two({ world, page });
  await expect(mailboxes(page)).toHaveCount(2);
  await expect(reader.rows()).toHaveCount(1);
  await reader.read("For Ben alone");
  await expect(reader.part("reader-text")).toContainText("Ben's result.");
  await choose(page, "ann");
  await expect(page.getByTestId("accounts")).toContainText("ann");
  await expect(reader.rows()).toHaveCount(1);
  await expect(reader.row("For Ann alone")).toBeVisible();
  for (const text of await page.getByText("Ben's result.").all()) await expect(text).toBeHidden();
  await reader.read("For Ann alone");
  await expect(reader.part("reader-text")).toContainText("Ann's result.");
  // The keys are those of the one that is shown.
  await page.keyboard.press("#");
  await expect(reader.rows("will-be-deleted")).toHaveCount(1);
  await choose(page, "ben");
  await expect(reader.part("reader-text")).toContainText("Ben's result.");
  await expect(reader.rows("will-be-deleted")).toHaveCount(0);
  await reader.part("sign-out").click();
  await expect(reader.part("submit-sign-in")).toBeVisible();
  // Of Ann's, nothing was done at the server.
  expect(await world.stored("ann")).toHaveLength(1);
});

test("what comes to the one that is not shown is told by a number, which goes with a look", async ({ world, page }) => {
  await two({ world, page });
  await world.deliver(2, { user: "ann", seed: 7 });
  await page.locator("poplar-mailbox[hidden]").evaluate((element) => element.shadowRoot.querySelector('[data-testid="check-mail"]').click());
  await expect(page.getByTestId("accounts")).toContainText("Something new in another mailbox");
  await page.getByTestId("accounts").click();
  await expect(page.getByTestId("account").filter({ hasText: "ann" })).toContainText("New: 2");
  await page.getByTestId("account").filter({ hasText: "ann" }).click();
  await expect(page.getByTestId("accounts")).not.toContainText("Something new");
  await page.getByTestId("accounts").click();
  await expect(page.getByTestId("accounts-menu")).not.toContainText("New:");
  // Escape is the menu's alone, although the keys of the desk are heard around it.
  await page.keyboard.press("Escape");
  await expect(page.getByTestId("accounts-menu")).toBeHidden();
});

test("a lock is a lock of all, and each is opened by its own", async ({ world, page }) => {
  const reader = await two({ world, page });
  await reader.read("For Ben alone");
  await choose(page, "ann");
  await reader.lock();
  await expect(page.getByTestId("lock")).toHaveCount(2);
  expect(await wordsOf(page)).not.toMatch(/alone|result/);
  await choose(page, "ben");
  await expect(reader.part("lock")).toContainText("ben");
  await reader.unlock(world.password);
  await expect(reader.row("For Ben alone")).toBeVisible();
  await page.getByTestId("accounts").click();
  await expect(page.getByTestId("account").filter({ hasText: "ann" })).toContainText("Locked");
  expect(await wordsOf(page)).not.toContain("For Ann alone");
});

test("a card that is left goes; one that was signed out is there until then; a mailbox is not opened twice", async ({ world, page }) => {
  const reader = await two({ world, page });
  await add(page);
  await expect(mailboxes(page)).toHaveCount(3);
  await expect(reader.part("user")).toBeVisible();
  await choose(page, "ann");
  await expect(mailboxes(page)).toHaveCount(2);
  await add(page);
  await reader.signedIn({ user: "ben", password: world.password });
  await expect(mailboxes(page)).toHaveCount(2);
  await expect(reader.row("For Ben alone")).toBeVisible();
  await reader.part("sign-out").click();
  await expect(reader.part("submit-sign-in")).toBeVisible();
  await expect(mailboxes(page)).toHaveCount(2);
  await choose(page, "ann");
  await expect(mailboxes(page)).toHaveCount(1);
  await expect(reader.row("For Ann alone")).toBeVisible();
});

test("who is at work in one is at work in each, and nobody is at work in none", async ({ world, page }) => {
  await page.clock.install();
  const reader = await two({ world, page });
  await page.clock.runFor("08:00");
  await reader.part("list").press("ArrowDown");
  await page.clock.runFor("08:00");
  await expect(page.getByTestId("list")).toHaveCount(2);
  await page.clock.runFor("03:00");
  await expect(page.getByTestId("lock")).toHaveCount(2);
});

test("a question of one that is not shown waits, and keeps nobody from the other", async ({ world, page }) => {
  const reader = await two({ world, page });
  await choose(page, "ann");
  await reader.part("settings-open").click();
  await reader.part("to-passphrase").click();
  await reader.part("seal-current").fill(world.password);
  for (const part of ["seal-next", "seal-again"]) await reader.part(part).fill("open sesame");
  await reader.part("seal-submit").click();
  await expect(reader.part("sealed-by")).toContainText("by a passphrase");
  await page.keyboard.press("Escape");
  await reader.lock();
  await reader.unlock("open sesame");
  await expect(reader.row("For Ann alone")).toBeVisible();
  await choose(page, "ben");
  await reader.unlock(world.password);
  await expect(reader.row("For Ben alone")).toBeVisible();
  await page.locator("poplar-mailbox[hidden]").evaluate((element) => element.shadowRoot.querySelector('[data-testid="check-mail"]').click());
  await expect(page.getByTestId("accounts")).toContainText("Something new in another mailbox");
  await expect(page.getByTestId("password-dialog")).toHaveCount(0);
  await reader.read("For Ben alone");
  await page.getByTestId("accounts").click();
  await expect(page.getByTestId("account").filter({ hasText: "ann" })).toContainText("Needs your answer");
  await page.getByTestId("account").filter({ hasText: "ann" }).click();
  await reader.part("new-password").fill(world.password);
  await reader.part("submit-password").click();
  await reader.idle();
  await page.getByTestId("accounts").click();
  await expect(page.getByTestId("accounts-menu")).not.toContainText("Needs");
});

test("choosing among several is accessible, on a card and above the mail", async ({ world, page }) => {
  test.slow();
  const reader = await two({ world, page });
  await page.getByTestId("accounts").click();
  await expectAccessible(page, "accounts");
  await page.getByTestId("add-account").click();
  await expect(reader.part("user")).toBeVisible();
  await expectAccessible(page, "accounts-card");
  // By keyboard: from the head to the one before the last, whose list has the keyboard then.
  await page.getByTestId("accounts").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(reader.row("For Ann alone")).toBeVisible();
  await expect(page.locator("poplar-mailbox:focus")).toHaveCount(1);
});
