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

test.use({ worldOptions: { demo: true } });

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of SIZES) {
    test.describe(`${viewport.width} px, ${colorScheme}`, () => {
      test.use({ contextOptions: { viewport, colorScheme, reducedMotion: "reduce" } });

      test("main states", async ({ world, page, reader }) => {
        const shot = async (state) => {
          const { scrollWidth, clientWidth } = await page.evaluate(() => {
            const { scrollWidth, clientWidth } = document.documentElement;
            return { scrollWidth, clientWidth };
          });
          expect(scrollWidth, `${state} is wider than the window`).toBeLessThanOrEqual(clientWidth);
          await page.screenshot({ path: `${OUTPUT}${state}-${viewport.width}-${colorScheme}.png` });
        };
        const back = async () => {
          if (await reader.part("back").isVisible()) await reader.part("back").click();
        };
        await expect(reader.part("submit-sign-in")).toBeVisible();
        await shot("first-visit");
        await reader.signIn({ user: "demo", password: "wrong" });
        await expect(reader.part("error")).toBeVisible();
        await shot("wrong-password");
        await reader.signIn({ user: "demo", password: world.password });
        await reader.idle();
        await expect(reader.rows().first()).toBeVisible();
        await shot("list");

        await reader.rows().nth(0).click();
        await expect(reader.part("reader-subject")).toBeVisible();
        await shot("message");
        await reader.part("delete").click();
        await back();
        await expect(reader.part("undo")).toBeVisible();
        await shot("will-be-deleted");
        await reader.part("undo").click();
        await back();

        await reader.page.getByRole("option", { name: /Has attachments/ }).first().click();
        await expect(reader.part("attachment").first()).toBeVisible();
        await shot("attachments");
        await back();
        await world.killRelay();
        await reader.part("check-mail").click();
        await expect(reader.part("error")).toBeVisible();
        await shot("relay-gone");
      });
    });
  }
}

test.describe("the picture in the README", () => {
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
