// Which pages may use the relay, in a real browser: its own without a question, others not at all, unless their origin is allowed.

import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";

import { openMailbox, sync } from "../fixtures/library.js";
import { Reader } from "../fixtures/reader.js";
import { expect, test as base } from "../fixtures/test.js";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm", ".css": "text/css", ".svg": "image/svg+xml" };

/** A web server on loopback that has nothing to do with the relay, and serves the files of a folder. */
async function serve(folder) {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://local").pathname).replace(/\/$/, "/index.html");
    const body = await readFile(join(folder, path)).catch(() => null);
    response.writeHead(body ? 200 : 404, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream" }).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const test = base.extend({
  /** The folder of a page elsewhere, and the server of it. */
  elsewhere: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "poplar-elsewhere-"));
    const server = await serve(folder);
    await use({ folder, origin: `http://127.0.0.1:${server.address().port}` });
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  },
  allowed: [false, { option: true }],
  worldOptions: async ({ elsewhere, allowed }, use) => {
    await use({ relay: allowed ? ["--allow-origin", elsewhere.origin] : [] });
  },
});

/** What Chromium says of a permission of Local Network Access; `null` where it knows none of that name. */
const permission = (page, name) =>
  page.evaluate((name) => navigator.permissions.query({ name }).then(({ state }) => state, () => null), name);

/** How a WebSocket from a page to the relay ends, before a line of POP3 is seen or behind the first. */
const tried = (page, url) =>
  page.evaluate(
    (url) =>
      new Promise((ended) => {
        const socket = new WebSocket(url, "poplar.pop3.v1");
        socket.onmessage = () => {
          ended("greeted");
          socket.close();
        };
        socket.onclose = ({ code }) => ended(code);
      }),
    url,
  );

test.describe("the relay's own page", () => {
  test("is never asked for, and does not need, the permission for the local network", async ({ world, page, profile }) => {
    await world.deliver(2);
    // Where the browser has the permission, it was neither given nor refused, before or after.
    expect(await permission(page, "loopback-network")).toBe("prompt");
    expect(await sync(await openMailbox(page, world))).toMatchObject({ retrieved: 2 });
    expect(await permission(page, "loopback-network")).toBe("prompt");

    // Refused beforehand, whatever it is, it works as well.
    await profile.context.grantPermissions([], { origin: world.origin });
    expect(await permission(page, "loopback-network")).toBe("denied");
    expect(await tried(page, world.tunnel())).toBe("greeted");
  });

  test("is where localhost leads", async ({ world, profile }) => {
    const page = await profile.context.newPage();
    await profile.context.grantPermissions([], { origin: world.origin });
    await page.goto(world.origin.replace("127.0.0.1", "localhost"));
    expect(new URL(page.url()).origin).toBe(world.origin);
    expect(await permission(page, "loopback-network")).toBe("denied");
    await world.deliver(1);
    const reader = new Reader(page);
    await reader.signedIn({ password: world.password });
    await expect(reader.rows()).toHaveCount(1);
  });

  test("is unlike one on the internet, which a browser holds off by itself", async ({ world, profile }) => {
    const page = await profile.context.newPage();
    await page.route("https://clinic.example/", (route) => route.fulfill({ contentType: "text/html", body: "<title>Clinic</title>" }));
    await page.goto("https://clinic.example/");
    await profile.context.grantPermissions([], { origin: "https://clinic.example" });
    expect(await tried(page, world.tunnel())).toBe(1006);
    expect(world.relayLogText()).not.toContain("clinic.example");
  });
});

test.describe("a page elsewhere on this computer", () => {
  test("is refused, nothing is dialled for it, and it says why", async ({ world, profile, elsewhere }, testInfo) => {
    await world.harness.call("export", { folder: elsewhere.folder, relay: world.origin });
    const page = await profile.context.newPage();
    await page.goto(elsewhere.origin);
    expect(await tried(page, world.tunnel())).toBe(4403);
    const { error } = await page.evaluate(async (relay) => {
      const { Pop3Session } = await import("/lib/poplar-mail.js");
      return attempt(() => Pop3Session.connect(relay));
    }, world.tunnel());
    expect(error).toMatchObject({ name: "MailError", code: "origin-refused", phase: "relay", retryable: false });

    // Before anybody has typed anything: who can do something about it, and what exactly.
    const words = new Reader(page).part("error");
    await expect(words).toHaveAttribute("data-code", "origin-refused");
    await page.screenshot({ path: testInfo.outputPath("refused.png") });
    await expect(words).toContainText(/relay/i);
    await expect(words).toContainText(`--allow-origin ${elsewhere.origin}`);
    expect(await world.accepted()).toBe(0);
  });

  test.describe("whose origin is allowed", () => {
    test.use({ allowed: true });

    test("reads mail", async ({ world, profile, elsewhere }) => {
      await world.deliver(2);
      await world.harness.call("export", { folder: elsewhere.folder, relay: world.origin });
      const page = await profile.context.newPage();
      await page.goto(elsewhere.origin);
      const reader = new Reader(page);
      await reader.signedIn({ password: world.password });
      await expect(reader.rows("stored").or(reader.rows("new"))).toHaveCount(2);
      expect(await world.session(1)).toMatchObject({ retr: 2, quit: true });
    });
  });
});
