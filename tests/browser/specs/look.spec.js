// Every main state at three widths in both themes, kept as pictures to be looked at; and what a picture cannot be trusted for:
// that nothing is cut off.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { Reader } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

const OUTPUT = fileURLToPath(new URL("../output/", import.meta.url));
const SIZES = [
  { width: 320, height: 640 },
  { width: 768, height: 900 },
  { width: 1440, height: 900 },
];

const toEnd = (reader) => reader.part("settings-body").evaluate((body) => body.scrollTo(0, body.scrollHeight));

test.use({ contextOptions: { viewport: SIZES.at(-1), reducedMotion: "reduce" } });

/** A state at each size in both themes. `before`: what has to be done again at each size, for one to see it. */
async function shot(page, state, before = async () => {}) {
  for (const size of SIZES) {
    await page.setViewportSize(size);
    await before();
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.screenshot({ path: `${OUTPUT}${state}-${size.width}-${colorScheme}.png` });
    }
    const { scrollWidth, clientWidth } = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return { scrollWidth, clientWidth };
    });
    expect(scrollWidth, `${state} is wider than ${size.width} px`).toBeLessThanOrEqual(clientWidth);
  }
}

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

test("settings, dry run, what a rule will delete, next try", async ({ world, page, reader }) => {
  await world.deliver(20);
  await reader.signIn({ password: world.password });
  await reader.idle();
  const settings = async () => {
    await reader.part("settings-open").click();
    await expect(reader.part("storage")).not.toBeEmpty();
  };
  await settings();
  await shot(page, "settings");
  await shot(page, "settings-end", () => toEnd(reader));
  await reader.part("leave-nothing").check();
  await reader.part("every").selectOption("15");
  await reader.part("settings-save").click();
  await expect(reader.part("dry-row").first()).toBeVisible();
  await shot(page, "dry-run");
  await reader.part("dry-confirm").click();
  await expect(reader.part("notice-settings")).toBeVisible();
  await expect(reader.part("next-check")).not.toBeEmpty();
  await reader.part("list").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("Delete");
  await expect(reader.part("undo")).toBeVisible();
  await shot(page, "due");
  await world.killRelay();
  await reader.part("check-mail").click();
  await expect(reader.part("countdown")).toBeVisible();
  await shot(page, "next-try");
});

test("locked, this computer, activity", async ({ world, page, reader }) => {
  await world.deliver(9);
  await reader.signedIn({ password: world.password });
  await reader.lock();
  await shot(page, "locked");
  for (let n = 0; await reader.part("unlock").isEnabled(); n += 1) {
    await reader.unlock(`wrong ${n}`);
    await expect(reader.part("unlock")).toHaveText("Unlock");
    await expect(reader.part("secret-said")).not.toBeEmpty();
  }
  await shot(page, "locked-wait");
  await expect(reader.part("unlock")).toBeEnabled();
  await reader.unlock(world.password);
  await expect(reader.rows().first()).toBeVisible();
  await reader.part("settings-open").click();
  await expect(reader.part("sealed-by")).not.toBeEmpty();
  await shot(page, "this-computer", () => toEnd(reader));
  await reader.part("to-passphrase").click();
  await shot(page, "reseal");
  await page.keyboard.press("Escape");
  await reader.part("activity-open").click();
  await expect(reader.part("activity")).toBeVisible();
  await shot(page, "activity");
});

test("lost", async ({ world, page, reader }) => {
  await page.evaluate(() => localStorage.setItem("poplar:kept", JSON.stringify({ "mail/ann": { stored: 212 } })));
  await reader.signIn({ password: world.password });
  await expect(reader.part("lost")).toBeVisible();
  await shot(page, "lost");
  await reader.part("lost-not-now").click();
});

test("no relay, a certificate that is refused, updated meanwhile", async ({ world, page, profile, reader }) => {
  await world.deliver(3);
  await page.route("**/relay.json", (route) => route.abort());
  await page.reload();
  await expect(reader.part("error")).toBeVisible();
  await shot(page, "relay-unreachable");
  await page.unrouteAll();
  await reader.part("error").getByRole("button").click();
  await reader.signIn({ upstream: "untrusted", password: world.password });
  await expect(reader.part("error")).toBeVisible();
  await shot(page, "certificate-refused");
  await reader.signedIn({ password: world.password });
  await profile.context.route("**/element/settings.js", (route) => route.fulfill({ status: 404 }));
  await profile.context.route("**/mail/parts.js", (route) => route.fulfill({ status: 404 }));
  await reader.part("settings-open").click();
  await expect(reader.part("error")).toBeVisible();
  await shot(page, "updated");
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
    await shot(page, "token-needed");
  });
});

test.describe("of a scripted server", () => {
  test.use({ worldOptions: { transcript: "uids-renamed" } });

  test("new names, refused meanwhile", async ({ world, page, reader }) => {
    await reader.signIn({ upstream: "scripted", password: world.password });
    await reader.idle();
    await world.harness.call("scriptedSync", { sync: 1 });
    await reader.checkMail();
    await expect(reader.part("notice")).toBeVisible();
    await shot(page, "matched");
    await world.play("pass-refused-auth");
    await reader.part("check-mail").click();
    await expect(reader.part("error")).toBeVisible();
    await shot(page, "refused-meanwhile");
    await page.getByRole("button", { name: "Sign in again" }).click();
    await shot(page, "password");
  });
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
    await expect(reader.part("undo")).toBeVisible();
    await shot(page, "will-be-deleted", back);
    await reader.part("undo").click();

    await page.getByRole("option", { name: /attachment/i }).first().click();
    await expect(reader.part("attachment").first()).toBeVisible();
    await shot(page, "attachments");
    await world.killRelay();
    await reader.part("check-mail").click();
    await expect(reader.part("error")).toBeVisible();
    await shot(page, "relay-gone", back);
  });
});

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
