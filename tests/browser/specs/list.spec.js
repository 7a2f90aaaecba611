// The list as a person uses it: filters, order, several messages at once, by pointer and by keyboard.

import { expect, test } from "../fixtures/test.js";

const mail = (subject, day, more = "") =>
  `From: ${subject} <${subject.toLowerCase()}@example.org>\nSubject: ${subject}\nDate: Mon, ${day} Nov 2026 10:00:00 +0000\n${more}\nText of ${subject}\n`;
const SUBJECTS = ["Anna", "Berta", "Carla", "Dora", "Emil", "Franz"];

const ATTACHED = `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

See the file.
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename=scan.pdf

%PDF-1.4
--b--
`;

/** Six messages, of which the last is listed first, as mailboxes have it. */
async function listed({ world, reader }) {
  for (const [place, subject] of SUBJECTS.toReversed().entries()) await world.deliverText(mail(subject, 15 + place));
  await reader.signedIn({ password: world.password });
  await expect(reader.rows()).toHaveCount(SUBJECTS.length);
}

const subjects = (reader) => reader.rows().locator(".row-subject").allTextContents();
const selected = (reader) => reader.page.locator('[data-testid="row"][aria-selected="true"] .row-subject').allTextContents();

test("a listbox that says how many there are, and which are selected", async ({ world, reader }) => {
  await listed({ world, reader });
  const list = reader.part("list");
  await expect(list).toHaveAttribute("role", "listbox");
  await expect(list).toHaveAttribute("aria-multiselectable", "true");
  await expect(reader.rows().nth(2)).toHaveAttribute("aria-posinset", "3");
  await expect(reader.rows().nth(2)).toHaveAttribute("aria-setsize", "6");
  await reader.rows().nth(2).click();
  await expect(reader.rows().nth(2)).toHaveAttribute("aria-current", "true");
  expect(await selected(reader)).toEqual(["Carla"]);
  await expect(reader.part("selection")).toBeHidden();
});

test("Ctrl and Shift select several, Escape one again; nothing is opened by it", async ({ world, reader }) => {
  await listed({ world, reader });
  await reader.row("Anna").click();
  await expect(reader.part("reader-text")).toContainText("Text of Anna");
  await reader.row("Carla").click({ modifiers: ["ControlOrMeta"] });
  expect(await selected(reader)).toEqual(["Anna", "Carla"]);
  await reader.row("Emil").click({ modifiers: ["Shift"] });
  expect(await selected(reader)).toEqual(["Carla", "Dora", "Emil"]);
  await expect(reader.part("selected")).toHaveText("3 selected");
  await expect(reader.part("reader-text")).toContainText("Text of Anna");
  await reader.part("list").press("Escape");
  await expect(reader.part("selection")).toBeHidden();
  expect(await selected(reader)).toEqual(["Anna"]);
});

test("by keyboard: Shift and arrows, Ctrl and space, everything", async ({ world, reader, page }) => {
  await listed({ world, reader });
  await reader.part("list").focus();
  for (const key of ["ArrowDown", "ArrowDown", "Shift+ArrowDown", "Shift+ArrowDown"]) await page.keyboard.press(key);
  expect(await selected(reader)).toEqual(["Berta", "Carla", "Dora"]);
  await page.keyboard.press("Shift+ArrowUp");
  expect(await selected(reader)).toEqual(["Berta", "Carla"]);
  await page.keyboard.press("End");
  await page.keyboard.press("Control+Space");
  expect(await selected(reader)).toEqual(["Berta", "Carla", "Franz"]);
  await page.keyboard.press("Control+a");
  await expect(reader.part("selected")).toHaveText("6 selected");
});

