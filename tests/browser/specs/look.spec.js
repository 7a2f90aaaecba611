// Every main state at three widths in both themes, kept as pictures to be looked at; and what a picture cannot be trusted for:
// that nothing is cut off.

import { fileURLToPath } from "node:url";

import { Reader } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

const OUTPUT = fileURLToPath(new URL("../output/", import.meta.url));
const SIZES = [
  { width: 320, height: 640 },
  { width: 768, height: 900 },
  { width: 1440, height: 900 },
];

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of SIZES) {
    test.describe(`${viewport.width} px, ${colorScheme}`, () => {
      test.use({ contextOptions: { viewport, colorScheme, reducedMotion: "reduce" } });

      const shot = async (page, state) => {
        const { scrollWidth, clientWidth } = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement;
          return { scrollWidth, clientWidth };
        });
        expect(scrollWidth, `${state} is wider than the window`).toBeLessThanOrEqual(clientWidth);
        await page.screenshot({ path: `${OUTPUT}${state}-${viewport.width}-${colorScheme}.png` });
      };

      test("empty, syncing, stopped", async ({ world, page, reader }) => {
        await reader.signIn({ user: "nobody", password: world.password });
        await expect(reader.part("empty")).toBeVisible();
        await shot(page, "empty");
        await reader.part("sign-out").click();
        await expect(reader.part("notice")).toBeVisible();
        await shot(page, "signed-out");

        await world.deliver(20);
        await world.fault({ after: 60_000, then: "stall" });
        await reader.signIn({ password: world.password });
        await world.faults(1);
        await expect(reader.part("progress")).toContainText("of 20");
        await shot(page, "syncing");
        await reader.part("cancel-sync").click();
        await reader.idle();
        await shot(page, "stopped");
      });

      test.describe("with the demo's mail", () => {
        test.use({ worldOptions: { demo: true } });

        test("first visit to relay gone", async ({ world, page, reader }) => {
          const back = async () => {
            if (await reader.part("back").isVisible()) await reader.part("back").click();
          };
          await expect(reader.part("submit-sign-in")).toBeVisible();
          await shot(page, "first-visit");
          await reader.signIn({ user: "demo", password: "wrong" });
          await expect(reader.part("error")).toBeVisible();
          await shot(page, "wrong-password");
          await reader.signIn({ user: "demo", password: world.password });
          await reader.idle();
          await expect(reader.rows().first()).toBeVisible();
          await shot(page, "list");

          await reader.rows().nth(0).click();
          await expect(reader.part("reader-subject")).toBeVisible();
          await shot(page, "message");
          await reader.part("delete").click();
          await back();
          await expect(reader.part("undo")).toBeVisible();
          await shot(page, "will-be-deleted");
          await reader.part("undo").click();
          await back();

          await page.getByRole("option", { name: /attachment/i }).first().click();
          await expect(reader.part("attachment").first()).toBeVisible();
          await shot(page, "attachments");
          await back();
          await world.killRelay();
          await reader.part("check-mail").click();
          await expect(reader.part("error")).toBeVisible();
          await shot(page, "relay-gone");
        });
      });
    });
  }
}

test.describe("the picture in the README", () => {
  test.use({ worldOptions: { demo: true } });
  test.use({ contextOptions: { viewport: { width: 1280, height: 800 }, deviceScaleFactor: 2, colorScheme: "light", reducedMotion: "reduce" } });

  test("a mailbox with a message open", async ({ world, profile }) => {
    const reader = new Reader(await profile.open());
    await reader.signIn({ user: "demo", password: world.password });
    await reader.idle();
    await expect(reader.rows().first()).toBeVisible();
    await reader.rows().nth(1).click();
    await expect(reader.part("reader-subject")).toBeVisible();
    await reader.page.screenshot({ path: `${OUTPUT}readme.png` });
  });
});
