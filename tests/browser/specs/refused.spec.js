// The relay refuses, and the page says why, what that means, whom to ask and what to tell them.

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";

import { connect, signIn } from "../fixtures/library.js";
import { Reader, wordsOf } from "../fixtures/reader.js";
import { expect, test } from "../fixtures/test.js";

/** What is said, and for those who help: the code, the relay's name and, where it said something, its own words. */
async function expectRefusal(reader, world, code, words, close, reason) {
  const error = reader.part("error");
  await expect(error).toHaveAttribute("data-code", code);
  await expect(error).toContainText(words);
  await expect(error).not.toContainText(code);
  await expect(reader.part("error-support")).toContainText(`Code ${close}, relay ${new URL(world.origin).host}, `);
  if (reason) await expect(error).toContainText(`The relay said: ${reason}`);
}

test.describe("a relay that wants an access token", () => {
  const TOKEN = "open-sesame-4711";
  test.use({
    worldOptions: async ({}, use, info) => {
      const file = info.outputPath("tokens");
      writeFileSync(file, `${TOKEN}\n`);
      await use({ relay: ["--token-file", file] });
    },
  });

  test("is given one on the card, and it is kept nowhere", async ({ world, page, profile, reader }) => {
    await world.deliver(2);
    await expect(reader.part("submit-sign-in")).toBeVisible();
    await expect(reader.part("token")).toBeHidden();
    await reader.signIn({ password: world.password });
    await expectRefusal(reader, world, "token-needed", "Enter the token below. Whoever runs the relay has it.", 4401, "the relay wants an access token");
    await expect(reader.part("token")).toBeFocused();
    await expect(reader.part("token")).toHaveAttribute("type", "password");

    await reader.signIn({ password: world.password, token: "not-it" });
    await expectRefusal(reader, world, "token-needed", /did not accept this access token.*ask whoever runs the relay/s, 4401);
    await reader.signIn({ password: world.password, token: "two words" });
    await expect(reader.part("error")).toHaveAttribute("data-code", "invalid-argument");
    await reader.signIn({ password: world.password, token: TOKEN });
    await expect(reader.rows()).toHaveCount(2);
    await reader.idle();

    // Signed out and in again, it is remembered in this page; nowhere else, and not in the page's words.
    await reader.part("sign-out").click();
    await expect(reader.part("submit-sign-in")).toBeVisible();
    await expect(reader.part("token")).toBeHidden();
    await reader.signedIn({ password: world.password });
    await expect(reader.rows()).toHaveCount(2);
    expect(await wordsOf(page)).not.toContain(TOKEN);
    const stored = await page.evaluate(async () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, await dumpDatabases()]));
    expect(stored).not.toContain(TOKEN);
    expect(world.relayLogText()).not.toContain(TOKEN);
    expect(profile.console.join("\n")).not.toContain(TOKEN);

    await page.reload();
    await reader.signIn({ password: world.password });
    await expect(reader.part("error")).toHaveAttribute("data-code", "token-needed");
  });

  test("takes the one that a front end has set", async ({ world, page, reader }) => {
    await world.deliver(1);
    await expect(reader.part("submit-sign-in")).toBeVisible();
    await page.evaluate((token) => (document.querySelector("poplar-mailbox").token = token), TOKEN);
    await reader.signedIn({ password: world.password });
    await expect(reader.rows()).toHaveCount(1);
    expect(await page.evaluate(() => document.querySelector("poplar-mailbox").outerHTML)).not.toContain(TOKEN);
  });
});

test.describe("a relay with one place", () => {
  test.use({ worldOptions: { relay: ["--max-tunnels", "1"] } });

  test("has as many connections as it takes", async ({ world, page, profile, reader }) => {
    await connect(await profile.open("/lib/poplar-mail.js"), world);
    await reader.signIn({ password: world.password });
    await expectRefusal(reader, world, "too-many", /as many connections.*tell whoever runs the relay/s, 4429, "the relay has as many connections as it takes");
    expect(await page.evaluate(() => location.href)).toBe(`${world.origin}/`);
  });
});