test("several at once: read, unread, deleted and kept; the server hears of it at the end", async ({ world, reader, page }) => {
  await listed({ world, reader });
  await reader.row("Berta").click({ modifiers: ["ControlOrMeta"] });
  await reader.row("Dora").click({ modifiers: ["Shift"] });
  await reader.part("selected-read").click();
  await expect(reader.part("filter-unread")).toContainText("3");
  await expect(reader.row("Carla")).toHaveAttribute("data-unread", "false");
  await reader.part("selected-unread").click();
  await expect(reader.part("filter-unread")).toContainText("6");

  await reader.part("selected-remove").click();
  await expect(reader.rows("will-be-deleted")).toHaveCount(3);
  await reader.part("filter-wanted").click();
  expect(await subjects(reader)).toEqual(["Berta", "Carla", "Dora"]);
  await page.getByRole("listbox").focus();
  await page.keyboard.press("Control+a");
  await reader.row("Carla").click({ modifiers: ["ControlOrMeta"] });
  await reader.part("selected-keep").click();
  await expect.poll(() => subjects(reader)).toEqual(["Carla"]);

  await reader.checkMail();
  await reader.idle();
  expect(await world.stored()).toHaveLength(5);
});

test("a message that the page around it wants to keep is not deleted with the others", async ({ world, reader, page }) => {
  await listed({ world, reader });
  await page.evaluate(() => {
    let times = 0;
    document.querySelector("poplar-mailbox").addEventListener("before-delete", (event) => (times += 1) === 2 && event.preventDefault());
  });
  await reader.part("list").focus();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await expect(reader.rows("will-be-deleted")).toHaveCount(5);
});

test("what is not listed any more is not selected either, and of many only those are deleted that the server has", async ({ world, reader, page }) => {
  await listed({ world, reader });
  await reader.part("select-mode").click();
  await reader.row("Anna").click();
  await reader.part("search").fill("berta");
  await expect(reader.rows()).toHaveCount(1);
  await expect(reader.part("selected")).toHaveText("0 selected");
  await reader.part("search").fill("");
  await expect(reader.rows()).toHaveCount(6);
  await reader.part("select-mode").click();
  await reader.row("Anna").click();
  await reader.part("delete").click();
  await reader.checkMail();
  await reader.idle();
  await reader.part("filter-stored").click();
  await expect(reader.rows()).toHaveCount(6);
  await reader.part("list").focus();
  await page.keyboard.press("Control+a");
  await reader.part("selected-remove").click();
  await expect(reader.rows("will-be-deleted")).toHaveCount(5);
  await expect(reader.part("error")).toHaveCount(0);
});

test("before many are deleted one is asked, and whoever says nothing keeps them", async ({ world, reader, page }) => {
  await world.deliver(21);
  await reader.signedIn({ password: world.password });
  await expect(reader.part("filter-stored")).toContainText("21");
  await reader.part("list").focus();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await expect(reader.part("dialog")).toContainText("Delete 21 messages from the server?");
  await expect(reader.part("dialog")).not.toContainText("lost for good");
  await page.keyboard.press("Enter");
  await expect(reader.part("dialog")).toHaveCount(0);
  await expect(reader.rows("will-be-deleted")).toHaveCount(0);
  await reader.part("selected-remove").click();
  await reader.part("confirm").click();
  await expect(reader.part("filter-wanted")).toContainText("21");
});

test("what was not retrieved is asked about from two on, since it is lost with them", async ({ world, reader, page }) => {
  for (const subject of ["Anna", "Berta", "Carla"]) await world.deliverText(mail(subject, 15));
  await reader.signedIn({ password: world.password, shared: true });
  await reader.row("Anna").click();
  await expect(reader.part("reader-text")).toContainText("Text of Anna");
  await reader.part("list").focus();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await expect(reader.part("dialog")).toContainText("2 of them were not retrieved");
  await page.keyboard.press("Escape");
  await expect(reader.rows("will-be-deleted")).toHaveCount(0);
});

test("what is asked for while many are being changed is done after that", async ({ world, reader, page }) => {
  await world.deliver(60);
  await reader.signedIn({ password: world.password });
  await expect(reader.part("filter-stored")).toContainText("60");
  await reader.part("list").focus();
  await page.keyboard.press("Control+a");
  await reader.part("list").evaluate((list) => {
    for (const key of ["m", "Delete"]) list.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true }));
  });
  await reader.part("confirm").click();
  await expect(reader.part("filter-wanted")).toContainText("60");
  await expect(reader.part("filter-unread")).not.toContainText(/\d/);
});

