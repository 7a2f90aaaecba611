// The relay is updated while a page is open: what is loaded later must not come from another build, and the person is told.

import { once } from "node:events";
import { createServer } from "node:http";

import { openMailbox, sync } from "../fixtures/library.js";
import { Reader } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

/** As a relay with another build answers for this one: whatever a page has not loaded by now is gone. */
async function update(context) {
  await context.route(/\/v\/[0-9a-f]{16}\/(?!page\/)/, (route) => route.fulfill({ status: 404, contentType: "text/plain", body: "There is nothing here." }));
}

test("the page and all it loads are of one build, kept by the browser", async ({ world, profile }) => {
  await world.deliver(1);
  const asked = [];
  profile.context.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const reader = new Reader(await profile.open());
  await reader.signedIn({ password: world.password });
  await reader.part("settings-open").click();
  await expect(reader.part("settings")).toBeVisible();
  const builds = new Set(asked.flatMap((path) => /^\/v\/([0-9a-f]{16})\//.exec(path)?.[1] ?? []));
  expect(builds.size).toBe(1);
  expect(asked.filter((path) => path.startsWith("/lib/") || path.startsWith("/page/"))).toEqual([]);

  // A second visit has all of it already, and asks nobody.
  const again = await profile.context.newPage();
  await again.goto(world.origin);
  await expect(new Reader(again).part("submit-sign-in")).toBeVisible();
  const transferred = await again.evaluate(() =>
    performance.getEntriesByType("resource").filter(({ name, transferSize }) => name.includes("/v/") && transferSize > 0).map(({ name }) => name),
  );
  expect(transferred).toEqual([]);
});

test("the library is one, from whichever path it is imported", async ({ page }) => {
  const same = await page.evaluate(async () => {
    await customElements.whenDefined("poplar-mailbox");
    const { PoplarMailboxElement } = await import("/lib/poplar-mailbox.js");
    return PoplarMailboxElement === customElements.get("poplar-mailbox");
  });
  expect(same).toBe(true);
});

test("a page says that Poplar was updated, where a part of it is gone by then, and is whole again after a reload", async ({ world, page, profile, reader }) => {
  await world.deliver(2);
  await reader.signedIn({ password: world.password });
  await update(profile.context);
  await reader.part("settings-open").click();
  const error = reader.part("error");
  await expect(error).toHaveAttribute("data-code", "updated");
  await expect(error).toContainText("Poplar was updated on the relay.");
  await expect(error).toContainText("no mail is lost");
  await profile.context.unrouteAll();
  await Promise.all([page.waitForEvent("load"), error.getByRole("button", { name: "Reload" }).click()]);
  await reader.signedIn({ password: world.password });
  await expect(reader.rows()).toHaveCount(2);
  await reader.part("settings-open").click();
  await expect(reader.part("settings")).toBeVisible();
});

test("where the sign-in itself is what is gone, the card says so", async ({ world, profile }) => {
  const page = await profile.context.newPage();
  // Nothing is fetched ahead, as where data is to be saved.
  await page.addInitScript(() => Object.defineProperty(navigator, "connection", { value: { saveData: true } }));
  await page.goto(world.origin);
  const reader = new Reader(page);
  await expect(reader.part("submit-sign-in")).toBeVisible();
  await update(profile.context);
  await reader.signIn({ password: world.password });
  await expect(reader.part("error")).toHaveAttribute("data-code", "updated");
  await expect(reader.part("error").getByRole("button", { name: "Reload" })).toBeVisible();
});

test("where the relay does not answer at all, it is that which is said", async ({ world, reader }) => {
  await world.deliver(1);
  await reader.signedIn({ password: world.password });
  await world.killRelay();
  await reader.part("settings-open").click();
  await expect(reader.part("error")).toHaveAttribute("data-code", "relay-unreachable");
  await world.restartRelay();
  await reader.part("settings-open").click();
  await expect(reader.part("settings")).toBeVisible();
});

test("a library that was loaded before the update rejects with a code of its own", async ({ world, page, profile }) => {
  await world.deliver(1);
  const mailbox = await openMailbox(page, world);
  await sync(mailbox);
  await update(profile.context);
  const { error } = await mailbox.evaluate((mailbox) => attempt(() => mailbox.exportTable()));
  expect(error).toMatchObject({ name: "MailError", code: "updated", phase: "internal", retryable: false });
  expect(error.message).toMatch(/updated/);

  const fresh = await profile.open("/lib/poplar-mail.js");
  await profile.context.unrouteAll();
  await fresh.evaluate(async () => (globalThis.library = await import("/lib/poplar-mail.js")));
  await update(profile.context);
  const first = await fresh.evaluate((relay) => attempt(() => library.Pop3Session.connect(relay)), world.tunnel());
  expect(first.error).toMatchObject({ name: "MailError", code: "updated" });
});

test("a page of one build starts with the modules of the other, where a balancer sends it there", async ({ world, profile }) => {
  const page = await profile.context.newPage();
  await page.route(`${world.origin}/`, async (route) => {
    const response = await route.fetch();
    // As the other relay wrote it.
    await route.fulfill({ response, body: (await response.text()).replace(/\/v\/[0-9a-f]{16}\//g, "/v/0123456789abcdef/") });
  });
  await page.goto(world.origin);
  await expect(new Reader(page).part("submit-sign-in")).toBeVisible();
  await expect(page.locator("header.brand img")).toHaveJSProperty("complete", true);
  expect(await page.evaluate(() => document.styleSheets[0].cssRules.length)).toBeGreaterThan(3);
});

test.describe("a front end elsewhere", () => {
  /** @type {import("node:http").Server} */
  let server;
  test.use({
    worldOptions: async ({}, use) => {
      server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      await use({ relay: ["--allow-origin", `http://127.0.0.1:${server.address().port}`] });
      server.close();
    },
  });

  test("has the element from the plain path, all of one build, and the element finds its relay", async ({ world, profile }) => {
    await world.deliver(2);
    server.on("request", (_, response) => {
      response.writeHead(200, { "content-type": "text/html" });
      response.end(`<!doctype html><script type="module" src="${world.origin}/lib/poplar-mailbox.js"></script><poplar-mailbox style="display: block; height: 600px"></poplar-mailbox>`);
    });
    const asked = [];
    profile.context.on("request", (request) => asked.push(new URL(request.url())));
    const page = await profile.context.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    const reader = new Reader(page);
    await reader.signedIn({ password: world.password });
    await expect(reader.rows()).toHaveCount(2);
    const plain = asked.filter(({ origin, pathname }) => origin === world.origin && pathname.startsWith("/lib/"));
    expect(plain.map(({ pathname }) => pathname)).toEqual(["/lib/poplar-mailbox.js"]);
    expect(new Set(asked.flatMap(({ pathname }) => /^\/v\/([0-9a-f]{16})\/lib\//.exec(pathname)?.[1] ?? [])).size).toBe(1);
  });
});
