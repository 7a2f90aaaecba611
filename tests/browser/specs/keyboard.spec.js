// Everything that a day's work needs, by keyboard alone: where the keyboard is can always be seen, and it is never held anywhere.

import { readFile } from "node:fs/promises";

import { expect, test } from "../fixtures/test.js";

/** More stops than any screen has. */
const MANY = 60;

/** What the keyboard is on: its hook or words, and whether a person can see that it is there. */
function focused(page) {
  return page.evaluate(() => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    if (!element || element === document.body) return { name: "page", visible: true };
    // Of a list, the row that is meant.
    const active = element.getAttribute("aria-activedescendant");
    const shown = (active && element.getRootNode().getElementById(active)) || element;
    const { outlineStyle, outlineWidth, outlineColor, visibility } = getComputedStyle(shown);
    const { width, height, top, left, bottom, right } = shown.getBoundingClientRect();
    return {
      name: element.dataset.testid ?? element.id ?? element.className,
      tag: element.localName,
      visible: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && !/, 0\)$/.test(outlineColor) && visibility === "visible",
      inSight: width > 0 && height > 0 && bottom > 0 && right > 0 && top < innerHeight && left < innerWidth,
    };
  });
}

/** Goes on to a control by Tab, and sees the keyboard at each stop on the way. Returns the stops. */
async function tabTo(page, name, key = "Tab") {
  const stops = [];
  for (let n = 0; n < MANY; n += 1) {
    await page.keyboard.press(key);
    const at = await focused(page);
    stops.push(at.name);
    // An empty list has no row to show, and a frame is the sender's.
    if (at.name !== "page" && at.tag !== "iframe") expect(at, `${key} number ${n + 1}`).toMatchObject({ visible: true, inSight: true });
    if (at.name === name) return stops;
  }
  throw new Error(`${name} is not reached by ${key}: ${stops.join(", ")}`);
}

const ATTACHED = `From: lab@example.org
To: ann@example.org
Date: Mon, 1 Dec 2025 09:00:00 +0000
Subject: Results attached
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

One file.
--b
Content-Type: text/csv; name="results.csv"
Content-Disposition: attachment; filename="results.csv"

a,b
--b--
`;

for (const width of [360, 1280]) {
  test.describe(`${width} px`, () => {
    test.use({ contextOptions: { viewport: { width, height: 760 }, reducedMotion: "reduce" }, worldOptions: { upstreams: ["mail", "plain"] } });

    test("sign in, read, save, delete, take back, sign out", async ({ world, page, reader }) => {
      const { keyboard } = page;
      await world.deliver(3, { seed: 7 });
      await world.deliverText(ATTACHED);
      await expect(reader.part("user")).toBeFocused();
      await keyboard.press("Shift+Tab");
      await expect(reader.part("upstream")).toBeFocused();
      await keyboard.type("mail");
      await expect(reader.part("upstream")).toHaveValue("mail");
      await tabTo(page, "user");
      await keyboard.type("ann");
      expect(await tabTo(page, "password")).toEqual(["password"]);
      await keyboard.type(world.password);
      await keyboard.press("Enter");
      await reader.idle();
      await expect(reader.rows()).toHaveCount(4);

      // The list has the keyboard at once.
      await expect(reader.part("list")).toBeFocused();
      await keyboard.press("Home");
      expect(await focused(page)).toMatchObject({ name: "list", visible: true });
      await expect(reader.rows().first()).toContainText("Results attached");
      await keyboard.press("Enter");
      await expect(reader.part("reader-subject")).toContainText("Results attached");

      const saved = async (press) => {
        const download = page.waitForEvent("download");
        await press();
        return readFile(await (await download).path(), "latin1");
      };
      await tabTo(page, "attachment");
      expect(await saved(() => keyboard.press("Enter"))).toBe("a,b");
      await tabTo(page, "save-eml", "Shift+Tab");
      expect(await saved(() => keyboard.press("Enter"))).toContain("Subject: Results attached\r\n");

      await tabTo(page, "delete", "Shift+Tab");
      await keyboard.press("Enter");
      await expect(reader.part("undo")).toBeVisible();
      // The keyboard is still somewhere, and seen there.
      expect((await focused(page)).name).not.toBe("page");
      await tabTo(page, "undo");
      await keyboard.press("Enter");
      await expect(reader.part("undo")).toBeHidden();
      await expect(reader.rows("will-be-deleted")).toHaveCount(0);
      expect((await focused(page)).name, "the keyboard is not lost with the notice").not.toBe("page");

      await keyboard.press("Escape");
      await expect(reader.part("list")).toBeFocused();
      await tabTo(page, "sign-out", "Shift+Tab");
      await keyboard.press("Enter");
      await expect(reader.part("notice")).toContainText("You are signed out.");
      await expect(reader.part("password")).toBeFocused();
    });

    test("settings and questions hold the keyboard while they are open, and give it back", async ({ world, page, reader }) => {
      const { keyboard } = page;
      await world.deliver(2);
      await reader.signedIn({ password: world.password });
      await reader.part("list").focus();
      await tabTo(page, "settings-open", "Shift+Tab");
      await keyboard.press("Enter");
      await expect(reader.part("storage")).not.toBeEmpty();
      const stops = await tabTo(page, "settings-save");
      expect(stops, "nothing behind the settings").not.toContain("list");
      await keyboard.press("Escape");
      await expect(reader.part("settings")).toBeHidden();
      await expect(reader.part("settings-open")).toBeFocused();

      await tabTo(page, "clear");
      await keyboard.press("Enter");
      await expect(reader.part("dialog")).toBeVisible();
      await tabTo(page, "confirm");
      await keyboard.press("Escape");
      await expect(reader.part("dialog")).toBeHidden();
      await expect(reader.part("clear")).toBeFocused();
    });
  });
}

test("Tab goes round in the order of the screen, and leaves", async ({ world, page, reader }) => {
  await world.deliver(2);
  await reader.signedIn({ password: world.password });
  await reader.part("list").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await expect(reader.part("reader-subject")).toBeVisible();
  await reader.part("filter-inbox").focus();
  const stops = await tabTo(page, "save-eml");
  const order = ["filter-unread", "filter-deleted", "settings-open", "clear", "lock-now", "sign-out", "check-mail", "list", "delete", "save-eml"];
  expect(stops.filter((name) => order.includes(name))).toEqual(order);
  // Out of the page again, to the browser's own controls, and back in.
  const rest = [];
  for (let n = 0; n < MANY && !rest.includes("page"); n += 1) {
    await page.keyboard.press("Tab");
    rest.push((await focused(page)).name);
  }
  expect(rest).toContain("page");
});