test("what the server has no longer cannot be deleted there, and that is said", async ({ world, reader, page }) => {
  await listed({ world, reader });
  await reader.row("Anna").click();
  await reader.part("delete").click();
  await reader.checkMail();
  await reader.part("filter-stored").click();
  await reader.row("Anna").click();
  await page.keyboard.press("Delete");
  await expect(reader.part("notice")).toContainText("no longer on the server");
});

test("who reads means what is read, whatever is selected in the list", async ({ world, reader, page }) => {
  await listed({ world, reader });
  await reader.row("Anna").click();
  await expect(reader.part("reader-text")).toContainText("Text of Anna");
  await reader.row("Carla").click({ modifiers: ["ControlOrMeta"] });
  await reader.part("reader-text").click();
  await page.keyboard.press("Delete");
  await expect(reader.row("Anna")).toHaveAttribute("data-state", "will-be-deleted");
  await expect(reader.rows("will-be-deleted")).toHaveCount(1);
});

test("fingers select without keys", async ({ world, reader }) => {
  await listed({ world, reader });
  await reader.part("select-mode").click();
  await expect(reader.part("select-mode")).toHaveAttribute("aria-pressed", "true");
  await reader.row("Anna").click();
  await reader.row("Franz").click();
  await expect(reader.part("selected")).toHaveText("2 selected");
  await reader.row("Anna").click();
  expect(await selected(reader)).toEqual(["Franz"]);
  await reader.part("select-mode").click();
  await expect(reader.part("selection")).toBeHidden();
});

test("filters: stored, unread, with attachments", async ({ world, reader }) => {
  await world.deliverText(mail("Scan", 21, ATTACHED.trimEnd()).replace(/\n\nText of Scan\n$/, "\n"));
  await listedWith(world, reader);
  await reader.part("filter-attachments").click();
  await expect.poll(() => subjects(reader)).toEqual(["Scan"]);
  await reader.part("filter-stored").click();
  await expect(reader.rows()).toHaveCount(3);
  await reader.rows().first().click();
  await expect(reader.part("reader-text")).toBeVisible();
  await reader.part("filter-unread").click();
  await expect(reader.rows()).toHaveCount(2);
});

async function listedWith(world, reader) {
  for (const subject of ["Anna", "Berta"]) await world.deliverText(mail(subject, 20));
  await reader.signedIn({ password: world.password });
}

test("in other orders: the oldest, sender, subject, size", async ({ world, reader }) => {
  await world.deliverText(mail("alpha", 1));
  await world.deliverText(mail("Zulu", 2, `X: ${"x".repeat(300)}\n`));
  await world.deliverText(mail("Delta", 3, `X: ${"x".repeat(900)}\n`));
  await reader.signedIn({ password: world.password });
  await expect(reader.rows()).toHaveCount(3);
  for (const [order, wanted] of [
    ["newest", ["Delta", "Zulu", "alpha"]],
    ["oldest", ["alpha", "Zulu", "Delta"]],
    ["subject", ["alpha", "Delta", "Zulu"]],
    ["from", ["alpha", "Delta", "Zulu"]],
    ["size", ["Delta", "Zulu", "alpha"]],
  ]) {
    await reader.part("list-order").selectOption(order);
    await expect.poll(() => subjects(reader), order).toEqual(wanted);
  }
});

test("next and previous follow the order of the list", async ({ world, reader, page }) => {
  await listed({ world, reader });
  await reader.part("list-order").selectOption("oldest");
  await expect.poll(async () => (await subjects(reader))[0]).toBe("Franz");
  await reader.row("Franz").click();
  await expect(reader.part("reader-text")).toContainText("Text of Franz");
  await page.getByRole("button", { name: "Next message" }).click();
  await expect(reader.part("reader-text")).toContainText("Text of Emil");
});
