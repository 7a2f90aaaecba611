// The keys of the desk, the page that lists them, and the switch for those that are single characters.

import { expect, test } from "../fixtures/test.js";

async function listed({ world, reader }) {
  const mail = await world.deliver(3, { from: 3 });
  await reader.signedIn({ password: world.password });
  await expect(reader.rows()).toHaveCount(3);
  return mail.toReversed();
}

const opened = (reader, subject) => expect(reader.part("reader-subject")).toHaveText(subject);

test("reading by keys: open, next, previous, unread, delete, take back, search, and back", async ({ world, page, reader }) => {
  const [first, second] = await listed({ world, reader });
  await reader.part("list").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await opened(reader, first.subject);
  await page.keyboard.press("n");
  await opened(reader, second.subject);
  await expect(reader.row(second.subject)).toHaveAttribute("data-unread", "false");
  await page.keyboard.press("m");
  await expect(reader.row(second.subject)).toHaveAttribute("data-unread", "true");
  await page.keyboard.press("#");
  await expect(reader.row(second.subject)).toHaveAttribute("data-state", "will-be-deleted");
  await page.keyboard.press("z");
  await expect(reader.row(second.subject)).not.toHaveAttribute("data-state", "will-be-deleted");
  await page.keyboard.press("p");
  await opened(reader, first.subject);
  await page.keyboard.press("/");
  await expect(reader.part("search")).toBeFocused();
  // What is typed there is typed, and nothing else.
  await page.keyboard.type("#zn");
  await expect(reader.part("search")).toHaveValue("#zn");
  await expect(reader.rows("will-be-deleted")).toHaveCount(0);
  await opened(reader, first.subject);
});

test("keys act on all that is selected", async ({ world, page, reader }) => {
  await listed({ world, reader });
  await reader.part("list").focus();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("m");
  await expect(reader.page.locator('[data-testid="row"][data-unread="true"]')).toHaveCount(0);
  await page.keyboard.press("#");
  await expect(reader.rows("will-be-deleted")).toHaveCount(3);
});

test("the help lists every key, and switches those off that speech could type", async ({ world, page, reader }) => {
  const [first, second] = await listed({ world, reader });
  await reader.row(first.subject).click();
  await opened(reader, first.subject);
  await page.keyboard.press("?");
  await expect(reader.part("keys-list").locator("dt")).toHaveCount(13);
  await reader.part("keys-on").uncheck();
  await page.keyboard.press("Escape");
  await expect(reader.part("keys")).toHaveCount(0);
  await reader.part("list").focus();
  for (const key of ["n", "#", "m", "?"]) await page.keyboard.press(key);
  await page.keyboard.press("Delete");
  await expect(reader.row(first.subject)).toHaveAttribute("data-state", "will-be-deleted");
  await opened(reader, first.subject);
  await expect(reader.part("keys")).toHaveCount(0);
  await expect(reader.row(second.subject)).not.toHaveAttribute("data-state", "will-be-deleted");
  expect(await page.evaluate(() => localStorage.getItem("poplar:keys"))).toBe("off");
});
