// The search box as a person uses it.

import { wordsOf } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

const mail = (from, subject, text, day) =>
  `From: ${from} <${from.toLowerCase()}@example.org>\nSubject: ${subject}\nDate: Mon, ${day} Nov 2026 10:00:00 +0000\n\n${text}\n`;

async function listed({ world, reader }) {
  await world.deliverText(mail("Zoe", "Potassium", "A value that is critical.", 2));
  await world.deliverText(mail("Ann", "Referral", "Chest pain.", 9));
  await world.deliverText(mail("Bob", "Lunch", "Nothing critical at all.", 16));
  await reader.signedIn({ password: world.password });
  await expect(reader.rows()).toHaveCount(3);
}

const subjects = (reader) => reader.rows().locator(".row-subject").allTextContents();
/** A browser that does not say when it is idle, as Safari does not. */
const withoutIdle = (context) => context.addInitScript(() => delete globalThis.requestIdleCallback);
const lists = (reader, wanted) => expect.poll(() => subjects(reader)).toEqual(wanted);

test("as one types, the list has what is found, and says how many; Escape has all of it again", async ({ world, page, reader }) => {
  await listed({ world, reader });
  await reader.part("search").click();
  await expect(page.getByText("has:attachment")).toBeVisible();
  await page.keyboard.type("criti");
  await lists(reader, ["Lunch", "Potassium"]);
  await expect(reader.part("search-outcome")).toHaveText("2 messages found.");
  await expect(page.getByText("has:attachment")).toBeHidden();
  await page.keyboard.type("cal from:zoe");
  await lists(reader, ["Potassium"]);
  await expect(reader.part("search-outcome")).toHaveText("1 message found.");
  await page.keyboard.press("ArrowDown");
  await expect(reader.part("list")).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(reader.part("reader-text")).toContainText("A value that is critical.");
  await reader.part("search").press("Escape");
  await expect(reader.part("search")).toHaveValue("");
  await lists(reader, ["Lunch", "Referral", "Potassium"]);
  await expect(reader.part("search-outcome")).toBeEmpty();
});

test("with a filter, and with nothing found", async ({ world, reader }) => {
  await listed({ world, reader });
  await reader.row("Lunch").click();
  await expect(reader.part("reader-text")).toBeVisible();
  await reader.part("search").fill("critical");
  await lists(reader, ["Lunch", "Potassium"]);
  await reader.part("filter-unread").click();
  await lists(reader, ["Potassium"]);
  await reader.part("search").fill("nowhere");
  await expect(reader.part("empty")).toContainText("Nothing found");
  await expect(reader.part("search-outcome")).toHaveText("0 messages found.");
  await reader.part("search-clear").click();
  await lists(reader, ["Referral", "Potassium"]);
});

test("an operator is put into the box by a click", async ({ world, reader, page }) => {
  await listed({ world, reader });
  await reader.part("search").click();
  await page.getByRole("button", { name: "from:" }).click();
  await expect(reader.part("search")).toBeFocused();
  await page.keyboard.type("ann");
  await expect(reader.part("search")).toHaveValue("from:ann");
  await lists(reader, ["Referral"]);
});

test("new mail that fits comes into what is found", async ({ world, reader }) => {
  await listed({ world, reader });
  await reader.part("search").fill("critical");
  await lists(reader, ["Lunch", "Potassium"]);
  await world.deliverText(mail("Max", "Later", "Critical, once more.", 23));
  await reader.checkMail();
  await reader.idle();
  await lists(reader, ["Later", "Lunch", "Potassium"]);
});

test("a lock takes what was searched for from the page, and no address, title or storage ever has it", async ({ world, page, reader }) => {
  await listed({ world, reader });
  await reader.part("search").fill("potassium");
  await lists(reader, ["Potassium"]);
  const kept = () => page.evaluate(() => JSON.stringify([location.href, document.title, history.state, { ...localStorage }, { ...sessionStorage }]));
  expect(await kept()).not.toContain("potassium");
  await reader.lock();
  expect(await wordsOf(page)).not.toMatch(/potassium/i);
  await reader.unlock(world.password);
  await expect(reader.part("search")).toHaveValue("");
  await lists(reader, ["Lunch", "Referral", "Potassium"]);
});

test("a browser that does not say when it is idle searches too", async ({ world, profile, page, reader }) => {
  await withoutIdle(profile.context);
  await page.reload();
  await listed({ world, reader });
  await reader.part("search").fill("criti");
  await lists(reader, ["Lunch", "Potassium"]);
});