test.describe("a relay with little patience", () => {
  test.use({ worldOptions: { relay: ["--dial-timeout", "1", "--idle-timeout", "2"] } });

  test("does not wait for ever for the mail server", async ({ world, reader }) => {
    await world.fault({ after: 0, then: "stall" });
    await reader.signIn({ password: world.password });
    await expectRefusal(reader, world, "upstream-timeout", /did not answer the relay in time.*tell whoever runs the relay/s, 4504, "the mail server did not answer in time");
  });

  test("ends what nothing happens on", async ({ world, reader }) => {
    await world.deliverLarge(400_000);
    await world.fault({ after: 200_000, then: "stall" });
    await reader.signIn({ password: world.password });
    await expectRefusal(reader, world, "timeout", /relay ended a connection on which nothing happened/, 4408, "nothing was sent either way for too long");
  });
});

test("a mail server that the relay has no more is looked for by a reload", async ({ world, page, reader }) => {
  await page.route("**/relay.json", async (route) => {
    const response = await route.fetch();
    const { upstreams, ...others } = await response.json();
    await route.fulfill({ response, json: { ...others, upstreams: [...upstreams, { name: "before", label: "Before" }] } });
  });
  await page.reload();
  await reader.signIn({ upstream: "before", password: world.password });
  await expectRefusal(reader, world, "unknown-upstream", "Reload this page to see which servers it offers now.", 4404, "this relay has no mail server of that name");
  await page.unrouteAll();
  await reader.part("error").getByRole("button", { name: "Reload" }).click();
  await expect(reader.part("upstream").locator("option")).toHaveCount(5);
});

test("a relay that is being stopped says so", async ({ world, profile, reader }) => {
  await world.deliver(1);
  const other = await profile.open("/lib/poplar-mail.js");
  const held = await signIn(other, world);
  await expect(reader.part("submit-sign-in")).toBeVisible();
  const stopped = world.harness.call("stopRelay");
  await expect.poll(async () => (await fetch(`${world.origin}/readyz`)).status).toBe(503);
  await reader.signIn({ password: world.password });
  await expectRefusal(reader, world, "relay-draining", /being stopped or updated.*Try again in a minute/s, 4503, "the relay is shutting down");
  await held.evaluate((session) => session.quit());
  await stopped;
  await world.restartRelay();
  await reader.signedIn({ password: world.password });
  await expect(reader.rows()).toHaveCount(1);
});

/** A file of the page as it is hosted elsewhere, by whoever wrote it out with `poplar-relay web`: without the relay's headers. */
async function written(world, path) {
  const response = await fetch(`${world.origin}${path}`);
  let body = Buffer.from(await response.arrayBuffer());
  if (path === "/") {
    const page = body.toString().replace(/\/v\/[0-9a-f]{16}\//g, "/");
    body = Buffer.from(page.replace("<title>", `<meta name="poplar-relay" content="${world.origin}"><title>`));
  }
  return { status: response.status, contentType: response.headers.get("content-type"), body };
}

test("a page elsewhere that the relay was not told of is told so", async ({ world, profile }) => {
  const server = createServer(async (request, response) => {
    const { status, contentType, body } = await written(world, request.url);
    response.writeHead(status, { "content-type": contentType }).end(body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${server.address().port}`;
  const page = await profile.context.newPage();
  await page.goto(origin);
  const reader = new Reader(page);
  await expectRefusal(reader, world, "origin-refused", `--allow-origin ${origin}`, 4403, "pages of this origin may not use the relay");
  await expect(reader.part("error")).toContainText("Tell whoever runs the relay");

  // Where there is no relay at all, it is that which is said.
  await world.killRelay();
  await page.evaluate(() => document.querySelector("poplar-mailbox").setAttribute("lang", "en"));
  await expectRefusal(reader, world, "relay-unreachable", "The relay cannot be reached.", 1006);
  server.close();
});

test("a page from the internet that may not reach this computer says what to look at", async ({ world, profile }) => {
  const page = await profile.context.newPage();
  await page.route("https://clinic.example/**", async (route) => route.fulfill(await written(world, new URL(route.request().url()).pathname)));
  await page.goto("https://clinic.example/");
  const reader = new Reader(page);
  await expectRefusal(reader, world, "relay-unreachable", "allow https://clinic.example access to this device", 1006);
  await expect(reader.part("error")).toContainText("The relay on this computer cannot be reached.");
});
