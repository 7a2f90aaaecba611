// What says that there is new mail to somebody who looks at something else: how many, and nothing of what is in them.

import { expect, test } from "../fixtures/test.js";

/** As a browser has it whose tab is not looked at; `granted` is what the person answers. */
async function watched(page, granted) {
  await page.evaluate((granted) => {
    globalThis.notices = [];
    globalThis.Notification = class {
      static permission = "default";
      static async requestPermission() {
        return (Notification.permission = granted);
      }
      constructor(...told) {
        notices.push(told);
      }
    };
  }, granted);
}
const look = (page, hidden) =>
  page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);

async function oneMore(world, reader, seed) {
  await world.deliver(1, { seed });
  await reader.checkMail();
  await reader.idle();
}

test("a number in the title until somebody looks; a notice only where it was asked for", async ({ world, page, reader }) => {
  await world.deliver(1);
  await reader.signedIn({ password: world.password });
  await watched(page, "granted");
  await look(page, true);
  await oneMore(world, reader, 2);
  await expect(page).toHaveTitle("(1) Poplar");
  expect(await page.evaluate(() => notices)).toEqual([]);
  await look(page, false);
  await expect(page).toHaveTitle("Poplar");

  await reader.part("settings-open").click();
  await reader.part("switch-notify").check();
  await reader.page.keyboard.press("Escape");
  await oneMore(world, reader, 3);
  expect(await page.evaluate(() => notices), "looked at").toEqual([]);
  await look(page, true);
  await oneMore(world, reader, 4);
  await expect.poll(() => page.evaluate(() => notices)).toEqual([["New messages in Poplar", { tag: "poplar", lang: "en-US" }]]);
});

test("where the browser says no, the switch goes back and says why", async ({ world, page, reader }) => {
  await reader.signedIn({ password: world.password });
  await watched(page, "denied");
  await reader.part("settings-open").click();
  await reader.part("switch-notify").click();
  await expect(reader.part("switches-said")).toContainText("does not allow");
  await expect(reader.part("switch-notify")).not.toBeChecked();
});
