// The settings of a mailbox as a person uses them: what is retrieved, what stays on the server, how often it checks.

import { openMailbox } from "../fixtures/library.js";
import { Reader } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

async function signedIn(world, reader, options = {}) {
  await reader.signIn({ password: world.password, ...options });
  await reader.idle();
}

async function openSettings(reader) {
  await reader.part("settings-open").click();
  await expect(reader.part("settings")).toBeVisible();
}

async function save(reader) {
  await reader.part("settings-save").click();
  await expect(reader.part("settings")).toHaveCount(0);
}

const strip = (reader) => reader.part("notice");

test("what is retrieved holds from the next check on, and after a reload", async ({ world, profile, page, reader }) => {
  await world.deliver(2);
  await signedIn(world, reader);
  await openSettings(reader);
  await expect(reader.part("retrieve-all")).toBeChecked();
  await expect(reader.part("under")).toBeDisabled();
  await reader.part("retrieve-under").check();
  await reader.part("under").selectOption("1000000");
  await reader.part("order").selectOption("oldest");
  await save(reader);

  await world.deliverLarge(1_200_000);
  await world.deliver(1, { seed: 3 });
  await reader.checkMail();
  await expect(reader.rows("headers")).toHaveCount(1);
  await expect(reader.rows("new")).toHaveCount(3);
  expect(await world.session(2)).toMatchObject({ retr: 1, top: 1 });

  await profile.reopen();
  const again = new Reader(await profile.open());
  await signedIn(world, again, { user: null });
  await openSettings(again);
  await expect(again.part("retrieve-under")).toBeChecked();
  await expect(again.part("under")).toHaveValue("1000000");
  await expect(again.part("order")).toHaveValue("oldest");
});

test("a rule that deletes shows first what it would delete, and is announced before it does", async ({ world, reader }) => {
  const delivered = await world.deliver(5);
  await signedIn(world, reader);
  await openSettings(reader);
  await reader.part("leave-nothing").check();
  await reader.part("settings-save").click();
  await expect(reader.part("dry-now")).toContainText("5 messages would be deleted from the server with the next check");
  await expect(reader.part("dry-row")).toHaveCount(5);
  // Newest first.
  await expect(reader.part("dry-row").first()).toContainText(delivered[4].subject);
  await expect(reader.part("dry-row").last()).toContainText(delivered[0].from);

  // Gone back from, nothing is switched on.
  await reader.part("dry-back").click();
  await expect(reader.part("leave-nothing")).toBeChecked();
  await reader.page.keyboard.press("Escape");
  await expect(reader.part("settings")).toHaveCount(0);
  await reader.checkMail();
  expect(await world.session(2)).toMatchObject({ del: 0, quit: true });

  await openSettings(reader);
  await expect(reader.part("leave-until-deleted")).toBeChecked();
  await reader.part("leave-nothing").check();
  await reader.part("settings-save").click();
  await reader.part("dry-confirm").click();
  await expect(reader.part("settings")).toHaveCount(0);
  await expect(strip(reader)).toContainText("5 messages will be deleted from the server with the next check, as this mailbox is set.");
  expect(await world.stored()).toHaveLength(5);
  await reader.part("notice-settings").click();
  await expect(reader.part("leave-nothing")).toBeChecked();
  await reader.page.keyboard.press("Escape");

  await reader.checkMail();
  await expect(strip(reader)).toContainText("5 messages were deleted from the server.");
  await expect(strip(reader)).not.toContainText("will be deleted");
  expect(await world.session(3)).toMatchObject({ del: 5, retr: 0, quit: true });
  expect(await world.stored()).toHaveLength(0);
  await reader.part("filter-deleted").click();
  await expect(reader.rows("deleted")).toHaveCount(5);
  // It is all still here.
  await reader.read(delivered[2].subject);
  await expect(reader.part("reader")).toContainText("still stored here");
});

test("what is not old enough, or not stored yet, is counted for later", async ({ world, reader }) => {
  await world.deliver(3);
  await signedIn(world, reader);
  await openSettings(reader);
  await reader.part("leave-days").check();
  await expect(reader.part("days")).toBeEnabled();
  await reader.part("days").fill("");
  await reader.part("settings-save").click();
  await expect(reader.part("days")).toBeFocused(); // the browser says that it is missing
  await reader.part("days").fill("14");
  await reader.part("settings-save").click();
  await expect(reader.part("dry-now")).toContainText("nothing would be deleted");
  await expect(reader.part("dry-later")).toContainText("3 more would be deleted later");
  await reader.part("dry-confirm").click();
  await expect(reader.part("settings")).toHaveCount(0);
  await expect(reader.part("notice-settings")).toHaveCount(0);
  await openSettings(reader);
  await expect(reader.part("days")).toHaveValue("14");
});

test("a shared computer is offered no rule that deletes, and is told why", async ({ world, reader }) => {
  await world.deliver(2);
  await signedIn(world, reader, { shared: true });
  await expect(reader.rows("headers")).toHaveCount(2);
  await openSettings(reader);
  await expect(reader.part("retrieve-headers")).toBeChecked();
  await expect(reader.part("leave-until-deleted")).toBeVisible();
  await expect(reader.part("leave-days")).toHaveCount(0);
  await expect(reader.part("leave-nothing")).toHaveCount(0);
  await expect(reader.part("settings")).toContainText("On a shared computer nothing is kept here, so there is no rule here that deletes");
  await reader.part("retrieve-all").check();
  await save(reader);
  await reader.checkMail();
  await expect(reader.rows("new")).toHaveCount(2);
});

test("where everything is left on the server, deleting is off and says so", async ({ world, page, reader }) => {
  const delivered = await world.deliver(2);
  await signedIn(world, reader);
  await reader.read(delivered[0].subject);
  await reader.part("delete").click();
  await expect(reader.rows("will-be-deleted")).toHaveCount(1);
  await openSettings(reader);
  await reader.part("leave-everything").check();
  await save(reader);
  // The mark is taken back.
  await expect(reader.rows("will-be-deleted")).toHaveCount(0);
  const remove = reader.part("delete");
  await expect(remove).toHaveAttribute("aria-disabled", "true");
  await expect(remove).toHaveAttribute("title", /set to leave everything on the server/);
  // As a person presses it: it is there to say why.
  await remove.focus();
  await page.keyboard.press("Enter");
  await expect(strip(reader)).toContainText("Nothing was marked: this mailbox is set to leave everything on the server.");
  await expect(reader.rows("will-be-deleted")).toHaveCount(0);
  await reader.checkMail();
  expect(await world.session(2)).toMatchObject({ del: 0 });

  await openSettings(reader);
  await reader.part("leave-until-deleted").check();
  await save(reader);
  await expect(remove).not.toHaveAttribute("aria-disabled");
  await remove.click();
  await expect(reader.rows("will-be-deleted")).toHaveCount(1);
});

test("what was not touched here stays as another window has it by now", async ({ world, profile }) => {
  await world.deliver(2);
  const elsewhere = await openMailbox(await profile.open(), world);
  // Opened last, so that it is in front and drawn.
  const reader = new Reader(await profile.open());
  const setPolicy = (change) => elsewhere.evaluate((mailbox, change) => mailbox.setPolicy(change), change);
  await setPolicy({ retrieve: "headers", leave: "nothing" });
  await signedIn(world, reader);
  await openSettings(reader);
  await expect(reader.part("leave-nothing")).toBeChecked();
  // Nobody who saves another order has agreed to this rule again.
  await setPolicy({ leave: "everything" });
  await reader.part("order").selectOption("oldest");
  await save(reader);
  expect(await elsewhere.evaluate((mailbox) => mailbox.policy())).toMatchObject({ retrieve: "headers", order: "oldest", leave: "everything" });

  // What would be deleted depends on the rule of the other window.
  await openSettings(reader);
  await setPolicy({ leave: "nothing" });
  await reader.part("retrieve-all").check();
  await reader.part("settings-save").click();
  await expect(reader.part("dry-later")).toContainText("2 more would be deleted later");
  await reader.part("dry-confirm").click();
  await expect(reader.part("settings")).toHaveCount(0);
  expect(await elsewhere.evaluate((mailbox) => mailbox.policy())).toMatchObject({ retrieve: "all", order: "oldest", leave: "nothing" });
});

test("a rule that another window switches on is announced here", async ({ world, profile, reader }) => {
  await world.deliver(2);
  await signedIn(world, reader);
  const other = await openMailbox(await profile.open(), world);
  await other.evaluate((mailbox) => mailbox.setPolicy({ leave: "nothing" }));
  await expect(strip(reader)).toContainText("2 messages will be deleted from the server with the next check");
  await other.evaluate((mailbox) => mailbox.setPolicy({ leave: "until-deleted" }));
  await expect(strip(reader)).toHaveCount(0);
});

test("what is kept is counted, and whether the browser may clear it", async ({ world, reader }) => {
  await world.deliver(4);
  await signedIn(world, reader);
  await openSettings(reader);
  await expect(reader.part("storage")).toContainText(/Kept on this computer: 4 messages, \d[\d.,]* (kB|MB)\./);
  await expect(reader.part("storage")).toContainText(/The browser (may|will not) clear this by itself/);
});

test("a storage that is full stops what is retrieved, keeps what is there, and deletes nothing", async ({ world, page, reader }) => {
  // From the beginning: a browser does not look at each write how much there is left.
  const browser = await page.context().newCDPSession(page);
  await browser.send("Storage.overrideQuotaForOrigin", { origin: world.origin, quotaSize: 5_000_000 });
  await world.deliver(3);
  await signedIn(world, reader);
  await openSettings(reader);
  await reader.part("leave-nothing").check();
  await reader.part("settings-save").click();
  await reader.part("dry-confirm").click();
  await expect(strip(reader)).toContainText("3 messages will be deleted");

  for (let seed = 1; seed <= 4; seed++) await world.deliverLarge(2_000_000, { seed });
  await reader.checkMail();
  const problem = reader.part("error");
  await expect(problem).toHaveAttribute("data-code", "quota");
  await expect(problem).toContainText(/This browser's storage is full\. Retrieval stopped, and nothing was deleted\. \d of 7 messages are stored here/);
  const kept = await reader.rows("new").count();
  expect(kept).toBeGreaterThanOrEqual(3);
  expect(kept).toBeLessThan(7);
  expect(await world.stored()).toHaveLength(7);
});

test.describe("320 px, by keyboard", () => {
  test.use({ contextOptions: { viewport: { width: 320, height: 568 } } });

  test("is opened, set, saved and left, and nothing is cut off", async ({ world, page, reader }) => {
    await world.deliver(1);
    await signedIn(world, reader);
    await reader.part("settings-open").focus();
    await page.keyboard.press("Enter");
    await expect(reader.part("settings")).toBeVisible();
    const body = reader.part("settings-body");
    expect(await body.evaluate((body) => body.scrollWidth <= body.clientWidth)).toBe(true);

    await reader.part("retrieve-all").focus();
    await page.keyboard.press("ArrowDown");
    await expect(reader.part("retrieve-under")).toBeChecked();
    await page.keyboard.press("Tab");
    await expect(reader.part("under")).toBeFocused();
    await reader.part("leave-until-deleted").focus();
    await page.keyboard.press("Escape");
    await expect(reader.part("settings")).toHaveCount(0);
    await expect(reader.part("settings-open")).toBeFocused();

    await page.keyboard.press("Enter");
    await expect(reader.part("retrieve-all")).toBeChecked(); // Escape changed nothing
    await reader.part("every").focus();
    await page.keyboard.type("Every 15");
    await expect(reader.part("every")).toHaveValue("15");
    await page.keyboard.press("Enter");
    await reader.part("settings-save").focus();
    await page.keyboard.press("Enter");
    await expect(reader.part("settings")).toHaveCount(0);
    await expect(reader.part("next-check")).toContainText("Next check");
  });
});
